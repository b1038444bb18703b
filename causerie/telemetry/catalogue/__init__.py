"""Every metric of the platform (CONTRACT §6 and what its operators need besides), by room.

The names are OpenTelemetry's; Prometheus sees dots as underscores with the unit and ``_total`` behind.  A process
shows the metrics that it records, from the start with 0, so that a gauge of one service is never a zero of another.
No user, conversation or connection id is ever an attribute.
"""
