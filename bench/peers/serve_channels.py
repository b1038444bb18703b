"""Django Channels on uvicorn, with the in-memory layer: the one process a benchmark has needs no Redis between."""

import sys

import django
import uvicorn
from django.conf import settings

settings.configure(
    SECRET_KEY="of a benchmark",
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}},
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  (Django wants its settings first)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Everybody(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("everybody", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("everybody", self.channel_name)

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
        copies, _, payload = text_data.partition(" ")
        for _ in range(int(copies)):
            await self.channel_layer.group_send("everybody", {"type": "told", "payload": payload})

    async def told(self, event: dict[str, str]) -> None:
        await self.send(text_data=event["payload"])


app = ProtocolTypeRouter({"websocket": URLRouter([path("", Everybody.as_asgi())])})

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        loop="uvloop",
        backlog=4096,
        lifespan="off",
        ws_per_message_deflate=False,
    )
