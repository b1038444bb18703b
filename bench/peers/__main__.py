"""`python -m bench.peers`: install the peers into folders of their own; `--lock` resolves their versions anew.

Only on demand: nothing of ours needs them.  Each half may fail by itself (no node, no registry): a peer that is not
there becomes a row with the reason in the table, never a missing one.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.peers.places import HERE, NODE, VENV

LIMIT_SECONDS = 300.0


def run(*command: str | Path, folder: Path = HERE) -> None:
    subprocess.run([*map(str, command)], cwd=folder, check=True, timeout=LIMIT_SECONDS)


def uv() -> Path:
    return Path(sys.executable).with_name("uv")


def install_python() -> None:
    if not (VENV / "bin/python").exists():
        run(sys.executable, "-m", "venv", VENV)
    run(
        uv(), "--quiet", "pip", "install", "--python", VENV / "bin/python", "--require-hashes", "-r", "requirements.txt"
    )


def install_node() -> None:
    if shutil.which("npm") is None:
        raise FileNotFoundError("npm is not installed")
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, NODE / name)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=NODE)


def lock() -> None:
    options = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header")
    run(uv(), "--quiet", "pip", "compile", "--upgrade", *options, "requirements.in", "-o", "requirements.txt")
    run("npm", "install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")


def main() -> int:
    steps = [lock] if sys.argv[1:] == ["--lock"] else [install_python, install_node]
    failed = False
    for step in steps:
        try:
            step()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{step.__name__.replace('_', ' ')}: {error}", file=sys.stderr)
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
