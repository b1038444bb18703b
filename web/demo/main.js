/**
 * The demonstration: two windows, two names, one conversation.
 */

import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { el, say, the } from "./dom.js";
import { wireOpeners } from "./openers.js";
import { askName, enter } from "./session.js";
import { showConversations } from "./sidebar.js";
import { showState } from "./state.js";
import { Thread } from "./thread.js";
import { othersIn, userIdOf } from "./words.js";

const AWAY_MS = 60_000;
const COMPLAINT_MS = 8_000;

const asked = new URLSearchParams(location.search);
const name = asked.get("name");
if (name) await comeIn(name).catch((error) => refuse(error));
else askName(comeIn);

/** @param {Error} error */
function refuse(error) {
  askName(comeIn);
  the("login-name").value = name;
  const problem = the("login").querySelector(".problem");
  problem.textContent = error.message;
  problem.hidden = false;
}

/** @param {string} as */
async function comeIn(as) {
  const causerie = await enter(as);
  the("login").hidden = true;
  the("app").hidden = false;
  asked.set("name", as);
  history.replaceState(null, "", `?${asked}${location.hash}`);
  run(causerie, as);
}

/** @param {import("./client/index.js").Causerie} causerie @param {string} as */
function run(causerie, as) {
  let isDue = false;
  let isGreeted = false;
  const render = () => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      show();
    });
  };
  const thread = new Thread(causerie, { render, complain });
  const composer = new Composer(causerie, () => thread.toEnd());
  wireOpeners(causerie, { onOpen: open, complain });
  the("me").append(avatar(as), el("strong", {}, userIdOf(as)));
  the("back").addEventListener("click", () => open(""));
  addEventListener("hashchange", follow);
  addEventListener("online", () => causerie.connect());
  noticeAbsence(causerie);
  causerie.subscribe(render);
  causerie.connect();
  show();

  function show() {
    if (thread.conversation && !causerie.conversation(thread.conversation.id)) open("");
    if (causerie.isReady && !isGreeted) greet();
    showState(causerie);
    showConversations(causerie, { openId: thread.conversation?.id ?? null, onOpen: open });
    thread.show();
    the("app").dataset.pane = thread.conversation ? "thread" : "list";
    invite(causerie);
    const unread = causerie.conversations.reduce((sum, conversation) => sum + conversation.unread, 0);
    document.title = unread ? `(${unread}) Causerie` : "Causerie";
    learnWho(causerie);
  }

  /** The list is here for the first time: go where the address leads. */
  function greet() {
    isGreeted = true;
    follow();
    const peer = asked.get("with");
    if (peer) causerie.direct(userIdOf(peer)).then((conversation) => conversation && open(conversation.id), complain);
  }

  /** @param {string} id */
  function open(id) {
    if (location.hash.slice(1) === id) follow();
    else location.hash = id;
  }

  function follow() {
    const conversation = causerie.conversation(location.hash.slice(1));
    if (conversation === thread.conversation) return render();
    thread.open(conversation);
    // Shown first: what is hidden cannot take the focus.
    show();
    composer.open(conversation?.id ?? null);
  }
}

/** A direct conversation is called by who is in it, and whoever is in sight is watched.
 * @param {import("./client/index.js").Causerie} causerie */
function learnWho(causerie) {
  for (const conversation of causerie.conversations) {
    if (conversation.view.type === "direct") causerie.loadMembers(conversation).catch(complain);
    causerie.signals.watch(othersIn(conversation));
  }
}

/** @param {import("./client/index.js").Causerie} causerie */
function invite(causerie) {
  const invitation = the("invitation");
  invitation.hidden = !causerie.isReady || causerie.conversations.length > 0;
  if (invitation.hidden || invitation.childElementCount) return;
  const guest = causerie.me === "ben" ? "ann" : "ben";
  const link = el("a", { href: `?name=${guest}&with=${encodeURIComponent(causerie.me)}`, target: "_blank", rel: "noopener" }, `as ${guest}`);
  invitation.append("Nobody here yet. Open a second window ", link, " and say hello.");
}

/** Who leaves the page alone for a while is away.  @param {import("./client/index.js").Causerie} causerie */
function noticeAbsence(causerie) {
  /** @type {any} */
  let timer = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") causerie.signals.setStatus("online");
    else timer = setTimeout(() => causerie.signals.setStatus("away"), AWAY_MS);
  });
}

/** @param {unknown} error */
function complain(error) {
  const notice = the("notice");
  say(notice, /** @type {Error} */ (error).message);
  notice.hidden = false;
  setTimeout(() => (notice.hidden = true), COMPLAINT_MS);
}
