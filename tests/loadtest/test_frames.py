"""Our client's frames beside the server's codec: each reads what the other writes."""

from hypothesis import given
from hypothesis import strategies as st

from causerie.protocol.websocket import Pong, Receiver, Text, ping_frame, text_frame
from causerie.protocol.websocket_handshake import Handshake, read_handshake
from loadtest.frames import PING, PONG, TEXT, client_frame, server_frames, upgrade

TEXTS = st.lists(st.text(max_size=200) | st.sampled_from(["é" * 62, "é" * 63, "e" * 65_535, "e" * 65_536]), max_size=4)


@given(TEXTS)
def test_the_server_reads_what_we_say(texts: list[str]):
    said = b"".join(client_frame(text.encode()) for text in texts)

    assert Receiver().receive(said) == [Text(text) for text in texts]


@given(TEXTS, st.integers(0, 300))
def test_we_read_what_the_server_says_wherever_it_is_cut(texts: list[str], cut: int):
    written = b"".join(text_frame(text.encode()) for text in texts)

    first, rest = server_frames(written[:cut])
    second, left = server_frames(rest + written[cut:])

    assert [*first, *second] == [(TEXT, text.encode()) for text in texts]
    assert left == b""


def test_a_ping_is_read_and_its_answer_understood():
    frames, _ = server_frames(ping_frame(b"there?"))

    assert frames == [(PING, b"there?")]
    assert Receiver().receive(client_frame(b"there?", PONG)) == [Pong(b"there?")]


def test_the_server_takes_our_upgrade():
    head = upgrade("127.0.0.1:8081", "/ws", "a.b.c").decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}

    assert isinstance(read_handshake("GET", "1.1", headers), Handshake)
    assert headers["authorization"] == "Bearer a.b.c"
