"""PostgreSQL, Valkey and NATS out of Python wheels and our services beside them, so that trying needs only Python.

They are the real servers, durable settings and all, for `causerie run` and for the tests; production
brings its own.  `stores.py` starts the three together, `postgres.py`, `valkey.py` and `nats.py` know one
server each, `service.py` a service; `process.py` and `leash.py` see to it that none outlives the one who started it.
"""

from causerie.embedded.nats import Nats
from causerie.embedded.postgres import Postgres
from causerie.embedded.process import StoreFailed
from causerie.embedded.stores import DirectoryInUse, EmbeddedStores, StoreUrls
from causerie.embedded.valkey import Valkey

__all__ = ["DirectoryInUse", "EmbeddedStores", "Nats", "Postgres", "StoreFailed", "StoreUrls", "Valkey"]
