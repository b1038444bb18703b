"""Become another program, on a leash: it gets a signal the moment the process that started it is gone.

Run as a script between a parent and what it starts (`leash.py SIGNAL PARENT UID GID COMMAND…`), because the
kernel clears the leash when the user changes and because Python code between fork and exec can deadlock.
The leash is what keeps a `kill -9` of the launcher from leaving servers behind: nobody is left to clean up.

Only the standard library may be imported: this runs before anything else is known to work.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(signal: int, parent: int, uid: int, gid: int, command: list[str]) -> None:
    """Replace this process by the command; a uid of 0 or of ourselves changes nothing."""
    if uid not in (0, os.getuid()):
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
        # The parent may have gone before the leash was on; then its signal will never come.
        if os.getppid() != parent:
            sys.exit(f"{command[0]}: whoever started this is gone")
    os.execv(command[0], command)


if __name__ == "__main__":
    on_death, launcher, user, group = map(int, sys.argv[1:5])
    main(on_death, launcher, user, group, sys.argv[5:])
