// Node's Socket.IO: one `emit` to everybody.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, { perMessageDeflate: false, httpCompression: false });

server.on("connection", (client) => {
  client.on("publish", (copies, payload) => {
    for (let left = copies; left > 0; left--) server.emit("m", payload);
  });
});

http.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
