"""FastAPI on uvicorn (uvloop, httptools): the connection manager of its tutorial."""

import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
connected: list[WebSocket] = []


@app.websocket("/")
async def handle(client: WebSocket) -> None:
    await client.accept()
    connected.append(client)
    try:
        while True:
            copies, _, payload = (await client.receive_text()).partition(" ")
            for _ in range(int(copies)):
                for other in connected:
                    await other.send_text(payload)
    except WebSocketDisconnect:
        connected.remove(client)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        loop="uvloop",
        backlog=4096,
        ws_per_message_deflate=False,
    )
