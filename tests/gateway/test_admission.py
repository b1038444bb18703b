import pytest

from services.gateway.admission import Admission, Credential, Denial, Opening, Room, TicketText, Token

EMPTY = Room(connections=0, max_connections=10, draining=False)


def a_head(**changes: str) -> dict[str, str]:
    head = {
        "host": "chat.example:8081",
        "upgrade": "websocket",
        "connection": "keep-alive, Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    return head | {name.replace("_", "-"): value for name, value in changes.items()}


def judged(*, origins: tuple[str, ...] = (), room: Room = EMPTY, query: str = "", **headers: str) -> Opening | Denial:
    return Admission(allowed_origins=origins, cookie=None).judge("GET", "1.1", query, a_head(**headers), room)


def status_of(answer: Opening | Denial) -> int:
    return answer.status if isinstance(answer, Denial) else 101


def credential_of(answer: Opening | Denial) -> Credential:
    assert isinstance(answer, Opening)
    return answer.credential


def test_a_sound_handshake_without_a_token_is_opened():
    answer = judged()

    assert isinstance(answer, Opening)
    assert answer.head.startswith(b"HTTP/1.1 101 ")
    assert answer.credential is None


@pytest.mark.parametrize(
    ("room", "code", "result"),
    [(Room(10, 10, False), "overloaded", "full"), (Room(0, 10, True), "unavailable", "draining")],
)
def test_a_full_or_leaving_gateway_says_when_to_come_back(room, code, result):
    answer = judged(room=room)

    assert isinstance(answer, Denial)
    assert (answer.status, answer.code, answer.result) == (503, code, result)
    assert int(answer.headers["Retry-After"]) > 0


def test_a_broken_handshake_is_told_so_even_by_a_full_gateway():
    assert status_of(judged(room=Room(10, 10, False), sec_websocket_version="8")) == 426


@pytest.mark.parametrize(
    "origin", ["http://chat.example:8081", "HTTP://CHAT.EXAMPLE:8081", "https://chat.example:8081"]
)
def test_a_page_of_our_own_host_may_come(origin):
    assert status_of(judged(origin=origin)) == 101


@pytest.mark.parametrize("origin", ["http://evil.example", "http://chat.example", "null", "", "garbage", "http://["])
def test_a_foreign_page_may_not(origin):
    assert status_of(judged(origin=origin)) == 403


def test_a_named_page_may_come_and_so_may_our_own():
    named = ("https://shop.example", "https://admin.example:444/")

    assert status_of(judged(origins=named, origin="https://shop.example:443")) == 101
    assert status_of(judged(origins=named, origin="https://admin.example:444")) == 101
    assert status_of(judged(origins=named, origin="http://chat.example:8081")) == 101
    assert status_of(judged(origins=named, origin="http://shop.example")) == 403
    assert status_of(judged(origins=named, origin="https://shop.example.evil.example")) == 403


def test_every_page_may_come_when_the_operator_says_so():
    assert status_of(judged(origins=("*",), origin="https://anywhere.example")) == 101


def test_a_token_may_stand_in_a_header_a_subprotocol_or_be_bought_by_a_ticket():
    assert credential_of(judged(authorization="Bearer abc")) == Token("abc")
    assert credential_of(judged(authorization="bearer  abc ")) == Token("abc")
    assert credential_of(judged(sec_websocket_protocol="causerie.v1, bearer.a.b.c")) == Token("a.b.c")
    assert credential_of(judged(query="x=1&ticket=t%2Bt")) == TicketText("t+t")


def test_what_was_tried_first_counts_even_if_it_is_wrong():
    assert credential_of(judged(authorization="Basic abc", query="ticket=t")) == Token("")
    assert credential_of(judged(authorization="Bearer", query="ticket=t")) == Token("")


def test_our_subprotocol_is_echoed_only_if_it_was_offered():
    offered, silent, other = (
        judged(sec_websocket_protocol="bearer.x, causerie.v1"),
        judged(),
        judged(sec_websocket_protocol="chat"),
    )

    assert isinstance(offered, Opening)
    assert b"Sec-WebSocket-Protocol: causerie.v1\r\n" in offered.head
    for answer in (silent, other):
        assert isinstance(answer, Opening)
        assert b"Sec-WebSocket-Protocol" not in answer.head


@pytest.mark.parametrize(
    ("origins", "origin", "counts"),
    [
        ((), "http://chat.example:8081", True),
        (("https://shop.example",), "https://shop.example", True),
        (("*",), "https://anywhere.example", False),
        ((), None, False),
    ],
)
def test_a_cookie_counts_only_from_a_page_that_may_use_it(origins, origin, counts):
    head = a_head() | {"cookie": "a=1; session=jwt; b=2"} | ({"origin": origin} if origin else {})

    answer = Admission(allowed_origins=origins, cookie="session").judge("GET", "1.1", "", head, EMPTY)

    assert credential_of(answer) == (Token("jwt") if counts else None)
