"""The HTTP API and the page, as one ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from mimictalk import __version__
from mimictalk.errors import InputError, MimictalkError, RunError
from mimictalk.studio.answers import (
    AboutAnswer,
    AvatarAnswer,
    JobAnswer,
    PointAnswer,
    UploadAnswer,
    avatar_answer,
    job_answer,
    upload_answer,
)
from mimictalk.studio.error_answers import refused, say, says_invalid
from mimictalk.studio.events import job_events
from mimictalk.studio.frame import page_frame
from mimictalk.studio.guard import Guard, Rate, Refused
from mimictalk.studio.job import Job, Kind, State
from mimictalk.studio.job_store import QueueFull
from mimictalk.studio.preview_process import PreviewBusy, PreviewProcess
from mimictalk.studio.requests import (
    AdaptRequest,
    CheckRequest,
    Id,
    MotionRequest,
    Name,
    PreviewRequest,
    RenderRequest,
)
from mimictalk.studio.studio import Studio
from mimictalk.studio.uploads import BLOCK, NotMedia, TooLarge

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (TooLarge, 413),
    (NotMedia, 415),
    (QueueFull, 503),
    (PreviewBusy, 503),
    (InputError, 409),
    (RunError, 500),
)
# A picture or video is shown by the page, never run as one.
ARTEFACT_HEADERS = {"content-security-policy": "default-src 'none'; sandbox", "cache-control": "no-store"}
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})

api = APIRouter(prefix="/api/v1", dependencies=[Depends(HTTPBearer(auto_error=False))])


def studio_of(request: Request) -> Studio:
    """The studio that this application serves."""
    found: Studio = request.app.state.studio
    return found


def owner_of(request: Request) -> str:
    """Whose token came with the request."""
    owner = request.scope["state"]["owner"]
    if not owner:
        raise Refused(401, "a valid token is needed", www_authenticate="Bearer")
    return str(owner)


TheStudio = Annotated[Studio, Depends(studio_of)]
Owner = Annotated[str, Depends(owner_of)]


def job_of(job_id: Id, studio: TheStudio, owner: Owner) -> Job:
    """A job of this owner; another's is not found."""
    return studio.jobs.get(job_id, owner)


TheJob = Annotated[Job, Depends(job_of)]


@api.get("/about")
def about(request: Request, studio: TheStudio, owner: Owner) -> AboutAnswer:
    """Version, devices and limits."""
    return AboutAnswer(
        version=__version__, owner=owner, devices=request.app.state.devices, limits=asdict(studio.limits)
    )


@api.post("/uploads", status_code=201)
async def upload(
    request: Request, studio: TheStudio, owner: Owner, name: Annotated[Name, Query()]
) -> UploadAnswer:
    """Send a video, sound or picture as the request's body, as it is."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > studio.limits.upload_bytes:
        raise Refused(413, f"an upload may have {studio.limits.upload_bytes} bytes")
    return upload_answer(await studio.uploads.take(owner, name, _blocks(request)))


@api.get("/uploads")
def uploads(studio: TheStudio, owner: Owner) -> list[UploadAnswer]:
    """What was sent, the newest first."""
    return [upload_answer(each) for each in studio.uploads.all(owner)]


@api.delete("/uploads/{upload_id}", status_code=204)
def delete_upload(upload_id: Id, studio: TheStudio, owner: Owner) -> None:
    """Forget an upload; jobs that use it keep it."""
    studio.uploads.delete(studio.uploads.get(upload_id, owner))


@api.post("/checks", status_code=202)
def check(asked: CheckRequest, studio: TheStudio, owner: Owner) -> JobAnswer:
    """Is this clip fit for an avatar?"""
    return _answer(studio, studio.check(owner, asked))


@api.post("/avatars", status_code=202)
def adapt(asked: AdaptRequest, studio: TheStudio, owner: Owner) -> JobAnswer:
    """Make an avatar of the person in a clip."""
    return _answer(studio, studio.adapt(owner, asked))


@api.get("/avatars")
def avatars(studio: TheStudio, owner: Owner) -> list[AvatarAnswer]:
    """Everyone who can be rendered, the newest first."""
    return [avatar_answer(job) for job in studio.jobs.jobs(owner, kind="adapt", state="done")]


@api.get("/avatars/{avatar_id}")
def avatar(avatar_id: Id, studio: TheStudio, owner: Owner) -> AvatarAnswer:
    """One avatar."""
    return avatar_answer(studio.avatar(avatar_id, owner))


@api.get("/avatars/{avatar_id}/preview")
def avatar_preview(avatar_id: Id, studio: TheStudio, owner: Owner) -> FileResponse:
    """Its picture, PNG."""
    return _file(studio, studio.avatar(avatar_id, owner), "preview.png")


@api.delete("/avatars/{avatar_id}", status_code=204)
def delete_avatar(avatar_id: Id, studio: TheStudio, owner: Owner) -> None:
    """Forget an avatar; videos made of it stay."""
    studio.delete(studio.avatar(avatar_id, owner))


@api.post("/renders", status_code=202)
def render(asked: RenderRequest, studio: TheStudio, owner: Owner) -> JobAnswer:
    """Make a video of an avatar."""
    return _answer(studio, studio.render(owner, asked))


@api.post("/previews", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def preview(asked: PreviewRequest, request: Request, studio: TheStudio, owner: Owner) -> Response:
    """One frame of a video as it would be, at once: PNG, marked as synthetic.

    The headers say which moment it is, and how many seconds of motion there are to look at.
    """
    wanted = await to_thread.run_sync(studio.preview, owner, asked)
    if not request.app.state.preview_rate.allows(owner):
        raise Refused(429, "too many previews", retry_after="5")
    try:
        picture = await to_thread.run_sync(request.app.state.previews.draw, wanted, abandon_on_cancel=True)
    except asyncio.CancelledError:  # the server ends, and waits for no picture
        raise Refused(503, "the studio is closing") from None
    told = {"preview-at": f"{picture.at:g}", "preview-seconds": f"{picture.seconds:g}"}
    return Response(picture.png, media_type="image/png", headers={**ARTEFACT_HEADERS, **told})


@api.post("/motions", status_code=202)
def motion(asked: MotionRequest, studio: TheStudio, owner: Owner) -> JobAnswer:
    """Make a Live Link Face CSV (ARKit's 52 shapes and the head) of speech or of a clip."""
    return _answer(studio, studio.motion(owner, asked))


@api.get("/jobs")
def jobs(
    studio: TheStudio, owner: Owner, kind: Kind | None = None, state: State | None = None
) -> list[JobAnswer]:
    """Jobs, the newest first."""
    return [_answer(studio, job) for job in studio.jobs.jobs(owner, kind, state)]


@api.get("/jobs/{job_id}")
def one_job(job: TheJob, studio: TheStudio) -> JobAnswer:
    """One job."""
    return _answer(studio, job)


@api.post("/jobs/{job_id}/cancel")
def cancel(job: TheJob, studio: TheStudio) -> JobAnswer:
    """End a job and throw away what it has done."""
    return _answer(studio, studio.jobs.cancel(job.id))


@api.post("/jobs/{job_id}/pause")
def pause(job: TheJob, studio: TheStudio) -> JobAnswer:
    """Stop a job and keep what it has done."""
    return _answer(studio, studio.jobs.pause(job.id))


@api.post("/jobs/{job_id}/resume")
def resume(job: TheJob, studio: TheStudio) -> JobAnswer:
    """Go on with a paused job, or try a failed or cancelled one again."""
    return _answer(studio, studio.jobs.resume(job.id))


@api.delete("/jobs/{job_id}", status_code=204)
def delete_job(job: TheJob, studio: TheStudio) -> None:
    """Forget a job that does not run, with its files."""
    studio.delete(job)


@api.get("/jobs/{job_id}/curve")
def curve(job: TheJob, studio: TheStudio) -> list[PointAnswer]:
    """Loss and other numbers over the steps."""
    return [PointAnswer(**point) for point in studio.jobs.curve(job.id)]


@api.get("/jobs/{job_id}/log", response_class=PlainTextResponse)
def log(job: TheJob, studio: TheStudio) -> str:
    """What the job said."""
    return studio.log(job)


@api.get("/jobs/{job_id}/files/{name}")
def artefact(job: TheJob, name: str, studio: TheStudio) -> FileResponse:
    """One of the job's `files`."""
    return _file(studio, job, name)


@api.get("/events")
async def events(
    request: Request, studio: TheStudio, owner: Owner, after: Annotated[int, Query(ge=0)] = 0
) -> StreamingResponse:
    """Changes of jobs as server-sent events: `event: job`, the job as data, its version as id.

    `after`, or the header Last-Event-ID, is the version seen last; 0 begins with every job there is.
    """
    seen = request.headers.get("last-event-id", "")
    open_streams = request.app.state.streams
    if open_streams.get(owner, 0) >= studio.limits.event_streams:
        raise Refused(429, "too many event streams are open", retry_after="5")

    async def stream() -> AsyncIterator[str]:
        open_streams[owner] = open_streams.get(owner, 0) + 1
        try:
            async for line in job_events(studio, owner, int(seen) if seen.isdigit() else after):
                yield line
        finally:
            open_streams[owner] -= 1

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})


@api.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """This API's description."""
    found: dict[str, Any] = request.app.openapi()
    return found


def make_app(
    studio: Studio,
    hosts: frozenset[str] = LOCAL,
    devices: tuple[str, ...] = ("cpu",),
    previews: PreviewProcess | None = None,
) -> Guard:
    """The application, guarded.

    Args:
        studio: What it serves.
        hosts: Names by which it may be called, without port.
        devices: That have a worker.
        previews: What draws single frames; by default a process of its own, started when it is needed.
    """
    drawing = previews or PreviewProcess(studio.folder.previews, studio.limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        studio.sweep()
        yield
        drawing.close()

    # The interactive pages of FastAPI load scripts from elsewhere: left out.
    app = FastAPI(
        title="MimicTalk studio",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.studio, app.state.devices, app.state.streams = studio, list(devices), {}
    app.state.previews, app.state.preview_rate = drawing, Rate(studio.limits.previews_per_minute)
    app.include_router(api)
    app.add_exception_handler(MimictalkError, _explained)
    app.add_exception_handler(KeyError, _missing)
    app.add_exception_handler(RequestValidationError, says_invalid("See the description of the API."))
    app.add_exception_handler(HTTPException, refused)
    page = Path(str(resources.files("mimictalk.studio") / "page"))
    app.mount("/frame", StaticFiles(directory=page_frame()), name="frame")
    app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return Guard(app, studio.tokens, studio.limits, hosts)


def _answer(studio: Studio, job: Job) -> JobAnswer:
    return job_answer(job, studio.files(job))


def _file(studio: Studio, job: Job, name: str) -> FileResponse:
    path = studio.file(job, name)
    if path is None:
        raise HTTPException(404, "there is no such file")
    return FileResponse(path, filename=name, headers=ARTEFACT_HEADERS)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks of about a megabyte: fewer writes, and never more than that in memory."""
    kept = bytearray()
    async for piece in request.stream():
        kept += piece
        if len(kept) >= BLOCK:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)


async def _explained(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MimictalkError)
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    headers = (
        {"connection": "close"} if status in (413, 415) else {"retry-after": "30"} if status == 503 else None
    )
    return say(status, error, headers)


async def _missing(request: Request, error: Exception) -> JSONResponse:
    return say(404, MimictalkError("id", "there is nothing of that name here", "Look at the list again."))
