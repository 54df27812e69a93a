"""Lengths of time as people type them: 90, 90s, 10m, 1h30m."""

import re

from mimictalk.errors import InputError

_PARTS = re.compile(r"^(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?$")


def parse_duration(text: str, option: str) -> float:
    """Seconds in `text`.

    Raises:
        InputError: If it is no length of time, or not above zero.
    """
    match = _PARTS.match(text.strip().lower())
    hours, minutes, seconds = (float(match[part] or 0) for part in "hms") if match else (0.0, 0.0, 0.0)
    total = 3600 * hours + 60 * minutes + seconds
    if not 0 < total < float("inf"):
        raise InputError(option, f"{text!r} is not a length of time", "Write for example 90s, 10m or 1h30m.")
    return total


def show_duration(seconds: float) -> str:
    """`seconds` for people: 42 s, 3:20 min, 1:05 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
