"""PostgreSQL refuses to run as root, so under root it runs as `nobody`; this finds it a place to live.

`nobody` cannot enter a checkout below `/root`.  Then the data stays where only root and that user come, in
`/var/lib/causerie`, under a name made from the path it stands for, with a link where it was looked for.
"""

import hashlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from causerie.embedded.process import Owner, current_owner

READABLE_HOME = Path("/var/lib/causerie")
NOBODY = Owner(65534, 65534)


def server_owner() -> Owner:
    """Whom PostgreSQL runs as: us, or `nobody` when we are root."""
    if os.getuid() != 0:
        return current_owner()
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY
    return Owner(entry.pw_uid, entry.pw_gid)


def can_enter(path: Path, owner: Owner) -> bool:
    """Whether that user may pass through every directory down to the path."""
    return all(_may_search(directory.stat(), owner) for directory in [path, *path.parents] if directory.is_dir())


def home_for(path: Path, owner: Owner) -> Path:
    """Where data wanted at `path` can live so that its owner reaches it; a link leads there from `path`.

    The link is what counts: whoever deletes it, with the directory it is in, has deleted the data.
    """
    if path.is_symlink():
        return path.readlink()
    if owner == current_owner() or can_enter(path.parent, owner):
        return path
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    home = READABLE_HOME / f"{path.name}-{name}"
    shutil.rmtree(home, ignore_errors=True)
    READABLE_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.symlink_to(home)
    return home


def _may_search(of: os.stat_result, owner: Owner) -> bool:
    if of.st_uid == owner.uid:
        return bool(of.st_mode & stat.S_IXUSR)
    if of.st_gid == owner.gid:
        return bool(of.st_mode & stat.S_IXGRP)
    return bool(of.st_mode & stat.S_IXOTH)
