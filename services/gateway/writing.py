"""When a batch that is traced has been written: its span ends there, and the metrics get an example of a delivery.

There is one of these per batch that was sampled, never one per socket, and none for all the others.
"""

import time
from collections.abc import Callable, Sequence

from causerie import telemetry
from causerie.seats import Delivery
from services.gateway.fanout import FanOut

MAX_TURNS = 10_000
"""Of the loop: under load there is always something to be handed out."""
MAX_NAMED = 8


class BatchWrite:
    """Holds the span of a batch that was just given to the fan-out."""

    def __init__(
        self,
        batch: telemetry.Opened,
        deliveries: Sequence[Delivery],
        fan_out: FanOut,
        call_soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._batch = batch
        self._end = batch.hold()
        self._oldest = min(delivery.committed_at for delivery in deliveries)
        self._fan_out = fan_out
        self._call_soon = call_soon
        self._turns = 0
        batch.annotate(
            {
                "causerie.deliveries": len(deliveries),
                "causerie.conversations": [one.conversation.hex() for one in deliveries[:MAX_NAMED]],
                "causerie.seqs": [one.seq for one in deliveries[:MAX_NAMED]],
            }
        )

    def watch(self) -> None:
        """Look once a turn; the sockets are written to at the end of the one in which all was handed out."""
        self._turns += 1
        is_over = not self._fan_out.is_busy or self._turns >= MAX_TURNS
        self._call_soon(self._written if is_over else self.watch)

    def _written(self) -> None:
        trace_id, _ = self._batch.ids
        telemetry.DELIVERY_SECONDS.exemplify(max(0.0, time.time() - self._oldest), trace_id)
        self._end()
