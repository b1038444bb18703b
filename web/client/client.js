/**
 * Causerie for an application: conversations that keep themselves current, and a user's verbs.
 * Whatever changes is announced as what changed; the application looks it up here.
 */

import { CatchUp } from "./catchup.js";
import { Connection, browser } from "./connection.js";
import { Members } from "./members.js";
import { readOlder } from "./reading.js";
import { Rest, keptToken } from "./rest.js";
import { Sender } from "./sender.js";
import { Signals } from "./signals.js";

/** @typedef {import("./model.js").Conversation} Conversation */
/** @typedef {import("./outbox.js").Draft} Draft */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {{what: "state" | "list" | "conversation" | "typing" | "presence", conversationId?: string}} Change */

export class Causerie {
  /** Known from the first `welcome` on. */
  me = "";
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();
  /** @type {Members} */
  #members;

  /**
   * @param {object} options
   * @param {string} options.gatewayUrl `ws://…/ws`
   * @param {string} options.apiUrl origin of the REST side
   * @param {() => Promise<string>} options.token makes a token; asked first and whenever one was refused
   * @param {"subprotocol" | "frame"} [options.authenticate]
   * @param {typeof browser} [options.host]
   * @param {typeof globalThis.fetch} [options.fetch]
   */
  constructor({ gatewayUrl, apiUrl, token, authenticate, host = browser, fetch }) {
    const kept = keptToken(token);
    this.rest = new Rest({ baseUrl: apiUrl, token: kept, fetch });
    this.connection = new Connection({
      url: gatewayUrl,
      token: kept,
      authenticate,
      host,
      onFrame: (frame) => this.#receive(frame),
      onState: () => this.#announce({ what: "state" }),
    });
    const changed = (/** @type {string | undefined} */ id) => this.#changed(id);
    this.catchUp = new CatchUp({ connection: this.connection, rest: this.rest, changed });
    this.#members = new Members({ rest: this.rest, host, changed });
    this.sender = new Sender({ connection: this.connection, changed });
    this.signals = new Signals({
      connection: this.connection,
      changed: (what, conversationId) => this.#announce({ what, conversationId }),
    });
  }

  connect() {
    this.connection.open();
  }

  close() {
    this.connection.close();
  }

  /** @param {(change: Change) => void} listener @returns {() => void} ends the subscription */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get state() {
    return this.connection.state;
  }

  /** True once the list of conversations is here. */
  get isReady() {
    return this.catchUp.ready;
  }

  /** @returns {Conversation[]} newest activity first */
  get conversations() {
    return [...this.catchUp.conversations.values()].sort((a, b) => (a.activity < b.activity ? 1 : -1));
  }

  /** @param {string} id */
  conversation(id) {
    return this.catchUp.conversations.get(id) ?? null;
  }

  /** @param {string} conversationId @returns {Draft[]} written, but not yet in the conversation */
  drafts(conversationId) {
    return this.sender.drafts(conversationId);
  }

  /** The direct conversation with somebody, made if there is none.  @param {string} userId */
  direct(userId) {
    return this.#start({ type: "direct", member_ids: [userId] });
  }

  /** @param {string} name @param {string[]} userIds */
  group(name, userIds) {
    return this.#start({ type: "group", name, member_ids: userIds });
  }

  /** Look at a conversation: its newest history and its members.  @param {Conversation} conversation */
  async open(conversation) {
    conversation.isOpen = true;
    const { loaded } = conversation.timeline;
    if (conversation.view.type === "channel") void this.#follow(conversation);
    await Promise.all([loaded ? null : this.loadOlder(conversation), this.loadMembers(conversation)]);
  }

  /** @param {Conversation} conversation */
  async loadOlder(conversation) {
    await readOlder(this.rest, conversation);
    this.#changed(conversation.id);
  }

  /** Learn who is in it, unless that is known.  @param {Conversation} conversation */
  loadMembers(conversation) {
    return this.#members.load(conversation);
  }

  /** Everything there is has been seen.  @param {Conversation} conversation */
  markRead(conversation) {
    if (conversation.unread === 0) return;
    const seq = conversation.lastMessage?.seq ?? conversation.seq;
    conversation.read(this.me, seq, 0);
    this.sender.markRead(conversation.id, seq);
    this.#changed(conversation.id);
  }

  /** Say something; it stands among the drafts at once and is sent until accepted or refused.
   * @param {string} conversationId @param {string} content */
  send(conversationId, content) {
    this.signals.type(conversationId, false);
    this.sender.send(conversationId, content);
  }

  /** @param {Message} message @param {string} content */
  edit(message, content) {
    return this.connection.request("edit", { message_id: message.id, content, version: message.version });
  }

  /** @param {Message} message */
  delete(message) {
    return this.connection.request("delete", { message_id: message.id });
  }

  /** @param {Record<string, unknown>} wish @returns {Promise<Conversation | null>} */
  async #start(wish) {
    const { id } = await this.rest.post("/conversations", wish);
    return this.catchUp.find(id);
  }

  /** @param {import("./types.js").Frame} frame */
  #receive(frame) {
    if (frame.event === "welcome") return this.#welcomed(frame.data.user_id);
    if (frame.event === "resync") return this.catchUp.heard(frame.data);
    if (frame.event === "read.update") return this.catchUp.read({ conversation_id: frame.conversation_id, ...frame.data });
    if (this.signals.take(frame) || frame.seq === undefined) return;
    const event = /** @type {import("./types.js").Event} */ (frame);
    if (event.event === "message.new") this.signals.spoke(event.conversation_id, event.data.sender_id);
    this.catchUp.take(event);
  }

  /** Events of a channel come only to those who ask for them.  @param {Conversation} channel */
  async #follow(channel) {
    const position = await this.connection.request("subscribe", { conversation_id: channel.id }).catch(() => null);
    if (position) this.catchUp.heard({ conversation_id: channel.id, ...position });
  }

  /** @param {string} userId */
  #welcomed(userId) {
    this.me = this.catchUp.me = userId;
    this.sender.resume();
    this.signals.resume();
    for (const it of this.conversations) if (it.isOpen && it.view.type === "channel") void this.#follow(it);
    void this.catchUp.resume();
  }

  /** @param {string} [conversationId] */
  #changed(conversationId) {
    const conversation = conversationId === undefined ? null : this.conversation(conversationId);
    if (conversation) this.sender.settle(conversation);
    this.#announce(conversation ? { what: "conversation", conversationId } : { what: "list" });
  }

  /** @param {Change} change */
  #announce(change) {
    for (const listener of this.#listeners) listener(change);
  }
}
