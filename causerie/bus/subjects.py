"""Who listens where. Few subjects: a subscription costs memory and time, a batch on a known one costs neither."""

PREFIX = "causerie."
SEATS = f"{PREFIX}seats"
HEARTBEATS = f"{PREFIX}heartbeats"
ACKS = f"{PREFIX}acks"
PRESENCE = f"{PREFIX}presence"
WORKERS = f"{PREFIX}workers"


def shard(number: int) -> str:
    """Hints and ephemeral frames for the shard's owner."""
    return f"{PREFIX}shard.{number}"


def node(node_id: str) -> str:
    """Batches, beats and echoes from workers to one node."""
    return f"{PREFIX}node.{node_id}"


def roster(node_id: str) -> str:
    """Where a worker asks a node for its whole list of seats."""
    return f"{PREFIX}roster.{node_id}"


def worker(worker_id: str) -> str:
    """Where a node answers one worker with its list of seats."""
    return f"{PREFIX}worker.{worker_id}"


def family(subject: str) -> str:
    """What kind of subject it is: names of nodes and workers are new in every life of a process, and left out."""
    kind, dot, rest = subject.removeprefix(PREFIX).partition(".")
    return kind if not dot or kind != "shard" else f"{kind}.{rest}"


def check_token(name: str) -> str:
    """Accept a name as one token of a subject; a dot, blank or wildcard in it would address somebody else.

    Raises:
        ValueError: naming what was given.
    """
    if name and all(character.isalnum() or character in "-_" for character in name) and name.isascii():
        return name
    raise ValueError(f"not a name for a subject: {name!r}")
