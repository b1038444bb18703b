"""socketify: uWebSockets' own publish to a topic, called from Python."""

import sys
from typing import Any

from socketify import App, CompressOptions, OpCode

app = App()


def greet(client: Any) -> None:
    client.subscribe("everybody")


def hear(client: Any, message: str, opcode: OpCode) -> None:
    copies, _, payload = message.partition(" ")
    for _ in range(int(copies)):
        app.publish("everybody", payload, OpCode.TEXT)


app.ws("/*", {"compression": CompressOptions.DISABLED, "idle_timeout": 120, "open": greet, "message": hear})

if __name__ == "__main__":
    app.listen(int(sys.argv[1]), lambda config: None)
    app.run()
