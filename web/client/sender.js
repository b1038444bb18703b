/**
 * What must arrive in the end: drafts and read marks.  Both may be repeated without harm, a draft
 * because of its `client_id`, a mark because it only moves forward; so neither gives up while
 * repeating can help.
 */

import { Backoff } from "./backoff.js";
import { Outbox } from "./outbox.js";

/** @typedef {import("./outbox.js").Draft} Draft */
/** @typedef {import("./errors.js").CauserieError} CauserieError */

export class Sender {
  #outbox = new Outbox();
  /** @type {Map<string, number>} marks the server has not confirmed */
  #marks = new Map();

  /**
   * @param {object} parts
   * @param {import("./connection.js").Connection} parts.connection
   * @param {(conversationId: string) => void} parts.changed
   */
  constructor({ connection, changed }) {
    this.connection = connection;
    this.host = connection.host;
    this.changed = changed;
  }

  /** @param {string} conversationId @returns {Draft[]} */
  drafts(conversationId) {
    return this.#outbox.in(conversationId);
  }

  /** @param {string} conversationId @param {string} content */
  send(conversationId, content) {
    const createdAt = new Date(this.host.now()).toISOString();
    this.#outbox.add({ clientId: freshClientId(), conversationId, content, createdAt });
    this.changed(conversationId);
    void this.#flush(conversationId);
  }

  /** Try a refused draft once more.  @param {Draft} draft */
  resend({ clientId, conversationId }) {
    this.#outbox.again(clientId);
    this.changed(conversationId);
    void this.#flush(conversationId);
  }

  /** @param {Draft} draft */
  discard({ clientId, conversationId }) {
    this.#outbox.remove(clientId);
    this.changed(conversationId);
  }

  /** @param {string} conversationId @param {number} seq */
  markRead(conversationId, seq) {
    this.#marks.set(conversationId, seq);
    void this.#tellMark(conversationId);
  }

  /** A new connection: whatever is still open goes out again. */
  resume() {
    for (const conversationId of this.#outbox.conversations) void this.#flush(conversationId);
    for (const conversationId of this.#marks.keys()) void this.#tellMark(conversationId);
  }

  /** Drop the drafts that now stand in the conversation.  @param {import("./model.js").Conversation} conversation */
  settle(conversation) {
    const drafts = this.#outbox.in(conversation.id);
    if (drafts.length === 0) return;
    const mine = conversation.timeline.messages.filter((message) => message.sender_id === conversation.me);
    const arrived = new Set(mine.map((message) => message.client_id));
    for (const { clientId } of drafts) if (arrived.has(clientId)) this.#outbox.remove(clientId);
  }

  /** @param {string} conversationId */
  async #flush(conversationId) {
    const backoff = new Backoff({ random: this.host.random });
    for (let draft = this.#outbox.take(conversationId); draft; draft = this.#outbox.take(conversationId)) {
      const { clientId, content } = draft;
      try {
        await this.connection.request("send", { conversation_id: conversationId, content, client_id: clientId });
        this.#outbox.accepted(clientId);
      } catch (error) {
        const { retryable, retryAfterMs, message } = /** @type {CauserieError} */ (error);
        if (retryable) this.#outbox.again(clientId);
        else this.#outbox.refused(clientId, message);
        if (retryable && this.connection.state.status !== "online") return;
        if (retryable) await this.#pause(backoff.next(this.host.now(), retryAfterMs));
      }
      this.changed(conversationId);
    }
  }

  /** @param {string} conversationId */
  async #tellMark(conversationId) {
    const seq = this.#marks.get(conversationId);
    try {
      await this.connection.request("read", { conversation_id: conversationId, seq });
    } catch (error) {
      if (/** @type {CauserieError} */ (error).retryable) return;
    }
    if (this.#marks.get(conversationId) === seq) this.#marks.delete(conversationId);
  }

  /** @param {number} ms @returns {Promise<void>} */
  #pause(ms) {
    return new Promise((resolve) => this.host.after(resolve, ms));
  }
}

/** Not `crypto.randomUUID`: that exists in secure contexts only, and a page may come over plain HTTP. */
function freshClientId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
