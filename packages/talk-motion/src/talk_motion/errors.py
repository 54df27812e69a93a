"""The one error that tells a user what is wrong with what they gave."""


class InputError(ValueError):
    """Bad input, in words: what it is about, what is wrong, what to do.

    Args:
        subject: the file or setting that is wrong, e.g. a file name.
        cause: what is wrong with it, one line.
        cure: what to do about it, one line.
    """

    def __init__(self, subject: object, cause: str, cure: str) -> None:
        self.subject, self.cause, self.cure = str(subject), cause, cure
        super().__init__(f"{self.subject}: {self.cause}\n{self.cure}")
