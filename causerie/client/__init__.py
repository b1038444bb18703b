"""The Python client: connects, sends safely, catches up, and keeps a model of what its user sees.

The rules are in `conversation.py` and `model.py`, which do no I/O; `connection.py` is one socket,
`rest.py` the API, and `client.py` joins them.  Tests, load generators and canaries all use it, so a
client costs two tasks and one timer.
"""

from causerie.client.client import Client
from causerie.client.connection import AuthWay, Farewell
from causerie.client.errors import ClientError, Disconnected, Refused, Unanswered
from causerie.client.model import Model
from causerie.client.rest import Rest

__all__ = ["AuthWay", "Client", "ClientError", "Disconnected", "Farewell", "Model", "Refused", "Rest", "Unanswered"]
