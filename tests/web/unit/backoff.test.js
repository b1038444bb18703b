import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../../../web/client/backoff.js";

const atMost = (options = {}) => new Backoff({ random: () => 1, ...options });

test("the ceiling doubles with each failure and stops at thirty seconds", () => {
  const backoff = atMost();

  const waits = Array.from({ length: 9 }, () => backoff.next(0));

  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test("the jitter is full: any wait from nothing to the ceiling", () => {
  assert.equal(new Backoff({ random: () => 0 }).next(0), 0);
  assert.equal(new Backoff({ random: () => 0.5 }).next(0), 250);
});

test("what the server asked for is never shortened", () => {
  assert.equal(new Backoff({ random: () => 0 }).next(0, 7000), 7000);
  assert.equal(atMost().next(0, 45_000), 45_500);
});

test("a connection that falls at once does not put the ceiling back", () => {
  const backoff = atMost();
  backoff.next(0);

  backoff.opened(1000);

  assert.equal(backoff.next(1000 + 9_999), 1000);
});

test("a connection that stood for a while puts the ceiling back", () => {
  const backoff = atMost();
  backoff.next(0);
  backoff.next(0);

  backoff.opened(1000);

  assert.equal(backoff.next(1000 + 10_000), 500);
});
