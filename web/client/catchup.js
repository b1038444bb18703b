/**
 * Brings every conversation up to now, and keeps it there.
 *
 * First the seat, then the question: events flow from the moment of `welcome`, so whatever comes
 * while a page is being read is either applied in order or held.  The cursor leads on from where
 * the last connection ended; where it leads nowhere, the list is read again.
 */

import { CauserieError } from "./errors.js";
import { Mender } from "./mending.js";
import { Conversation } from "./model.js";
import { patiently } from "./patience.js";
import { readHeads } from "./reading.js";

/** @typedef {import("./types.js").Event} Event */
/** @typedef {import("./types.js").SyncPage} SyncPage */
/** @typedef {import("./types.js").ConversationView} ConversationView */

/** A reconnect stays cheap if the cursor moves on once in a while. */
const EVENTS_PER_CURSOR = 1_000;
/** In one question; a conversation not named is told from the cursor on, which repeats and skips nothing. */
const MAX_POSITIONS = 200;

export class CatchUp {
  /** @type {Map<string, Conversation>} */
  conversations = new Map();
  /** True once the list was read for the first time. */
  ready = false;

  /** @type {string | null} */
  #cursor = null;
  #sinceCursor = 0;
  /** @type {Set<string>} conversations that have moved since the cursor, whose events need not be told again */
  #moved = new Set();
  /** Catching up, or about to: gaps may close by themselves until it is over. */
  #resuming = 0;
  /** @type {Promise<void>} */
  #resumed = Promise.resolve();
  /** The list is being read; the cursor leads on from before whatever comes meanwhile. */
  #isListing = false;

  /**
   * @param {object} parts
   * @param {import("./connection.js").Connection} parts.connection
   * @param {import("./rest.js").Rest} parts.rest
   * @param {(conversationId?: string) => void} parts.changed
   */
  constructor({ connection, rest, changed }) {
    this.connection = connection;
    this.rest = rest;
    this.changed = changed;
    const { host } = connection;
    const take = (/** @type {Event} */ event) => this.take(event);
    this.mender = new Mender({ rest, host, conversations: this.conversations, take, changed });
  }

  get me() {
    return this.mender.me;
  }

  set me(userId) {
    this.mender.me = userId;
  }

  /** After every `welcome`.  One after the other: two at once would set each other's positions back. */
  resume() {
    this.#resuming += 1;
    const next = () => this.#resume();
    this.#resumed = this.#resumed.then(next, next).finally(() => (this.#resuming -= 1));
    return this.#resumed;
  }

  /** One durable event, live or from a page.  @param {Event} event */
  take(event) {
    if (this.#isListing || this.mender.keeps(event)) return;
    const conversation = this.conversations.get(event.conversation_id);
    if (!conversation) return this.#meet(event);
    const verdict = conversation.offer(event);
    if (verdict === "stale") void this.mender.reload(conversation.id);
    if (verdict === "gap" && !this.#resuming) void this.mender.fill(conversation);
    if (conversation.left) this.conversations.delete(conversation.id);
    if (verdict !== "repeat") {
      this.#moved.add(conversation.id);
      this.changed(conversation.id);
    }
    if (++this.#sinceCursor > EVENTS_PER_CURSOR && !this.#resuming) void this.resume();
  }

  /** A conversation reaches at least so far, as `resync` and `subscribe` tell.
   * @param {{conversation_id: string, epoch: string, seq: number}} notice */
  heard({ conversation_id, epoch, seq }) {
    const conversation = this.conversations.get(conversation_id);
    if (conversation?.epoch !== epoch) return void this.mender.reload(conversation_id);
    conversation.heard(seq);
    if (conversation.hasGap && !this.#resuming) void this.mender.fill(conversation);
  }

  /** @param {{conversation_id: string, user_id: string, seq: number, unread_count?: number}} read */
  read({ conversation_id, user_id, seq, unread_count }) {
    this.conversations.get(conversation_id)?.read(user_id, seq, unread_count);
    this.changed(conversation_id);
  }

  /** The conversation with this id, looked for if it is not known.
   * @param {string} id @returns {Promise<Conversation | null>} */
  async find(id) {
    if (!this.conversations.has(id)) await this.mender.reload(id);
    return this.conversations.get(id) ?? null;
  }

  /** @param {Event} event of a conversation not known here: an invitation says all, other news needs a look */
  #meet({ event, conversation_id, seq, epoch, data }) {
    const people = /** @type {import("./types.js").Member[]} */ (data.members ?? [data]);
    const isAboutMe = people.some((member) => member.user_id === this.me);
    if (event === "member.remove" && isAboutMe) return;
    if (event !== "member.add" || !isAboutMe || !data.conversation) return void this.mender.reload(conversation_id);
    const view = { ...data.conversation, members: data.members };
    this.conversations.set(conversation_id, new Conversation(this.me, view, { epoch, seq }));
    this.changed(conversation_id);
  }

  async #resume() {
    const isOnline = () => this.connection.state.status === "online";
    await patiently(this.connection.host, isOnline, async () => {
      this.#cursor ??= await this.#readAll();
      this.ready = true;
      await this.#readOn().catch((error) => this.#startOver(error));
    });
    this.changed();
    for (const conversation of this.conversations.values()) {
      if (conversation.hasGap) void this.mender.fill(conversation);
    }
  }

  async #readOn() {
    /** @type {SyncPage} */
    let page;
    do {
      page = await this.connection.request("sync", { cursor: this.#cursor, positions: this.#positions() });
      if (page.recovered === false) throw new CauserieError("invalid_cursor", "The cursor leads nowhere.");
      for (const event of page.events) this.take(event);
      for (const read of page.reads ?? []) this.read(read);
      for (const reset of page.resets ?? []) void this.mender.reload(reset.conversation_id, reset);
      this.#cursor = page.next_cursor;
      this.#sinceCursor = 0;
    } while (page.has_more);
    this.#moved.clear();
  }

  #positions() {
    const moved = [...this.#moved].slice(0, MAX_POSITIONS).map((id) => this.conversations.get(id));
    return moved.flatMap((one) => (one ? [{ conversation_id: one.id, epoch: one.epoch, seq: one.seq }] : []));
  }

  /** Where the cursor leads nowhere, the next try begins with the list.  @param {CauserieError} error */
  #startOver(error) {
    if (error.code !== "invalid_cursor") throw error;
    this.#cursor = null;
    throw new CauserieError(error.code, error.message, { retryable: true });
  }

  /** The list as it is now.  @returns {Promise<string>} the cursor that leads on from it */
  async #readAll() {
    this.#isListing = true;
    try {
      const { positions, cursor } = await readHeads(this.connection);
      const views = /** @type {ConversationView[]} */ (await this.rest.all("/conversations"));
      const known = new Set(views.map((view) => view.id));
      for (const id of this.conversations.keys()) if (!known.has(id)) this.conversations.delete(id);
      // One in the list without a position was made since: what follows the cursor tells of it.
      for (const view of views) {
        const position = positions.get(view.id);
        if (position) await this.mender.place(view, position);
      }
      return cursor;
    } finally {
      this.#isListing = false;
    }
  }
}
