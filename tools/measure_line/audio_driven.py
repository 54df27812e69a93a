"""Speak the last four fifths of a clip in the style of its first fifth, and keep silent in silence."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from measure_line import landmarks, sheets
from measure_line import motion_measures as motion
from measure_line.app import App
from measure_line.clips import FPS, SAMPLE_RATE, cut, read_frames, read_sound, write_wav
from measure_line.figures import Figure
from measure_line.process import Run
from measure_line.video_driven import Person, named

PROMPT_SHARE = 0.2
SILENCE_SECONDS = 5
CORRELATION_EACH = 0.2
CORRELATION_MEAN = 0.33
SILENT_APERTURE = 0.10
RENDER_FPS = 4.0
SETTLING = FPS // 2  # frames: a mouth may take half a second to close


def vertex_opening(expression: np.ndarray) -> np.ndarray:
    """Return the mouth opening of the open face model, mean identity, for expressions (T, 64).

    Returns:
        (T,) in distances between the outer eye corners, as for landmarks.
    """
    import torch

    from face3dmm import FaceModel

    model = FaceModel.open_face()
    vertices = model.vertices(torch.zeros(len(expression), 80), torch.from_numpy(expression).float())
    return landmarks.mouth_opening(vertices.numpy().astype(np.float64))


@dataclass(frozen=True)
class Speech:
    """A clip cut for speech: its style from the first fifth, its sound from the rest.

    Attributes:
        folder: Where everything made from sound is kept.
        style: The first fifth, with sound.
        sound: The rest of the sound.
        silence: Five seconds of digital silence.
        truth: (T,) the true mouth opening of the rest.
        loudness: (T,) of the rest, dB.
    """

    folder: Path
    style: Path
    sound: Path
    silence: Path
    truth: np.ndarray
    loudness: np.ndarray

    @classmethod
    def of(cls, person: Person, clip: Path) -> "Speech":
        """Cut a clip and write its sound."""
        folder = person.folder / "audio"
        prompt = cut(clip, PROMPT_SHARE, folder)
        heard, count = read_sound(prompt.last), len(prompt.last_frames)
        speech, silence = folder / "speech.wav", folder / "silence.wav"
        write_wav(speech, heard)
        write_wav(silence, np.zeros(SILENCE_SECONDS * SAMPLE_RATE, np.float32))
        loudness = motion.energy_envelope(heard, SAMPLE_RATE, count)
        return cls(folder, prompt.first, speech, silence, person.opening[-count:], loudness)


def measure_model(person: Person, speech: Speech, app: App) -> list[Figure]:
    """Judge the motion made from sound by the lips of the face model, without drawing anything."""
    spoken = vertex_opening(speak(app, speech.sound, speech.style, speech.folder / "speech"))
    silent = vertex_opening(speak(app, speech.silence, speech.style, speech.folder / "silence"))
    tracked = speech.folder / "tracked.safetensors"
    app.track(person.split.first, tracked)
    usual = vertex_opening(expression_in(tracked))
    plot(person, speech, "model", spoken)
    return [named(person.name, figure) for figure in lip_figures("model", speech, spoken, silent, usual)]


def measure_rendered(person: Person, speech: Speech, app: App) -> list[Figure]:
    """Judge the same by the lips found again on frames of the person's avatar."""
    spoken, run = rendered_opening(person, app, speech.sound, speech.style, speech.folder / "speech.mp4")
    silent, _ = rendered_opening(person, app, speech.silence, speech.style, speech.folder / "silence.mp4")
    plot(person, speech, "rendered", spoken)
    figures = lip_figures("rendered", speech, spoken, silent, person.opening)
    figures.append(Figure("render_fps", len(spoken) / run.seconds, "frames/s", bar=RENDER_FPS))
    figures.append(Figure("render_peak_gb", run.peak_gb, "GB", sense="<="))
    return [named(person.name, figure) for figure in figures]


def lip_figures(
    source: str, speech: Speech, spoken: np.ndarray, silent: np.ndarray, usual: np.ndarray
) -> list[Figure]:
    """Return how well lips follow the true ones, the loudness as baseline, and how they rest in silence.

    Args:
        source: "model" or "rendered".
        speech: The truth.
        spoken: (T,) mouth opening made from the clip's sound.
        silent: (S,) mouth opening made from silence.
        usual: (U,) mouth opening of the person, measured as `silent` is.
    """
    found, loudness = (motion.agreement(curve, speech.truth) for curve in (spoken, speech.loudness))
    aperture = motion.aperture(silent[SETTLING:], *motion.speaking_range(usual))
    name = f"lips_{source}"
    return [
        Figure(f"{name}_correlation", found.correlation, "r", loudness.correlation, CORRELATION_EACH),
        Figure(f"{name}_correlation_lag_0", found.at_zero, "r", loudness.at_zero),
        Figure(f"{name}_lag", abs(found.lag), "frames", abs(loudness.lag), motion.MOST_LAG, "<="),
        Figure(f"{name}_in_silence", aperture, "of range", bar=SILENT_APERTURE, sense="<="),
    ]


def plot(person: Person, speech: Speech, source: str, spoken: np.ndarray) -> None:
    """Plot mouth openings made from sound against the true ones, each with mean 0 and spread 1."""
    curves = {"true": speech.truth, source: spoken, "loudness": speech.loudness}
    scaled = {name: (c - np.nanmean(c)) / (np.nanstd(c) + 1e-9) for name, c in curves.items()}
    sheets.plot_curves(speech.folder / f"mouth_{source}.png", f"{person.name}, driven by sound", scaled)


def speak(app: App, sound: Path, style: Path, out: Path) -> np.ndarray:
    """Return the expression (T, 64) that the motion model makes of a sound in the style of a clip."""
    made = out.with_suffix(".safetensors")
    app.motion(sound, style, made)
    return expression_in(made)


def expression_in(path: Path) -> np.ndarray:
    """Return the expression (T, 64) of a file that `motion` or `track` wrote."""
    from safetensors.numpy import load_file

    return load_file(path)["expression"]


def rendered_opening(person: Person, app: App, sound: Path, style: Path, out: Path) -> tuple[np.ndarray, Run]:
    """Render a sound in the style of a clip: the mouth opening found again on the frames, and the cost."""
    run = app.render(person.avatar, out, ["--audio", str(sound), "--style", str(style)])
    frames = read_frames(out)
    rows = {"driven by sound": frames}
    sheets.contact_sheet(out.with_suffix(".sheet.png"), rows, columns=12)
    return landmarks.mouth_opening(landmarks.detect(frames)), run
