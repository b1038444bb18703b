/**
 * Makes a conversation whole again: fills a gap from its log, or reads all of it anew.
 *
 * One job per conversation at a time, and each goes on until it succeeds, for a conversation
 * with a hole in it shows nothing new.  Events that come during a fresh read are kept for after it.
 */

import { Conversation } from "./model.js";
import { patiently } from "./patience.js";
import { readGap, readMembers, readOlder, readPosition } from "./reading.js";

/** @typedef {import("./types.js").Event} Event */
/** @typedef {import("./types.js").ConversationView} ConversationView */
/** @typedef {import("./reading.js").Position} Position */

const LATE_LIMIT = 1_000;

export class Mender {
  me = "";
  /** @type {Map<string, Promise<void>>} */
  #fills = new Map();
  /** @type {Map<string, {late: Event[], done: Promise<void>}>} */
  #rereads = new Map();

  /**
   * @param {object} parts
   * @param {import("./rest.js").Rest} parts.rest
   * @param {typeof import("./connection.js").browser} parts.host
   * @param {Map<string, Conversation>} parts.conversations
   * @param {(event: Event) => void} parts.take where events go that came during a fresh read
   * @param {(conversationId: string) => void} parts.changed
   */
  constructor({ rest, host, conversations, take, changed }) {
    this.rest = rest;
    this.host = host;
    this.conversations = conversations;
    this.take = take;
    this.changed = changed;
  }

  /** Keep an event for later if its conversation is being read anew.  @param {Event} event */
  keeps(event) {
    const reread = this.#rereads.get(event.conversation_id);
    if (!reread) return false;
    // Losing the oldest is safe: the newest shows that something lies between.
    if (reread.late.push(event) > LATE_LIMIT) reread.late.shift();
    return true;
  }

  /**
   * Fetch what lies between the model and the newest event heard of.
   *
   * @param {Conversation} conversation
   * @returns {Promise<void>}
   */
  fill(conversation) {
    const { id } = conversation;
    const running = this.#fills.get(id);
    if (running) return running;
    const isWanted = () => conversation.hasGap && this.conversations.get(id) === conversation;
    const done = patiently(this.host, isWanted, async () => {
      const wasFilled = await this.#orGone(id, readGap(this.rest, conversation));
      if (wasFilled === false) await this.reload(id);
    }).finally(() => {
      this.#fills.delete(id);
      this.changed(id);
    });
    this.#fills.set(id, done);
    return done;
  }

  /**
   * Read a conversation anew, from `position` or from wherever it is now.  Resolves when it
   * stands, or when it turned out to be gone.
   *
   * @param {string} id
   * @param {Position} [position]
   * @returns {Promise<void>}
   */
  reload(id, position) {
    const running = this.#rereads.get(id);
    if (running) return running.done;
    /** @type {Event[]} */
    const late = [];
    const read = () => this.#orGone(id, this.#readOne(id, position));
    const done = patiently(this.host, () => true, read).finally(() => {
      this.#rereads.delete(id);
      for (const event of late) if (this.conversations.has(id) || event.event === "member.add") this.take(event);
      this.changed(id);
    });
    this.#rereads.set(id, { late, done });
    return done;
  }

  /** Set the conversation to what was read; somebody who looks at it gets the rest again.
   * @param {ConversationView} view @param {Position} position */
  async place(view, position) {
    const known = this.conversations.get(view.id);
    if (!known) return void this.conversations.set(view.id, new Conversation(this.me, view, position));
    known.reset(view, position);
    if (known.isOpen) await Promise.all([readOlder(this.rest, known), readMembers(this.rest, known)]);
  }

  /** @param {string} id @param {Position} [position] */
  async #readOne(id, position) {
    const at = position ?? (await readPosition(this.rest, id));
    await this.place(await this.rest.get(`/conversations/${id}`), at);
  }

  /** A conversation that answers `not_found` is none of ours any more.
   * @template T @param {string} id @param {Promise<T>} reading @returns {Promise<T | undefined>} */
  async #orGone(id, reading) {
    try {
      return await reading;
    } catch (error) {
      if (/** @type {any} */ (error).code !== "not_found") throw error;
      this.conversations.delete(id);
    }
  }
}
