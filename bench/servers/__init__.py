"""Who is measured: the floor, ourselves (the bare engine and the whole gateway) and peers, all with one task.

Each listens on loopback on a core of its own and broadcasts what a publisher among its clients says, K messages at a
time.  What differs is written down here and nowhere else: how a client introduces itself, what of what it gets is a
delivery, and how a burst is asked for.
"""

from bench.servers.server import Burst, Running, Server, Unavailable

__all__ = ["Burst", "Running", "Server", "Unavailable"]
