/** Events and messages as the server words them, with only what a test cares about said. */

export const ME = "ann";
export const EPOCH = "e1";
export const CONVERSATION = "0190a1b2-0000-7000-8000-000000000001";

export function aMessage({ seq = 2, sender = "ben", content = `message ${seq}`, version = 1, ...rest } = {}) {
  return {
    id: `m${seq}`, conversation_id: CONVERSATION, seq, sender_id: sender, type: "text", content, version,
    is_edited: version > 1, is_deleted: false, client_id: null, created_at: `2026-01-01T00:00:${String(seq % 60).padStart(2, "0")}.000Z`,
    ...rest,
  };
}

export function anEvent(seq, event, data, { epoch = EPOCH, conversation = CONVERSATION } = {}) {
  return { event, conversation_id: conversation, seq, epoch, ts: "2026-01-01T00:00:00.000Z", data };
}

export const posted = (seq, facts = {}) => anEvent(seq, "message.new", aMessage({ seq, ...facts }));

export const edited = (seq, of, facts = {}) =>
  anEvent(seq, "message.edit", aMessage({ seq: of, version: 2, content: "edited", ...facts }));

export const deleted = (seq, of) => anEvent(seq, "message.delete", { message_id: `m${of}`, deleted_by: "ben" });

export const aMember = (userId, role = "member") => ({ user_id: userId, role, nickname: null, left_at: null });
