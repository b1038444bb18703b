/**
 * Coming in: a name becomes a token, as the demonstration server gives it out, and a client.
 */

import { Causerie } from "./client/index.js";
import { the } from "./dom.js";

/** A client for this name, or a reason to ask again.  @param {string} name @returns {Promise<Causerie>} */
export async function enter(name) {
  const first = await tokenFor(name);
  const { gateway_url: gatewayUrl } = await json("config");
  if (!gatewayUrl) throw new Error("The server knows of no gateway.");
  /** @type {string | null} */
  let unused = first;
  return new Causerie({
    gatewayUrl: reachable(gatewayUrl),
    apiUrl: location.origin,
    token: async () => {
      const token = unused ?? (await tokenFor(name));
      unused = null;
      return token;
    },
  });
}

/** Ask who it is.  @param {(name: string) => Promise<void>} onName rejects with what to show */
export function askName(onName) {
  const login = the("login");
  const problem = login.querySelector(".problem");
  login.hidden = false;
  login.querySelector("input").focus();
  login.querySelector("form").addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await onName(login.querySelector("input").value);
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      problem.hidden = false;
    }
  });
}

/** @param {string} name @returns {Promise<string>} */
async function tokenFor(name) {
  const body = JSON.stringify({ name });
  return (await json("token", { method: "POST", headers: { "Content-Type": "application/json" }, body })).token;
}

/** @param {string} path @param {RequestInit} [init] */
async function json(path, init) {
  const response = await fetch(path, init).catch(() => {
    throw new Error("The server cannot be reached.");
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const [wrong] = answer.errors ?? [];
  throw new Error(wrong ? `${wrong.field} ${wrong.message}` : (answer.detail ?? answer.title ?? `HTTP ${response.status}`));
}

/** A gateway on loopback is beside the page: reach it by the name the page came from.  @param {string} url */
function reachable(url) {
  const gateway = new URL(url);
  if (["127.0.0.1", "localhost"].includes(gateway.hostname)) gateway.hostname = location.hostname;
  return gateway.href;
}
