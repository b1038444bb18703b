"""The picture of one message's trace is drawn from what was recorded."""

from pathlib import Path

from bench import trace

ROOT = Path(__file__).parents[2]


def test_the_picture_in_the_docs_is_the_one_of_what_was_recorded():
    """`python -m bench.trace --draw` makes it."""
    story = trace.Story.read((ROOT / trace.RECORD).read_text())

    assert trace.draw(story) == (ROOT / trace.PICTURE).read_text()


def test_what_was_recorded_goes_through_all_five_parts_in_their_order():
    story = trace.Story.read((ROOT / trace.RECORD).read_text())
    way = [story.named(name)[0] for name in (trace.ENTRY, "commit posts", "publish hints", "dispatch", "deliver")]

    assert [part.service for part in way] == ["api", "api", "api", "worker", "gateway"]
    assert [part.began_ms for part in way] == sorted(part.began_ms for part in way)
    assert len(story.named("deliver")) == trace.GATEWAYS
    assert all(part.took_ms > 0 for part in story.parts)
