/**
 * Beginning a conversation: with one person, or a group of several.
 */

import { the } from "./dom.js";
import { userIdOf, userIdsOf } from "./words.js";

/** @typedef {import("./client/index.js").Causerie} Causerie */
/** @typedef {import("./client/model.js").Conversation} Conversation */

/** @param {Causerie} causerie @param {{onOpen: (id: string) => void, complain: (error: unknown) => void}} page */
export function wireOpeners(causerie, { onOpen, complain }) {
  submitting(the("new-direct"), async (/** @type {FormData} */ data) => {
    await begin(causerie.direct(userIdOf(String(data.get("name")))));
  });
  submitting(the("new-group"), async (data) => {
    await begin(causerie.group(String(data.get("name")), userIdsOf(String(data.get("members")))));
    the("group-details").open = false;
  });

  /** @param {Promise<Conversation | null>} made */
  async function begin(made) {
    const conversation = await made;
    if (conversation) onOpen(conversation.id);
  }

  /** @param {HTMLFormElement} form @param {(data: FormData) => Promise<void>} work */
  function submitting(form, work) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await work(new FormData(form));
        form.reset();
      } catch (error) {
        complain(error);
      }
    });
  }
}
