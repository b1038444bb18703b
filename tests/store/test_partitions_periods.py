"""Months and weeks, without a database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from causerie.store.partitions.periods import EVENTS, MESSAGES, SEND_KEYS, Rhythm


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_month_is_named_by_year_and_month_and_ends_where_the_next_begins() -> None:
    november, december, january = Rhythm.MONTH.ahead(at("2026-11-21T09:00"), 2)

    assert MESSAGES.partition(november) == "messages_y2026m11"
    assert EVENTS.partition(january) == "events_y2027m01"
    assert (november.start, november.end) == (at("2026-11-01"), at("2026-12-01"))
    assert november.end == december.start
    assert december.end == january.start


def test_a_week_begins_on_monday_and_is_counted_as_iso_8601_does() -> None:
    last, first = Rhythm.WEEK.ahead(at("2027-01-03T23:59:59"), 1)

    assert SEND_KEYS.partition(last) == "send_keys_y2026w53"
    assert SEND_KEYS.partition(first) == "send_keys_y2027w01"
    assert (last.start, last.end) == (at("2026-12-28"), at("2027-01-04"))


def test_periods_are_cut_in_utc_wherever_the_clock_stands() -> None:
    new_year_in_auckland = datetime(2027, 1, 1, 8, tzinfo=timezone(timedelta(hours=13)))

    assert Rhythm.MONTH.at(new_year_in_auckland).suffix == "y2026m12"


def test_bounds_are_written_as_the_key_column_reads_them() -> None:
    november = Rhythm.MONTH.at(at("2026-11-21"))
    week = Rhythm.WEEK.at(at("2026-11-21"))

    assert MESSAGES.bounds(november) == "FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')"
    assert SEND_KEYS.bounds(week) == "FROM ('2026-11-16') TO ('2026-11-23')"


@pytest.mark.parametrize(
    ("now", "count", "suffix"),
    [("2026-11-21", 0, "y2026m11"), ("2026-11-21", 2, "y2026m09"), ("2026-01-31", 1, "y2025m12")],
)
def test_going_back_counts_whole_months(now: str, count: int, suffix: str) -> None:
    assert Rhythm.MONTH.back(at(now), count).suffix == suffix


def test_eighty_years_of_months_and_weeks_leave_no_gap() -> None:
    for rhythm in Rhythm:
        periods = rhythm.ahead(at("2000-02-29"), 1_000)

        assert all(earlier.end == later.start for earlier, later in zip(periods, periods[1:], strict=False))
        assert len({period.suffix for period in periods}) == len(periods)
