"""JSON for machines, a line for people."""

from causerie.cli.loglines import readable


def test_a_json_line_becomes_a_phrase_with_its_facts():
    line = '{"ts": "2026-11-21T09:00:00.000Z", "level": "info", "message": "session closed", "code": 4008}\n'

    assert readable(line) == "session closed (code=4008)"


def test_what_is_worse_than_usual_says_so():
    assert readable('{"level": "warning", "message": "Redis is away"}') == "WARNING Redis is away"


def test_a_trace_follows_its_line():
    line = '{"level": "error", "message": "unexpected", "exception": "Traceback …\\nValueError"}'

    assert readable(line) == "ERROR unexpected\nTraceback …\nValueError"


def test_any_other_line_stays_as_it_is():
    for line in ("plain text", "{not json", '{"no": "phrase"}', "{}", ""):
        assert readable(line) == line
