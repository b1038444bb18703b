"""The command `causerie`: what a developer and an operator type.

`arguments.py` is what can be typed; every other module carries out one command.  Services are started as
processes of their own and never imported, so the command line can look after ones that crash.
"""

from causerie.cli.arguments import main

__all__ = ["main"]
