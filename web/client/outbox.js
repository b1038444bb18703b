/**
 * What was written and is not yet in the conversation.
 *
 * A draft keeps its `client_id` through every attempt, so that trying again after an unknown
 * outcome gives the same message.  One draft of a conversation is on its way at a time: a retry
 * can then never overtake its successor.
 */

/**
 * @typedef {object} Draft
 * @property {string} clientId
 * @property {string} conversationId
 * @property {string} content
 * @property {string} createdAt
 * @property {"waiting" | "sending" | "accepted" | "refused"} state
 * @property {string} [error]
 */

export class Outbox {
  /** @type {Map<string, Draft>} in the order written */
  #drafts = new Map();

  /** @param {{clientId: string, conversationId: string, content: string, createdAt: string}} draft */
  add(draft) {
    this.#drafts.set(draft.clientId, { ...draft, state: "waiting" });
  }

  /** @param {string} conversationId @returns {Draft[]} */
  in(conversationId) {
    return [...this.#drafts.values()].filter((draft) => draft.conversationId === conversationId);
  }

  /** @returns {string[]} conversations with something still to send */
  get conversations() {
    const waiting = [...this.#drafts.values()].filter((draft) => draft.state === "waiting");
    return [...new Set(waiting.map((draft) => draft.conversationId))];
  }

  /** The next draft to send, or null while one is under way.
   * @param {string} conversationId @returns {Draft | null} */
  take(conversationId) {
    const drafts = this.in(conversationId);
    if (drafts.some((draft) => draft.state === "sending")) return null;
    const next = drafts.find((draft) => draft.state === "waiting") ?? null;
    if (next) next.state = "sending";
    return next;
  }

  /** The server has it; it stays in sight until its event shows it in its place.
   * @param {string} clientId */
  accepted(clientId) {
    this.#mark(clientId, "accepted");
  }

  /** Nobody knows what became of it, or it was not even sent: it will be sent again.
   * @param {string} clientId */
  again(clientId) {
    this.#mark(clientId, "waiting");
  }

  /** @param {string} clientId @param {string} error */
  refused(clientId, error) {
    this.#mark(clientId, "refused", error);
  }

  /** It stands in the conversation, or its author gave it up.
   * @param {string | null | undefined} clientId */
  remove(clientId) {
    return clientId ? this.#drafts.delete(clientId) : false;
  }

  /** @param {string} clientId @param {Draft["state"]} state @param {string} [error] */
  #mark(clientId, state, error) {
    const draft = this.#drafts.get(clientId);
    if (draft) Object.assign(draft, { state, error });
  }
}
