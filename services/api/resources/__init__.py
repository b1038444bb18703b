"""The operations of the API, a module per noun."""

from services.api.operation import Operation
from services.api.resources.conversations import conversations
from services.api.resources.members import members
from services.api.resources.messages import messages
from services.api.resources.presence import presence
from services.api.resources.reading import reading
from services.api.resources.sync import sync
from services.api.resources.tickets import tickets
from services.api.resources.typing import typing

# Paths are tried in this order: the busiest early, and a fixed word before a name in the same place
# (`messages/since` before `messages/{message_id}`).
OPERATIONS: tuple[Operation, ...] = (
    *sync,
    *messages,
    *conversations,
    *reading,
    *members,
    *typing,
    *presence,
    *tickets,
)
