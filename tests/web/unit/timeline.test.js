import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline } from "../../../web/client/timeline.js";
import { aMessage } from "./making.js";

const aPage = (messages, nextCursor = null) => ({ items: messages, next_cursor: nextCursor });

test("messages stand in the order of their seq, however they came", () => {
  const timeline = new Timeline();

  for (const seq of [9, 3, 5]) timeline.put(aMessage({ seq }));

  assert.deepEqual(timeline.messages.map(({ seq }) => seq), [3, 5, 9]);
});

test("an older state of a message never replaces a newer one", () => {
  const timeline = new Timeline();
  timeline.put(aMessage({ seq: 2, version: 3, content: "third" }));

  timeline.put(aMessage({ seq: 2, version: 2, content: "second" }));

  assert.equal(timeline.newest.content, "third");
});

test("pages end with the one that has no cursor", () => {
  const timeline = new Timeline();

  timeline.mergeOlder(aPage([aMessage({ seq: 8 }), aMessage({ seq: 7 })], "more"));
  assert.deepEqual([timeline.loaded, timeline.complete, timeline.oldestSeq], [true, false, 7]);

  timeline.mergeOlder(aPage([aMessage({ seq: 2 })]));
  assert.deepEqual([timeline.complete, timeline.oldestSeq], [true, 2]);
});

test("a deleted message keeps its place and loses its words", () => {
  const timeline = new Timeline();
  timeline.put(aMessage({ seq: 2, content: "secret", attachments: [{}] }));

  timeline.bury("m2");
  timeline.bury("m2");

  const { content, attachments, is_deleted: isDeleted, version } = timeline.newest;
  assert.deepEqual({ content, attachments, isDeleted, version }, { content: "", attachments: [], isDeleted: true, version: 2 });
});

test("an edit, which comes without reactions, keeps those that are there", () => {
  const timeline = new Timeline();
  timeline.put(aMessage({ seq: 2, reactions: [{ emoji: "+", count: 1, me: true }] }));

  timeline.put(aMessage({ seq: 2, version: 2 }));

  assert.deepEqual(timeline.newest.reactions, [{ emoji: "+", count: 1, me: true }]);
});

test("a reaction of somebody else leaves mine alone, and the last one taken back leaves nothing", () => {
  const timeline = new Timeline();
  timeline.put(aMessage({ seq: 2 }));

  timeline.react("m2", { emoji: "+", count: 1, mine: true });
  timeline.react("m2", { emoji: "+", count: 2, mine: null });
  assert.deepEqual(timeline.newest.reactions, [{ emoji: "+", count: 2, me: true }]);

  timeline.react("m2", { emoji: "+", count: 0, mine: null });
  assert.deepEqual(timeline.newest.reactions, []);
});
