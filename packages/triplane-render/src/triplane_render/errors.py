"""The one error of this package that a caller can cause and cure."""


class InputError(ValueError):
    """Bad input: a shape, a range or an option that does not exist.

    Args:
        subject: What was given (the argument's name).
        cause: What is wrong with it.
        cure: What to do about it.

    ``str(error)`` is ``"<subject>: <cause>\\n<cure>"``.
    """

    def __init__(self, subject: object, cause: str, cure: str) -> None:
        self.subject, self.cause, self.cure = str(subject), cause, cure
        super().__init__(f"{self.subject}: {cause}\n{cure}")

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        # The default would call __init__ with the joined message alone: an error must survive a process pool.
        return type(self), (self.subject, self.cause, self.cure)
