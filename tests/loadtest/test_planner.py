"""A plan made from runs whose costs are known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.cli import main
from loadtest.planner.chart import chart
from loadtest.planner.leastsquares import TooFew, fit, student90
from loadtest.planner.model import Estimate, Model, learn
from loadtest.planner.proof import Line, compare, judged
from loadtest.planner.proof import main as proof
from loadtest.planner.records import Load, read
from loadtest.planner.sizing import Demand, Plan, size
from loadtest.planner.values import values
from tests.loadtest.records import BYTES, CORES, DISK_EACH, write_record

DEMAND = Demand(connections=100_000, messages_per_second=2_000, group_size=30, pages_per_second=100)


@pytest.fixture
def records(tmp_path: Path) -> list[Path]:
    return [write_record(tmp_path / f"{n}.json", n, noise=0.05) for n in (2_000, 5_000)]


@pytest.fixture
def model(records: list[Path]) -> Model:
    return learn([read(file) for file in records])


@pytest.fixture
def answer(model: Model) -> Plan:
    return size(model, DEMAND)


def test_what_things_cost_is_found_again(tmp_path: Path):
    model = learn([read(write_record(tmp_path / f"{n}.json", n)) for n in (2_000, 5_000)])

    for part, costs in CORES.items():
        for driver, cost in costs.items():
            each = model.cores[part].each(driver)
            assert each is not None, (part, driver)
            assert each.value == pytest.approx(cost, rel=0.02), (part, driver)
    for part, bytes_each in BYTES.items():
        for driver, cost in bytes_each.items():
            each = model.memory[part].each(driver)
            assert each is not None and each.value == pytest.approx(cost, rel=0.02), (part, driver)
    assert model.disk_each == pytest.approx(DISK_EACH, rel=0.01)
    assert model.kernel_each == pytest.approx(5 * 1024, rel=0.01)


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_run_four_times_as_large_is_predicted_within_what_is_promised(seed: int, tmp_path: Path):
    runs = [read(write_record(tmp_path / f"{n}.json", n, noise=0.08, seed=seed)) for n in (2_000, 5_000, 20_000)]

    lines = judged(compare(learn(runs[:2]), runs[2]))

    assert {(line.part, line.is_memory) for line in lines} == {
        (part, is_memory) for part in ("gateway", "all") for is_memory in (True, False)
    }
    assert all(line.holds for line in lines), [(line.part, line.off, line.predicted.share) for line in lines]


def test_the_interval_grows_with_the_distance_from_what_was_measured(model: Model):
    shares = [
        model.cores["gateway"].at(Load(n, n / 10, n / 100, 0.0, 0.0), pods=2).share for n in (5_000, 20_000, 100_000)
    ]

    assert shares == sorted(shares)
    assert shares[0] < 0.2


def test_what_lies_beyond_the_largest_run_is_less_sure_even_where_the_runs_agree(tmp_path: Path):
    exact = learn([read(write_record(tmp_path / f"{n}.json", n)) for n in (2_000, 5_000)])

    assert exact.cores["gateway"].at(Load(5_000, 500, 50), pods=2).share < 0.01
    assert exact.cores["gateway"].at(Load(20_000, 500, 50), pods=2).share == pytest.approx(0.10, abs=0.01)


def test_nine_in_ten_stages_lie_inside_their_intervals(tmp_path: Path):
    lines = []
    for seed in range(1, 7):
        runs = [read(write_record(tmp_path / f"{n}.json", n, noise=0.1, seed=seed)) for n in (2_000, 5_000, 4_000)]
        lines += [line for line in compare(learn(runs[:2]), runs[2]) if not line.is_memory]

    inside = [line for line in lines if line.predicted.low <= line.measured <= line.predicted.high]

    assert len(inside) / len(lines) >= 0.85


@pytest.mark.parametrize(
    ("measured", "half", "is_memory", "holds"),
    [
        (109.0, 1.0, True, True),
        (111.0, 50.0, True, False),
        (89.0, 50.0, True, False),
        (120.0, 25.0, False, True),
        (120.0, 15.0, False, False),
        (100.0, 36.0, False, False),
    ],
)
def test_the_proof_wants_memory_within_a_tenth_and_cpu_inside_an_interval_that_says_something(
    measured: float, half: float, is_memory: bool, holds: bool
):
    line = Line("busy", "gateway", Estimate(100.0, 100.0 - half, 100.0 + half), measured, is_memory)

    assert line.holds is holds


def test_the_plan_has_room_for_what_was_asked_and_for_the_loss_of_a_pod(answer: Plan):
    gateway = answer.services["gateway"]

    assert gateway.replicas * answer.target_connections >= DEMAND.connections
    assert (gateway.replicas - 1) * answer.max_connections >= DEMAND.connections
    assert answer.target_connections <= DEMAND.connections_per_pod
    assert answer.cores["gateway"].high / gateway.replicas <= 0.7
    assert gateway.memory_limit_mib > gateway.memory_mib
    assert 30 <= answer.drain_seconds <= 900


def test_the_memory_asked_for_holds_what_the_kernel_keeps_for_sockets(model: Model, answer: Plan):
    without = size(replace(model, kernel_each=0.0), DEMAND)

    more = answer.services["gateway"].memory_mib - without.services["gateway"].memory_mib
    assert more >= answer.target_connections * model.kernel_each / 1024**2 - 16


def test_more_messages_need_more_pods_and_more_storage(model: Model, answer: Plan):
    more = size(model, Demand(100_000, 8_000, 30, 100))

    assert more.services["gateway"].replicas > answer.services["gateway"].replicas
    assert more.storage_gib_a_month == pytest.approx(4 * (answer.storage_gib_a_month or 0))


def test_the_values_are_yaml_with_the_charts_own_keys(model: Model, answer: Plan):
    told: dict[str, Any] = yaml.safe_load(values(model, answer))
    chart_values: dict[str, Any] = yaml.safe_load(Path("charts/causerie/values.yaml").read_text())

    for name, section in told.items():
        assert name in chart_values
        if name != "capacity":
            assert set(section) <= set(chart_values[name]), name
            assert set(section.get("autoscaling", {})) <= set(chart_values[name].get("autoscaling", {}))
    assert told["gateway"]["replicas"] == answer.services["gateway"].replicas
    assert told["gateway"]["targetConnectionsPerPod"] == answer.target_connections


def test_the_command_prints_the_plan_and_writes_values_and_picture(
    records: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    asked = ["plan", "--connections", "100000", "--messages-per-second", "2000", "--group-size", "30"]
    files = ["--values", str(tmp_path / "values.yaml"), "--plot", str(tmp_path / "fit.svg")]

    with pytest.raises(SystemExit) as ended:
        main([*asked, *files, "--from", *map(str, records)])

    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "learnt from: sizing 2,000; sizing 5,000" in printed
    assert "for 100,000 connections, 2,000 messages/s in groups of 30" in printed
    assert "GiB a month" in printed and "s to drain" in printed
    assert "the largest run had 5,000 connections" in printed
    assert yaml.safe_load((tmp_path / "values.yaml").read_text())["capacity"]["connections"] == 100_000
    assert (tmp_path / "fit.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (None, "No such file or directory"),
        ("{}", "is no record of a load test"),
        ("not json", "is no record of a load test"),
        ('{"format": 9}', "is a record of format 9; this planner reads 1"),
    ],
)
def test_what_is_no_record_is_refused_in_a_line(
    record: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "record.json"
    if record is not None:
        file.write_text(record)

    with pytest.raises(SystemExit) as ended:
        main(["plan", "--connections", "10", "--messages-per-second", "1", "--from", str(file)])

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_demand_that_makes_no_sense_is_refused_in_a_line(records: list[Path], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--connections", "0", "--messages-per-second", "1", "--from", *map(str, records)])

    assert ended.value.code == 2
    assert "--connections is 0; it must be from 1 to 100,000,000" in capsys.readouterr().err


def test_the_proof_tells_a_good_prediction_from_a_bad_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files = [write_record(tmp_path / f"{n}.json", n, noise=0.05) for n in (2_000, 5_000, 20_000)]
    heavier = files[2].read_text().replace('"connections": 20000', '"connections": 20001')

    assert proof(["--from", *map(str, files), "--out", str(tmp_path)]) == 0

    # The same run, said to have had a quarter of the connections that its memory and CPU are of.
    files[2].write_text(
        heavier.replace('"causerie_gateway_connections": 20000.0', '"causerie_gateway_connections": 5000.0')
    )
    assert proof(["--from", *map(str, files), "--out", str(tmp_path)]) == 1
    assert "NOT PROVED" in capsys.readouterr().out


def test_the_same_runs_make_the_same_picture(records: list[Path], model: Model):
    runs = [read(file) for file in records]

    assert chart(model, runs) == chart(learn(runs), runs)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([0.0, 0.5, 2.0, 7.0]), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=6, max_size=9),
)
def test_what_was_put_together_from_costs_is_taken_apart_into_them(costs: list[float], rows: list[list[int]]):
    observed = [sum(c * x for c, x in zip(costs, row, strict=True)) for row in rows]

    try:
        found = fit([[float(x) for x in row] for row in rows], observed, [1.0] * len(rows))
    except TooFew:
        return

    assert min(found.coefficients) >= 0
    assert all(found.at(row) == pytest.approx(value, abs=1e-4) for row, value in zip(rows, observed, strict=True))


def test_a_cost_is_never_less_than_nothing():
    rows = [[1.0, float(n)] for n in range(6)]

    found = fit(rows, [5.0 - 0.5 * n for n in range(6)], [1.0] * 6)

    assert found.coefficients[1] == 0.0
    assert found.coefficients[0] == pytest.approx(3.75)


def test_as_many_unknowns_as_observations_say_nothing():
    with pytest.raises(TooFew):
        fit([[1.0, 2.0]], [3.0], [1.0])


@pytest.mark.parametrize(("degrees", "expected"), [(2, 2.920), (6, 1.943), (10, 1.812), (30, 1.697), (1_000, 1.646)])
def test_intervals_hold_nine_in_ten(degrees: int, expected: float):
    assert student90(degrees) == pytest.approx(expected, rel=0.005)
