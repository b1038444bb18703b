"""Records of load tests whose costs are known, so that what the planner makes of them can be told right or wrong."""

import json
import random
from pathlib import Path
from typing import Any

KIB, MIB = 1024, 1024 * 1024

CORES = {
    "gateway": {"pods": 0.012, "connections": 4e-6, "deliveries": 12e-6, "messages": 400e-6, "handshakes": 900e-6},
    "worker": {"pods": 0.02, "deliveries": 3e-6, "messages": 150e-6, "handshakes": 40e-6},
    "api": {"pods": 0.01, "pages": 2_500e-6},
    "postgres": {"pods": 0.008, "messages": 500e-6, "handshakes": 300e-6, "pages": 350e-6},
    "redis": {"pods": 0.002, "messages": 20e-6, "handshakes": 30e-6},
    "nats": {"pods": 0.003, "deliveries": 1e-6, "messages": 60e-6},
}
BYTES = {
    "gateway": {"pods": 72 * MIB, "connections": 7 * KIB},
    "worker": {"pods": 62 * MIB, "connections": 700},
    "api": {"pods": 88 * MIB},
    "postgres": {"pods": 110 * MIB},
    "redis": {"pods": 6 * MIB, "connections": 200},
    "nats": {"pods": 12 * MIB},
}
PODS = {"gateway": 2}
DISK_EACH = 1_400
STAGES = (
    # name, seconds, share there at the end, messages and deliveries and pages for each 1,000
    ("empty", 12.0, 0.0, 0.0, 0.0, 0.0),
    ("arrive", 20.0, 1.0, 0.0, 0.0, 0.0),
    ("idle", 30.0, 1.0, 0.0, 0.0, 0.0),
    ("direct", 30.0, 1.0, 20.0, 40.0, 0.0),
    ("group", 30.0, 1.0, 10.0, 100.0, 0.0),
    ("channel", 30.0, 1.0, 2.0, 120.0, 0.0),
    ("pages", 20.0, 1.0, 0.0, 0.0, 10.0),
    ("busy", 30.0, 1.0, 31.0, 300.0, 0.0),
)


def write_record(file: Path, connections: int, *, noise: float = 0.0, seed: int = 1) -> Path:
    """A run of `sizing`, each stage off by up to `noise` of what it costs."""
    dice = random.Random(seed * 1_000_003 + connections)
    at, before = 0.0, 0.0
    done = dict.fromkeys(("messages", "deliveries", "pages", "handshakes"), 0.0)
    used = dict.fromkeys(CORES, 0.5)
    samples: list[dict[str, Any]] = []

    def sample(stage: str, there: float) -> None:
        parts: dict[str, Any] = {}
        for name, each in BYTES.items():
            pods = PODS.get(name, 1)
            memory = each["pods"] * pods + each.get("connections", 0) * there
            parts[name] = {"pods": pods, "cpu_seconds": used[name], "memory_bytes": memory, "metrics": {}}
        parts["postgres"]["disk_bytes"] = 40 * MIB + DISK_EACH * done["messages"]
        parts["gateway"]["metrics"] = {
            "causerie_gateway_connections": there,
            "causerie_gateway_deliveries_total": done["deliveries"],
            "causerie_messages_accepted_total": done["messages"],
            "causerie_gateway_handshakes_total:accepted": done["handshakes"],
            "db_client_operation_duration_seconds_sum": done["messages"] * 0.004,
        }
        parts["api"]["metrics"] = {"http_server_request_duration_seconds_count": done["pages"]}
        kernel = 200 * MIB + 2 * 5 * KIB * there
        samples.append({"at": at, "stage": stage, "present": there, "kernel_bytes": kernel, "parts": parts})

    for name, seconds, share, messages, deliveries, pages in STAGES:
        sample(name, before)
        there = connections * share
        rates = {
            "messages": messages * connections / 1000,
            "deliveries": deliveries * connections / 1000,
            "pages": pages * connections / 1000,
            "handshakes": (there - before) / seconds,
        }
        for part, costs in CORES.items():
            load = {"pods": PODS.get(part, 1), "connections": (there + before) / 2, **rates}
            cores = sum(cost * load[driver] for driver, cost in costs.items())
            used[part] += cores * seconds * (1 + noise * (2 * dice.random() - 1))
        for what, rate in rates.items():
            done[what] += rate * seconds
        at, before = at + seconds, there
    sample("", before)
    told = {
        "format": 1,
        "scenario": "sizing",
        "connections": connections,
        "machine": {"cores": 2},
        "samples": samples,
    }
    file.write_text(json.dumps(told))
    return file
