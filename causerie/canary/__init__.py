"""A canary: it writes to itself through everything that people use, without end, and reports what became of it.

One process (`causerie canary`) beside the platform, outside of it: it has no address of a store, only those that
clients have.  What it counts is in its own `/metrics`.
"""
