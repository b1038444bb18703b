/**
 * Who is writing and who is here: hints that may be lost, so each is forgotten in time.
 */

const TYPING_MS = 10_000;

export class Typing {
  /** @type {Map<string, Map<string, number>>} conversation → user → when it lapses */
  #until = new Map();

  /** @param {string} conversationId @param {string} userId @param {number} nowMs */
  started(conversationId, userId, nowMs) {
    const users = this.#until.get(conversationId) ?? new Map();
    users.set(userId, nowMs + TYPING_MS);
    this.#until.set(conversationId, users);
  }

  /** @param {string} conversationId @param {string} userId */
  stopped(conversationId, userId) {
    const users = this.#until.get(conversationId);
    users?.delete(userId);
    if (users?.size === 0) this.#until.delete(conversationId);
  }

  /** @param {string} conversationId @param {number} nowMs @returns {string[]} */
  in(conversationId, nowMs) {
    const users = this.#until.get(conversationId) ?? new Map();
    return [...users].filter(([, until]) => until > nowMs).map(([userId]) => userId);
  }

  get isQuiet() {
    return this.#until.size === 0;
  }

  /** Forget what lapsed.  @param {number} nowMs @returns {string[]} the conversations it was in */
  lapse(nowMs) {
    const touched = [];
    for (const [conversationId, users] of this.#until) {
      const gone = [...users].filter(([, until]) => until <= nowMs);
      for (const [userId] of gone) users.delete(userId);
      if (gone.length) touched.push(conversationId);
      if (users.size === 0) this.#until.delete(conversationId);
    }
    return touched;
  }
}

/** @typedef {{user_id: string, status: string, last_seen?: string | null}} Presence */

export class Watchlist {
  /** @type {Map<string, Presence>} */
  #known = new Map();
  /** @type {Set<string>} */
  users = new Set();

  /** @param {Iterable<string>} userIds @returns {string[]} those not watched so far */
  add(userIds) {
    const fresh = [...new Set(userIds)].filter((userId) => !this.users.has(userId));
    for (const userId of fresh) this.users.add(userId);
    return fresh;
  }

  /** @param {Presence} presence */
  update(presence) {
    this.#known.set(presence.user_id, presence);
  }

  /** Nobody told yet means offline.  @param {string} userId @returns {Presence} */
  of(userId) {
    return this.#known.get(userId) ?? { user_id: userId, status: "offline", last_seen: null };
  }
}
