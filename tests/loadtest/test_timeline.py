"""Which stage it is, lived through in no time."""

from loadtest.scenarios import SCENARIOS, Stage
from loadtest.timeline import Timeline

STAGES = (Stage("empty", 3.0, present=0.0), Stage("arrive", 60.0, gathers=True), Stage("talk", 10.0))


def name(stage: Stage | None) -> str:
    return stage.name if stage else "over"


def test_a_stage_that_lasts_a_time_lasts_it_stretched():
    timeline = Timeline(STAGES, stretch=2.0, ramp_seconds=0.0)

    assert name(timeline.look(100.0, gathered=False)) == "empty"
    assert name(timeline.look(105.9, gathered=False)) == "empty"
    assert name(timeline.look(106.0, gathered=False)) == "arrive"


def test_talking_begins_as_soon_as_everybody_is_there():
    timeline = Timeline(STAGES, stretch=1.0, ramp_seconds=0.0)
    timeline.look(0.0, gathered=False)
    timeline.look(3.0, gathered=False)

    assert name(timeline.look(4.0, gathered=True)) == "talk"
    assert name(timeline.look(14.0, gathered=True)) == "over"
    assert timeline.late == []


def test_stragglers_are_waited_for_until_the_limit_and_then_named():
    timeline = Timeline(STAGES, stretch=1.0, ramp_seconds=20.0)
    timeline.look(0.0, gathered=False)
    timeline.look(3.0, gathered=False)

    assert name(timeline.look(82.9, gathered=False)) == "arrive"
    assert name(timeline.look(83.0, gathered=False)) == "talk"
    assert timeline.late == ["arrive"]


def test_every_scenario_ends_with_nobody_talking():
    for scenario in SCENARIOS.values():
        assert scenario.stages[-1].messages == 0
