"""PostgreSQL, the truth: the only room that speaks SQL."""

from causerie.store.store import Announce, Store
from causerie.store.transaction import Transaction

__all__ = ["Announce", "Store", "Transaction"]
