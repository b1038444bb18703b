/**
 * Work that has to succeed eventually: tried again for as long as it may help and is wanted.
 */

import { Backoff } from "./backoff.js";

/**
 * @param {typeof import("./connection.js").browser} host
 * @param {() => boolean} isWanted asked before each attempt
 * @param {() => Promise<void>} work
 * @returns {Promise<void>} rejects with what trying again cannot mend
 */
export async function patiently(host, isWanted, work) {
  const backoff = new Backoff({ random: host.random });
  while (isWanted()) {
    try {
      return await work();
    } catch (error) {
      const { retryable, retryAfterMs } = /** @type {import("./errors.js").CauserieError} */ (error);
      if (!retryable) throw error;
      const waitMs = backoff.next(host.now(), retryAfterMs);
      await new Promise((resolve) => host.after(() => resolve(null), waitMs));
    }
  }
}
