import assert from "node:assert/strict";
import { test } from "node:test";

import { Typing, Watchlist } from "../../../web/client/ephemeral.js";

test("typing lapses after ten seconds unless it is told again", () => {
  const typing = new Typing();
  typing.started("c", "ben", 0);
  typing.started("c", "eve", 0);
  typing.started("c", "ben", 4_000);

  assert.deepEqual(typing.in("c", 9_999), ["ben", "eve"]);
  assert.deepEqual(typing.in("c", 10_000), ["ben"]);
  assert.deepEqual(typing.lapse(10_000), ["c"]);
  assert.deepEqual(typing.lapse(14_000), ["c"]);
  assert.equal(typing.isQuiet, true);
});

test("typing ends when it is said to end", () => {
  const typing = new Typing();
  typing.started("c", "ben", 0);

  typing.stopped("c", "ben");

  assert.deepEqual([typing.in("c", 1), typing.isQuiet], [[], true]);
});

test("whoever nobody told of is offline", () => {
  const watchlist = new Watchlist();
  assert.deepEqual(watchlist.add(["ben", "ben"]), ["ben"]);
  assert.deepEqual(watchlist.add(["ben", "eve"]), ["eve"]);

  watchlist.update({ user_id: "ben", status: "online" });

  assert.deepEqual([watchlist.of("ben").status, watchlist.of("eve").status], ["online", "offline"]);
});
