"""python-socketio as an ASGI application on uvicorn."""

import sys

import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi", http_compression=False)


@server.on("publish")
async def publish(sid: str, copies: int, payload: str) -> None:
    for _ in range(copies):
        await server.emit("m", payload)


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(server),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        loop="uvloop",
        backlog=4096,
        ws_per_message_deflate=False,
    )
