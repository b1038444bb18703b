/**
 * How people, conversations and times are called on the page.
 */

/** @typedef {import("./client/model.js").Conversation} Conversation */
/** @typedef {import("./client/index.js").Causerie} Causerie */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The user id behind a name: what `/demo/token` makes of it.  @param {string} name */
export function userIdOf(name) {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 64);
}

/** @param {string} list names separated by commas */
export function userIdsOf(list) {
  return [...new Set(list.split(",").map(userIdOf).filter(Boolean))];
}

/** The others, in the order they came.  @param {Conversation} conversation */
export function othersIn(conversation) {
  return [...conversation.members.keys()].filter((userId) => userId !== conversation.me);
}

/** @param {Conversation} conversation */
export function titleOf(conversation) {
  if (conversation.view.type !== "direct") return conversation.view.name || othersIn(conversation).join(", ") || "…";
  return othersIn(conversation)[0] ?? "…";
}

/** What was said last, in a line.  @param {Conversation} conversation */
export function previewOf(conversation) {
  const message = conversation.lastMessage;
  if (!message) return "Nothing said yet";
  const words = message.is_deleted ? "message deleted" : message.content;
  if (message.sender_id === conversation.me) return `You: ${words}`;
  return conversation.view.type === "direct" ? words : `${message.sender_id}: ${words}`;
}

/** @param {string[]} userIds */
export function writing(userIds) {
  if (userIds.length === 0) return "";
  if (userIds.length > 2) return `${userIds.length} people are writing`;
  return `${userIds.join(" and ")} ${userIds.length === 1 ? "is" : "are"} writing`;
}

/** Who is here, under the title.  @param {Causerie} causerie @param {Conversation} conversation */
export function aboutOf(causerie, conversation) {
  const others = othersIn(conversation);
  if (conversation.view.type !== "direct") {
    const here = others.filter((userId) => causerie.signals.presence(userId).status === "online").length;
    return `You, ${others.join(", ")}${here ? ` · ${here} online` : ""}`;
  }
  const { status, last_seen: lastSeen } = causerie.signals.presence(others[0] ?? "");
  if (status !== "offline") return status;
  return lastSeen ? `last seen ${dayOf(lastSeen, true)} ${timeOf(lastSeen)}` : "offline";
}

/** @param {string} iso */
export function timeOf(iso) {
  return clock.format(new Date(iso));
}

/** @param {string} iso @param {boolean} [inSentence] */
export function dayOf(iso, inSentence = false) {
  const then = new Date(iso);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return inSentence ? "today at" : "Today";
  if (days === 1) return inSentence ? "yesterday at" : "Yesterday";
  return day.format(then);
}

/** A time in a narrow column.  @param {string} iso */
export function briefly(iso) {
  const isToday = new Date(iso).toDateString() === new Date().toDateString();
  return isToday ? timeOf(iso) : shortDay.format(new Date(iso));
}
