"""What the canary reports: messages it sent itself through everything, and what became of them."""

from causerie.telemetry.catalogue.book import CANARY, buckets, levels, totals

DIALECTS = ("native",)

CANARY_SENT = totals(
    [CANARY], "causerie.canary.sent", "{message}", "Messages acknowledged.", by="dialect", known=DIALECTS
)
CANARY_REFUSED = totals(
    [CANARY], "causerie.canary.refused", "{message}", "Messages not acknowledged.", by="dialect", known=DIALECTS
)
CANARY_RECEIVED = totals(
    [CANARY],
    "causerie.canary.received",
    "{message}",
    "Messages that arrived, each counted once.",
    by="dialect",
    known=DIALECTS,
)
CANARY_LOST = totals(
    [CANARY],
    "causerie.canary.lost",
    "{message}",
    "Messages acknowledged that did not arrive in time; any is an alert.",
    by="dialect",
    known=DIALECTS,
)
CANARY_DUPLICATES = totals(
    [CANARY],
    "causerie.canary.duplicates",
    "{message}",
    "Messages that a client was shown more than once.",
    by="dialect",
    known=DIALECTS,
)
CANARY_SECONDS = buckets(
    [CANARY],
    "causerie.canary.duration",
    "From a send to its arrival at another client.",
    by="dialect",
    known=DIALECTS,
)
CANARY_RECOVERY_SECONDS = buckets(
    [CANARY],
    "causerie.canary.recovery",
    "From the first message that failed to the next one that arrived.",
    bounds=(0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600),
    by="dialect",
    known=DIALECTS,
)
CANARY_DOWN_SECONDS = levels(
    [CANARY],
    "causerie.canary.down",
    "s",
    "How long nothing has come through; 0 while all is well.",
    by="dialect",
    known=DIALECTS,
)
