"""The studio's one database: SQLite with a write-ahead log, shared by the server and its workers."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mimictalk.errors import RunError

SCHEMA = 1
TABLES = """
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL,
  state TEXT NOT NULL, title TEXT NOT NULL, options TEXT NOT NULL, priority INTEGER NOT NULL,
  wanted TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '', stage TEXT NOT NULL DEFAULT '',
  done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, eta_s REAL, result TEXT, error TEXT,
  warnings TEXT NOT NULL DEFAULT '[]', starts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL,
  finished REAL, version INTEGER NOT NULL
);
CREATE INDEX jobs_by_state ON jobs (state, priority, number);
CREATE INDEX jobs_by_version ON jobs (version);
CREATE TABLE curve (
  job TEXT NOT NULL, stage TEXT NOT NULL, done INTEGER NOT NULL, numbers TEXT NOT NULL,
  PRIMARY KEY (job, stage, done)
);
CREATE TABLE uploads (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, suffix TEXT NOT NULL,
  bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE tokens (sha256 TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL);
CREATE TABLE counter (version INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
"""


class Database:
    """One process's connection; its methods may be called from any thread.

    Raises:
        RunError: If the file was made by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")  # a job that was accepted survives a power cut
        path.chmod(0o600)
        with self.transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise RunError(
                    path, f"it is of schema {version}, newer than this program", "Update mimictalk."
                )
            if version == 0:
                for statement in TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done inside, or nothing; no other process writes meanwhile."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, statement: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """The rows of one SELECT."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()
