"""Bytes that begin as a video and as a picture do, and the header that carries a token."""

MP4 = b"\0\0\0\x18ftypmp42" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def bearer(token: str) -> dict[str, str]:
    """The header of a request with a token."""
    return {"Authorization": f"Bearer {token}"}
