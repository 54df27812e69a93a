"""Speech with exact phone times from the synthesisers of Debian, all spelled in IPA.

`apt-get install espeak-ng flite festival` and the voices named in `VOICES`. Only this tool needs them.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .espeak import Espeak, Utterance
from .phone_sets import CATALAN, CZECH, ENGLISH, FINNISH, ITALIAN, RUSSIAN, spelling
from .phones import PAUSE, VOICELESS_STOPS, parse


@dataclass(frozen=True)
class Voice:
    """One speaker: which program, which voice of it, and the language of the texts it should read."""

    program: str
    name: str
    language: str


_FLITE = [Voice("flite", name, "en") for name in ("kal16", "awb", "rms", "slt")]
_FESTIVAL = [
    Voice("festival", name, language)
    for name, language in (
        ("kal_diphone", "en"),
        ("ked_diphone", "en"),
        ("cmu_us_slt_arctic_hts", "en"),
        ("czech_dita", "cs"),
        ("czech_krb", "cs"),
        ("czech_machac", "cs"),
        ("czech_ph", "cs"),
        ("suo_fi_lj_diphone", "fi"),
        ("hy_fi_mv_diphone", "fi"),
        ("lp_diphone", "it"),
        ("pc_diphone", "it"),
        ("msu_ru_nsh_clunits", "latin"),
        ("upc_ca_ona_hts", "ca"),
    )
]
ESPEAK_LANGUAGES = (
    "en-us",
    "en",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "pl",
    "nl",
    "sv",
    "tr",
    "ru",
    "hu",
    "ro",
    "fi",
    "cs",
    "da",
    "hi",
    "el",
    "id",
)
ESPEAK_VARIANTS = (
    "",
    "+m1",
    "+m2",
    "+m3",
    "+m4",
    "+m5",
    "+m6",
    "+m7",
    "+f1",
    "+f2",
    "+f3",
    "+f4",
    "+f5",
    "+klatt2",
    "+klatt4",
    "+Annie",
    "+Lee",
    "+Michael",
    "+belinda",
    "+steph",
    "+linda",
    "+edward",
    "+Alicia",
)
SHORT_PAUSE = 0.05  # seconds
VOICES: tuple[Voice, ...] = (*_FLITE, *_FESTIVAL)


def espeak_voice(random: np.random.Generator) -> Voice:
    """A random language and speaker of espeak-ng."""
    language = str(random.choice(ESPEAK_LANGUAGES))
    return Voice("espeak", language + str(random.choice(ESPEAK_VARIANTS)), language.split("-")[0])


def say(voice: Voice, text: str, speed: float = 1.0, pitch: float = 0.5, melody: float = 0.5) -> Utterance:
    """Speaks a text.

    Args:
        voice: who.
        text: what, in the voice's language.
        speed: 1 is usual, 2 twice as fast.
        pitch, melody: 0 to 1, used by espeak-ng only.

    Returns:
        Sound and phones; every phone is one IPA symbol of `phones.PHONES`, "" is a pause. Times tile the
        sound.

    Raises:
        RuntimeError: the program fails or the voice is not installed.
    """
    if voice.program == "espeak":
        raw = _engine().say(text, voice.name, int(170 * speed), int(100 * pitch), int(100 * melody))
    elif voice.program == "flite":
        raw = _flite(voice.name, text, speed)
    else:
        raw = _festival(voice.name, text, speed)
    return Utterance(raw.samples, raw.sample_rate, _book_closures(raw, _tile(raw)))


@cache
def _engine() -> Espeak:
    return Espeak()


def _flite(name: str, text: str, speed: float) -> Utterance:
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "out.wav"
        command = [
            "flite",
            "-voice",
            name,
            "--setf",
            f"duration_stretch={1 / speed:.3f}",
            "-psdur",
            "-t",
            text,
        ]
        listing = _run([*command, "-o", str(sound)])
        ends = [(name, float(end)) for name, end in re.findall(r"([a-z@]+):([0-9.]+)", listing)]
        return _utterance(sound, ends, spelling(ENGLISH))


def _festival(name: str, text: str, speed: float) -> Utterance:
    table = {
        "czech": CZECH,
        "suo": FINNISH,
        "hy": FINNISH,
        "lp": ITALIAN,
        "pc": ITALIAN,
        "msu": RUSSIAN,
        "upc": CATALAN,
    }.get(name.split("_")[0], ENGLISH)
    with tempfile.TemporaryDirectory() as folder:
        sound, script = Path(folder) / "out.wav", Path(folder) / "say.scm"
        encoding = "iso-8859-2" if name.startswith("czech") else "iso-8859-1"
        safe = text.replace("\\", " ").replace('"', " ").encode(encoding, errors="ignore").decode("latin-1")
        script.write_text(
            f"(voice_{name})\n(Parameter.set 'Duration_Stretch {1 / speed:.3f})\n"
            f'(set! u (utt.synth (Utterance Text "{safe}")))\n'
            '(mapcar (lambda (s) (format t "%s|%.3f\\n" (item.name s) (item.feat s \'end)))'
            " (utt.relation.items u 'Segment))\n"
            f'(utt.save.wave u "{sound}" \'riff)\n',
            encoding="latin-1",
        )
        listing = _run(["festival", "-b", str(script)])
        ends = [(name, float(end)) for name, end in re.findall(r"^(\S+)\|([0-9.]+)$", listing, re.MULTILINE)]
        return _utterance(sound, ends, spelling(table))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='ignore')[-300:]}")
    return done.stdout.decode(errors="ignore")


def _utterance(path: Path, ends: list[tuple[str, float]], table: dict[str, str]) -> Utterance:
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate = file.getframerate()
    phones, start = [], 0.0
    for name, end in ends:
        ipa = table.get(name) or table.get(name.rstrip("1:"))  # "a1" stressed, "a:" long
        if ipa is None and name not in ("pau", "#", "##", "_", "h#", "brth"):
            raise RuntimeError(f"unknown phone {name!r}")
        phones.append((ipa or PAUSE, start, end))
        start = end
    return Utterance(data.astype(np.float32) / 32768, rate, tuple(phones))


def _tile(raw: Utterance) -> list[tuple[str, float, float]]:
    """One IPA symbol per phone, gaps filled by pauses: diphthongs and affricates share their time equally."""
    out: list[tuple[str, float, float]] = []
    at, total = 0.0, raw.samples.size / raw.sample_rate
    for name, start, end in raw.phones:
        start, end = max(start, at), min(end, total)
        if end <= start:
            continue
        if start > at + 1e-6:
            out.append((PAUSE, at, start))
        symbols = parse(name) or (PAUSE,)
        if symbols == (PAUSE,) and end - start < SHORT_PAUSE and out:
            symbols = (out[-1][0],)  # a glide or a palatal mark, which espeak-ng books as a sound of its own
        step = (end - start) / len(symbols)
        out += [(s, start + i * step, start + (i + 1) * step) for i, s in enumerate(symbols)]
        at = end
    if at < total:
        out.append((PAUSE, at, total))
    return out


def _book_closures(
    raw: Utterance, phones: list[tuple[str, float, float]]
) -> tuple[tuple[str, float, float], ...]:
    """Gives the silence before the burst of p, t, k to the stop: espeak-ng books it under the sound
    before."""
    hop = raw.sample_rate // 200
    blocks = raw.samples[: raw.samples.size // hop * hop].reshape(-1, hop)
    quiet = np.abs(blocks).max(axis=1) < 0.004 if blocks.size else np.zeros(0, bool)
    out = list(phones)
    for i in range(1, len(out)):
        (before, start, edge), (symbol, _, end) = out[i - 1], out[i]
        if symbol not in VOICELESS_STOPS or not before:
            continue
        block = int(edge * 200) - 1
        while (
            block >= 0 and block < quiet.size and quiet[block] and block / 200 > start + 0.4 * (edge - start)
        ):
            block -= 1
        moved = min(edge, (block + 1) / 200 + 0.005)
        out[i - 1], out[i] = (before, start, moved), (symbol, moved, end)
    return tuple(out)
