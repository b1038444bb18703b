"""What all connections of one gateway share, so that none of them keeps more than itself."""

from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.entrance import Entrance
from services.gateway.lobby import Guest, Lobby
from services.gateway.ops import Ops
from services.gateway.sends import Outbox
from services.gateway.session import Rules
from services.gateway.wheel import Wheel


@dataclass(frozen=True, slots=True)
class Hall:
    """`now` is the loop's steady clock; `forget` is told of a connection that is gone."""

    rules: Rules
    wheel: Wheel
    outbox: Outbox
    lobby: Lobby
    entrance: Entrance
    ops: Ops
    now: Callable[[], float]
    forget: Callable[[Guest], None]
