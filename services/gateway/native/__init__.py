"""Loops in C, built with the package where there is a compiler; `services/gateway/loops.py` does without them."""
