/**
 * Elements without markup: whatever a person wrote only ever becomes text.
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes] `on…` listens, `class` and the rest are attributes; false and null are left out
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/** An element of the page, known to be there.  @param {string} id @returns {any} */
export function the(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}

/** Set a text only when it differs, so that a screen reader is not told twice.
 * @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @type {WeakMap<Element, string>} */
const signatures = new WeakMap();

/**
 * Make the children of a list show these items, touching only those that changed, so that focus,
 * selection and a half-finished edit survive news from elsewhere.
 *
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {object} how
 * @param {(item: Item) => string} how.key
 * @param {(item: Item) => unknown} how.signature everything the element shows
 * @param {(item: Item) => HTMLElement} how.make
 */
export function show(parent, items, { key, signature, make }) {
  const present = new Map([...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  const focused = parent.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const focusedKey = /** @type {HTMLElement | null} */ (focused?.closest("[data-key]"))?.dataset.key;
  const wanted = items.map((item) => {
    const print = JSON.stringify(signature(item));
    const kept = present.get(key(item));
    if (kept && signatures.get(kept) === print) return kept;
    const made = make(item);
    made.dataset.key = key(item);
    signatures.set(made, print);
    return made;
  });
  const staying = new Set(wanted);
  for (const child of present.values()) if (!staying.has(child)) child.remove();
  wanted.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
  if (!focused || document.activeElement === focused) return;
  const successor = [...parent.children].find((child) => /** @type {HTMLElement} */ (child).dataset.key === focusedKey);
  if (focused.isConnected) focused.focus();
  else /** @type {HTMLElement | null | undefined} */ (successor?.querySelector("button, a, textarea"))?.focus();
}
