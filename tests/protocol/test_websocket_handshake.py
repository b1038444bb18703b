"""The opening handshake (PROTOCOLS §1.8)."""

import pytest

from causerie.protocol.websocket_handshake import BadHandshake, Handshake, accept_value, read_handshake

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def a_head(**changes: str | None) -> dict[str, str]:
    head: dict[str, str | None] = {
        "host": "chat.example",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY,
    }
    head |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in head.items() if value is not None}


def status_of(judged: Handshake | BadHandshake) -> int:
    return judged.status if isinstance(judged, BadHandshake) else 101


def test_the_accept_value_is_that_of_the_rfc():
    assert accept_value(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_sound_request_is_accepted():
    handshake = read_handshake("GET", "1.1", a_head())

    assert isinstance(handshake, Handshake)
    head, _, rest = handshake.accept().partition(b"\r\n")
    assert head == b"HTTP/1.1 101 Switching Protocols"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in rest
    assert rest.endswith(b"\r\n\r\n")
    assert b"Sec-WebSocket-Protocol" not in rest


@pytest.mark.parametrize(
    "connection", ["keep-alive, Upgrade", "upgrade", "Upgrade,keep-alive", " keep-alive ,\tUPGRADE "]
)
def test_connection_is_a_list_of_tokens(connection):
    assert status_of(read_handshake("GET", "1.1", a_head(connection=connection))) == 101


@pytest.mark.parametrize("host", [None, "", " ", "chat.example, other.example"])
def test_a_request_names_one_host(host):
    assert status_of(read_handshake("GET", "1.1", a_head(host=host))) == 400


@pytest.mark.parametrize("change", [{"upgrade": None}, {"upgrade": "h2c"}, {"connection": "keep-alive"}])
def test_a_request_that_asks_for_no_upgrade_is_told_to(change):
    judged = read_handshake("GET", "1.1", a_head(**change))

    assert isinstance(judged, BadHandshake)
    assert (judged.status, judged.headers["Upgrade"]) == (426, "websocket")


@pytest.mark.parametrize("version", [None, "", "8", "12", "14", "13, 8", "0013"])
def test_another_version_is_told_ours(version):
    judged = read_handshake("GET", "1.1", a_head(sec_websocket_version=version))

    assert isinstance(judged, BadHandshake)
    assert (judged.status, judged.headers) == (426, {"Sec-WebSocket-Version": "13"})


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "short",
        KEY + KEY,
        f"{KEY}, {KEY}",
        "dGhlIHNhbXBsZSBub25jZQ",
        "!" * 24,
        "é" * 24,
        "AAAAAAAAAAAAAAAAAAAAAAA=",
    ],
)
def test_a_key_that_is_not_sixteen_bytes_is_bad(key):
    assert status_of(read_handshake("GET", "1.1", a_head(sec_websocket_key=key))) == 400


def test_other_methods_are_not_allowed():
    judged = read_handshake("POST", "1.1", a_head())

    assert isinstance(judged, BadHandshake)
    assert (judged.status, judged.headers) == (405, {"Allow": "GET"})


def test_http_1_0_cannot_be_upgraded():
    assert status_of(read_handshake("GET", "1.0", a_head())) == 400


def test_offered_subprotocols_are_read_in_order_and_the_chosen_one_is_echoed():
    handshake = read_handshake("GET", "1.1", a_head(sec_websocket_protocol="causerie.v1,  bearer.abc ,,x"))

    assert isinstance(handshake, Handshake)
    assert handshake.subprotocols == ("causerie.v1", "bearer.abc", "x")
    assert b"Sec-WebSocket-Protocol: causerie.v1\r\n" in handshake.accept("causerie.v1")
