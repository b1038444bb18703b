/**
 * The messages of one conversation, from some point on to the newest, ordered by `seq`.
 *
 * Two sources write here, history pages and events, and may tell of the same message in
 * either order.  A message is therefore merged by its version: the newer state stays, so
 * replaying an event over a later page changes nothing.
 */

/** @typedef {import("./types.js").Message} Message */

export class Timeline {
  /** @type {Map<string, Message>} */
  #byId = new Map();
  /** @type {Message[] | null} the sorted view, made when somebody looks */
  #sorted = [];

  /** True once a history page was merged: before that only what came live is here. */
  loaded = false;
  /** True once the first message a reader may see is here. */
  complete = false;
  /** Counts the fresh starts, so that a page asked for before one is not merged after it. */
  generation = 0;

  clear() {
    this.generation += 1;
    this.#byId.clear();
    this.#sorted = [];
    this.loaded = false;
    this.complete = false;
  }

  /** @returns {readonly Message[]} oldest first */
  get messages() {
    this.#sorted ??= [...this.#byId.values()].sort((a, b) => a.seq - b.seq);
    return this.#sorted;
  }

  get newest() {
    return this.messages.at(-1) ?? null;
  }

  get oldestSeq() {
    return this.messages[0]?.seq ?? null;
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id) ?? null;
  }

  /** @param {Message} message */
  put(message) {
    const known = this.#byId.get(message.id);
    if (known && known.version > message.version) return;
    this.#write({ ...known, ...message, reactions: message.reactions ?? known?.reactions ?? [] });
  }

  /** @param {{items: Message[], next_cursor: string | null}} page newest first */
  mergeOlder(page) {
    for (const message of page.items) this.put(message);
    this.loaded = true;
    this.complete = page.next_cursor === null;
  }

  /** A message that is not here has no tombstone to show; a page that brings it brings it deleted.
   * @param {string} id */
  bury(id) {
    const known = this.#byId.get(id);
    if (!known || known.is_deleted) return;
    this.#write({
      ...known, content: "", metadata: {}, attachments: [], is_deleted: true, version: known.version + 1,
    });
  }

  /** @param {string} id @param {boolean} isPinned */
  pin(id, isPinned) {
    const known = this.#byId.get(id);
    if (known) this.#write({ ...known, is_pinned: isPinned });
  }

  /**
   * The count is absolute, so a repeat is harmless; `mine` is left alone when somebody else acted.
   *
   * @param {string} id
   * @param {{emoji: string, count: number, mine: boolean | null}} reaction
   */
  react(id, { emoji, count, mine }) {
    const known = this.#byId.get(id);
    if (!known) return;
    const reactions = known.reactions ?? [];
    const before = reactions.find((reaction) => reaction.emoji === emoji);
    const now = { emoji, count, me: mine ?? before?.me ?? false };
    const others = reactions.filter((reaction) => reaction.emoji !== emoji);
    this.#write({ ...known, reactions: count > 0 ? [...others, now] : others });
  }

  /** @param {Message} message */
  #write(message) {
    this.#byId.set(message.id, message);
    this.#sorted = null;
  }
}
