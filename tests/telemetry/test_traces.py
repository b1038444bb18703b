"""Traces, in processes of their own: whether they are on is decided once, by the environment."""

import json
import os
import subprocess
import sys
import textwrap

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def said(program: str, **environment: str) -> tuple[str, list[dict[str, object]], list[dict[str, object]]]:
    """What a process prints, its spans, its log lines."""
    done = subprocess.run(
        [sys.executable, "-c", "from causerie import telemetry\ntelemetry.setup('api')\n" + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}, **environment},
    )
    printed, _, spans = done.stdout.partition("---\n")
    decoder, found = json.JSONDecoder(), []
    while spans.strip():
        span, end = decoder.raw_decode(spans.lstrip())
        found.append(span)
        spans = spans.lstrip()[end:]
    return printed, found, [json.loads(line) for line in done.stderr.splitlines()]


def test_traces_are_off_unless_an_exporter_is_set():
    printed, spans, lines = said("""
        import logging
        with telemetry.span("work"):
            print(telemetry.traceparent())
            logging.getLogger("x").info("working")
        print("---")
        telemetry.shutdown()
    """)

    assert printed == "None\n"
    assert spans == []
    assert "trace_id" not in lines[0]


def test_a_span_travels_as_traceparent_and_stands_in_the_log():
    printed, spans, lines = said(
        """
        import logging
        with telemetry.span("outer", conversation="c"):
            with telemetry.span("inner"):
                print(telemetry.traceparent())
                logging.getLogger("x").info("working")
        print("---", flush=True)
        telemetry.shutdown()
        """,
        OTEL_TRACES_EXPORTER="console",
    )

    inner, outer = spans
    assert (inner["name"], outer["name"]) == ("inner", "outer")
    assert inner["parent_id"] == outer["context"]["span_id"]
    assert outer["attributes"] == {"conversation": "c"}
    _, trace_id, span_id, _ = printed.strip().split("-")
    assert (lines[0]["trace_id"], lines[0]["span_id"]) == (trace_id, span_id)
    assert inner["context"] == {"trace_id": f"0x{trace_id}", "span_id": f"0x{span_id}", "trace_state": "[]"}


def test_a_batch_links_to_what_made_it_and_leaves_broken_links_out():
    _, spans, _ = said(
        f"""
        with telemetry.span("batch", links=["{TRACEPARENT}", None, "", "broken", "{TRACEPARENT[:-3]}"]):
            pass
        with telemetry.span("child", parent="{TRACEPARENT}"):
            pass
        print("---", flush=True)
        telemetry.shutdown()
        """,
        OTEL_TRACES_EXPORTER="console",
    )

    batch, child = spans
    assert [link["context"]["span_id"] for link in batch["links"]] == ["0xb7ad6b7169203331"]
    assert batch["parent_id"] is None
    assert child["parent_id"] == "0xb7ad6b7169203331"
