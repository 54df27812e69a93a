"""What a user can cause, told with its cure."""


class InputError(ValueError):
    """Something given cannot be used.

    Args:
        subject: What it is about.
        cause: What is wrong with it.
        cure: What to do about it.
    """

    def __init__(self, subject: str, cause: str, cure: str) -> None:
        super().__init__(f"{subject}: {cause}\n{cure}")
        self.subject, self.cause, self.cure = subject, cause, cure
