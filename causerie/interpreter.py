"""How Python is started for a service: what it is told in its environment it reads before anything of ours."""

import sys
from collections.abc import Mapping


def command(service: str) -> list[str]:
    module = ["causerie", "canary"] if service == "canary" else [f"services.{service}"]
    return [sys.executable, "-m", *module]


def environment(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """What is given, and what the service is to be told if nothing else is given.

    A gateway's objects lie in the C library's memory, which gives back every page that those who left do not share with
    anybody; Python's own allocator gives back a megabyte when nothing at all is in it
    (docs/decisions/0022-a-gateway-gives-back-pages.md).
    """
    told = {"PYTHONMALLOC": "malloc"} if service == "gateway" else {}
    return told | dict(given)
