import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../../web/client/connection.js";
import { Host, settled } from "./host.js";

async function aConnection(options = {}) {
  const host = new Host();
  const states = [];
  const frames = [];
  const tokens = [];
  const connection = new Connection({
    url: "ws://gateway/ws",
    token: async (fresh) => (tokens.push(fresh), fresh ? "fresh" : "kept"),
    onFrame: (frame) => frames.push(frame),
    onState: ({ status }) => states.push(status),
    host: host.offer,
    ...options,
  });
  connection.open();
  await settled();
  return { connection, host, states, frames, tokens };
}

async function anOnlineConnection(options) {
  const world = await aConnection(options);
  world.host.latest.accept();
  world.host.latest.welcome();
  return world;
}

test("the token travels in the subprotocol pair, and welcome means online", async () => {
  const { host, states } = await anOnlineConnection();

  assert.deepEqual(host.latest.protocols, ["causerie.v1", "bearer.kept"]);
  assert.deepEqual(states, ["connecting", "online"]);
});

test("the token may travel in the first frame instead", async () => {
  const { host } = await aConnection({ authenticate: "frame" });

  host.latest.accept();

  assert.deepEqual(host.latest.protocols, ["causerie.v1"]);
  assert.deepEqual(host.latest.received, [{ id: 1, op: "auth", token: "kept" }]);
});

test("answers find their questions in any order", async () => {
  const { connection, host } = await anOnlineConnection();
  const first = connection.request("ping");
  const second = connection.request("history", { conversation_id: "c" });

  const [ping, history] = host.latest.received;
  host.latest.reply(history, "the history");
  host.latest.refuse(ping, { code: "rate_limited", message: "Slow down.", retryable: true, retry_after_ms: 500 });

  assert.equal(await second, "the history");
  await assert.rejects(first, { code: "rate_limited", retryable: true, retryAfterMs: 500 });
});

test("a question without a connection was certainly not asked", async () => {
  const { connection } = await aConnection();

  await assert.rejects(connection.request("ping"), { code: "disconnected", retryable: true });
});

test("an answer that never comes leaves the outcome unknown", async () => {
  const { connection, host } = await anOnlineConnection();
  const lost = assert.rejects(connection.request("send"), { code: "unknown_outcome", retryable: true });
  host.latest.fall();
  await lost;

  await host.pass(500);
  host.latest.accept();
  host.latest.welcome();
  const late = assert.rejects(connection.request("send"), { code: "unknown_outcome" });
  await host.pass(10_000);
  await late;
});

test("a fallen connection comes back by itself, later each time", async () => {
  const { host, states } = await anOnlineConnection();

  host.latest.fall();
  await host.pass(499);
  assert.equal(host.sockets.length, 1);
  await host.pass(1);
  assert.equal(host.sockets.length, 2);

  host.latest.fall();
  await host.pass(999);
  assert.equal(host.sockets.length, 2);
  await host.pass(1);
  assert.equal(host.sockets.length, 3);
  assert.deepEqual(states.slice(-4), ["waiting", "connecting", "waiting", "connecting"]);
});

test("a server that says when to come back is obeyed, even by an impatient page", async () => {
  const { connection, host } = await anOnlineConnection();
  host.latest.say({ event: "disconnect", data: { code: 1012, reason: "restart", reconnect: true, retry_after_ms: 7000 } });
  host.latest.fall(1012);

  await host.pass(6_999);
  connection.open();
  assert.equal(host.sockets.length, 1);

  await host.pass(501);
  assert.equal(host.sockets.length, 2);
});

test("a page that comes back to life cuts its own wait short", async () => {
  const { connection, host } = await anOnlineConnection();
  host.latest.fall();

  connection.open();
  await settled();

  assert.equal(host.sockets.length, 2);
});

test("a server that says not to come back is believed", async () => {
  const { host, connection } = await anOnlineConnection();
  host.latest.say({ event: "disconnect", data: { code: 4010, reason: "too many sessions", reconnect: false, retry_after_ms: null } });
  host.latest.fall(4010);

  await host.pass(120_000);

  assert.equal(host.sockets.length, 1);
  assert.deepEqual(connection.state, { status: "closed", reason: "too many sessions" });
});

test("a refused token is replaced once; a second refusal is meant", async () => {
  const { host, tokens, connection } = await aConnection();
  host.latest.say({ event: "disconnect", data: { code: 4001, reason: "expired", reconnect: false } });
  host.latest.fall(4001);
  await host.pass(500);
  assert.deepEqual(host.latest.protocols, ["causerie.v1", "bearer.fresh"]);

  host.latest.fall(4001);
  await host.pass(120_000);

  assert.deepEqual(tokens, [false, true]);
  assert.equal(connection.state.status, "closed");
});

test("silence is asked about, and no answer means the line is dead", async () => {
  const { host, states } = await anOnlineConnection();

  await host.pass(25_000);
  const [ping] = host.latest.asked("ping");
  host.latest.reply(ping, {});
  await host.pass(25_000);
  assert.equal(host.latest.asked("ping").length, 2);

  await host.pass(8_000);
  assert.equal(states.at(-1), "waiting");
});

test("a handshake that leads nowhere is given up", async () => {
  const { host, states } = await aConnection();
  host.latest.accept();

  await host.pass(10_000);

  assert.equal(states.at(-1), "waiting");
});

test("frames of a socket that was given up are not heard", async () => {
  const { connection, host, frames } = await anOnlineConnection();
  const old = host.latest;
  connection.close();

  old.welcome();
  old.fall();

  assert.equal(frames.length, 1);
  assert.equal(connection.state.status, "closed");
});
