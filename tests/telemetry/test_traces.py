"""Traces, in processes of their own: whether they are on is decided once, by the environment."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319d-c7ad6b7169203332-01"
NOT_SAMPLED = TRACEPARENT[:-2] + "00"


def said(program: str, **environment: str) -> tuple[list[str], list[dict[str, object]], list[dict[str, object]]]:
    """What a process prints, its spans, its log lines."""
    program = "from causerie import telemetry\ntelemetry.setup('api')\n" + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", program + "\nprint('---', flush=True)\ntelemetry.shutdown()"],
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
    return printed.splitlines(), found, [json.loads(line) for line in done.stderr.splitlines()]


def traced(program: str, **environment: str) -> tuple[list[str], list[dict[str, object]], list[dict[str, object]]]:
    return said(program, OTEL_TRACES_EXPORTER="console", **environment)


def names(spans: list[dict[str, object]]) -> list[object]:
    return [span["name"] for span in spans]


ONE_REQUEST = """
    import logging
    with telemetry.entry("request"):
        with telemetry.span("step"):
            print(telemetry.traceparent())
            logging.getLogger("x").info("working")
    with telemetry.span("batch", links=[None]):
        pass
"""


def test_traces_are_off_unless_an_exporter_is_set():
    printed, spans, lines = said(ONE_REQUEST)

    assert (printed, spans) == (["None"], [])
    assert "trace_id" not in lines[0]


def test_a_span_travels_as_traceparent_and_stands_in_the_log():
    printed, (step, request), lines = traced(ONE_REQUEST)

    assert (step["name"], request["name"]) == ("step", "request")
    assert step["parent_id"] == request["context"]["span_id"]
    version, trace_id, span_id, flags = printed[0].split("-")
    assert (version, flags) == ("00", "01")
    assert (lines[0]["trace_id"], lines[0]["span_id"]) == (trace_id, span_id)
    assert step["context"] == {"trace_id": f"0x{trace_id}", "span_id": f"0x{span_id}", "trace_state": "[]"}


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off", "parentbased_traceidratio"])
def test_what_is_not_sampled_leaves_nothing_anywhere(sampler):
    printed, spans, lines = traced(ONE_REQUEST, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG="0")

    assert (printed, spans) == (["None"], [])
    assert "trace_id" not in lines[0]


def test_a_share_of_requests_is_sampled_and_each_of_them_whole():
    program = """
        for number in range(1000):
            with telemetry.entry("request"):
                with telemetry.span("step"):
                    pass
    """
    _, spans, _ = traced(program, OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1")

    requests = {span["context"]["span_id"] for span in spans if span["name"] == "request"}
    assert 50 < len(requests) < 160
    assert sorted(span["parent_id"] for span in spans if span["name"] == "step") == sorted(requests)


def test_a_caller_who_has_decided_is_followed_where_the_sampler_says_so():
    program = f"""
        for parent in ("{TRACEPARENT}", "{NOT_SAMPLED}", "broken"):
            with telemetry.entry("request", parent=parent):
                print(telemetry.traceparent())
    """
    followed, _, _ = traced(program, OTEL_TRACES_SAMPLER="parentbased_always_off")
    by_id, _, _ = traced(program, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.999")

    assert followed[0].split("-")[1] == TRACE_ID
    assert followed[1:] == ["None", "None"]
    # 8448eb21… is about half of the way: both of that id are in, whatever their flags say.
    assert [line.split("-")[1] for line in by_id[:2]] == [TRACE_ID, TRACE_ID]


def test_a_sampler_that_is_unknown_is_told_in_the_log_and_loses_nothing():
    _, spans, lines = traced(ONE_REQUEST, OTEL_TRACES_SAMPLER="some")

    assert names(spans) == ["step", "request"]
    assert "OTEL_TRACES_SAMPLER is unknown" in lines[0]["message"]


def test_a_batch_of_one_goes_on_with_its_trace_and_links_to_it():
    _, (batch,), _ = traced(f"""
        with telemetry.span("batch", links=["{TRACEPARENT}", None, "", "broken", "{NOT_SAMPLED}", "{TRACEPARENT}"]):
            pass
    """)

    assert [link["context"]["span_id"] for link in batch["links"]] == [f"0x{SPAN_ID}"]
    assert (batch["context"]["trace_id"], batch["parent_id"]) == (f"0x{TRACE_ID}", f"0x{SPAN_ID}")


def test_a_batch_of_many_links_to_each_and_is_nobodys_child():
    _, spans, _ = traced(f"""
        with telemetry.entry("request"):
            with telemetry.span("batch", links=["{TRACEPARENT}", "{OTHER}"]):
                with telemetry.span("write"):
                    pass
        with telemetry.span("crowd", links=[f"00-{{n + 1:032x}}-{{n + 1:016x}}-01" for n in range(1000)]):
            pass
    """)

    write, batch, request, crowd = spans
    assert len(batch["links"]) == 2
    assert batch["parent_id"] is None
    assert batch["context"]["trace_id"] not in (request["context"]["trace_id"], f"0x{TRACE_ID}")
    assert write["parent_id"] == batch["context"]["span_id"]
    assert len(crowd["links"]) == 32


def test_what_a_finished_request_began_is_no_part_of_its_trace():
    """Else everything that a task started once would belong to it for ever."""
    printed, spans, lines = traced("""
        import asyncio, logging
        async def main():
            with telemetry.entry("request"):
                later = asyncio.create_task(work())
            await later
        async def work():
            await asyncio.sleep(0)
            print(telemetry.traceparent())
            logging.getLogger("x").info("later")
            with telemetry.span("step"):
                pass
        asyncio.run(main())
    """)

    assert (printed, names(spans)) == (["None"], ["request"])
    assert "trace_id" not in lines[0]


def test_an_op_lasts_until_its_answer_and_says_how_it_failed():
    _, spans, _ = traced("""
        import asyncio
        from causerie.domain.errors import NotFound, Unavailable
        async def main():
            for outcome in (None, NotFound(), Unavailable("gone"), ValueError("secret")):
                with telemetry.entry("op") as op:
                    answer = asyncio.get_running_loop().create_future()
                    op.hold_until(answer)
                await asyncio.sleep(0.02)
                answer.set_exception(outcome) if outcome else answer.set_result(1)
                await asyncio.sleep(0)
        asyncio.run(main())
    """)

    assert [span["attributes"].get("error.type") for span in spans] == [None, "not_found", "unavailable", "ValueError"]
    assert [span["status"]["status_code"] for span in spans] == ["UNSET", "UNSET", "ERROR", "ERROR"]
    assert all(span["end_time"] > span["start_time"] for span in spans)
    assert [len(span["events"]) for span in spans] == [0, 0, 0, 1]
