/**
 * Whether the page is connected, and if not, what happens next.
 */

import { el, say, the } from "./dom.js";

/** @type {any} */
let tick = null;

/** @param {import("./client/index.js").Causerie} causerie */
export function showState(causerie) {
  const { status, retryAtMs = 0, reason } = causerie.state;
  const element = the("state");
  element.dataset.status = status;
  clearTimeout(tick);
  if (status === "waiting") {
    const seconds = Math.max(0, Math.ceil((retryAtMs - Date.now()) / 1000));
    say(element, `back in ${seconds} s`);
    tick = setTimeout(() => showState(causerie), 500);
  } else if (status === "closed") {
    if (element.querySelector("button")) return;
    element.replaceChildren(`closed: ${reason} `, el("button", { type: "button", onclick: () => causerie.connect() }, "Reconnect"));
  } else {
    say(element, status === "online" ? "connected" : "connecting …");
  }
}
