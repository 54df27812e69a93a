"""What one studio takes at most."""

from dataclasses import dataclass, fields

from mimictalk.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Limits of a studio; each is a whole number above zero.

    Attributes:
        queued_jobs: Jobs that wait or are paused, of all owners together.
        job_seconds: Longest time that one job may run in one go.
        job_starts: How often a job is started again after it was killed.
        job_bytes: Largest file that a job may write.
        log_bytes: Of a job's log; the rest is left out.
        upload_bytes: One uploaded file.
        owner_bytes: All uploads of one owner.
        owner_uploads: Number of uploads of one owner.
        free_bytes: An upload stops when less than this is left on the disk.
        body_bytes: A request body other than an upload.
        idle_seconds: A client that sends nothing for so long in the middle of a request is let go.
        requests_per_minute: Of one owner, after a burst of as many.
        failures_per_minute: Wrong tokens of one address.
        event_streams: Of one owner at once.
        previews_per_minute: Single frames of one owner, after a burst of as many.
        waiting_previews: At once, of all owners together; more are answered with 503.
        preview_seconds: Longest time for one, with loading the avatar.
        connections: At once; more are answered with 503.
    """

    queued_jobs: int = 32
    job_seconds: int = 6 * 3600
    job_starts: int = 5
    job_bytes: int = 20 * 2**30
    log_bytes: int = 2**20
    upload_bytes: int = 2 * 2**30
    owner_bytes: int = 20 * 2**30
    owner_uploads: int = 200
    free_bytes: int = 2**30
    body_bytes: int = 64 * 2**10
    idle_seconds: int = 20
    requests_per_minute: int = 1200
    failures_per_minute: int = 30
    event_streams: int = 16
    previews_per_minute: int = 120
    waiting_previews: int = 4
    preview_seconds: int = 120
    connections: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise InputError(
                    f"Limits.{field.name}", f"{value!r} is no whole number above zero", "Give 1 or more."
                )
