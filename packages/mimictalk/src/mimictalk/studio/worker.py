"""The one worker of a device: takes the next job, runs it as child processes, writes down what happens.

python -m mimictalk.studio.worker ROOT DEVICE LIMITS      stdin being the leash of the server

It dies with the server that started it, and its child with it; whoever comes next takes the job up again.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mimictalk.studio.child import PROGRAM, Child
from mimictalk.studio.database import Database
from mimictalk.studio.folder import StudioFolder
from mimictalk.studio.job import Job
from mimictalk.studio.job_store import JobStore
from mimictalk.studio.limits import Limits
from mimictalk.studio.steps import Step, steps
from mimictalk.studio.telling import Telling

POLL_SECONDS = 0.2
PAUSE_GRACE, CANCEL_GRACE = 20.0, 2.0
WORK = ("cache", "state", "tmp")
KILLED = {
    "subject": "job",
    "cause": "its process was killed several times",
    "cure": "Mostly memory was short: use a shorter clip or close other programs, then resume it.",
}


class Worker:
    """Runs jobs one after another.

    Args:
        folder: Of the studio.
        device: Whose worker this is.
        limits: Of jobs.
        program: What runs a step, for tests.
    """

    def __init__(
        self, folder: StudioFolder, device: str, limits: Limits, program: Sequence[str] = PROGRAM
    ) -> None:
        self.folder, self.device, self.limits, self.program = folder, device, limits, program
        self.store = JobStore(Database(folder.database), limits)
        self.stopping = threading.Event()

    def run(self) -> None:
        """Work until `stopping` is set. Waits while another worker holds the device."""
        with self.folder.worker_lock(self.device).open("wb") as lock:
            while not self.stopping.is_set():
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self.stopping.wait(POLL_SECONDS)
            self.store.recover(self.device)
            while not self.stopping.is_set():
                job = self.store.claim(self.device)
                if job is None:
                    self.stopping.wait(POLL_SECONDS)
                else:
                    self._work(job)

    def _work(self, job: Job) -> None:
        folder = self.folder.job(job.id)
        if job.starts > self.limits.job_starts:
            self.store.end(job.id, "failed", error=KILLED)
            return
        deadline = time.monotonic() + self.limits.job_seconds
        result: dict[str, Any] = {}
        for step in steps(job):
            told = _finished(folder, step)
            if told is None:
                ending = self._run_step(job, step, folder, deadline)
                if ending:
                    self._stopped(job, ending, folder)
                    return
                told = _finished(folder, step)
            if told is None:  # it died of something that nobody here asked for
                self.store.end(job.id, "queued")
                self.stopping.wait(POLL_SECONDS)
                return
            code, facts = told
            if code and not step.may_fail:
                self.store.end(job.id, "failed", error=_error(facts))
                return
            result[step.name] = facts
        for name in WORK:
            shutil.rmtree(folder / name, ignore_errors=True)
        self.store.end(job.id, "done", result=result)

    def _run_step(self, job: Job, step: Step, folder: Path, deadline: float) -> str:
        """Run a step to its end; returns why it was ended before, or ""."""
        with Telling(self.store, job, folder / "log.txt", self.limits.log_bytes) as telling:
            child = Child(self.program, step, folder, self.limits.job_bytes, telling.told, telling.said)
            while child.poll() is None:
                wanted = self.store.get(job.id).wanted
                if self.stopping.is_set():
                    wanted = "release"
                elif time.monotonic() > deadline:
                    wanted = "too long"
                if wanted:
                    child.stop(CANCEL_GRACE if wanted == "cancel" else PAUSE_GRACE)
                    return wanted
                time.sleep(POLL_SECONDS)
        return ""

    def _stopped(self, job: Job, why: str, folder: Path) -> None:
        if why == "cancel":
            for name in (*WORK, "out"):
                shutil.rmtree(folder / name, ignore_errors=True)
            self.store.end(job.id, "cancelled")
        elif why == "pause":
            self.store.end(job.id, "paused")
        elif why == "release":
            self.store.release(job.id)
        else:
            cause = f"it ran for more than {self.limits.job_seconds} s"
            cure = "Resume it to go on where it stopped, or use a shorter clip."
            self.store.end(job.id, "failed", error={"subject": "job", "cause": cause, "cure": cure})


def _finished(folder: Path, step: Step) -> tuple[int, dict[str, Any]] | None:
    """Exit code and result of a step that came to its end; None of one that did not."""
    try:
        code = int((folder / f"{step.name}.code").read_text())
        facts = json.loads((folder / f"{step.name}.json").read_text() or "{}")
    except (OSError, ValueError):
        return None
    return (code, facts) if isinstance(facts, dict) else None


def _error(facts: dict[str, Any]) -> dict[str, str]:
    error = facts.get("error")
    if not isinstance(error, dict):
        return {"subject": "job", "cause": "it failed without a word", "cure": "See the log."}
    return {name: str(error.get(name, "")) for name in ("subject", "cause", "cure")}


def main(arguments: Sequence[str], program: Sequence[str] = PROGRAM) -> None:
    """Entry point of a worker process."""
    root, device, limits = arguments
    worker = Worker(StudioFolder.open(Path(root)), device, Limits(**json.loads(limits)), program)
    signal.signal(signal.SIGTERM, lambda number, frame: worker.stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which then lets this one go
    threading.Thread(target=_follow_server, args=(worker,), daemon=True).start()
    worker.run()


def _follow_server(worker: Worker) -> None:
    while os.read(0, 64):
        pass
    worker.stopping.set()


def arguments_of(folder: StudioFolder, device: str, limits: Limits) -> list[str]:
    """The command line of a worker, after the program."""
    return [str(folder.root), device, json.dumps(asdict(limits))]


if __name__ == "__main__":
    main(sys.argv[1:])
