import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../../../web/client/model.js";
import { CONVERSATION, EPOCH, ME, aMember, aMessage, anEvent, deleted, edited, posted } from "./making.js";

const aConversation = ({ seq = 1, ...view } = {}) =>
  new Conversation(ME, { id: CONVERSATION, type: "group", ...view }, { epoch: EPOCH, seq });

const contents = (conversation) => conversation.timeline.messages.map(({ content }) => content);

test("the next event takes effect, a repeat does not", () => {
  const conversation = aConversation();

  assert.equal(conversation.offer(posted(2)), "applied");
  assert.equal(conversation.offer(posted(2)), "repeat");

  assert.deepEqual([conversation.seq, conversation.unread], [2, 1]);
});

test("an event after a gap waits for the missing ones and then follows by itself", () => {
  const conversation = aConversation();

  assert.equal(conversation.offer(posted(4)), "gap");
  assert.equal(conversation.offer(posted(3)), "gap");
  assert.deepEqual([conversation.seq, contents(conversation)], [1, []]);

  assert.equal(conversation.offer(posted(2)), "applied");
  assert.deepEqual([conversation.seq, contents(conversation)], [4, ["message 2", "message 3", "message 4"]]);
});

test("a partly filled gap is still a gap", () => {
  const conversation = aConversation();
  conversation.offer(posted(5));

  assert.equal(conversation.offer(posted(2)), "gap");
  assert.equal(conversation.seq, 2);
});

test("a resync that names a later event opens a gap", () => {
  const conversation = aConversation({ seq: 3 });

  conversation.heard(3);
  assert.equal(conversation.hasGap, false);

  conversation.heard(5);
  assert.equal(conversation.hasGap, true);
});

test("another epoch is not compared by numbers", () => {
  const conversation = aConversation({ seq: 5 });

  assert.equal(conversation.offer(anEvent(6, "message.new", aMessage({ seq: 6 }), { epoch: "e2" })), "stale");
  assert.equal(conversation.seq, 5);
});

test("events that a fresh read already showed change nothing when they come again", () => {
  const conversation = aConversation({ unread_count: 2, last_seq: 5, last_message: aMessage({ seq: 3 }) });
  conversation.timeline.mergeOlder({ items: [aMessage({ seq: 3 }), aMessage({ seq: 2, version: 2, content: "edited" })], next_cursor: null });

  conversation.offer(posted(2));
  conversation.offer(posted(3));
  conversation.offer(edited(4, 2));

  assert.deepEqual(contents(conversation), ["edited", "message 3"]);
  assert.equal(conversation.unread, 2);
});

test("an edit changes the message in its place and the last words of the conversation", () => {
  const conversation = aConversation();
  conversation.offer(posted(2));

  conversation.offer(edited(3, 2, { content: "better" }));

  assert.deepEqual([contents(conversation), conversation.lastMessage.content], [["better"], "better"]);
});

test("an edit of a message beyond the loaded history does not appear in the middle of nowhere", () => {
  const conversation = aConversation({ seq: 90 });

  conversation.offer(edited(91, 7));

  assert.deepEqual(contents(conversation), []);
});

test("a deleted message counts until it is read", () => {
  const conversation = aConversation();
  conversation.offer(posted(2));

  conversation.offer(deleted(3, 2));

  assert.equal(conversation.unread, 1);
  assert.equal(conversation.lastMessage.is_deleted, true);
});

test("what I say on another device reads everything before it", () => {
  const conversation = aConversation();
  conversation.offer(posted(2));
  conversation.offer(posted(3));

  conversation.offer(posted(4, { sender: ME }));

  assert.equal(conversation.unread, 0);
});

test("system messages are not unread", () => {
  const conversation = aConversation();

  conversation.offer(posted(2, { type: "system" }));

  assert.equal(conversation.unread, 0);
});

test("a read mark counts what follows it, even a message that overtook the mark", () => {
  const conversation = aConversation();
  for (const seq of [2, 3, 4]) conversation.offer(posted(seq));

  conversation.read(ME, 3, 0);

  assert.equal(conversation.unread, 1);
});

test("where the messages after a mark are not all here, the server's figure holds", () => {
  const conversation = aConversation({ seq: 50, unread_count: 30 });

  conversation.read(ME, 20, 12);

  assert.equal(conversation.unread, 12);
});

test("a read mark never goes back", () => {
  const conversation = aConversation();
  for (const seq of [2, 3]) conversation.offer(posted(seq));
  conversation.read(ME, 3, 0);

  conversation.read(ME, 2, 1);

  assert.deepEqual([conversation.unread, conversation.reads.get(ME)], [0, 3]);
});

test("members come, change and go", () => {
  const conversation = aConversation({ members: [aMember(ME, "owner")] });

  conversation.offer(anEvent(2, "member.add", aMember("ben")));
  conversation.offer(anEvent(3, "member.update", { user_id: "ben", role: "admin" }));
  assert.equal(conversation.members.get("ben").role, "admin");

  conversation.offer(anEvent(4, "member.remove", { ...aMember("ben"), left_at: "2026-01-01T00:00:00.000Z" }));
  assert.deepEqual([...conversation.members.keys()], [ME]);
  assert.equal(conversation.left, false);
});

test("my own removal ends it", () => {
  const conversation = aConversation();

  conversation.offer(anEvent(2, "member.remove", aMember(ME)));

  assert.equal(conversation.left, true);
});

test("a conversation takes its new name", () => {
  const conversation = aConversation({ name: "Old" });

  conversation.offer(anEvent(2, "conversation.update", { name: "New" }));

  assert.deepEqual([conversation.view.name, conversation.view.type], ["New", "group"]);
});

test("any order and any repetition of the same events gives the same conversation", () => {
  const log = [
    posted(2), posted(3, { sender: ME }), edited(4, 2), posted(5), deleted(6, 3), posted(7),
    anEvent(8, "member.add", aMember("eve")), edited(9, 5, { content: "five" }), posted(10, { sender: "eve" }),
  ];
  const inOrder = aConversation();
  for (const event of log) inOrder.offer(event);

  for (let seed = 1; seed <= 200; seed += 1) {
    const conversation = aConversation();
    for (const event of shuffled([...log, ...log], seed)) conversation.offer(event);

    assert.deepEqual(conversation.timeline.messages, inOrder.timeline.messages, `seed ${seed}`);
    assert.deepEqual([conversation.seq, conversation.unread], [inOrder.seq, inOrder.unread], `seed ${seed}`);
  }
});

function shuffled(items, seed) {
  let state = seed;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return items.map((item) => [random(), item]).sort(([a], [b]) => a - b).map(([, item]) => item);
}
