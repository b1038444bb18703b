/**
 * Reading a conversation over REST into its model: the whole, what is missing, what is older.
 */

import { Conversation } from "./model.js";

/** @typedef {import("./rest.js").Rest} Rest */
/** @typedef {import("./types.js").ConversationView} ConversationView */
/** @typedef {{epoch: string, seq: number}} Position */

const HISTORY_PAGE = 50;
const LOG_PAGE = 100;

/**
 * Where all conversations are now, and the cursor that leads on from there.
 *
 * @param {import("./connection.js").Connection} connection
 */
export async function readHeads(connection) {
  /** @type {Map<string, Position>} */
  const positions = new Map();
  /** @type {string | undefined} */
  let cursor;
  for (;;) {
    /** @type {import("./types.js").SyncPage} */
    const page = await connection.request("sync", cursor === undefined ? {} : { cursor });
    for (const reset of page.resets ?? []) positions.set(reset.conversation_id, reset);
    cursor = page.next_cursor;
    if (!page.has_more) return { positions, cursor };
  }
}

/** Where the log of a conversation ends.  @param {Rest} rest @param {string} id @returns {Promise<Position>} */
export async function readPosition(rest, id) {
  const log = await rest.get(`/conversations/${id}/events`, { after_seq: 0, limit: 1 });
  return { epoch: log.epoch, seq: log.last_seq };
}

/**
 * Fetch the events between the model and the newest known one.
 *
 * @param {Rest} rest
 * @param {Conversation} conversation
 * @returns {Promise<boolean>} false when the log cannot lead there and a fresh read has to
 */
export async function readGap(rest, conversation) {
  while (conversation.hasGap) {
    const { id, seq, epoch } = conversation;
    const log = await rest.get(`/conversations/${id}/events`, { after_seq: seq, epoch, limit: LOG_PAGE });
    if (log.recovered === false || log.epoch !== epoch) return false;
    for (const event of log.events) conversation.offer(event);
    if (conversation.seq === seq) return false;
  }
  return true;
}

/** One history page further back; nothing when all is here.
 * @param {Rest} rest @param {Conversation} conversation */
export async function readOlder(rest, conversation) {
  const { timeline } = conversation;
  const { oldestSeq, loaded, complete, generation } = timeline;
  if (loaded && complete) return;
  /** @type {Record<string, number>} */
  const query = { limit: HISTORY_PAGE };
  if (loaded && oldestSeq !== null) query.before_seq = oldestSeq;
  const page = await rest.get(`/conversations/${conversation.id}/messages`, query);
  // A page asked for before a reset may not touch what was read after it.
  if (timeline.generation === generation) timeline.mergeOlder(page);
}

/** Who is in it; read again when somebody came or went meanwhile.
 * @param {Rest} rest @param {Conversation} conversation */
export async function readMembers(rest, conversation) {
  for (;;) {
    const before = conversation.memberChanges;
    const members = await rest.all(`/conversations/${conversation.id}/members`);
    if (conversation.memberChanges === before) return conversation.setMembers(members);
  }
}
