/**
 * Typing and presence, in and out.  Nothing here is repeated or waited for: a lost hint is
 * replaced by the next one, and lapses otherwise.
 */

import { Typing, Watchlist } from "./ephemeral.js";

/** @typedef {import("./ephemeral.js").Presence} Presence */

const TYPING_REPEAT_MS = 3_000;
const LAPSE_MS = 1_000;

export class Signals {
  #typing = new Typing();
  #watchlist = new Watchlist();
  /** @type {Map<string, number>} when a start of mine was last told */
  #toldAt = new Map();
  /** @type {any} */
  #timer = null;
  #status = "online";

  /**
   * @param {object} parts
   * @param {import("./connection.js").Connection} parts.connection
   * @param {(what: "typing" | "presence", conversationId?: string) => void} parts.changed
   */
  constructor({ connection, changed }) {
    this.connection = connection;
    this.host = connection.host;
    this.changed = changed;
  }

  /** @param {string} conversationId @returns {string[]} */
  typingIn(conversationId) {
    return this.#typing.in(conversationId, this.host.now());
  }

  /** @param {string} userId @returns {Presence} */
  presence(userId) {
    return this.#watchlist.of(userId);
  }

  /** @param {Iterable<string>} userIds */
  watch(userIds) {
    const fresh = this.#watchlist.add(userIds);
    if (fresh.length) void this.#askFor(fresh);
  }

  /** @param {"online" | "away"} status */
  setStatus(status) {
    if (status === this.#status) return;
    this.#status = status;
    void this.#tell("presence", { status });
  }

  /** Call on every keystroke; it is told as seldom as is needed.
   * @param {string} conversationId @param {boolean} isTyping */
  type(conversationId, isTyping) {
    const now = this.host.now();
    const toldAt = this.#toldAt.get(conversationId);
    if (isTyping ? toldAt !== undefined && now - toldAt < TYPING_REPEAT_MS : toldAt === undefined) return;
    if (isTyping) this.#toldAt.set(conversationId, now);
    else this.#toldAt.delete(conversationId);
    void this.#tell("typing", { conversation_id: conversationId, state: isTyping ? "start" : "stop" });
  }

  /** A new connection knows neither my status nor whom I watch. */
  resume() {
    if (this.#status !== "online") void this.#tell("presence", { status: this.#status });
    if (this.#watchlist.users.size) void this.#askFor([...this.#watchlist.users]);
  }

  /** @param {import("./types.js").Frame} frame @returns {boolean} whether it was one of ours */
  take({ event, conversation_id: conversationId = "", data }) {
    if (event === "presence.update") {
      this.#watchlist.update(data);
      this.changed("presence");
    } else if (event === "typing.start" || event === "typing.stop") {
      if (event === "typing.start") this.#typing.started(conversationId, data.user_id, this.host.now());
      else this.#typing.stopped(conversationId, data.user_id);
      this.changed("typing", conversationId);
      this.#timer ??= this.host.after(() => this.#lapse(), LAPSE_MS);
    } else {
      return false;
    }
    return true;
  }

  /** Whoever said something is done typing.  @param {string} conversationId @param {string} userId */
  spoke(conversationId, userId) {
    this.#typing.stopped(conversationId, userId);
    this.changed("typing", conversationId);
  }

  #lapse() {
    for (const conversationId of this.#typing.lapse(this.host.now())) this.changed("typing", conversationId);
    this.#timer = this.#typing.isQuiet ? null : this.host.after(() => this.#lapse(), LAPSE_MS);
  }

  /** @param {string[]} userIds */
  async #askFor(userIds) {
    const answer = await this.#tell("watch", { user_ids: userIds });
    for (const presence of answer?.items ?? []) this.#watchlist.update(presence);
    this.changed("presence");
  }

  /** @param {string} op @param {Record<string, unknown>} args */
  #tell(op, args) {
    return this.connection.request(op, args).catch(() => null);
  }
}
