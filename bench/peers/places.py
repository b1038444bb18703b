"""Where the peers are kept: beside the results, so that throwing `.data/bench` away forgets them too."""

from pathlib import Path

from bench.report import RESULTS

HERE = Path(__file__).resolve().parent
VENV = RESULTS / "peers-venv"
NODE = RESULTS / "node"
