"""Who may use the studio: random tokens, of which only the hashes are in the database."""

import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path

from mimictalk.errors import InputError
from mimictalk.studio.database import Database

FIRST_OWNER = "me"
OWNER = re.compile(r"^[\w-]{1,40}$", re.ASCII)


class Tokens:
    """The tokens of a studio.

    Args:
        database: Where their hashes are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, owner: str, seconds: float | None = None) -> str:
        """A new token, shown this once.

        Args:
            owner: Whose jobs it can see.
            seconds: How long it is good for; None for ever.

        Raises:
            InputError: If the name is none.
        """
        if not OWNER.fullmatch(owner):
            raise InputError("owner", f"{owner[:60]!r} is no name", "Use letters, digits, - and _.")
        token = secrets.token_urlsafe(32)
        expires = None if seconds is None else time.time() + seconds
        with self._database.transaction() as rows:
            rows.execute("INSERT INTO tokens VALUES (?, ?, ?)", (_hash(token), owner, expires))
        return token

    def first(self, path: Path) -> str:
        """The studio owner's token, made at the first start and kept in a file that only they can read."""
        try:
            token = path.read_text().strip()
        except FileNotFoundError:
            token = ""
        if not token or self.owner_of(token) is None:
            token = self.make(FIRST_OWNER)
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(token + "\n")
        return token

    def owner_of(self, token: str) -> str | None:
        """Whose token this is; None for a wrong or expired one. The time taken tells nothing about which."""
        given, owner = _hash(token), None
        for row in self._database.read("SELECT sha256, owner, expires FROM tokens"):
            good = row["expires"] is None or row["expires"] > time.time()
            if hmac.compare_digest(given, row["sha256"]) and good:
                owner = row["owner"]
        return owner


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
