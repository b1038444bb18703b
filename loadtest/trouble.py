"""How anything here says that it cannot go on."""


class Trouble(Exception):
    """Bad input, a machine that is too small, a swarm that died; the message is the one line a person sees."""
