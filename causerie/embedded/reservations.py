"""Ports that are spoken for: whoever drew one keeps it from all other processes of the same user until it ends.

That nobody listens on a port proves little: a server that is about to start, or is stopped for a while, listens
nowhere either, and its port would be drawn next door.  So each user has a file in the temporary folder whose byte N
stands for port N, and who locks the byte has the port.  The kernel lets go when the process ends, however it ends;
nothing is ever written; and one descriptor serves any number of ports, where a socket held on each would use up what
a process may open.

Record locks have rules of their own.  They never refuse the process that has them, hence the set beside the file.  A
fork inherits none of them.  Closing any descriptor of the file gives up all of them, so it is opened here alone and
stays open.
"""

import fcntl
import os
import tempfile
from pathlib import Path


class Reservations:
    """The ports of this process. Draw from the main thread, which is where servers are started from."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._ours: set[int] = set()

    def __contains__(self, port: int) -> bool:
        """Whether this process, or the one it was forked from, has taken the port before."""
        return port in self._ours

    def take(self, port: int) -> bool:
        """Whether the port is ours from now on, or has been before; False while another process has it.

        Raises:
            OSError: the file cannot be opened, which then has its name, or its file system knows no locks.
        """
        if self._file is None:
            self._file = _opened()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except (BlockingIOError, PermissionError):
            return False
        self._ours.add(port)
        return True


def _opened() -> int:
    """A file for each user: in a folder that all may write to, root too may be refused what is another's."""
    file = Path(tempfile.gettempdir()) / f"causerie-ports-{os.geteuid()}"
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


RESERVED = Reservations()
"""One for the whole process, as the locks are."""
