/**
 * Where a message is written: Enter sends, Shift+Enter begins a line, and others see that somebody writes.
 */

import { the } from "./dom.js";

const IDLE_MS = 5_000;
const TALLEST_PX = 160;

export class Composer {
  /** @type {string | null} */
  #conversationId = null;
  /** @type {Map<string, string>} what was begun and left for another conversation */
  #begun = new Map();
  /** @type {any} */
  #idle = null;

  /** @param {import("./client/index.js").Causerie} causerie @param {() => void} onSent */
  constructor(causerie, onSent) {
    this.causerie = causerie;
    this.onSent = onSent;
    this.text = /** @type {HTMLTextAreaElement} */ (the("composer-text"));
    this.text.addEventListener("input", () => this.#typed());
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    the("composer").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** @param {string | null} conversationId */
  open(conversationId) {
    if (this.#conversationId) this.#begun.set(this.#conversationId, this.text.value);
    this.#rest();
    this.#conversationId = conversationId;
    this.text.value = (conversationId && this.#begun.get(conversationId)) || "";
    this.#fit();
    if (conversationId && matchMedia("(hover: hover)").matches) this.text.focus();
  }

  #send() {
    const content = this.text.value;
    if (!this.#conversationId || !content.trim()) return;
    clearTimeout(this.#idle);
    this.text.value = "";
    this.#fit();
    this.causerie.send(this.#conversationId, content);
    this.onSent();
  }

  #typed() {
    this.#fit();
    clearTimeout(this.#idle);
    if (!this.#conversationId) return;
    this.causerie.signals.type(this.#conversationId, this.text.value !== "");
    this.#idle = setTimeout(() => this.#rest(), IDLE_MS);
  }

  #rest() {
    clearTimeout(this.#idle);
    if (this.#conversationId) this.causerie.signals.type(this.#conversationId, false);
  }

  #fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, TALLEST_PX)}px`;
  }
}
