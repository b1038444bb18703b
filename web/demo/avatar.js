/**
 * A face for a name: its initial on a colour of its own, with a dot for being here.
 */

import { el } from "./dom.js";

/** @param {string} name @param {string | null} [status] null shows no dot */
export function avatar(name, status = null) {
  const face = el("span", { class: "avatar", "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?");
  face.style.setProperty("--hue", String(hueOf(name)));
  if (status !== null) face.append(el("span", { class: "dot", "data-status": status }));
  return face;
}

/** @param {string} name */
function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}
