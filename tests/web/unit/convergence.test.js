import assert from "node:assert/strict";
import { test } from "node:test";

import { FarSide } from "./far_side.js";
import { ME, deleted, edited, posted } from "./making.js";

const RUNS = 60;
const STEPS = 40;

test("whatever was lost and however often the line fell, the page shows what a fresh one would", async () => {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const random = randomFrom(seed);
    const far = new FarSide();
    await far.connect();
    if (random() < 0.5) await far.causerie.open(far.conversation);

    for (let step = 0; step < STEPS; step += 1) await somethingHappens(far, random);
    far.host.latest.fall();
    await back(far);
    await far.causerie.open(far.conversation);

    const fresh = new FarSide(far.log);
    await fresh.connect();
    await fresh.causerie.open(fresh.conversation);
    assert.deepEqual(shown(far), shown(fresh), `seed ${seed}`);
  }
});

const shown = ({ conversation }) => ({
  messages: conversation.timeline.messages.map(({ id, content, version, is_deleted: isDeleted }) => [id, content, version, isDeleted]),
  last: conversation.lastMessage?.content,
  unread: conversation.unread,
  seq: conversation.seq,
});

async function somethingHappens(far, random) {
  const delivered = far.causerie.state.status === "online" && random() < 0.7;
  const alive = far.messages.filter(({ is_deleted: isDeleted }) => !isDeleted);
  const one = alive[Math.floor(random() * alive.length)];
  const dice = random();
  if (dice < 0.5 || !one) far.append((seq) => posted(seq, { sender: random() < 0.2 ? ME : "ben" }), { delivered });
  else if (dice < 0.7) far.append((seq) => edited(seq, one.seq, { ...one, content: `edit ${seq}`, version: one.version + 1 }), { delivered });
  else if (dice < 0.8) far.append((seq) => deleted(seq, one.seq), { delivered });
  else if (dice < 0.9) await far.host.pass(random() * 300);
  else if (far.causerie.state.status === "online") far.host.latest.fall();
  else await back(far);
}

async function back(far) {
  while (far.causerie.state.status === "waiting") await far.host.pass(1_000);
  if (far.causerie.state.status === "connecting") await far.arrive();
  await far.host.pass(2_000);
}

function randomFrom(seed) {
  let state = seed * 7_919;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
