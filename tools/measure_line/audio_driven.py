"""Speak the last four fifths of a clip in the style of its first fifth, and keep silent in silence."""

from pathlib import Path

import numpy as np

from measure_line import landmarks, sheets
from measure_line import motion_measures as motion
from measure_line.app import App
from measure_line.clips import FPS, SAMPLE_RATE, cut, read_frames, read_sound, write_wav
from measure_line.figures import Figure
from measure_line.video_driven import Person, named

PROMPT_SHARE = 0.2
SILENCE_SECONDS = 5
CORRELATION_EACH = 0.2
CORRELATION_MEAN = 0.33
SILENT_APERTURE = 0.10
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


def measure_audio(person: Person, clip: Path, app: App) -> list[Figure]:
    """Judge the motion made from sound, by the face model's lips and by rendered frames; and in silence."""
    folder = person.folder / "audio"
    prompt = cut(clip, PROMPT_SHARE, folder)
    heard = read_sound(prompt.last)
    truth = person.opening[-len(prompt.last_frames) :]
    write_wav(folder / "speech.wav", heard)
    write_wav(folder / "silence.wav", np.zeros(SILENCE_SECONDS * SAMPLE_RATE, np.float32))
    curves = {"true": truth, "loudness": motion.energy_envelope(heard, SAMPLE_RATE, len(truth))}
    curves["face model"] = vertex_opening(speak(app, folder / "speech.wav", prompt.first, folder / "speech"))
    curves["rendered"] = rendered_opening(
        person, app, folder / "speech.wav", prompt.first, folder / "speech.mp4"
    )
    sheets.plot_curves(folder / "mouth_speech.png", f"{person.name}, driven by sound", normalised(curves))
    figures = agreement_figures(curves)
    figures += silence_figures(person, app, prompt.first, folder)
    return [named(person.name, figure) for figure in figures]


def speak(app: App, sound: Path, style: Path, out: Path) -> np.ndarray:
    """Return the expression (T, 64) that the motion model makes of a sound in the style of a clip."""
    from safetensors.numpy import load_file

    made = out.with_suffix(".safetensors")
    app.motion(sound, style, made)
    return load_file(made)["expression"]


def rendered_opening(person: Person, app: App, sound: Path, style: Path, out: Path) -> np.ndarray:
    """Return the mouth opening found again on frames rendered from a sound in the style of a clip."""
    app.render(person.avatar, out, ["--audio", str(sound), "--style", str(style)])
    frames = read_frames(out)
    rows = {"driven by sound": frames}
    sheets.contact_sheet(out.with_suffix(".sheet.png"), rows, columns=12)
    return landmarks.mouth_opening(landmarks.detect(frames))


def agreement_figures(curves: dict[str, np.ndarray]) -> list[Figure]:
    """Return how well each guess at the mouth follows the true one, the loudness as baseline."""
    loudness = motion.agreement(curves["loudness"], curves["true"])
    figures = []
    for name, source in (("lips_model", "face model"), ("lips_rendered", "rendered")):
        found = motion.agreement(curves[source], curves["true"])
        figures += [
            Figure(f"{name}_correlation", found.correlation, "r", loudness.correlation, CORRELATION_EACH),
            Figure(f"{name}_correlation_lag_0", found.at_zero, "r", loudness.at_zero),
            Figure(f"{name}_lag", abs(found.lag), "frames", abs(loudness.lag), motion.MOST_LAG, "<="),
        ]
    return figures


def silence_figures(person: Person, app: App, style: Path, folder: Path) -> list[Figure]:
    """Return how far the mouth stands open in digital silence, against how far it opens in speech."""
    from safetensors.numpy import load_file

    tracked = folder / "tracked.safetensors"
    app.track(person.split.first, tracked)
    kept = load_file(tracked)
    speech = vertex_opening(kept["expression"])
    silence = vertex_opening(speak(app, folder / "silence.wav", style, folder / "silence"))
    model = motion.aperture(silence[SETTLING:], *motion.speaking_range(speech))
    shown = rendered_opening(person, app, folder / "silence.wav", style, folder / "silence.mp4")
    rendered = motion.aperture(shown[SETTLING:], *motion.speaking_range(person.opening))
    return [
        Figure("silence_model", model, "of the speaking range", bar=SILENT_APERTURE, sense="<="),
        Figure("silence_rendered", rendered, "of the speaking range", bar=SILENT_APERTURE, sense="<="),
    ]


def normalised(curves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return curves with mean 0 and spread 1 each, so that they can be read in one plot."""
    return {name: (c - np.nanmean(c)) / (np.nanstd(c) + 1e-9) for name, c in curves.items()}
