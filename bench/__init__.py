"""Reproducible measurements behind the figures of the README; `bench/README.md` says how to read them."""
