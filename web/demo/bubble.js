/**
 * One message in the thread, and what its author may do with it.
 */

import { el } from "./dom.js";
import { timeOf } from "./words.js";

/** @typedef {import("./client/types.js").Message} Message */
/** @typedef {import("./client/outbox.js").Draft} Draft */

const SURE_MS = 4_000;

/**
 * @param {object} entry
 * @param {Message} entry.message
 * @param {boolean} entry.isMine
 * @param {string | null} entry.speaker named above the first of several messages
 * @param {boolean} entry.isEditing
 * @param {{edit: (message: Message) => void, save: (message: Message, content: string) => void, cancel: () => void, remove: (message: Message) => void}} verbs
 */
export function bubble({ message, isMine, speaker, isEditing }, verbs) {
  const classes = ["message", isMine && "mine", speaker !== null && "first", message.is_deleted && "deleted"];
  const isEdited = message.is_edited && !message.is_deleted;
  const body = message.is_deleted ? "This message was deleted." : message.content;
  return el(
    "li",
    { class: classes.filter(Boolean).join(" ") },
    speaker && el("span", { class: "speaker" }, speaker),
    isEditing ? editor(message, verbs) : el("p", { class: "content" }, body),
    el(
      "span",
      { class: isEdited ? "meta edited" : "meta" },
      isEdited && "edited · ",
      el("time", { datetime: message.created_at }, timeOf(message.created_at)),
    ),
    isMine && !message.is_deleted && !isEditing && actions(message, verbs),
  );
}

/** @param {Draft} draft @param {{resend: (draft: Draft) => void, discard: (draft: Draft) => void}} verbs @param {boolean} isOnline */
export function draftBubble(draft, verbs, isOnline) {
  const isRefused = draft.state === "refused";
  const fate = isRefused ? `not sent: ${draft.error}` : isOnline ? "sending …" : "waiting for the connection";
  return el(
    "li",
    { class: `message mine draft${isRefused ? " refused" : ""}` },
    el("p", { class: "content" }, draft.content),
    el("span", { class: "meta" }, fate),
    isRefused && el("span", { class: "actions" }, button("Try again", () => verbs.resend(draft)), button("Discard", () => verbs.discard(draft))),
  );
}

/** @param {Message} message @param {any} verbs */
function actions(message, verbs) {
  const remove = button("Delete", () => {
    if (remove.textContent === "Delete") {
      remove.textContent = "Really?";
      setTimeout(() => (remove.textContent = "Delete"), SURE_MS);
    } else {
      verbs.remove(message);
    }
  });
  return el("span", { class: "actions" }, button("Edit", () => verbs.edit(message)), remove);
}

/** @param {Message} message @param {any} verbs */
function editor(message, verbs) {
  const text = el("textarea", { rows: "2", maxlength: "16384", "aria-label": "Edit the message" });
  text.value = message.content;
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") verbs.cancel();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    verbs.save(message, text.value);
  });
  queueMicrotask(() => text.focus());
  return el(
    "span",
    { class: "editor" },
    text,
    el("span", { class: "actions" }, button("Save", () => verbs.save(message, text.value)), button("Cancel", verbs.cancel)),
  );
}

/** @param {string} label @param {() => void} onclick */
function button(label, onclick) {
  return el("button", { type: "button", onclick }, label);
}
