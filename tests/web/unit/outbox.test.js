import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../../web/client/outbox.js";

function anOutbox(...contents) {
  const outbox = new Outbox();
  for (const content of contents) outbox.add({ clientId: content, conversationId: "c", content, createdAt: "" });
  return outbox;
}

test("one draft of a conversation is on its way at a time, in the order written", () => {
  const outbox = anOutbox("one", "two");

  assert.equal(outbox.take("c").clientId, "one");
  assert.equal(outbox.take("c"), null);

  outbox.accepted("one");
  assert.equal(outbox.take("c").clientId, "two");
});

test("a draft of unknown fate goes first again, under the same id", () => {
  const outbox = anOutbox("one", "two");
  outbox.take("c");

  outbox.again("one");

  assert.equal(outbox.take("c").clientId, "one");
});

test("a refused draft stays in sight and lets the next one pass", () => {
  const outbox = anOutbox("one", "two");
  outbox.take("c");

  outbox.refused("one", "too long");

  assert.deepEqual([outbox.in("c")[0].state, outbox.in("c")[0].error], ["refused", "too long"]);
  assert.equal(outbox.take("c").clientId, "two");
});

test("conversations do not wait for each other", () => {
  const outbox = anOutbox("one");
  outbox.add({ clientId: "other", conversationId: "d", content: "", createdAt: "" });
  outbox.take("c");

  assert.deepEqual(outbox.conversations, ["d"]);
  assert.equal(outbox.take("d").clientId, "other");
});

test("the answer to a draft that already stands in the conversation is no news", () => {
  const outbox = anOutbox("one");
  outbox.take("c");
  outbox.remove("one");

  outbox.accepted("one");

  assert.deepEqual(outbox.in("c"), []);
});
