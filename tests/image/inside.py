"""What is in an image, told from inside it: given to its Python as standard input, it prints one JSON object.

Nothing but the standard library is imported at the top, for it must also speak of an image that is broken.
"""

import importlib.metadata
import importlib.util
import json
import os
import pkgutil
import pwd
import shutil
import stat
import sys
from collections.abc import Iterator

TOOLS = ("cc", "gcc", "c++", "as", "ld", "make", "cargo", "git", "pip", "pip3", "uv", "easy_install", "wheel")
INSTALLERS = ("pip", "setuptools", "wheel", "ensurepip", "uv", "hatchling")
OURS = ("causerie", "services")
LATE = ("kubernetes.client", "kubernetes.config.incluster_config")
"""What a worker imports only on a cluster."""
SYSTEM = {"/proc", "/sys", "/dev", "/tmp"}
CACHE = f"{pwd.getpwuid(0).pw_dir}/.cache"
"""Where installers that ran as root keep what they fetched."""
HOMES = ("/opt", "/usr", "/etc", "/var/lib")
"""Where programs and what they go by are."""


def files() -> Iterator[str]:
    """Every file and folder of the image."""
    for folder, folders, names in os.walk("/"):
        beneath = folder.rstrip("/")
        folders[:] = [name for name in folders if f"{beneath}/{name}" not in SYSTEM]
        yield from (f"{beneath}/{name}" for name in [*folders, *names])


def is_somebody_elses(mode: int) -> bool:
    """A program that runs as its owner, whoever starts it."""
    return stat.S_ISREG(mode) and bool(mode & (stat.S_ISUID | stat.S_ISGID))


def is_open(path: str, mode: int) -> bool:
    """Whether the user of a service may change it."""
    return path.startswith(HOMES) and not stat.S_ISLNK(mode) and os.access(path, os.W_OK)


def ours() -> Iterator[str]:
    """The names of all our modules."""
    for name in OURS:
        yield from (each.name for each in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."))


def broken(name: str) -> str | None:
    """Why a module cannot be imported."""
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - whatever it is, the image has it
        return f"{name}: {error!r}"
    return None


def told() -> dict[str, object]:
    """The whole report."""
    from services.gateway.loops import LOOPS

    everything = {path: os.lstat(path).st_mode for path in files()}
    installed = importlib.metadata.distributions()
    modules = [*ours(), *LATE]
    return {
        "user": [os.getuid(), os.getgid()],
        "tools": [name for name in TOOLS if shutil.which(name)],
        "installers": [name for name in INSTALLERS if importlib.util.find_spec(name)],
        "packages": {each.metadata["Name"]: each.version for each in installed},
        "lists": [path for path in everything if path.startswith("/var/lib/apt/lists/") and "Packages" in path],
        "tests": [
            path
            for path in everything
            if path.endswith(("/tests", "/test")) and path.startswith(("/opt", "/usr/local"))
        ],
        "left": [path for path in everything if path in {"/source", "/wheel", "/build", CACHE}],
        "sources": [path for path in everything if path.endswith((".c", ".h")) and "/services/" in path],
        "anybody_writes": [path for path, mode in everything.items() if is_open(path, mode)],
        "somebody_elses": [path for path, mode in everything.items() if is_somebody_elses(mode)],
        "loops": LOOPS.language,
        "modules": modules,
        "broken": [why for why in map(broken, modules) if why],
    }


if __name__ == "__main__":
    json.dump(told(), sys.stdout)
