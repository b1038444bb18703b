import io
import json
import logging

import pytest

from causerie.telemetry.logs import JsonLines, set_up


class Log(logging.Logger):
    """A logger that keeps what it writes."""

    def __init__(self) -> None:
        super().__init__("causerie.test")
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(JsonLines("gateway"))
        self.addHandler(handler)

    def written(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_line_is_a_constant_phrase_and_fields(log):
    log.info("session closed", extra={"code": "SLOW", "user": "ann", "bytes": 7})

    (line,) = log.written()
    assert line["message"] == "session closed"
    assert (line["code"], line["user"], line["bytes"]) == ("SLOW", "ann", 7)
    assert (line["level"], line["service"], line["logger"]) == ("info", "gateway", "causerie.test")
    assert line["ts"].endswith("Z")


def test_an_exception_stays_on_its_line(log):
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        log.exception("broke")

    (line,) = log.written()
    assert "ValueError: first\nsecond" in line["exception"]
    assert "Traceback" in line["exception"]


def test_whatever_is_given_can_be_written(log):
    log.info("odd\nphrase \u2028 %s", "of parts", extra={"thing": object(), "bytes": b"\xff", "text": "\x00\udcff"})

    (line,) = log.written()
    assert line["message"] == "odd\nphrase \u2028 of parts"
    assert line["thing"].startswith("<object")


def test_a_field_never_hides_what_every_line_has(log):
    log.info("phrase", extra={"service": "mine", "level": "mine"})

    (line,) = log.written()
    assert (line["service"], line["level"]) == ("gateway", "info")
    assert (line["extra_service"], line["extra_level"]) == ("mine", "mine")


def test_a_level_that_is_none_stops_the_start():
    with pytest.raises(ValueError, match="LOG_LEVEL must be one of debug, info, warning, error, critical, not 'loud'"):
        set_up("api", "loud")
