"""For every alert what makes it fire and what must not. Values are promtool's: ``10+5x60`` is 10, 15, … each minute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dashboards.service_levels import API, DELIVERY, HANDSHAKE

GATEWAY = 'causerie_service="gateway"'
STEPS = 60


@dataclass(frozen=True)
class Case:
    """Series with a value every `step`, and which severities of the alert fire `at` that time."""

    alert: str
    says: str
    series: Mapping[str, str]
    at: str
    fires: tuple[str, ...] = ()
    step: str = "1m"


def _delivered(late: int, in_time: int) -> dict[str, str]:
    """So many deliveries each step."""
    return {
        'causerie_delivery_duration_seconds_bucket{instance="a",le="0.25"}': f"0+{in_time}x{STEPS}",
        'causerie_delivery_duration_seconds_count{instance="a"}': f"0+{late + in_time}x{STEPS}",
    }


def _asked(failed: int, answered: int) -> dict[str, str]:
    name = "http_server_request_duration_seconds_count"
    return {
        f'{name}{{instance="a",http_response_status_code="{status}"}}': f"0+{count}x{STEPS}"
        for status, count in {"200": answered, "503": failed}.items()
        if count
    }


def _connected(slow: int, quick: int, paced: int) -> dict[str, str]:
    seconds = "causerie_gateway_handshake_duration_seconds"
    results = "causerie_gateway_handshakes_total"
    return {
        f'{seconds}_bucket{{instance="a",le="1.0"}}': f"0+{quick}x{STEPS}",
        f'{seconds}_count{{instance="a"}}': f"0+{quick + slow}x{STEPS}",
        f'{results}{{instance="a",result="paced"}}': f"0+{paced}x{STEPS}",
        f'{results}{{instance="a",result="accepted"}}': f"0+{quick + slow}x{STEPS}",
        # What strangers do is no promise of ours.
        f'{results}{{instance="a",result="malformed"}}': f"0+1000x{STEPS}",
    }


def _stores(postgresql: str, *, other: str = "") -> dict[str, str]:
    return {
        'causerie_store_up{instance="a",store="postgresql"}': postgresql,
        'causerie_store_up{instance="b",store="postgresql"}': other or postgresql,
        'causerie_store_up{instance="a",store="nats"}': "1x20",
        'causerie_store_up{instance="a",store="redis"}': "1x20",
    }


def _levels() -> Iterator[Case]:
    """14.4 and 6 page, 3 and 1 are tickets; what pages burns fast enough for those too."""
    everything = ("page", "page", "ticket", "ticket")
    slow, day = ("page", "ticket", "ticket"), "25h"
    yield Case(DELIVERY.alert, "a fifth is late for an hour", _delivered(20, 80), "1h", everything)
    yield Case(DELIVERY.alert, "a tenth is late for six hours", _delivered(100, 900), "6h", slow, "10m")
    yield Case(DELIVERY.alert, "four of 100 are late for a day", _delivered(40, 960), day, everything[2:], "30m")
    yield Case(DELIVERY.alert, "two of 100 are late for a day", _delivered(20, 980), day, everything[3:], "30m")
    yield Case(DELIVERY.alert, "one of 200 is late", _delivered(5, 995), day, (), "30m")
    yield Case(DELIVERY.alert, "one of three is late, of few", _delivered(1, 2), "25m")
    yield Case(HANDSHAKE.alert, "a fifth waits longer than 1 s", _connected(20, 80, 0), "1h", everything)
    yield Case(HANDSHAKE.alert, "half is sent away", _connected(0, 50, 50), "1h", everything)
    yield Case(HANDSHAKE.alert, "only strangers are refused", _connected(0, 100, 0), "1h")
    yield Case(API.alert, "a twentieth fails for an hour", _asked(5, 95), "1h", everything)
    yield Case(API.alert, "everything fails from the first request on", _asked(9, 0), "1h", everything)
    yield Case(API.alert, "one of 2,000 fails", _asked(1, 1999), "1h")
    yield Case(
        DELIVERY.alert,
        "half was late, which has been over for ten minutes: nothing to hurry for any more",
        {
            'causerie_delivery_duration_seconds_bucket{instance="a",le="0.25"}': "0+50x30 1600+100x20",
            'causerie_delivery_duration_seconds_count{instance="a"}': "0+100x50",
        },
        "45m",
        ("page", "ticket", "ticket"),
    )


CASES = (
    *_levels(),
    # ── availability ──
    Case(
        "CauserieServiceAway",
        "the only worker does not answer",
        {'up{causerie_service="worker",instance="a"}': "1x5 0x5", 'up{causerie_service="api",instance="b"}': "1x10"},
        "9m",
        ("page",),
    ),
    Case(
        "CauserieServiceAway",
        "the last gateway is gone from the list",
        {f'up{{{GATEWAY},instance="a"}}': "1x5 _x20"},
        "14m",
        ("page",),
    ),
    Case(
        "CauserieServiceAway",
        "one of two gateways does not answer",
        {f'up{{{GATEWAY},instance="a"}}': "1x5 0x10", f'up{{{GATEWAY},instance="b"}}': "1x15"},
        "12m",
    ),
    Case(
        "CauserieProcessAway",
        "one of two gateways does not answer",
        {f'up{{{GATEWAY},instance="a"}}': "1x5 0x10", f'up{{{GATEWAY},instance="b"}}': "1x15"},
        "12m",
        ("ticket",),
    ),
    Case(
        "CauserieProcessAway",
        "one scrape failed, and a process of somebody else is away",
        {f'up{{{GATEWAY},instance="a"}}': "1x5 0 1x10", 'up{job="another"}': "0x20"},
        "6m",
    ),
    Case("CauserieStoreAway", "nobody reaches PostgreSQL", _stores("1x5 0x10"), "12m", ("page",)),
    Case("CauserieStoreAway", "one process of two does not reach it", _stores("0x15", other="1x15"), "12m"),
    Case(
        "CauserieStoreHalfAway",
        "one process of two does not reach it",
        _stores("0x15", other="1x15"),
        "12m",
        ("ticket",),
    ),
    Case("CauserieStoreHalfAway", "nobody reaches it", _stores("0x15"), "12m"),
    # ── delivery ──
    Case(
        "CauserieStuckPosition",
        "a shard is not at its end for minutes",
        {'causerie_log_position_age_seconds{instance="a"}': "5 70 130 190 250", **_stores("1x10")},
        "4m",
        ("page",),
    ),
    Case(
        "CauserieStuckPosition",
        "PostgreSQL is away, so nothing could be confirmed",
        {'causerie_log_position_age_seconds{instance="a"}': "5 70 130 190 250", **_stores("0x10")},
        "4m",
    ),
    Case(
        "CauserieDeadLetters",
        "one event was left aside",
        {'causerie_dead_letters_total{instance="a",kind="event"}': "0x3 1x10"},
        "5m",
        ("ticket",),
    ),
    Case(
        "CauserieDeadLetters",
        "one was left aside long ago",
        {'causerie_dead_letters_total{instance="a",kind="event"}': "7x20"},
        "15m",
    ),
    Case(
        "CauserieDeafConsumer",
        "a subscription was found deaf",
        {f'causerie_bus_deaf_total{{{GATEWAY},instance="a"}}': "0x3 1x10"},
        "5m",
        ("ticket",),
    ),
    Case(
        "CauserieDeafConsumer", "none was found", {f'causerie_bus_deaf_total{{{GATEWAY},instance="a"}}': "2x20"}, "15m"
    ),
    Case(
        "CauserieCanaryLost",
        "a message is lost",
        {'causerie_canary_lost_total{dialect="native"}': "0x3 1x10"},
        "5m",
        ("page",),
    ),
    Case("CauserieCanaryLost", "none is lost", {'causerie_canary_lost_total{dialect="native"}': "0x20"}, "15m"),
    # ── gateways ──
    Case(
        "CauserieMemoryPerConnection",
        "5,000 connections take 600 MiB",
        {
            f'process_memory_usage_bytes{{{GATEWAY},instance="a"}}': f"{600 * 1024 * 1024}x60",
            f'causerie_gateway_connections{{{GATEWAY},instance="a",dialect="native"}}': "5000x60",
        },
        "40m",
        ("ticket",),
    ),
    Case(
        "CauserieMemoryPerConnection",
        "20,000 take 300 MiB, and 10 take 150",
        {
            f'process_memory_usage_bytes{{{GATEWAY},instance="a"}}': f"{300 * 1024 * 1024}x60",
            f'causerie_gateway_connections{{{GATEWAY},instance="a",dialect="native"}}': "20000x60",
            f'process_memory_usage_bytes{{{GATEWAY},instance="b"}}': f"{150 * 1024 * 1024}x60",
            f'causerie_gateway_connections{{{GATEWAY},instance="b",dialect="native"}}': "10x60",
        },
        "40m",
    ),
    Case(
        "CauserieLoopLag",
        "a loop is half a second late for minutes",
        {f'causerie_event_loop_lag_seconds{{{GATEWAY},instance="a"}}': "0.5x15"},
        "10m",
        ("ticket",),
    ),
    Case(
        "CauserieLoopLag",
        "a loop stalled once",
        {f'causerie_event_loop_lag_seconds{{{GATEWAY},instance="a"}}': "0.01x5 2 0.01x10"},
        "10m",
    ),
    Case(
        "CauserieImbalance",
        "a new gateway gets nobody",
        {
            f'causerie_gateway_connections{{{GATEWAY},instance="{name}"}}': f"{count}x30"
            for name, count in {"a": 900, "b": 900, "c": 10}.items()
        },
        "20m",
        ("ticket",),
    ),
    Case(
        "CauserieImbalance",
        "they differ by a tenth, or are nearly empty",
        {
            **{
                f'causerie_gateway_connections{{namespace="x",instance="{name}"}}': f"{count}x30"
                for name, count in {"a": 900, "b": 990}.items()
            },
            **{
                f'causerie_gateway_connections{{namespace="y",instance="{name}"}}': f"{count}x30"
                for name, count in {"a": 9, "b": 1}.items()
            },
        },
        "20m",
    ),
    Case(
        "CauserieAlmostFull",
        "nine tenths are taken",
        {
            'causerie_gateway_connections{instance="a"}': "18000x30",
            'causerie_gateway_max_connections{instance="a"}': "20000x30",
        },
        "20m",
        ("ticket",),
    ),
    Case(
        "CauserieAlmostFull",
        "one is full, another empty",
        {
            'causerie_gateway_connections{instance="a"}': "20000x30",
            'causerie_gateway_connections{instance="b"}': "0x30",
            'causerie_gateway_max_connections{instance="a"}': "20000x30",
            'causerie_gateway_max_connections{instance="b"}': "20000x30",
        },
        "20m",
    ),
    # ── partitions ──
    Case(
        "CauseriePartitionRunway",
        "one month is left",
        {'causerie_partition_months_ahead{instance="a"}': "1x30"},
        "20m",
        ("ticket",),
    ),
    Case(
        "CauseriePartitionRunway",
        "no month is left",
        {'causerie_partition_months_ahead{instance="a"}': "0x30"},
        "20m",
        ("page", "ticket"),
    ),
    Case(
        "CauseriePartitionRunway",
        "three are there; a worker that has just begun has not looked yet",
        {
            'causerie_partition_months_ahead{instance="a"}': "3x30",
            'causerie_partition_months_ahead{instance="b"}': "0x30",
        },
        "20m",
    ),
    Case(
        "CauserieDefaultRows",
        "a row is there",
        {'causerie_default_partition_rows{instance="a"}': "1x30"},
        "20m",
        ("ticket",),
    ),
    Case("CauserieDefaultRows", "none is there", {'causerie_default_partition_rows{instance="a"}': "0x30"}, "20m"),
    Case(
        "CauserieUpkeepLate",
        "it last ran 47 hours ago",
        {'causerie_partition_upkeep_last_success_seconds{instance="a",task="ensure"}': "3600x50"},
        "48h",
        ("ticket",),
        "1h",
    ),
    Case(
        "CauserieUpkeepLate",
        "it has never run",
        {'causerie_partition_upkeep_last_success_seconds{instance="a",task="retain"}': "0x50"},
        "40h",
        ("ticket",),
        "1h",
    ),
    Case(
        "CauserieUpkeepLate",
        "it runs daily, and began to a day ago",
        {
            'causerie_partition_upkeep_last_success_seconds{instance="a",task="ensure"}': "3600x24 86400x25",
            'causerie_partition_upkeep_last_success_seconds{instance="a",task="retain"}': "0x24 86400x25",
        },
        "47h",
        (),
        "1h",
    ),
    Case(
        "CauserieDetachPending",
        "one is half detached for hours",
        {'causerie_partition_detach_pending{instance="a"}': "1x120"},
        "2h",
        ("ticket",),
    ),
    Case(
        "CauserieDetachPending",
        "one was for minutes",
        {'causerie_partition_detach_pending{instance="a"}': "0x30 1x10 0x80"},
        "1h",
    ),
)
