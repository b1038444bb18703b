"""How a command says that it failed."""


class Failed(Exception):
    """The command could not be carried out; the message is the one line the person sees."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
