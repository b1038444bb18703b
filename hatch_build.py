"""What a build adds to the files: the gateway's loops in C, where there is a compiler and Python's headers.

They go into the wheel, or into the checkout when that is installed as editable.  Without them the gateway does the same
in Python (`services/gateway/loops.py`), so a build never fails for want of a compiler.
"""

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("services/gateway/native")
FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra")
COMPILE_SECONDS = 120.0


class NotBuilt(Exception):
    """Why there are no loops in C."""


class LoopsInC(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        library = FOLDER / f"loops{sysconfig.get_config_var('EXT_SUFFIX')}"
        try:
            _compile(Path(self.root) / FOLDER / "loops.c", Path(self.root) / library)
        except NotBuilt as reason:
            self.app.display_warning(f"the gateway's loops will run in Python: {reason}")
            return
        build_data["artifacts"].append(f"/{library}")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _compile(source: Path, library: Path) -> None:
    # None of an earlier source may be taken for the present one.
    library.unlink(missing_ok=True)
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        raise NotBuilt(f"no C compiler ({compiler[0]})")
    half_made = library.with_suffix(".new")
    include = f"-I{sysconfig.get_path('include')}"
    command = [*compiler, *FLAGS, include, str(source), "-o", str(half_made)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotBuilt("the compiler took too long") from None
    if done.returncode:
        half_made.unlink(missing_ok=True)
        raise NotBuilt(done.stderr.strip())
    half_made.replace(library)
