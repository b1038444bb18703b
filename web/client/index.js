/** Everything an application needs of the client; the rest is how it is made. */

export { Causerie } from "./client.js";
export { CauserieError } from "./errors.js";
