"""Terms as nodes compare them: any term in a later history of the database outranks all terms before.

After a promotion or a restore the database may count terms and transaction ids from lower numbers again.  A term on the
bus therefore begins with the timeline, and a position means something only among terms of the same one.
"""

_TERM_BITS = 40


def term_on_bus(epoch: str, term: int) -> int:
    """The term of a lease in this epoch, which ends in the timeline as a hexadecimal number."""
    return int(epoch.rpartition("-")[2], 16) << _TERM_BITS | term


def same_history(one: int, other: int) -> bool:
    """Whether positions said in these two terms can be compared."""
    return one >> _TERM_BITS == other >> _TERM_BITS
