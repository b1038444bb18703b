/** The far end of both wires, small enough to be obviously right. */

import { Causerie } from "../../../web/client/index.js";
import { Host, settled } from "./host.js";
import { CONVERSATION, EPOCH, ME, aMember, anEvent, posted } from "./making.js";

/** The far end of both wires: one conversation's log, and what REST and `sync` say of it. */
export class FarSide {
  epoch = EPOCH;
  log = [anEvent(1, "member.add", { members: [aMember(ME), aMember("ben")], conversation: { id: CONVERSATION, type: "group", name: "Team" } })];
  host = new Host();
  /** @type {string[]} */
  requests = [];
  acceptsSends = true;
  /** How many events `sync` has told. */
  told = 0;

  constructor(log) {
    if (log) this.log = log;
    this.causerie = new Causerie({
      gatewayUrl: "ws://gateway/ws",
      apiUrl: "http://api",
      token: async () => "token",
      host: this.host.offer,
      fetch: async (url) => this.#answer(new URL(url)),
    });
  }

  get conversation() {
    return this.causerie.conversation(CONVERSATION);
  }

  get contents() {
    return this.conversation.timeline.messages.map(({ content }) => content);
  }

  /** The messages as history shows them now. */
  get messages() {
    const byId = new Map();
    for (const { event, data } of this.log) {
      if (event === "message.new" || event === "message.edit") byId.set(data.id, data);
      if (event !== "message.delete") continue;
      const before = byId.get(data.message_id);
      byId.set(before.id, { ...before, content: "", is_deleted: true, version: before.version + 1, metadata: {}, attachments: [] });
    }
    return [...byId.values()];
  }

  /** Mine read everything before them; nobody reads otherwise here. */
  get unread() {
    const messages = this.messages;
    return messages.length - 1 - messages.findLastIndex(({ sender_id: sender }) => sender === ME);
  }

  async connect() {
    this.causerie.connect();
    await this.host.pass(1_000);
    return this.arrive();
  }

  async arrive() {
    const socket = this.host.latest;
    socket.answer = (frame) => this.#reply(frame, socket);
    socket.accept();
    socket.welcome(ME);
    await settled();
    return socket;
  }

  /** Write to the log; it reaches the client only if `delivered`. */
  append(make, { delivered = true } = {}) {
    const event = { ...make(this.log.length + 1), epoch: this.epoch };
    this.log.push(event);
    if (delivered) this.host.latest.say(event);
    return event;
  }

  #reply(frame, socket) {
    const { op } = frame;
    if (op === "sync") socket.reply(frame, this.#sync(frame));
    else if (op === "send" && this.acceptsSends) socket.reply(frame, this.#post(frame));
    else if (op === "watch") socket.reply(frame, { items: frame.user_ids.map((id) => ({ user_id: id, status: "online" })) });
    else if (op === "read") socket.reply(frame, {});
  }

  #post({ content, client_id: clientId }) {
    const earlier = this.log.find(({ data }) => data.client_id === clientId);
    return (earlier ?? this.append((seq) => posted(seq, { sender: ME, content, client_id: clientId }))).data;
  }

  #sync({ cursor, positions }) {
    const head = this.log.length;
    const reset = { conversation_id: CONVERSATION, epoch: this.epoch, seq: head, reason: "start" };
    const [epoch, after] = cursor?.split("/") ?? [];
    const page = { next_cursor: `${this.epoch}/${head}`, has_more: false, reads: [], resets: [], recovered: true };
    if (cursor === undefined) return { ...page, events: [], resets: [reset] };
    if (epoch !== this.epoch) return { ...page, events: [], recovered: false };
    const events = this.log.slice(Math.max(Number(after), positions[0]?.seq ?? 0));
    this.told += events.length;
    return { ...page, events };
  }

  #answer(url) {
    this.requests.push(url.pathname.replace(CONVERSATION, "c"));
    const after = Number(url.searchParams.get("after_seq"));
    const messages = this.messages;
    const view = {
      id: CONVERSATION, type: "group", name: "Team", unread_count: this.unread, last_seq: this.log.length, last_message: messages.at(-1) ?? null,
    };
    const answers = {
      "/v1/conversations": { items: [view], next_cursor: null },
      [`/v1/conversations/${CONVERSATION}`]: view,
      [`/v1/conversations/${CONVERSATION}/members`]: { items: [aMember(ME), aMember("ben")], next_cursor: null },
      [`/v1/conversations/${CONVERSATION}/messages`]: { items: messages.toReversed(), next_cursor: null },
      [`/v1/conversations/${CONVERSATION}/events`]: {
        events: this.log.slice(after), epoch: this.epoch, last_seq: this.log.length, has_more: false, recovered: true,
      },
    };
    return Response.json(answers[url.pathname]);
  }
}
