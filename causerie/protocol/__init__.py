"""Codecs without I/O: bytes in, values out, and back. Nothing here waits, reads a clock or knows of sockets."""
