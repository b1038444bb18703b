/**
 * One conversation as its reader knows it, kept true by events alone.
 *
 * The one rule: an event takes effect only when its `seq` is exactly the next.  A repeat is
 * dropped, a later one is held until the missing ones were fetched, another epoch means that
 * the numbers no longer compare and everything has to be read anew.  Nothing here waits or
 * speaks to a server; `catchup.js` does what the verdicts ask for.
 */

import { Timeline } from "./timeline.js";

/** @typedef {import("./types.js").Event} Event */
/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").ConversationView} ConversationView */
/** @typedef {"applied" | "repeat" | "gap" | "stale"} Verdict */

const HELD_LIMIT = 500;

export class Conversation {
  timeline = new Timeline();
  /** @type {Map<string, Member>} */
  members = new Map();
  /** False while only those are here whose events passed by. */
  membersKnown = false;
  memberChanges = 0;
  /** @type {Map<string, number>} how far each member has read */
  reads = new Map();
  /** @type {Message | null} */
  lastMessage = null;
  unread = 0;
  /** True while somebody looks at it: a fresh start then brings history and members along. */
  isOpen = false;
  /** True when the reader was removed: nothing will follow. */
  left = false;

  #countedThrough = 0;
  #head = 0;
  /** @type {Map<number, Event>} */
  #held = new Map();

  /**
   * @param {string} me
   * @param {ConversationView} view
   * @param {{epoch: string, seq: number}} position the state in `view` is at least this new
   */
  constructor(me, view, { epoch, seq }) {
    this.me = me;
    this.view = view;
    this.epoch = epoch;
    this.seq = seq;
    this.reset(view, { epoch, seq });
  }

  get id() {
    return this.view.id;
  }

  /** True while events are known to exist that did not arrive. */
  get hasGap() {
    return this.#head > this.seq;
  }

  /** When something was last said here, for the order of a list. */
  get activity() {
    return this.lastMessage?.created_at ?? this.view.created_at ?? "";
  }

  /** Start again from a fresh read; events after the position may repeat what it showed.
   * @param {ConversationView} view
   * @param {{epoch: string, seq: number}} position */
  reset(view, { epoch, seq }) {
    this.view = view;
    this.epoch = epoch;
    this.seq = seq;
    this.#head = seq;
    this.#held.clear();
    this.timeline.clear();
    this.unread = view.unread_count ?? 0;
    this.lastMessage = view.last_message ?? null;
    this.#countedThrough = Math.max(seq, view.last_seq ?? 0, this.lastMessage?.seq ?? 0);
    this.reads.clear();
    if (view.membership?.read_seq !== undefined) this.reads.set(this.me, view.membership.read_seq);
    this.members.clear();
    this.memberChanges += 1;
    this.membersKnown = false;
    if (view.members) this.setMembers(view.members);
  }

  /** @param {Member[]} members */
  setMembers(members) {
    this.members = new Map(members.filter((member) => !member.left_at).map((member) => [member.user_id, member]));
    this.membersKnown = true;
  }

  /** @param {Event} event @returns {Verdict} */
  offer(event) {
    if (event.epoch !== this.epoch) return "stale";
    if (event.seq <= this.seq) return "repeat";
    this.heard(event.seq);
    if (event.seq > this.seq + 1) {
      if (this.#held.size < HELD_LIMIT) this.#held.set(event.seq, event);
      return "gap";
    }
    for (let next = /** @type {Event | undefined} */ (event); next; next = this.#held.get(this.seq + 1)) {
      this.#held.delete(next.seq);
      this.#apply(next);
      this.seq = next.seq;
    }
    return this.hasGap ? "gap" : "applied";
  }

  /** Note that the conversation reaches at least so far, as a `resync` tells.
   * @param {number} seq */
  heard(seq) {
    this.#head = Math.max(this.#head, seq);
  }

  /**
   * A read horizon moved.  When all messages after it are here they are counted, for the server's
   * figure may be older than a message that overtook it.
   *
   * @param {string} userId
   * @param {number} seq
   * @param {number} [unreadCount]
   */
  read(userId, seq, unreadCount) {
    if (seq < (this.reads.get(userId) ?? 0)) return;
    this.reads.set(userId, seq);
    if (userId !== this.me) return;
    const { oldestSeq, complete, messages } = this.timeline;
    if (complete || (oldestSeq !== null && oldestSeq <= seq + 1)) {
      this.unread = messages.filter((message) => message.seq > seq && this.#counts(message)).length;
    } else if (unreadCount !== undefined) {
      this.unread = unreadCount;
    }
  }

  /** @param {Message} message */
  #counts(message) {
    return message.sender_id !== this.me && message.type !== "system";
  }

  /** @param {Event} event */
  #apply({ event, data }) {
    if (event.startsWith("member.")) this.memberChanges += 1;
    switch (event) {
      case "message.new":
        this.#arrived(data);
        break;
      case "message.edit":
        if (this.timeline.get(data.id)) this.timeline.put(data);
        if (this.lastMessage?.id === data.id) this.lastMessage = data;
        break;
      case "message.delete":
        this.timeline.bury(data.message_id);
        if (this.lastMessage?.id === data.message_id) {
          this.lastMessage = { .../** @type {Message} */ (this.lastMessage), content: "", is_deleted: true };
        }
        break;
      case "reaction.add":
      case "reaction.remove":
        this.timeline.react(data.message_id, {
          emoji: data.emoji,
          count: data.count,
          mine: data.user_id === this.me ? event === "reaction.add" : null,
        });
        break;
      case "message.pin":
      case "message.unpin":
        this.timeline.pin(data.message_id, event === "message.pin");
        break;
      case "member.add":
        for (const member of data.members ?? [data]) this.members.set(member.user_id, member);
        break;
      case "member.update":
        this.members.set(data.user_id, { ...this.members.get(data.user_id), ...data });
        break;
      case "member.remove":
        this.members.delete(data.user_id);
        if (data.user_id === this.me) this.left = true;
        break;
      case "conversation.update":
        this.view = { ...this.view, ...data };
        break;
    }
  }

  /** @param {Message} message */
  #arrived(message) {
    this.timeline.put(message);
    if (message.seq >= (this.lastMessage?.seq ?? 0)) this.lastMessage = message;
    if (message.seq <= this.#countedThrough) return;
    this.#countedThrough = message.seq;
    if (message.sender_id === this.me) this.unread = 0;
    else if (this.#counts(message)) this.unread += 1;
  }
}
