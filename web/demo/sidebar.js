/**
 * The list of conversations: who, what was said last, what is unread, who is here.
 */

import { avatar } from "./avatar.js";
import { el, show, the } from "./dom.js";
import { briefly, othersIn, previewOf, titleOf, writing } from "./words.js";

/** @typedef {import("./client/model.js").Conversation} Conversation */
/** @typedef {import("./client/index.js").Causerie} Causerie */

/** @param {Causerie} causerie @param {{openId: string | null, onOpen: (id: string) => void}} page */
export function showConversations(causerie, { openId, onOpen }) {
  show(the("conversations"), causerie.conversations.map((conversation) => entryOf(causerie, conversation, openId)), {
    key: ({ id }) => id,
    signature: (entry) => entry,
    make: (entry) => item(entry, onOpen),
  });
}

/** Everything one line of the list shows.
 * @param {Causerie} causerie @param {Conversation} conversation @param {string | null} openId */
function entryOf(causerie, conversation, openId) {
  const { id, unread, view, lastMessage } = conversation;
  const [peer] = othersIn(conversation);
  return {
    id,
    unread,
    title: titleOf(conversation),
    preview: previewOf(conversation),
    typing: writing(causerie.signals.typingIn(id)),
    time: lastMessage ? briefly(lastMessage.created_at) : "",
    status: view.type === "direct" ? causerie.signals.presence(peer ?? "").status : null,
    isOpen: id === openId,
  };
}

/** @param {ReturnType<typeof entryOf>} entry @param {(id: string) => void} onOpen */
function item({ id, unread, title, preview, typing, time, status, isOpen }, onOpen) {
  const spoken = status ? `, ${status}` : "";
  return el(
    "li",
    { "data-title": title },
    el(
      "button",
      { type: "button", class: "conversation", "aria-current": isOpen && "true", onclick: () => onOpen(id) },
      avatar(title, status),
      el("span", { class: "title" }, title, el("span", { class: "hidden" }, spoken)),
      el("time", {}, time),
      el("span", { class: typing ? "preview live" : "preview" }, typing ? `${typing} …` : preview),
      unread > 0 && el("span", { class: "badge", "aria-label": `${unread} unread` }, unread > 99 ? "99+" : String(unread)),
    ),
  );
}
