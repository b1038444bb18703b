"""Partitions by time: made ahead, kept as long as retention says, and reported on.

`messages` and `events` have a partition per month, `send_keys` one per week, and each a default that
catches what has no partition, so that nothing is ever refused.  Run daily: `ensure`, then `retain`.
Each may run beside writers, beside itself, and again after being killed.
"""

from causerie.store.partitions.ahead import Ensured, ensure
from causerie.store.partitions.report import Report, TableReport, check
from causerie.store.partitions.retention import Retained, retain

__all__ = ["Ensured", "Report", "Retained", "TableReport", "check", "ensure", "retain"]
