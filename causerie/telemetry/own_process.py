"""What the system knows of this process, read when somebody scrapes."""

import os
import resource
import time
from pathlib import Path

import causerie
from causerie.telemetry.catalogue import process as shown

_FILES = Path("/proc/self/fd")
_MEMORY = Path("/proc/self/statm")
_PAGE_BYTES = resource.getpagesize()


def describe() -> None:
    """Show memory, processor time, files and the release from now on."""
    shown.BUILD_INFO.values[causerie.__version__] = 1
    shown.STARTED_AT.value = time.time()
    shown.PROCESS_CPU_SECONDS.reads.update(user=lambda: os.times().user, system=lambda: os.times().system)
    shown.PROCESS_MEMORY_BYTES.read = _resident_bytes
    shown.OPEN_FILES.read = _open_files
    shown.OPEN_FILES_LIMIT.read = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _resident_bytes() -> int:
    """Now, and not at its most; 0 where the system has no such file."""
    try:
        return int(_MEMORY.read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def _open_files() -> int:
    """Linux says how many there are since 6.2; before that they have to be listed, a millisecond for each thousand."""
    try:
        return _FILES.stat().st_size or sum(1 for _ in _FILES.iterdir())
    except OSError:
        return 0
