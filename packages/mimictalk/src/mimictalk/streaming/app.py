"""Page and API of a live stream as one ASGI application."""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mimictalk import __version__
from mimictalk.errors import InputError, MimictalkError
from mimictalk.sound import SAMPLE_RATE
from mimictalk.streaming.live import Live
from mimictalk.streaming.live_video_answer import LiveVideoAnswer
from mimictalk.streaming.settings import StreamSettings
from mimictalk.streaming.socket_sound import Form, Late, take_sound
from mimictalk.streaming.stream_guard import SOUND, StreamGuard
from mimictalk.studio.error_answers import refused, say, says_invalid
from mimictalk.studio.frame import page_frame
from mimictalk.studio.guard import Refused
from mimictalk.studio.limits import Limits

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
LIMITS = Limits(requests_per_minute=600, connections=64)
api = APIRouter(prefix="/api/v1", dependencies=[Depends(HTTPBearer(auto_error=False))])


@dataclass(frozen=True)
class OneToken:
    """The token of one run: never stored."""

    value: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def owner_of(self, token: str) -> str | None:
        """ "me" for the right one, None for any other."""
        return "me" if hmac.compare_digest(self.value.encode(), token.encode(errors="replace")) else None


@dataclass
class Stage:
    """What the application serves.

    Attributes:
        live: The live person.
        settings: Of the stream.
        name: The avatar's.
        metadata: Of every mp4: the mark.
        peers: Open WebRTC connections.
    """

    live: Live
    settings: StreamSettings
    name: str
    metadata: dict[str, str]
    peers: set[Any] = field(default_factory=set)

    def check_room(self) -> None:
        """Refuse a viewer too many.

        Raises:
            Refused: With 503.
        """
        if len(self.live.viewers | self.peers) >= self.settings.viewers:
            raise Refused(503, "as many are watching as may", retry_after="10")


class Offer(BaseModel):
    """A browser's session description."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["offer"]
    sdp: str = Field(max_length=60_000)


def stage_of(request: Request) -> Stage:
    """What this application serves."""
    found: Stage = request.app.state.stage
    return found


TheStage = Annotated[Stage, Depends(stage_of)]


@api.get("/state")
def state(stage: TheStage) -> dict[str, Any]:
    """Who is shown, the delay, and how it goes."""
    facts = {"avatar": stage.name, "size": stage.settings.size, "version": __version__}
    return facts | {"ice_servers": stage.settings.ice_servers} | stage.live.state()


@api.post("/offer")
async def offer(asked: Offer, stage: TheStage) -> dict[str, str]:
    """Open a WebRTC connection: the answer to a browser's offer."""
    from mimictalk.streaming.webrtc import Peer

    stage.check_room()
    peer = Peer(stage.live, stage.settings.size, stage.settings.ice_servers, stage.peers.discard)
    stage.peers.add(peer)
    try:
        return {"type": "answer", "sdp": await peer.answer(asked.sdp)}
    except BaseException:
        await peer.close()
        raise


@api.post("/sound")
async def sound(
    request: Request,
    stage: TheStage,
    form: Annotated[Form, Query()] = "wav",
    late: Annotated[Late, Query()] = "wait",
) -> dict[str, float | bool]:
    """Speak the request's body while it comes: a WAV, or bare 16 kHz mono samples of 16 bits.

    With late=wait a sender that is faster than speech is made to wait; with late=drop late sound is lost.
    """
    sender = stage.live.speak("socket", leads=late == "drop")
    try:
        seconds = await take_sound(request.stream(), sender, form, late)
        displaced = sender.over.is_set()
    except ClientDisconnect:
        raise HTTPException(400, "the sender has gone") from None
    finally:
        stage.live.silence(sender)
    dropped = round(sender.inbox.dropped / SAMPLE_RATE, 3)
    return {"seconds": round(seconds, 3), "dropped": dropped, "displaced": displaced}


@api.get("/video.mp4")
async def video(stage: TheStage) -> LiveVideoAnswer:
    """Watch: fragmented mp4 that begins with the next picture and does not end."""
    stage.check_room()
    return LiveVideoAnswer(stage.live, stage.settings.size, stage.metadata)


@api.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """This API's description."""
    found: dict[str, Any] = request.app.openapi()
    return found


def make_app(
    stage: Stage, token: OneToken, hosts: frozenset[str] = LOCAL, limits: Limits = LIMITS
) -> StreamGuard:
    """The application, guarded.

    Args:
        stage: What it serves.
        token: Who may use it.
        hosts: Names by which it may be called, without port.
        limits: Of requests.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(stage.live.run())
        yield
        for peer in list(stage.peers):
            await peer.close()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    # The interactive pages of FastAPI load scripts from elsewhere: left out.
    app = FastAPI(
        title="MimicTalk live",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.stage = stage
    app.include_router(api)
    app.add_exception_handler(MimictalkError, _explained)
    app.add_exception_handler(RequestValidationError, says_invalid("See docs/streaming.md."))
    app.add_exception_handler(HTTPException, refused)
    page = Path(str(resources.files("mimictalk.streaming") / "page"))
    app.mount("/frame", StaticFiles(directory=page_frame()), name="frame")
    app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return StreamGuard(app, token, limits, hosts)


async def _explained(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MimictalkError)
    closing = {"connection": "close"} if request.url.path == SOUND else None
    return say(422 if isinstance(error, InputError) else 500, error, closing)
