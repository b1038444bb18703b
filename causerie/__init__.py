"""What the platform knows, shared by its services: rules, codecs, stores, actions.

The rooms and the direction imports may take are drawn in `docs/architecture.md` and
held by the contracts in `pyproject.toml`.
"""

__version__ = "0.1.0"
