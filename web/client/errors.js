/**
 * What can go wrong with a request, in the words an application decides by.
 *
 * The code is the server's own (`not_found`, `rate_limited`, …) or one of three of ours:
 * `disconnected` (nothing was sent), `unknown_outcome` (it was sent and no answer came, so
 * repeating is safe only where the server recognises the repeat) and `unreachable` (REST).
 */

/** @typedef {{code: string, message?: string, retryable?: boolean, retry_after_ms?: number}} WireError */

export class CauserieError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{retryable?: boolean, retryAfterMs?: number}} [facts]
   */
  constructor(code, message, { retryable = false, retryAfterMs } = {}) {
    super(message);
    this.name = "CauserieError";
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }

  /** @param {WireError} error as the gateway words it */
  static fromFrame(error) {
    return new CauserieError(error.code, error.message ?? error.code, {
      retryable: error.retryable ?? false,
      retryAfterMs: error.retry_after_ms,
    });
  }

  static disconnected() {
    return new CauserieError("disconnected", "There is no connection at the moment.", { retryable: true });
  }

  static unknownOutcome() {
    return new CauserieError("unknown_outcome", "The connection ended before the answer came.", { retryable: true });
  }
}
