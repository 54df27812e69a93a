"""Names that shells and decoders stumble over, and settings that cannot be."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from hostile.case import EITHER, FILE, REFUSED, USED, Case
from hostile.recordings import tone, wav


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _names()
    for number, (command, word) in enumerate(SETTINGS):
        yield Case(
            "names",
            f"setting {number}: {' '.join(command)[:60]}",
            _speech,
            (*command, "--quiet"),
            REFUSED,
            word,
            "speech.wav",
            quick=True,
        )


NAMES = (
    "two  spaces.wav", " begins with a space.wav", "quote'.wav", 'double".wav', "semi;colon.wav", "$(id).wav", "`id`.wav",
    "${HOME}.wav", "a&b.wav", "a|b.wav", "a>b.wav", "star*.wav", "what?.wav", "[a].wav", "{a}.wav", "~.wav", "#.wav", "%s%n.wav",
    "new\nline.wav", "tab\t.wav", "bell\a.wav", "back\\slash.wav", "concat:a.wav", "file:a.wav", "CON.wav", "nul.wav",
    "emoji 🙂.wav", "rtl \u202egnp.wav", "\u05e9\u05dc\u05d5\u05dd.wav", "zero\u200bwidth.wav", "...wav",
    unicodedata.normalize("NFC", "é.wav"), unicodedata.normalize("NFD", "é.wav"), "x" * 251 + ".wav",
)  # fmt: skip
SPEECH = "speech.wav"
SETTINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("motion", SPEECH, "-o", "out.exe"), "only"),
    (("motion", SPEECH, "-o", "x" * 300 + ".csv"), ""),
    (("motion", SPEECH, "-o", "/proc/none/out.csv"), ""),
    (("motion", SPEECH, "-o", "."), ""),
    (("motion", SPEECH, "-o", SPEECH), "only"),
    (("motion", SPEECH, "--temperature", "nan"), "--temperature"),
    (("motion", SPEECH, "--temperature", "-1"), "--temperature"),
    (("motion", SPEECH, "--temperature", "inf"), "--temperature"),
    (("motion", SPEECH, "--temperature", "hot"), "temperature"),
    (("motion", SPEECH, "--style-strength", "nan"), "--style-strength"),
    (("motion", SPEECH, "--style-strength", "1e9"), "--style-strength"),
    (("motion", SPEECH, "--seed", "-1"), "--seed"),
    (("motion", SPEECH, "--seed", "99999999999999999999"), "--seed"),
    (("motion", SPEECH, "--seed", "1.5"), "seed"),
    (("motion", SPEECH, "--pose", "fast"), "--pose"),
    (("motion", SPEECH, "--blink", "often"), "blink"),
    (("motion", SPEECH, "--style", "nobody.mp4"), "no such file"),
    (("motion", SPEECH, "--stlye", "a.mp4"), "--style"),
    (("motion",), "AUDIO"),
    (("motion", SPEECH, "more.wav"), "more.wav"),
    (("adapt", SPEECH, "--steps", "0"), "--steps"),
    (("adapt", SPEECH, "--steps", "-5"), "--steps"),
    (("adapt", SPEECH, "--steps", "many"), "steps"),
    (("adapt", SPEECH, "--budget", "soon"), "--budget"),
    (("adapt", SPEECH, "--budget", "-1s"), "--budget"),
    (("adapt", SPEECH, "--budget", "0"), "--budget"),
    (("adapt", SPEECH, "--first", "nan"), "--first"),
    (("adapt", SPEECH, "--recipe", "secret"), "--recipe"),
    (("adapt", SPEECH, "--start", "nowhere"), ""),
    (("render", "nobody", "--audio", SPEECH), "no such folder"),
    (("render", SPEECH, "--audio", SPEECH), "folder"),
    (("render", "--audio", SPEECH), "avatar"),
    (("render", "nobody"), ""),
    (("render", "nobody", "--audio", SPEECH, "--drive", SPEECH), ""),
    (("render", "nobody", "--audio", SPEECH, "--background", "#12"), ""),
    (("render", "nobody", "--audio", SPEECH, "--drive-pose", "loose"), "drive-pose"),
    (("oneshot", SPEECH, "--audio", SPEECH, "--refine", "-1"), ""),
    (("oneshot", "nobody.png", "--audio", SPEECH), ""),
    (("track", SPEECH, "--first", "-3"), ""),
    (("track", SPEECH, "-o", "a.csv", "--overlay", "b.csv"), ""),
    (("evaluate", "nobody", "--against", SPEECH), ""),
    (("evaluate", "--protocol", "other", "--against", SPEECH), "protocol"),
    (("weights", "import", SPEECH), ""),
    (("weights", "verify", "nowhere"), ""),
    (("verify", "nowhere.mp4"), "no such file"),
    (("verify",), "FILE"),
    (("dance",), "dance"),
    (("--seed", "3"), "seed"),
    (("check", "--json=yes", SPEECH), ""),
)  # fmt: skip


def _speech(path: Path) -> None:
    path.write_bytes(wav(tone(0.5)))


def _names() -> Iterator[Case]:
    """Any name is only a name: the file is used."""
    for number, name in enumerate(NAMES):
        yield Case(
            "names",
            f"name {number}",
            _speech,
            ("motion", FILE, "-o", "out.npz", "--quiet"),
            USED,
            file=name,
            quick=number < 6,
        )
    missing = {
        "-i.wav": "",
        "--help.wav": "",
        "a\0b.wav": "",
        "": "",
        "https://127.0.0.1:9/a.wav": "",
        "\\\\server\\a.wav": "",
    }
    for number, name in enumerate(missing):
        yield Case(
            "names",
            f"no such name {number}",
            _speech,
            ("motion", name, "--quiet"),
            REFUSED,
            file=SPEECH,
            quick=True,
        )
    dashed = ("motion", "-o", "out.npz", "--quiet", "--", "-i.wav")
    yield Case("names", "a name like an option", _speech, dashed, EITHER, file="-i.wav")
