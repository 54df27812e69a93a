"""Jobs on disk: what was accepted is there after any crash, and its state has one writer at a time."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mimictalk.errors import InputError, MimictalkError
from mimictalk.studio.database import Database
from mimictalk.studio.folder import new_id
from mimictalk.studio.job import OVER, Job, Kind, State
from mimictalk.studio.limits import Limits

COLUMNS = ", ".join(field.name for field in fields(Job))
JSON_COLUMNS = ("options", "result", "error", "warnings")
PRIORITY = {"check": 0, "motion": 1, "render": 2, "adapt": 3}  # quick answers do not wait behind long work
GONE = "deleted"  # a tombstone, so that every view hears of it


class QueueFull(MimictalkError):
    """As many jobs wait as the limits allow."""


class JobStore:
    """The table of jobs.

    Args:
        database: Where.
        limits: Of the queue.
    """

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        self.database, self.limits = database, limits or Limits()

    def submit(
        self, kind: Kind, owner: str, title: str, options: dict[str, Any], job_id: str | None = None
    ) -> Job:
        """Put a job in the queue.

        Raises:
            QueueFull: If no more may wait.
        """
        job_id = job_id or new_id()
        with self.database.transaction() as rows:
            waiting = rows.execute(
                "SELECT count(*) FROM jobs WHERE state IN ('queued', 'paused')"
            ).fetchone()[0]
            if waiting >= self.limits.queued_jobs:
                cause = f"{waiting} jobs wait, and no more may"
                raise QueueFull("queue", cause, "Wait until one is done, or cancel one.")
            rows.execute(
                "INSERT INTO jobs (id, kind, owner, state, title, options, priority, created, version)"
                " VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?)",
                (job_id, kind, owner, title, json.dumps(options), PRIORITY[kind], time.time(), _next(rows)),
            )
        return self.get(job_id)

    def get(self, job_id: str, owner: str | None = None) -> Job:
        """One job.

        Args:
            job_id: Its id.
            owner: If given, another owner's job is not found.

        Raises:
            KeyError: If there is none.
        """
        found = self.database.read(
            f"SELECT {COLUMNS} FROM jobs WHERE id = ? AND state != ?"
            + (" AND owner = ?" if owner is not None else ""),
            (job_id, GONE) + ((owner,) if owner is not None else ()),
        )
        if not found:
            raise KeyError(job_id)
        return _job(found[0])

    def jobs(self, owner: str | None = None, kind: str | None = None, state: str | None = None) -> list[Job]:
        """Jobs, the newest first."""
        wanted = {"owner": owner, "kind": kind, "state": state}
        asked = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(["state != ?", *(f"{name} = ?" for name in asked)])
        rows = self.database.read(
            f"SELECT {COLUMNS} FROM jobs WHERE {where} ORDER BY number DESC", (GONE, *asked.values())
        )
        return [_job(row) for row in rows]

    def changed_since(self, version: int, owner: str) -> tuple[int, Sequence[tuple[int, str, Job | None]]]:
        """Version of the store, and (version, id, job) of what changed since; a job of None was deleted."""
        rows = self.database.read(
            f"SELECT {COLUMNS} FROM jobs WHERE version > ? AND owner = ? ORDER BY version", (version, owner)
        )
        changes = [(row["version"], row["id"], None if row["state"] == GONE else _job(row)) for row in rows]
        return max([version, *(number for number, _, _ in changes)]), changes

    def claim(self, device: str) -> Job | None:
        """Take the job that is next, for one device; None if nothing waits."""
        with self.database.transaction() as rows:
            found = rows.execute(
                "SELECT id FROM jobs WHERE state = 'queued' ORDER BY priority, number LIMIT 1"
            ).fetchone()
            if found is None:
                return None
            rows.execute(
                "UPDATE jobs SET state = 'running', device = ?, starts = starts + 1, wanted = '',"
                " started = coalesce(started, ?), version = ? WHERE id = ?",
                (device, time.time(), _next(rows), found["id"]),
            )
        return self.get(found["id"])

    def recover(self, device: str) -> list[str]:
        """Put back what a killed worker of this device was at; returns the ids. Its wishes are granted."""
        with self.database.transaction() as rows:
            left = rows.execute(
                "SELECT id, wanted FROM jobs WHERE state = 'running' AND device = ?", (device,)
            ).fetchall()
            for row in left:
                state = {"pause": "paused", "cancel": "cancelled"}.get(row["wanted"], "queued")
                _set(rows, row["id"], state=state, wanted="", finished=_when(state))
        return [row["id"] for row in left]

    def tell(
        self, job_id: str, stage: str, done: int, total: int, eta_s: float | None, numbers: dict[str, float]
    ) -> None:
        """How far a running job is; `numbers` become a point of its curve."""
        with self.database.transaction() as rows:
            _set(rows, job_id, stage=stage, done=done, total=total, eta_s=eta_s)
            if numbers:
                point = (job_id, stage, done, json.dumps(numbers))
                rows.execute("INSERT OR REPLACE INTO curve VALUES (?, ?, ?, ?)", point)

    def curve(self, job_id: str) -> list[dict[str, Any]]:
        """Points of a job's curves, {"stage", "done", "numbers"}, by stage and step."""
        rows = self.database.read(
            "SELECT stage, done, numbers FROM curve WHERE job = ? ORDER BY stage, done", (job_id,)
        )
        return [{**dict(row), "numbers": json.loads(row["numbers"])} for row in rows]

    def warn(self, job_id: str, text: str) -> None:
        """Add a warning, once."""
        job = self.get(job_id)
        if text not in job.warnings:
            with self.database.transaction() as rows:
                _set(rows, job_id, warnings=json.dumps([*job.warnings, text]))

    def end(
        self,
        job_id: str,
        state: State,
        result: dict[str, Any] | None = None,
        error: dict[str, str] | None = None,
    ) -> None:
        """What became of a running job; "queued" puts it back."""
        with self.database.transaction() as rows:
            _set(
                rows,
                job_id,
                state=state,
                wanted="",
                result=json.dumps(result) if result is not None else None,
                error=json.dumps(error) if error is not None else None,
                eta_s=None,
                finished=_when(state),
            )

    def release(self, job_id: str) -> None:
        """Put a running job back in the queue: its worker stops, through no fault of the job."""
        with self.database.transaction() as rows:
            rows.execute("UPDATE jobs SET starts = starts - 1 WHERE id = ?", (job_id,))
            _set(rows, job_id, state="queued", wanted="", eta_s=None)

    def cancel(self, job_id: str) -> Job:
        """Ask for a job's end; a waiting one is cancelled at once.

        Raises:
            InputError: If it is over.
        """
        return self._ask(job_id, "cancel", "cancelled", ("queued", "paused", "running"))

    def pause(self, job_id: str) -> Job:
        """Ask for a pause; a running job keeps what it has done.

        Raises:
            InputError: If it neither waits nor runs.
        """
        return self._ask(job_id, "pause", "paused", ("queued", "running"))

    def resume(self, job_id: str) -> Job:
        """Put a paused, failed or cancelled job back in the queue.

        Raises:
            InputError: If it is none of these.
        """
        job = self.get(job_id)
        if job.state not in ("paused", "failed", "cancelled"):
            raise InputError(
                "job", f"it is {job.state} and cannot be resumed", "Wait, or submit another one."
            )
        with self.database.transaction() as rows:
            _set(rows, job_id, state="queued", wanted="", starts=0, error=None, finished=None)
        return self.get(job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job that does not run.

        Raises:
            InputError: If it runs.
        """
        if self.get(job_id).state == "running":
            raise InputError("job", "it is running", "Cancel it first.")
        with self.database.transaction() as rows:
            _set(rows, job_id, state=GONE, title="", options="{}", result=None, error=None, warnings="[]")
            rows.execute("DELETE FROM curve WHERE job = ?", (job_id,))

    def _ask(self, job_id: str, wish: str, state: State, from_states: tuple[str, ...]) -> Job:
        with self.database.transaction() as rows:
            found = rows.execute("SELECT state FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if found is None:
                raise KeyError(job_id)
            if found["state"] not in from_states:
                raise InputError("job", f"it is {found['state']}", f"Only a job that goes on can {wish}.")
            if found["state"] == "running":
                _set(rows, job_id, wanted=wish)
            else:
                _set(rows, job_id, state=state, wanted="", finished=_when(state))
        return self.get(job_id)


def _next(rows: sqlite3.Connection) -> int:
    return int(rows.execute("UPDATE counter SET version = version + 1 RETURNING version").fetchone()[0])


def _set(rows: sqlite3.Connection, job_id: str, **values: object) -> None:
    names = ", ".join(f"{name} = ?" for name in values)
    rows.execute(
        f"UPDATE jobs SET {names}, version = ? WHERE id = ?", (*values.values(), _next(rows), job_id)
    )


def _when(state: str) -> float | None:
    return time.time() if state in OVER else None


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    for name in JSON_COLUMNS:
        values[name] = json.loads(values[name]) if values[name] is not None else None
    return Job(**values)
