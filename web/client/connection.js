/**
 * One lasting connection made of many sockets: it authenticates, matches replies to requests,
 * notices silence, and comes back by itself for as long as coming back can help.
 *
 * It knows nothing of conversations.  After every `welcome` the owner has to catch up, since
 * nothing is replayed on a new socket unasked.
 */

import { Backoff } from "./backoff.js";
import { CauserieError } from "./errors.js";
import { Replies } from "./replies.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {{status: "connecting" | "online" | "waiting" | "closed", retryAtMs?: number, reason?: string}} State */

const WELCOME_MS = 10_000;
const REPLY_MS = 10_000;
const PING_REPLY_MS = 8_000;
const UNAUTHENTICATED = 4001;

/** What the browser offers; a test brings its own. */
export const browser = {
  /** @param {string} url @param {string[]} [protocols] @returns {WebSocket} */
  socket: (url, protocols) => new WebSocket(url, protocols),
  now: () => Date.now(),
  /** @param {() => void} callback @param {number} ms @returns {any} */
  after: (callback, ms) => setTimeout(callback, ms),
  /** @param {any} timer */
  cancel: (timer) => clearTimeout(timer),
  random: Math.random,
};

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  #heardAt = 0;
  /** @type {any} the one timer of the present phase: welcome, silence or retry */
  #timer = null;
  /** @type {{code?: number, reconnect?: boolean, retry_after_ms?: number, reason?: string} | null} */
  #farewell = null;
  #rejections = 0;
  #notBeforeMs = 0;
  /** @type {State} */
  state = { status: "closed" };

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {(fresh: boolean) => Promise<string>} options.token asked before each attempt; `fresh` after a refusal
   * @param {(frame: Frame) => void} options.onFrame
   * @param {(state: State) => void} options.onState
   * @param {"subprotocol" | "frame"} [options.authenticate] where the token travels
   * @param {typeof browser} [options.host]
   */
  constructor({ url, token, onFrame, onState, authenticate = "subprotocol", host = browser }) {
    this.url = url;
    this.token = token;
    this.onFrame = onFrame;
    this.onState = onState;
    this.authenticate = authenticate;
    this.host = host;
    this.replies = new Replies(host);
    this.backoff = new Backoff({ random: host.random });
  }

  /** Connect now, cutting short a wait that the server did not ask for; harmless while connected. */
  open() {
    const { status } = this.state;
    const mayHurry = status === "waiting" && this.host.now() >= this.#notBeforeMs;
    if (status === "closed" || mayHurry) void this.#attempt();
  }

  /** Leave for good; `open` starts anew. */
  close() {
    this.#drop();
    this.#become({ status: "closed" });
  }

  /**
   * Ask and wait for the answer.
   *
   * @param {string} op
   * @param {Record<string, unknown>} [args]
   * @param {{timeoutMs?: number}} [options]
   * @returns {Promise<any>} rejects with a CauserieError; `unknown_outcome` when no answer came
   */
  request(op, args = {}, { timeoutMs = REPLY_MS } = {}) {
    if (this.state.status !== "online") return Promise.reject(CauserieError.disconnected());
    return this.#ask({ op, args, timeoutMs });
  }

  /** @param {{op: string, args: Record<string, unknown>, timeoutMs: number}} question @returns {Promise<any>} */
  #ask(question) {
    return this.replies.ask((frame) => this.#socket?.send(frame), question);
  }

  async #attempt() {
    this.#become({ status: "connecting" });
    this.#schedule(() => this.#lost(), WELCOME_MS);
    const attempt = this.#timer;
    let token;
    try {
      token = await this.token(this.#rejections > 0);
    } catch {
      if (attempt === this.#timer) this.#lost();
      return;
    }
    if (attempt !== this.#timer || this.state.status !== "connecting") return;
    const inHandshake = this.authenticate === "subprotocol";
    const socket = this.host.socket(this.url, inHandshake ? ["causerie.v1", `bearer.${token}`] : ["causerie.v1"]);
    this.#socket = socket;
    socket.onopen = () => {
      if (socket !== this.#socket || inHandshake) return;
      this.#ask({ op: "auth", args: { token }, timeoutMs: WELCOME_MS }).catch(() => {});
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#receive(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (socket === this.#socket) this.#lost(code);
    };
  }

  /** @param {any} frame */
  #receive(frame) {
    this.#heardAt = this.host.now();
    if (frame.event === undefined) return this.replies.settle(frame);
    if (frame.event === "disconnect") this.#farewell = frame.data;
    if (frame.event === "welcome") this.#welcomed(frame.data.heartbeat_seconds * 1000);
    this.onFrame(frame);
  }

  /** @param {number} heartbeatMs */
  #welcomed(heartbeatMs) {
    this.#rejections = 0;
    this.backoff.opened(this.host.now());
    this.#become({ status: "online" });
    this.#listenForSilence(heartbeatMs);
  }

  /** The server's pings are answered below JavaScript, unseen: to notice a dead line we have to ask.
   * @param {number} heartbeatMs */
  #listenForSilence(heartbeatMs) {
    this.#schedule(async () => {
      const socket = this.#socket;
      const heardAt = this.#heardAt;
      if (this.host.now() - heardAt >= heartbeatMs) {
        await this.#ask({ op: "ping", args: {}, timeoutMs: PING_REPLY_MS }).catch(() => {});
        if (socket !== this.#socket) return;
        if (heardAt === this.#heardAt) return this.#lost();
      }
      this.#listenForSilence(heartbeatMs);
    }, heartbeatMs);
  }

  /** The socket is gone or given up.  @param {number} [code] */
  #lost(code) {
    const farewell = this.#farewell;
    this.#drop();
    const rejected = code === UNAUTHENTICATED || farewell?.code === UNAUTHENTICATED;
    if (rejected) this.#rejections += 1;
    // One more try with a fresh token; a second refusal in a row is meant.
    const final = rejected ? this.#rejections > 1 : farewell?.reconnect === false;
    if (final) {
      this.#rejections = 0;
      this.#become({ status: "closed", reason: farewell?.reason ?? "refused" });
      return;
    }
    const now = this.host.now();
    const retryAfterMs = farewell?.retry_after_ms ?? 0;
    this.#notBeforeMs = now + retryAfterMs;
    const waitMs = this.backoff.next(now, retryAfterMs);
    this.#schedule(() => void this.#attempt(), waitMs);
    this.#become({ status: "waiting", retryAtMs: now + waitMs, reason: farewell?.reason });
  }

  /** Forget the socket and everything asked on it. */
  #drop() {
    this.host.cancel(this.#timer);
    this.#timer = null;
    this.#farewell = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket && socket.readyState < 2) socket.close();
    this.replies.abandon();
  }

  /** @param {() => void} callback @param {number} ms */
  #schedule(callback, ms) {
    this.host.cancel(this.#timer);
    this.#timer = this.host.after(callback, ms);
  }

  /** @param {State} state */
  #become(state) {
    this.state = state;
    this.onState(state);
  }
}
