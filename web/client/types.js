/**
 * The shapes on the wire, named once for the type checker and the reader.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string} conversation_id
 * @property {number} seq
 * @property {string} sender_id
 * @property {string} type
 * @property {string} content
 * @property {Record<string, unknown>} [metadata]
 * @property {string | null} [reply_to_id]
 * @property {unknown[]} [attachments]
 * @property {Reaction[]} [reactions]
 * @property {string | null} [client_id]
 * @property {number} version
 * @property {boolean} is_edited
 * @property {boolean} is_deleted
 * @property {boolean} [is_pinned]
 * @property {string} created_at
 * @property {string | null} [edited_at]
 *
 * @typedef {{emoji: string, count: number, me: boolean}} Reaction
 *
 * @typedef {object} Member
 * @property {string} user_id
 * @property {string} role
 * @property {string | null} [nickname]
 * @property {string} [joined_at]
 * @property {string | null} [left_at]
 *
 * @typedef {object} ConversationView
 * @property {string} id
 * @property {"direct" | "group" | "channel"} type
 * @property {string | null} [name]
 * @property {string} [created_at]
 * @property {number} [last_seq]
 * @property {number} [unread_count]
 * @property {Message | null} [last_message]
 * @property {Member[]} [members]
 * @property {{read_seq?: number}} [membership] mine
 *
 * @typedef {object} Event a durable event, numbered within its conversation
 * @property {string} event
 * @property {string} conversation_id
 * @property {number} seq
 * @property {string} epoch
 * @property {string} ts
 * @property {any} data
 *
 * @typedef {{event: string, conversation_id?: string, seq?: number, epoch?: string, ts?: string, data?: any}} Frame
 *
 * @typedef {{conversation_id: string, epoch: string, seq: number, reason?: string}} Reset
 *
 * @typedef {object} SyncPage
 * @property {Event[]} events
 * @property {{conversation_id: string, user_id: string, seq: number, unread_count?: number}[]} [reads]
 * @property {Reset[]} [resets]
 * @property {string} next_cursor
 * @property {boolean} has_more
 * @property {boolean} [recovered]
 */

export {};
