/**
 * The open conversation: its messages, older ones on scrolling back, and whether they were seen.
 */

import { avatar } from "./avatar.js";
import { bubble, draftBubble } from "./bubble.js";
import { el, say, show, the } from "./dom.js";
import { aboutOf, dayOf, othersIn, titleOf, writing } from "./words.js";

/** @typedef {import("./client/model.js").Conversation} Conversation */
/** @typedef {import("./client/index.js").Causerie} Causerie */
/** @typedef {import("./client/types.js").Message} Message */

const NEAR_PX = 80;
const TOGETHER_MS = 5 * 60_000;

export class Thread {
  /** @type {Conversation | null} */
  conversation = null;
  /** @type {string | null} */
  #editingId = null;
  #atEnd = true;
  /** @type {number | null} */
  #oldestShown = null;
  #isLoading = false;

  /** @param {Causerie} causerie @param {{render: () => void, complain: (error: unknown) => void}} page */
  constructor(causerie, { render, complain }) {
    this.causerie = causerie;
    this.render = render;
    this.complain = complain;
    this.scroll = /** @type {HTMLElement} */ (the("scroll"));
    this.scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    the("jump").addEventListener("click", () => this.toEnd());
    for (const sign of ["focus", "visibilitychange"]) addEventListener(sign, () => this.#noteRead());
  }

  /** @param {Conversation | null} conversation */
  open(conversation) {
    if (this.conversation) this.conversation.isOpen = false;
    this.conversation = conversation;
    this.#editingId = null;
    this.#atEnd = true;
    if (conversation) this.causerie.open(conversation).catch(this.complain);
  }

  /** Show the newest message and stay with what comes. */
  toEnd() {
    this.#atEnd = true;
    this.render();
  }

  show() {
    const { conversation, causerie } = this;
    the("thread").hidden = !conversation;
    the("nothing").hidden = !!conversation;
    if (!conversation) return;
    const title = titleOf(conversation);
    say(the("thread-title"), title);
    say(the("thread-about"), aboutOf(causerie, conversation));
    show(the("thread-avatar"), [{ title, status: this.#statusOf(conversation) }], {
      key: () => "avatar",
      signature: (face) => face,
      make: (face) => avatar(face.title, face.status),
    });
    this.#showMessages(conversation);
  }

  /** @param {Conversation} conversation */
  #showMessages(conversation) {
    const { timeline } = conversation;
    const fromEnd = this.scroll.scrollHeight - this.scroll.scrollTop;
    say(the("beginning"), timeline.complete ? "This is where it began." : timeline.loaded ? "" : "Loading …");
    show(the("messages"), this.#entries(conversation), {
      key: ({ key }) => key,
      signature: ({ signature }) => signature,
      make: ({ make }) => make(),
    });
    say(the("typing"), writing(this.causerie.signals.typingIn(conversation.id)));
    the("jump").hidden = this.#atEnd;
    // Older messages came in above: what the reader looks at stays where it is.
    if (this.#atEnd) this.scroll.scrollTop = this.scroll.scrollHeight;
    else if (timeline.oldestSeq !== this.#oldestShown) this.scroll.scrollTop = this.scroll.scrollHeight - fromEnd;
    this.#oldestShown = timeline.oldestSeq;
    this.#noteRead();
  }

  /** Days, messages and drafts as one list.  @param {Conversation} conversation */
  #entries(conversation) {
    const entries = [];
    /** @type {Message | null} */
    let before = null;
    for (const message of conversation.timeline.messages) {
      const day = dayOf(message.created_at);
      if (!before || dayOf(before.created_at) !== day) {
        entries.push({ key: `day ${message.created_at.slice(0, 10)}`, signature: day, make: () => el("li", { class: "day" }, day) });
        before = null;
      }
      entries.push(this.#entryOf(conversation, message, before));
      before = message;
    }
    const isOnline = this.causerie.state.status === "online";
    for (const draft of this.causerie.drafts(conversation.id)) {
      const make = () => draftBubble(draft, this.causerie.sender, isOnline);
      entries.push({ key: `draft ${draft.clientId}`, signature: [draft, isOnline], make });
    }
    return entries;
  }

  /** @param {Conversation} conversation @param {Message} message @param {Message | null} before */
  #entryOf(conversation, message, before) {
    const isMine = message.sender_id === conversation.me;
    const isEditing = message.id === this.#editingId;
    const follows = before?.sender_id === message.sender_id && Date.parse(message.created_at) - Date.parse(before.created_at) < TOGETHER_MS;
    const speaker = follows ? null : isMine || conversation.view.type === "direct" ? "" : message.sender_id;
    return {
      key: message.id,
      // News about a message that is being edited waits until the edit is over.
      signature: isEditing ? "editing" : [message, speaker],
      make: () => bubble({ message, isMine, speaker, isEditing }, this.#verbs),
    };
  }

  #verbs = {
    edit: (/** @type {Message} */ message) => this.#edit(message.id),
    cancel: () => this.#edit(null),
    save: (/** @type {Message} */ message, /** @type {string} */ content) => {
      this.#edit(null);
      if (content.trim() && content !== message.content) this.causerie.edit(message, content).catch(this.complain);
    },
    remove: (/** @type {Message} */ message) => void this.causerie.delete(message).catch(this.complain),
  };

  /** @param {string | null} messageId */
  #edit(messageId) {
    this.#editingId = messageId;
    this.render();
  }

  /** @param {Conversation} conversation */
  #statusOf(conversation) {
    return conversation.view.type === "direct" ? this.causerie.signals.presence(othersIn(conversation)[0] ?? "").status : null;
  }

  async #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroll;
    const wasAtEnd = this.#atEnd;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (wasAtEnd !== this.#atEnd) this.render();
    const { conversation } = this;
    if (scrollTop > NEAR_PX || this.#isLoading || !conversation?.timeline.loaded || conversation.timeline.complete) return;
    this.#isLoading = true;
    await this.causerie.loadOlder(conversation).catch(this.complain);
    this.#isLoading = false;
  }

  /** Read is what was on the screen of somebody who was looking. */
  #noteRead() {
    const { conversation } = this;
    const isLooking = document.visibilityState === "visible" && document.hasFocus();
    if (conversation?.timeline.loaded && this.#atEnd && isLooking) this.causerie.markRead(conversation);
  }
}
