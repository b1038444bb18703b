"""Requests on which two readers of HTTP could disagree, and what becomes of each on the two service ports.

Whatever is ambiguous about where a request ends is refused and the connection closed, so that nothing which stands
behind it is ever taken for a request.  `SMUGGLED` is such a thing: nobody may answer it.
"""

from dataclasses import dataclass

HOST = b"Host: x"
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """`api` and `gateway` are the statuses of all answers, in order; `ends`: the server hangs up."""

    name: str
    data: bytes
    api: tuple[int, ...] = (400,)
    gateway: tuple[int, ...] = (400,)
    ends: bool = True

    def __str__(self) -> str:
        return self.name


def head(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([line, *headers]) + b"\r\n\r\n"


def post(*headers: bytes, body: bytes = b"") -> bytes:
    return head(b"POST /v1/tickets HTTP/1.1", HOST, *headers) + body


def get(*headers: bytes, path: bytes = b"/health", host: bytes = HOST) -> bytes:
    return head(b"GET " + path + b" HTTP/1.1", host, *headers)


def chunked(body: bytes) -> bytes:
    return post(CHUNKED, body=body)


TWO_LENGTHS = [
    Case("CL and TE", post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED)),
    Case("TE and CL", post(CHUNKED, b"Content-Length: 3", body=b"8\r\nSMUGGLED\r\n0\r\n\r\n" + SMUGGLED)),
    Case("two different CLs", post(b"Content-Length: 0", b"Content-Length: 33", body=SMUGGLED)),
    Case("two equal CLs", post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}" + SMUGGLED)),
    Case("a list of CLs", post(b"Content-Length: 2, 2", body=b"{}" + SMUGGLED)),
    Case("CL on a GET and TE", get(b"Content-Length: 33", CHUNKED) + b"0\r\n\r\n" + SMUGGLED),
]
ODD_LENGTHS = [
    Case(f"CL {value!r}", post(b"Content-Length: " + value, body=b"{}" + SMUGGLED))
    for value in (b"-1", b"+2", b"0x2", b"2 2", b"", b"2,", b"2.0", b"\x002", b"9" * 30, b"18446744073709551616")
]
ODD_CODINGS = [
    Case(f"TE {value!r}", post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n" + SMUGGLED))
    for value in (
        b"identity",
        b"xchunked",
        b"chunked, identity",
        b"gzip, chunked",
        b"chunked, chunked",
        b"\x0bchunked",
        b"chunked\x00",
        b"",
        b'"chunked"',
        b"chunked;q=1",
    )
]
HIDDEN_HEADERS = [
    Case("space before the colon of CL", post(b"Content-Length : 2", body=b"{}" + SMUGGLED)),
    Case("space before the colon of TE", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED)),
    Case("TE twice", post(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + SMUGGLED)),
    Case("TE in HTTP/1.0", head(b"POST /v1/tickets HTTP/1.0", HOST, CHUNKED) + b"0\r\n\r\n" + SMUGGLED),
    Case("obs-fold", get(b"X-A: b", b" c")),
    Case("obs-fold of TE", post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n" + SMUGGLED)),
    Case("a first header that begins with a blank", b"GET /health HTTP/1.1\r\n Host: x\r\n\r\n"),
    Case("bare LF everywhere", b"GET /health HTTP/1.1\nHost: x\n\n"),
    Case("one bare LF", b"GET /health HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n"),
    Case("LF, then CRLF", b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\n\r\n"),
    Case("bare CR", b"GET /health HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n"),
    Case("only CR", b"GET /health HTTP/1.1\rHost: x\r\r"),
    Case("NUL in a value", get(b"X-A: a\0b")),
    Case("NUL in a name", get(b"X\0A: ab")),
    Case("NUL in the path", get(path=b"/hea\0lth")),
    Case("a control character", get(b"X-A: a\x01b")),
    Case("DEL", get(b"X-A: a\x7fb")),
    Case("blank in a name", get(b"X A: ab")),
    Case("empty name", get(b": ab")),
    Case("no colon", get(b"nothing")),
    Case("no Host", b"GET /health HTTP/1.1\r\n\r\n"),
    Case("two Hosts", get(b"Host: y")),
    Case("two Hosts in one", get(host=b"Host: x, y")),
    Case("a path as Host", get(host=b"Host: x/y")),
    Case("a user in Host", get(host=b"Host: u@x")),
]
BAD_CHUNKS = [
    Case(f"chunk {body[:20]!r}", chunked(body + SMUGGLED))
    for body in (
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}X0\r\n\r\n",
        b"1\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"2;\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nA: b\nC: d\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
    )
]
ODD_LINES = [
    Case("no HTTP", b"hello\r\n\r\n"),
    Case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)),
    Case("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Case("HTTP/0.9", b"GET /health\r\n\r\n"),
    Case("HTTP/1.2", b"GET /health HTTP/1.2\r\nHost: x\r\n\r\n"),
    Case("HTTP/1.10", b"GET /health HTTP/1.10\r\nHost: x\r\n\r\n"),
    Case("http/1.1", b"GET /health http/1.1\r\nHost: x\r\n\r\n"),
    Case("HTTP/9.9", b"GET /ws HTTP/9.9\r\nHost: x\r\n\r\n"),
    Case("tabs between", b"GET\t/health\tHTTP/1.1\r\nHost: x\r\n\r\n"),
    Case("something behind the version", b"GET /health HTTP/1.1 x\r\nHost: x\r\n\r\n"),
    Case("lower case method", b"get /health HTTP/1.1\r\nHost: x\r\n\r\n"),
    Case("a method nobody knows", b"FOO /health HTTP/1.1\r\nHost: x\r\n\r\n"),
    Case("bytes in the path", "GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode()),
    Case("authority form", get(path=b"x:80")),
    Case("CONNECT", head(b"CONNECT evil.example:443 HTTP/1.1", HOST) + SMUGGLED, gateway=(404,)),
]
TOO_MUCH = [
    Case("a huge value", get(b"X-A: " + b"a" * 100_000), api=(431,), gateway=(431,)),
    Case("a huge name", get(b"X" * 100_000 + b": a"), api=(431,), gateway=(431,)),
    Case("a huge path", get(path=b"/" + b"a" * 100_000), api=(431,), gateway=(431,)),
    Case("a huge query", get(path=b"/health?" + b"a=b&" * 25_000), api=(431,), gateway=(431,)),
    Case("many headers", get(*[b"X: y"] * 20_000), api=(431,), gateway=(431,)),
    Case("a head without end", b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 4_000, (431,), (431,)),
    Case("more requests than may wait", SMUGGLED * 500, api=(200,) * 65, gateway=(200,) * 500, ends=False),
    Case("endless chunk extensions", chunked(b"2;" + b"a" * 2_000_000), api=(401,), gateway=(413,)),
    Case("endless trailers", chunked(b"0\r\n" + b"X: y\r\n" * 400_000), api=(401,), gateway=(413,)),
    Case("one endless trailer", chunked(b"0\r\nX: " + b"y" * 2_000_000), api=(401,), gateway=(413,)),
]
HARMLESS = [
    # What is unusual but clear is answered like anything else, once, and nothing behind it is lost or invented.
    Case("absolute form", get(path=b"http://evil.example/health"), (200,), (200,), ends=False),
    Case("asterisk form", head(b"OPTIONS * HTTP/1.1", HOST), (404,), (404,), ends=False),
    Case("empty lines before", b"\r\n\r\n" + get(), (200,), (200,), ends=False),
    Case("a chunk extension", chunked(b"2;a=b\r\n{}\r\n0\r\n\r\n"), (401,), (404,), ends=False),
    Case("a trailer", chunked(b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"), (401,), (404,), ends=False),
    Case("encoded NUL", get(path=b"/v1/conversations/%00"), (401,), (404,), ends=False),
    Case("bad percent", get(path=b"/v1/conversations/%zz"), (401,), (404,), ends=False),
    Case("percent that is no UTF-8", get(path=b"/v1/conversations/%ff%fe"), (401,), (404,), ends=False),
    Case("two requests", SMUGGLED * 2, (200, 200), (200, 200), ends=False),
    Case("as many requests as may wait", SMUGGLED * 65, (200,) * 65, (200,) * 65, ends=False),
    Case("a GET with a body", get(b"Content-Length: 33") + SMUGGLED + SMUGGLED, (200, 200), (200, 200), ends=False),
    Case("h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c") + SMUGGLED, (200,), (200,)),
    Case("bytes behind a close", get(b"Connection: close") + b"NONSENSE", (200,), (200,)),
    Case("a request, then nonsense", SMUGGLED + b"NONSENSE\r\n\r\n", (200,), (200, 400)),
]
CASES = [
    *TWO_LENGTHS,
    *ODD_LENGTHS,
    *ODD_CODINGS,
    *HIDDEN_HEADERS,
    *BAD_CHUNKS,
    *ODD_LINES,
    *TOO_MUCH,
    *HARMLESS,
]
