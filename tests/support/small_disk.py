"""A disk of few megabytes that can be filled to the last byte: a tmpfs, for those who may mount one."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIECE_BYTES = 1 << 20
CAP_SYS_ADMIN = 1 << 21


class SmallDisk:
    """`path` is where it is mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave not one page."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (PIECE_BYTES, 4096):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)


def may_mount() -> bool:
    """Whether the kernel lets us; not even every root may, in a container."""
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) & CAP_SYS_ADMIN)


@contextmanager
def small_disk(path: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted for the length of a block; where we may not mount an ordinary folder, which nobody should fill."""
    path.mkdir(mode=0o755)
    if not may_mount():
        yield SmallDisk(path)
        return
    options = f"size={megabytes}m,mode=0755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True)
    if mounted.returncode != 0:
        raise PermissionError(mounted.stderr.decode().strip())
    disk = SmallDisk(path)
    try:
        yield disk
    finally:
        disk.empty()
        subprocess.run(["umount", "--lazy", str(path)], check=True)
