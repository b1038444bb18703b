"""Who sits where, and numbered streams to those places: shared by every node and the workers."""

from causerie.bus.envelopes import Delivery, EphemeralDelivery, Heartbeat
from causerie.seats.node import Node

__all__ = ["Delivery", "EphemeralDelivery", "Heartbeat", "Node"]
