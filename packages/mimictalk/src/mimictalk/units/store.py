"""Folders that are here or in an object store, by the same few calls."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from mimictalk.errors import InputError


def is_remote(place: str) -> bool:
    """Whether a place is named as `protocol://...`, for fsspec to open."""
    return "://" in place


@contextmanager
def fetched(place: str) -> Iterator[Path]:
    """A local file with the content of a place; a local one is used where it lies.

    Raises:
        InputError: If it cannot be read.
    """
    if not is_remote(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="mimictalk-fetched-") as folder:
        local = Path(folder) / PurePosixPath(place).name
        files, path = _open(place)
        try:
            files.get_file(path, str(local))
        except (OSError, ValueError) as error:
            raise InputError(
                place, f"cannot be read: {_words(error)}", "Check the address and your access."
            ) from None
        yield local


def listed(place: str, suffixes: tuple[str, ...]) -> list[str]:
    """Files of a folder with one of these suffixes, sorted by name.

    Raises:
        InputError: If there is no such folder.
    """
    try:
        if is_remote(place):
            files, path = _open(place)
            protocol = place.partition("://")[0]
            names = [f"{protocol}://{name}" for name in files.ls(path, detail=False)]
        else:
            names = [str(entry) for entry in Path(place).iterdir()]
    except (OSError, ValueError) as error:
        raise InputError(
            place, f"cannot be read: {_words(error)}", "Give a folder, or a list of clips."
        ) from None
    return sorted(name for name in names if name.lower().endswith(suffixes))


class Store:
    """A folder for results. Files appear in it whole or not at all.

    Args:
        place: A local folder, or protocol://... as fsspec knows it.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self.remote = is_remote(place)

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        if not self.remote:
            return (Path(self.place) / name).is_file()
        files, path = _open(f"{self.place}/{name}")
        return bool(files.isfile(path))

    def put(self, name: str, content: bytes) -> None:
        """Write a whole file."""
        if not self.remote:
            from mimictalk.atomic import write_bytes

            write_bytes(Path(self.place) / name, content)
            return
        files, path = _open(f"{self.place}/{name}")
        files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        with tempfile.NamedTemporaryFile() as local:
            local.write(content)
            local.flush()
            files.put_file(local.name, path)  # object stores show an upload when it is complete


def _open(place: str) -> tuple[Any, str]:
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(place)
    except (ValueError, ImportError) as error:
        raise InputError(place, _words(error), "Install fsspec's package for this kind of store.") from None
    return files, path


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
