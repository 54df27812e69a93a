"""Errors that a user can act on."""


class InputError(ValueError):
    """Bad input: says what, why and what to do, in at most three lines.

    Args:
        subject: The file, option or tensor that is wrong.
        cause: What is wrong with it.
        cure: What the user can do.
    """

    def __init__(self, subject: str, cause: str, cure: str) -> None:
        super().__init__(f"{subject}: {cause}\n{cure}")
        self.subject, self.cause, self.cure = subject, cause, cure
