/** A host whose time moves by hand and whose sockets a test holds at the far end. */

export class Host {
  #now = 0;
  #timers = new Map();
  #lastTimer = 0;
  /** @type {FarEnd[]} */
  sockets = [];

  /** What a connection asks for; the jitter is always at its ceiling. */
  get offer() {
    return {
      socket: (url, protocols) => this.#dial(url, protocols),
      now: () => this.#now,
      after: (callback, ms) => {
        this.#timers.set(++this.#lastTimer, { callback, at: this.#now + ms });
        return this.#lastTimer;
      },
      cancel: (timer) => this.#timers.delete(timer),
      random: () => 1,
    };
  }

  get latest() {
    return this.sockets.at(-1);
  }

  /** Let time pass, ringing each timer at its moment. */
  async pass(ms) {
    const end = this.#now + ms;
    await settled();
    for (let next = this.#nextBefore(end); next; next = this.#nextBefore(end)) {
      this.#timers.delete(next.id);
      this.#now = next.at;
      next.callback();
      await settled();
    }
    this.#now = end;
  }

  #nextBefore(end) {
    const due = [...this.#timers].map(([id, timer]) => ({ id, ...timer })).filter(({ at }) => at <= end);
    return due.sort((a, b) => a.at - b.at || a.id - b.id)[0];
  }

  #dial(url, protocols) {
    const socket = new FarEnd(url, protocols);
    this.sockets.push(socket);
    return socket;
  }
}

/** What the browser would call a WebSocket, seen from the server's side. */
class FarEnd {
  readyState = 0;
  /** @type {any[]} */
  received = [];
  answer = null;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  accept() {
    this.readyState = 1;
    this.onopen?.();
  }

  welcome(userId = "ann") {
    this.say({ event: "welcome", data: { session_id: "s", user_id: userId, heartbeat_seconds: 25, unread_total: 0 } });
  }

  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  reply(request, result) {
    this.say({ id: request.id, ok: true, result });
  }

  refuse(request, error) {
    this.say({ id: request.id, ok: false, error });
  }

  fall(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  asked(op) {
    return this.received.filter((frame) => frame.op === op);
  }

  send(text) {
    const frame = JSON.parse(text);
    this.received.push(frame);
    queueMicrotask(() => this.answer?.(frame, this));
  }

  close() {
    this.readyState = 3;
  }
}

/** Everything that was only waiting for its turn has had it. */
export const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
