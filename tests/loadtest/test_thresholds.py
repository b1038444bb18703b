"""When a run has passed."""

from dataclasses import replace

import pytest

from loadtest.thresholds import Outcome, Thresholds, judge

WELL = Outcome({"connect": 20.0, "send→ack": 30.0, "send→delivered": 31.0}, 10_000, 0, 0, (), ())


def test_a_run_within_its_limits_passes_and_says_so():
    status, lines = judge(Thresholds(), WELL)

    assert status == 0
    assert "kept    send→ack p99 30 ms, at most 250 ms" in lines


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (replace(WELL, p99_ms={"send→delivered": 251.0}), "send→delivered p99 251 ms"),
        (replace(WELL, failures=11), "errors 11 of 10,000 (0.110%)"),
        (replace(WELL, lost=1), "lost 1"),
        (replace(WELL, lost=None), "what was lost could not be counted"),
        (replace(WELL, late=("arrive",)), "not everybody came in stage 'arrive'"),
        (replace(WELL, troubles=("swarm 0 is gone",)), "swarm 0 is gone"),
        (replace(WELL, p99_ms={}, requests=0), "nothing was measured"),
    ],
)
def test_a_broken_limit_fails_the_run_and_is_named(outcome: Outcome, told: str):
    status, lines = judge(Thresholds(), outcome)

    assert status == 1
    assert any(line.startswith("BROKEN") and told in line for line in lines)


def test_what_was_not_measured_is_not_judged():
    _, lines = judge(Thresholds(), WELL)

    assert not any("resume" in line for line in lines)
