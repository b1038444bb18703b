/**
 * Which answer belongs to which question, on one socket.
 */

import { CauserieError } from "./errors.js";

/** @typedef {{resolve: (result: any) => void, reject: (error: CauserieError) => void, timer: any}} Pending */
/** @typedef {{id: number | null, ok: boolean, result?: unknown, error?: import("./errors.js").WireError}} Reply */

export class Replies {
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #lastId = 0;

  /** @param {typeof import("./connection.js").browser} host */
  constructor(host) {
    this.host = host;
  }

  /**
   * Number the question, send it, wait.
   *
   * @param {(frame: string) => void} send
   * @param {{op: string, args: Record<string, unknown>, timeoutMs: number}} question
   * @returns {Promise<any>}
   */
  ask(send, { op, args, timeoutMs }) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.host.after(() => {
        this.#pending.delete(id);
        reject(CauserieError.unknownOutcome());
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      send(JSON.stringify({ ...args, id, op }));
    });
  }

  /** @param {Reply} reply */
  settle({ id, ok, result, error }) {
    const pending = id === null ? undefined : this.#pending.get(id);
    if (!pending || id === null) return;
    this.#pending.delete(id);
    this.host.cancel(pending.timer);
    if (ok) pending.resolve(result);
    else pending.reject(CauserieError.fromFrame(error ?? { code: "internal" }));
  }

  /** The socket is gone, and with it all answers. */
  abandon() {
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, timer } of unanswered) {
      this.host.cancel(timer);
      reject(CauserieError.unknownOutcome());
    }
  }
}
