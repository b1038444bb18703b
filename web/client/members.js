/**
 * Who is in a conversation, asked for only when somebody wants to show it.
 */

import { patiently } from "./patience.js";
import { readMembers } from "./reading.js";

/** @typedef {import("./model.js").Conversation} Conversation */

export class Members {
  /** @type {Map<Conversation, Promise<void>>} one question at a time per conversation */
  #reads = new Map();

  /**
   * @param {object} parts
   * @param {import("./rest.js").Rest} parts.rest
   * @param {typeof import("./connection.js").browser} parts.host
   * @param {(conversationId: string) => void} parts.changed
   */
  constructor({ rest, host, changed }) {
    this.rest = rest;
    this.host = host;
    this.changed = changed;
  }

  /** @param {Conversation} conversation @returns {Promise<void>} once its members are known, or it is left */
  load(conversation) {
    const isWanted = () => !conversation.membersKnown && !conversation.left;
    if (!isWanted()) return Promise.resolve();
    const running = this.#reads.get(conversation);
    if (running) return running;
    const done = patiently(this.host, isWanted, () => readMembers(this.rest, conversation)).finally(() => {
      this.#reads.delete(conversation);
      this.changed(conversation.id);
    });
    this.#reads.set(conversation, done);
    return done;
  }
}
