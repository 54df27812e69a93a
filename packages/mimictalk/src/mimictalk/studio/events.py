"""Server-sent events: every change of an owner's jobs from any version on; lost connections lose nothing."""

import json
import time
from collections.abc import AsyncIterator

from anyio import sleep, to_thread

from mimictalk.studio.answers import job_answer
from mimictalk.studio.studio import Studio

POLL_SECONDS, BEAT_SECONDS = 0.3, 10.0


async def job_events(studio: Studio, owner: str, after: int) -> AsyncIterator[str]:
    """Events as they go over the wire.

    Each has the version as its id, "job" or "deleted" as its name, and a job, or the id of one, as data.

    Args:
        studio: Whose jobs.
        owner: Whose of them.
        after: Version that the reader has seen; 0 begins with every job there is.
    """
    spoke = 0.0
    while True:
        after, lines = await to_thread.run_sync(_changes, studio, owner, after)
        for line in lines:
            yield line
        now = time.monotonic()
        if lines:
            spoke = now
        elif now - spoke >= BEAT_SECONDS:
            spoke = now
            yield ": still here\n\n"  # so that both sides notice a connection that has gone
        await sleep(POLL_SECONDS)


def _changes(studio: Studio, owner: str, after: int) -> tuple[int, list[str]]:
    version, changes = studio.jobs.changed_since(after, owner)
    lines = []
    for number, job_id, job in changes:
        if job is not None:
            data = job_answer(job, studio.files(job)).model_dump_json()
            lines.append(f"id: {number}\nevent: job\ndata: {data}\n\n")
        elif after:
            lines.append(f"id: {number}\nevent: deleted\ndata: {json.dumps({'id': job_id})}\n\n")
    return version, lines
