import assert from "node:assert/strict";
import { test } from "node:test";

import { FarSide } from "./far_side.js";
import { settled } from "./host.js";
import { CONVERSATION, EPOCH, ME, aMember, anEvent, posted } from "./making.js";

test("a first connection learns the list and follows it", async () => {
  const far = new FarSide();
  far.log.push(posted(2, { content: "before" }));
  await far.connect();

  assert.deepEqual([far.conversation.view.name, far.conversation.unread], ["Team", 1]);

  far.append((seq) => posted(seq, { content: "live" }));
  assert.deepEqual([far.contents, far.conversation.unread], [["live"], 2]);
});

test("opening a conversation joins its history to what came live", async () => {
  const far = new FarSide();
  far.log.push(posted(2, { content: "before" }));
  await far.connect();
  far.append((seq) => posted(seq, { content: "live" }));

  await far.causerie.open(far.conversation);

  assert.deepEqual(far.contents, ["before", "live"]);
  assert.deepEqual([...far.conversation.members.keys()], [ME, "ben"]);
});

test("an event that got lost is fetched as soon as a later one shows the gap", async () => {
  const far = new FarSide();
  await far.connect();
  far.append((seq) => posted(seq, { content: "lost" }), { delivered: false });
  far.append((seq) => posted(seq, { content: "seen" }));
  await settled();

  assert.deepEqual(far.contents, ["lost", "seen"]);
  assert.equal(far.requests.filter((path) => path.endsWith("/c/events")).length, 1);
});

test("a resync that names a later event fetches it too", async () => {
  const far = new FarSide();
  await far.connect();
  const { seq } = far.append((next) => posted(next, { content: "lost" }), { delivered: false });

  far.host.latest.say({ event: "resync", conversation_id: CONVERSATION, data: { conversation_id: CONVERSATION, epoch: EPOCH, seq } });
  await settled();

  assert.deepEqual(far.contents, ["lost"]);
});

test("what was missed while away comes with the cursor, once", async () => {
  const far = new FarSide();
  await far.connect();
  far.append((seq) => posted(seq, { content: "heard" }));
  far.host.latest.fall();
  far.append((seq) => posted(seq, { content: "missed" }), { delivered: false });

  await far.host.pass(1_000);
  await far.arrive();

  assert.deepEqual([far.contents, far.conversation.unread], [["heard", "missed"], 2]);
  assert.equal(far.told, 1);
});

test("in another epoch everything is read anew", async () => {
  const far = new FarSide();
  far.log.push(posted(2, { content: "lost with the old primary" }));
  await far.connect();
  await far.causerie.open(far.conversation);
  far.host.latest.fall();
  far.epoch = "e2";
  far.log = far.log.slice(0, 1);
  far.append((seq) => posted(seq, { content: "written on the new one" }), { delivered: false });

  await far.host.pass(1_000);
  await far.arrive();
  await far.host.pass(1_000);

  assert.deepEqual([far.contents, far.conversation.epoch], [["written on the new one"], "e2"]);
});

test("an invitation makes a conversation appear without a question", async () => {
  const far = new FarSide();
  await far.connect();
  const data = { members: [aMember("ben"), aMember(ME)], conversation: { id: "another", type: "direct" } };

  far.host.latest.say(anEvent(1, "member.add", data, { conversation: "another" }));

  assert.deepEqual([...far.causerie.conversation("another").members.keys()], ["ben", ME]);
});

test("being removed makes it disappear", async () => {
  const far = new FarSide();
  await far.connect();

  far.append((seq) => anEvent(seq, "member.remove", aMember(ME)));

  assert.deepEqual(far.causerie.conversations, []);
});

test("a draft is in sight at once and gives way to its message", async () => {
  const far = new FarSide();
  await far.connect();

  far.causerie.send(CONVERSATION, "hello");
  assert.deepEqual(far.causerie.drafts(CONVERSATION).map(({ content, state }) => [content, state]), [["hello", "sending"]]);

  await settled();
  assert.deepEqual([far.contents, far.causerie.drafts(CONVERSATION)], [["hello"], []]);
});

test("a send of unknown outcome is sent again and is there once", async () => {
  const far = new FarSide();
  const socket = await far.connect();
  far.acceptsSends = false;
  far.causerie.send(CONVERSATION, "hello");
  far.causerie.send(CONVERSATION, "again");
  const [{ client_id: clientId }] = socket.asked("send");
  // It was written, but the line fell before anybody said so.
  far.append((seq) => posted(seq, { sender: ME, content: "hello", client_id: clientId }), { delivered: false });
  socket.fall();

  far.acceptsSends = true;
  await far.host.pass(1_000);
  await far.arrive();

  assert.equal(far.host.latest.asked("send")[0].client_id, clientId);
  assert.deepEqual([far.contents, far.causerie.drafts(CONVERSATION)], [["hello", "again"], []]);
});

test("a refused draft says why and may be sent again", async () => {
  const far = new FarSide();
  const socket = await far.connect();
  far.acceptsSends = false;
  far.causerie.send(CONVERSATION, "hello");
  socket.refuse(socket.asked("send")[0], { code: "forbidden", message: "Not here.", retryable: false });
  await settled();

  const [draft] = far.causerie.drafts(CONVERSATION);
  assert.deepEqual([draft.state, draft.error], ["refused", "Not here."]);

  far.acceptsSends = true;
  far.causerie.sender.resend(draft);
  await settled();
  assert.deepEqual(far.contents, ["hello"]);
});

test("a read mark that did not get through is told on the next connection", async () => {
  const far = new FarSide();
  const socket = await far.connect();
  far.append((seq) => posted(seq));
  socket.fall();
  far.causerie.markRead(far.conversation);
  assert.equal(far.conversation.unread, 0);

  await far.host.pass(1_000);
  await far.arrive();

  assert.deepEqual(far.host.latest.asked("read").map(({ seq }) => seq), [2]);
});

test("typing is told every three seconds at most, shown to others and ended by the message", async () => {
  const far = new FarSide();
  const socket = await far.connect();

  far.causerie.signals.type(CONVERSATION, true);
  far.causerie.signals.type(CONVERSATION, true);
  await far.host.pass(3_000);
  far.causerie.signals.type(CONVERSATION, true);
  far.causerie.send(CONVERSATION, "done");
  assert.deepEqual(socket.asked("typing").map(({ state }) => state), ["start", "start", "stop"]);

  socket.say({ event: "typing.start", conversation_id: CONVERSATION, data: { user_id: "ben" } });
  assert.deepEqual(far.causerie.signals.typingIn(CONVERSATION), ["ben"]);
  far.append((seq) => posted(seq, { sender: "ben" }));
  assert.deepEqual(far.causerie.signals.typingIn(CONVERSATION), []);
});

test("whom I watch is asked for again on every connection", async () => {
  const far = new FarSide();
  const socket = await far.connect();
  far.causerie.signals.watch(["ben"]);
  await settled();
  assert.equal(far.causerie.signals.presence("ben").status, "online");

  socket.say({ event: "presence.update", data: { user_id: "ben", status: "offline", last_seen: null } });
  assert.equal(far.causerie.signals.presence("ben").status, "offline");

  socket.fall();
  await far.host.pass(1_000);
  await far.arrive();
  assert.deepEqual(far.host.latest.asked("watch").map(({ user_ids: users }) => users), [["ben"]]);
  assert.equal(far.causerie.signals.presence("ben").status, "online");
});
