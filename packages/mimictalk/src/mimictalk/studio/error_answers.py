"""Errors as answers of HTTP, for every server of ours."""

from collections.abc import Awaitable, Callable

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mimictalk.errors import MimictalkError

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]


def say(status: int, error: MimictalkError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The error as JSON."""
    return JSONResponse({"error": error.as_dict()}, status, headers)


def says_invalid(cure: str) -> Handler:
    """Handler of a request with a bad field: 422, the field, what is wrong with it, and `cure`."""

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return say(422, MimictalkError(field[:80], str(first["msg"])[:200], cure))

    return invalid


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Handler of what the framework refuses, such as an unknown address."""
    assert isinstance(error, HTTPException)
    return say(error.status_code, MimictalkError("request", str(error.detail)), dict(error.headers or {}))
