"""picows on uvloop."""

import sys

import picows
import uvloop

connected: set[picows.WSTransport] = set()


class Client(picows.WSListener):
    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        connected.add(transport)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        connected.discard(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.TEXT:
            copies, _, payload = frame.get_payload_as_bytes().partition(b" ")
            for _ in range(int(copies)):
                for other in connected:
                    other.send(picows.WSMsgType.TEXT, payload)


async def main() -> None:
    server = await picows.ws_create_server(lambda request: Client(), "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
