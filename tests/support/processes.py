"""Process trees that stand still for a while."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process and its children, as a machine that hangs would; they go on afterwards."""
    root = psutil.Process(pid)
    root.suspend()
    stopped = [root, *root.children(recursive=True)]
    for process in stopped[1:]:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            with suppress(psutil.NoSuchProcess):
                process.resume()
