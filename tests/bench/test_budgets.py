"""The table of budgets: what was measured, by the names of its row and column, and what was not, with the reason."""

import json
from pathlib import Path

import pytest

from bench.budgets import BUDGETS, at_least, at_most, rows
from bench.records import Flat, Least, NotMeasured, Ratio, of, read, unevenness
from bench.report import Cell
from bench.servers.catalogue import everybody


def a_result(folder: Path, name: str, columns: list[str], *cells: list[Cell]) -> None:
    kept = {
        "name": name,
        "question": "how fast",
        "columns": columns,
        "rows": cells,
        "notes": [],
        "commit": "1234567890",
        "machine": {},
        "at": "2026-11-21T12:00:00+00:00",
        "load_before": 0.25,
        "a field of a later release": 1,
    }
    (folder / f"{name}.json").write_text(json.dumps(kept))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    a_result(
        tmp_path,
        "fanout",
        ["at once", "server", "x floor", "remark"],
        [1, "ours", 0.9, ""],
        [1, "peer a", 0.3, "17.4"],
        [1, "peer b", 0.45, ""],
        [1, "peer c", "–", "not installed"],
        [16, "ours", 0.8, "NOT WHOLE: 3 missing, 0 closed, stalled"],
    )
    a_result(
        tmp_path, "e2e", ["what", "p50 ms", "seen", "expected"], ["send -> ack", 3.0, 10, 10], ["lost", 2.0, 9, 10]
    )
    a_result(
        tmp_path, "pipeline", ["seconds", "sends/s", "whole"], [60.01, 7000, "yes"], [90.0, 5000, "NO: 1 unanswered"]
    )
    return tmp_path


def test_a_figure_within_its_bound_is_told_from_one_beyond_it_with_where_it_comes_from(folder: Path):
    ack = of("e2e", "p50 ms", what="send -> ack")
    ours = of("fanout", "x floor", at_once=1, server="ours")

    assert rows(read(folder), [at_most("ack", 8, "ms", ack), at_least("fan-out", 0.95, "of the floor", ours)]) == [
        ["ack", "≤ 8 ms", "3.00", "within", "e2e, 1234567890, load 0.25"],
        ["fan-out", "≥ 0.95 of the floor", "0.90", "beyond", "fanout, 1234567890, load 0.25"],
    ]


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (of("channel", "p50 ms"), "no result of channel"),
        (of("fanout", "p99 ms"), "fanout has no column 'p99 ms'"),
        (of("fanout", "x floor", at_once=4, server="ours"), "fanout has no row of at once 4, server ours"),
        (of("fanout", "x floor", at_once=1, server="peer c"), "not installed"),
        (of("pipeline", "sends/s", seconds=Least(100)), "pipeline has no row of seconds of 100 or more"),
    ],
)
def test_what_was_not_measured_stays_in_the_table_with_the_reason(folder: Path, figure, reason: str):
    [row] = rows(read(folder), [at_most("a budget", 8, "ms", figure)])

    assert row == ["a budget", "≤ 8 ms", "–", f"not measured: {reason}", ""]


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (of("fanout", "x floor", at_once=16, server="ours"), "3 missing, 0 closed, stalled"),
        (of("e2e", "p50 ms", what="lost"), "9 of 10 arrived"),
        (of("pipeline", "sends/s", seconds=Least(80)), "1 unanswered"),
    ],
)
def test_a_figure_of_a_run_that_lost_something_is_within_nothing(folder: Path, figure, reason: str):
    [row] = rows(read(folder), [at_most("a budget", 1e9, "", figure)])

    assert row[2:4] == ["–", f"not whole: {reason}"]


def test_ours_is_held_against_the_best_of_the_peers_that_could_be_measured(folder: Path):
    ours = of("fanout", "x floor", at_once=1, server="ours")
    peers = of("fanout", "x floor", max, at_once=1, server=("peer a", "peer b", "peer c"))

    assert Ratio(ours, peers).value(read(folder)) == pytest.approx(2.0)


def test_the_best_of_the_peers_is_not_known_while_one_of_them_has_no_row(folder: Path):
    peers = of("fanout", "x floor", max, at_once=1, server=("peer a", "peer d"))

    with pytest.raises(NotMeasured, match="no row of at once 1, server peer d"):
        peers.value(read(folder))


def test_of_several_rounds_the_one_in_the_middle_counts(folder: Path):
    a_result(folder, "channel", ["deliveries/s"], [300], [100], [200])

    assert of("channel", "deliveries/s").value(read(folder)) == 200


def test_a_run_that_was_longer_than_asked_for_counts(folder: Path):
    assert of("pipeline", "sends/s", whole="yes", seconds=Least(60)).value(read(folder)) == 7000


def test_a_curve_is_as_uneven_as_its_farthest_point_and_one_point_is_no_curve():
    assert unevenness([1.0, 1.1, 0.7]) == pytest.approx(0.3)
    with pytest.raises(NotMeasured):
        unevenness([1.0])


def test_a_cost_is_flat_over_sizes_when_no_median_of_one_is_far_from_the_middle(tmp_path: Path):
    cells: list[list[Cell]] = [[10, "steady", 1.0], [100, "steady", 5.0], [100, "steady", 1.1], [100, "steady", 1.0]]
    a_result(tmp_path, "cost", ["size", "load", "cost"], *cells, [1_000, "steady", 1.3], [1, "flood", "–"])
    records = read(tmp_path)

    assert Flat("cost", "cost", "size", (10, 1_000), {}).curve(records) == [(10, 1.0), (100, 1.1), (1_000, 1.3)]
    assert Flat("cost", "cost", "size", (10, 1_000), {}).value(records) == pytest.approx(0.2 / 1.1)
    with pytest.raises(NotMeasured, match="from 10 to 1,000 only"):
        Flat("cost", "cost", "size", (10, 10_000), {}).value(records)


def test_every_server_a_budget_asks_for_is_one_that_can_be_measured():
    asked_for = {
        server
        for budgets in BUDGETS.values()
        for budget in budgets
        for figure in (
            [budget.figure.above, budget.figure.below] if isinstance(budget.figure, Ratio) else [budget.figure]
        )
        for server in _several(getattr(figure, "row", {}).get("server", ()))
    }

    assert {"causerie engine", "causerie gateway", "node ws"} <= asked_for <= {one.name for one in everybody()}


def _several(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def test_without_any_result_every_budget_is_still_listed(tmp_path: Path):
    for budgets in BUDGETS.values():
        told = rows(read(tmp_path), budgets)

        assert len(told) == len(budgets)
        assert all(str(row[3]).startswith("not measured: no result of ") for row in told)
