"""The studio's guard, with one request whose body never ends."""

from mimictalk.studio.guard import Guard, Message, Receive

SOUND = "/api/v1/sound"


class StreamGuard(Guard):
    """Checks host, origin, token and rate of every request; a body of sound may go on for ever."""

    def _patient(self, scope: Message, receive: Receive) -> Receive:
        # `take_sound` has its own patience, and holds no more than a moment of it.
        return receive if scope["path"] == SOUND else super()._patient(scope, receive)
