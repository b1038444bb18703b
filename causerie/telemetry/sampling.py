"""Which requests are traced: decided where they come in, before there is anything to throw away.

`OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say it, with the names of the OpenTelemetry specification.  The SDK
would make a span of every request, only to ask afterwards; what is not sampled costs here one random number.
"""

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.trace import SpanContext

log = logging.getLogger(__name__)

DEFAULT = "parentbased_always_on"
_PARENT_BASED = "parentbased_"
_FIXED = {"always_on": 1.0, "always_off": 0.0}
_BY_RATIO = "traceidratio"
_LOW_BITS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Head:
    """The decision: a share of all, and whether a caller who has decided already is followed."""

    share: float
    follows_parent: bool

    def takes(self, parent: SpanContext | None) -> bool:
        if parent is None:
            return self.share >= 1.0 or random.random() < self.share
        if self.follows_parent:
            return parent.trace_flags.sampled
        # By the id, as the SDK's sampler does: everybody along the way decides alike.
        return (parent.trace_id & _LOW_BITS) < self.share * (_LOW_BITS + 1)


def read(environment: Mapping[str, str]) -> Head:
    """What the environment says; what cannot be read is said in the log, and everything is traced."""
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() or DEFAULT
    kind = name.removeprefix(_PARENT_BASED)
    share = _FIXED.get(kind)
    if kind == _BY_RATIO:
        share = _ratio(environment.get("OTEL_TRACES_SAMPLER_ARG", ""))
    elif share is None:
        log.warning("OTEL_TRACES_SAMPLER is unknown, tracing everything", extra={"sampler": name})
        name, share = DEFAULT, 1.0
    return Head(share, name.startswith(_PARENT_BASED))


def _ratio(text: str) -> float:
    try:
        share = float(text or "1.0")
        if 0.0 <= share <= 1.0:
            return share
    except ValueError:
        pass
    log.warning("OTEL_TRACES_SAMPLER_ARG is no share between 0 and 1, tracing everything")
    return 1.0
