/**
 * Everything an application needs of the client; the rest is how it is made.
 *
 *     const causerie = new Causerie({
 *       gatewayUrl: "wss://chat.example.org/ws",
 *       apiUrl: "https://chat.example.org",
 *       token: () => fetch("/my/token").then((answer) => answer.text()),
 *     });
 *     causerie.subscribe(({ what }) => what === "conversation" && render(causerie.conversations));
 *     causerie.connect();
 *     …
 *     const ben = await causerie.direct("ben");
 *     causerie.send(ben.id, "Hello!");
 */

export { Causerie } from "./client.js";
export { CauserieError } from "./errors.js";
