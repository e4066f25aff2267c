"""The one exception that a user can cause."""


class UserError(Exception):
    """Bad input or a failed run. The message is one clear line: what is wrong, with which file or option, what to do.

    Attributes:
        status: the exit status, 2 for bad arguments, 1 for a run that failed.
    """

    def __init__(self, message: str, *, status: int = 2) -> None:
        super().__init__(message)
        self.status = status
