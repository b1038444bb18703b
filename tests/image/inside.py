"""What is in an image, told from inside it: given to its Python as standard input, it prints one JSON object.

Nothing but the standard library is imported at the top, for it must also speak of an image that is broken.
"""

import importlib.metadata
import importlib.util
import json
import os
import pkgutil
import shutil
import stat
import sys
from collections.abc import Iterator

TOOLS = ("cc", "gcc", "c++", "as", "ld", "make", "cargo", "git", "pip", "pip3", "uv", "easy_install", "wheel")
INSTALLERS = ("pip", "setuptools", "wheel", "ensurepip", "uv", "hatchling")
OURS = ("causerie", "services")
SYSTEM = {"/proc", "/sys", "/dev", "/tmp"}
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


def broken() -> dict[str, str]:
    """Modules of ours that cannot be imported, and why; `__main__` would start something."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages([p for p in sys.path if p.endswith("site-packages")]):
        if module.name.partition(".")[0] in OURS and not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except Exception as error:  # noqa: BLE001 - whatever it is, the image has it
                found[module.name] = repr(error)
    return found


def told() -> dict[str, object]:
    """The whole report."""
    from services.gateway.loops import LOOPS

    everything = {path: os.lstat(path).st_mode for path in files()}
    installed = importlib.metadata.distributions()
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
        "left": [path for path in everything if path in {"/source", "/wheel", "/build", "/root/.cache"}],
        "sources": [path for path in everything if path.endswith((".c", ".h")) and "/services/" in path],
        "anybody_writes": [path for path, mode in everything.items() if is_open(path, mode)],
        "somebody_elses": [path for path, mode in everything.items() if is_somebody_elses(mode)],
        "loops": LOOPS.language,
        "broken": broken(),
    }


if __name__ == "__main__":
    json.dump(told(), sys.stdout)
