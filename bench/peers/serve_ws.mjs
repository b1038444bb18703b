// Node's `ws`: a loop over its clients, as its documentation shows it.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });

server.on("connection", (client) => {
  client.on("error", () => client.terminate());
  client.on("message", (data) => {
    const message = data.toString();
    const space = message.indexOf(" ");
    const payload = message.slice(space + 1);
    for (let left = Number(message.slice(0, space)); left > 0; left--) {
      for (const other of server.clients) other.send(payload);
    }
  });
});

http.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
