"""Sizes that two readers of the contract must agree on (CONTRACT, "Numbers")."""

MAX_CONTENT_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
MAX_METADATA_BYTES = 4 * 1024
MAX_METADATA_DEPTH = 16
MAX_NAME_CHARACTERS = 200
MAX_DESCRIPTION_CHARACTERS = 2_000
MAX_URL_CHARACTERS = 2_000
MAX_CONTEXT_CHARACTERS = 128
MAX_GROUP_MEMBERS = 1_000
MAX_NARROWCAST_MEMBERS = 100
"""Typing and read marks reach others only in conversations up to this size."""
MAX_PAGE = 100
DEFAULT_PAGE = 50
MAX_SEQ = 2**53 - 1
"""The largest integer every JSON reader keeps exactly (RFC 8259, section 6)."""
