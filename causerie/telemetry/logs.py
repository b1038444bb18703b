"""Log lines as JSON: a constant phrase, fields beside it, and the trace they belong to.

Ids belong here, message text never does.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from causerie.domain.times import rfc3339
from causerie.telemetry import traces

LEVELS = ("debug", "info", "warning", "error", "critical")

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One line per record; what came by `extra` stands beside the phrase, an exception as one text."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in record.__dict__.items():
            if name not in _OWN:
                line[f"extra_{name}" if name in line else name] = value
        if (span := traces.current()) is not None:
            line |= dict(zip(("trace_id", "span_id"), span.ids, strict=True))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, default=str)


def set_up(service: str, level: str) -> None:
    """Send everything from `level` up to standard error, and nothing else anywhere.

    Raises:
        ValueError: there is no such level.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"LOG_LEVEL must be one of {', '.join(LEVELS)}, not {level!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
