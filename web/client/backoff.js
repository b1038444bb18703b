/**
 * How long to wait before trying again, so that a fleet of clients comes back as a drizzle.
 *
 * Full jitter: anything between nothing and a ceiling that doubles with each failure.  A
 * connection that opens and falls at once is still a failure, so only one that stood for a
 * while puts the ceiling back; otherwise a crash loop would be hammered at full speed.
 */

export class Backoff {
  #failures = 0;
  /** @type {number | null} */
  #openedAt = null;

  /** @param {{baseMs?: number, capMs?: number, stableMs?: number, random?: () => number}} [options] */
  constructor({ baseMs = 500, capMs = 30_000, stableMs = 10_000, random = Math.random } = {}) {
    this.baseMs = baseMs;
    this.capMs = capMs;
    this.stableMs = stableMs;
    this.random = random;
  }

  /** @param {number} nowMs */
  opened(nowMs) {
    this.#openedAt = nowMs;
  }

  /**
   * The wait before the next attempt.  What the server asked for is a floor, never shortened.
   *
   * @param {number} nowMs
   * @param {number} [retryAfterMs]
   */
  next(nowMs, retryAfterMs = 0) {
    if (this.#openedAt !== null && nowMs - this.#openedAt >= this.stableMs) this.#failures = 0;
    this.#openedAt = null;
    const ceilingMs = Math.min(this.capMs, this.baseMs * 2 ** this.#failures);
    this.#failures += 1;
    return retryAfterMs + this.random() * ceilingMs;
  }
}
