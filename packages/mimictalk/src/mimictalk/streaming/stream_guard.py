"""The studio's guard, with one request whose body never ends."""

from typing import Any, Protocol, cast

from mimictalk.studio.guard import Guard, Message, Receive
from mimictalk.studio.limits import Limits
from mimictalk.studio.tokens import Tokens

SOUND = "/api/v1/sound"


class Keys(Protocol):
    """Who may use a server."""

    def owner_of(self, token: str) -> str | None:
        """Whose token this is; None for a wrong one."""


class StreamGuard(Guard):
    """Checks host, origin, token and rate of every request; a body of sound may go on for ever.

    Args:
        app: What is guarded.
        keys: Who may use it.
        limits: Of rates, bodies and patience.
        hosts: Names by which this server may be called, without port.
    """

    def __init__(self, app: Any, keys: Keys, limits: Limits, hosts: frozenset[str]) -> None:
        super().__init__(app, cast(Tokens, keys), limits, hosts)

    def _patient(self, scope: Message, receive: Receive) -> Receive:
        # `take_sound` has its own patience, and holds no more than a moment of it.
        return receive if scope["path"] == SOUND else super()._patient(scope, receive)
