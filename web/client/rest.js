/**
 * The REST side of the same rights: what is read in pages, and what makes new things.
 */

import { CauserieError } from "./errors.js";

const ANSWER_MS = 15_000;
const PAGE = 100;

export class Rest {
  /** @param {{baseUrl: string, token: (fresh: boolean) => Promise<string>, fetch?: typeof globalThis.fetch}} options */
  constructor({ baseUrl, token, fetch = globalThis.fetch.bind(globalThis) }) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.token = token;
    this.fetch = fetch;
  }

  /** @param {string} path @param {Record<string, string | number>} [query] @returns {Promise<any>} */
  get(path, query = {}) {
    const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    return this.#call("GET", search.size ? `${path}?${search}` : path);
  }

  /** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  post(path, body = {}) {
    return this.#call("POST", path, body);
  }

  /** Every page of a list.  @param {string} path @returns {Promise<any[]>} */
  async all(path) {
    const items = [];
    let cursor = null;
    do {
      const page = await this.get(path, cursor === null ? { limit: PAGE } : { limit: PAGE, cursor });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }

  /** @param {string} method @param {string} path @param {unknown} [body] */
  async #call(method, path, body) {
    let response = await this.#fetch(method, path, body, false);
    if (response.status === 401) response = await this.#fetch(method, path, body, true);
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const retryAfter = Number(response.headers.get("Retry-After"));
    throw new CauserieError(answer.code ?? "internal", answer.detail ?? answer.title ?? `HTTP ${response.status}`, {
      retryable: answer.retryable ?? response.status >= 500,
      retryAfterMs: retryAfter > 0 ? retryAfter * 1000 : undefined,
    });
  }

  /** @param {string} method @param {string} path @param {unknown} body @param {boolean} fresh */
  async #fetch(method, path, body, fresh) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${await this.token(fresh)}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await this.fetch(`${this.baseUrl}/v1${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch {
      throw new CauserieError("unreachable", "The server cannot be reached.", { retryable: true });
    }
  }
}

/** Make a token once and hand it out until it is refused.
 * @param {() => Promise<string>} make @returns {(fresh: boolean) => Promise<string>} */
export function keptToken(make) {
  /** @type {Promise<string> | null} */
  let current = null;
  return (fresh) => {
    if (fresh || !current) {
      current = make();
      current.catch(() => (current = null));
    }
    return current;
  };
}
