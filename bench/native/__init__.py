"""The parts in C: the generator and the floor, compiled when they are first needed.

A generator must cost much less for each frame than the server it loads, or it measures itself; and a floor that is
not close to the kernel is none.  The name of a program holds a hash of its sources, so an old one is never run.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from bench.report import RESULTS

HERE = Path(__file__).resolve().parent
BIN = RESULTS / "bin"
SOURCES = {
    "swarm": ("swarm.c", "crowd.c", "frames.c", "load.c", "talk.c", "again.c", "values.c", "arrivals.c"),
    "floor": ("floor.c",),
    "sends": ("sends.c",),
}
LIBRARY_FLAGS = {"sends": ("-shared", "-fPIC")}
"""Of what is loaded instead of run."""
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
COMPILE_SECONDS = 60.0


class NoCompiler(Exception):
    """There is no C compiler, or it does not like our sources."""


def program(name: str) -> Path:
    """The compiled program or library.

    Raises:
        NoCompiler: it could not be compiled; the message says why.
    """
    target = BIN / f"{name}-{_fingerprint(name)}"
    if target.exists():
        return target
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler("no C compiler here: install one (`cc`) to run the benchmarks that need the generator")
    BIN.mkdir(parents=True, exist_ok=True)
    # Beside its place and then renamed: an interrupted one is never taken for whole.
    half_made = target.with_suffix(".new")
    sources = [str(HERE / source) for source in SOURCES[name]]
    command = [compiler, *FLAGS, *LIBRARY_FLAGS.get(name, ()), "-o", str(half_made), *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
    if done.returncode:
        raise NoCompiler(f"{name} did not compile:\n{done.stderr}")
    half_made.rename(target)
    for old in BIN.glob(f"{name}-*"):
        if old != target:
            old.unlink(missing_ok=True)
    return target


def _fingerprint(name: str) -> str:
    seen = hashlib.sha256(" ".join(FLAGS).encode())
    for path in [*sorted(HERE.glob("*.h")), *(HERE / source for source in SOURCES[name])]:
        seen.update(path.read_bytes())
    return seen.hexdigest()[:12]
