"""PostgreSQL, the truth: the only room that speaks SQL."""

from causerie.store.store import Announce, Store, Transaction

__all__ = ["Announce", "Store", "Transaction"]
