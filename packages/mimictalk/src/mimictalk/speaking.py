"""Speech to motion on the disk, with words for an odd sound."""

from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.console import Console, Progress
from mimictalk.person_motion import HasTuning, motion_model
from mimictalk.sound_check import VOICED_SHARE

if TYPE_CHECKING:
    from talk_motion import MotionModel, MotionPrompt
    from talk_motion.generation import Speaking
    from talk_motion.spool import MotionSpool


def speak(
    audio: Path,
    prompt: "MotionPrompt | None",
    speaking: "Speaking",
    spool: "MotionSpool",
    console: Console,
    progress: Progress,
    person: HasTuning | None = None,
) -> "MotionModel":
    """Fill `spool` with the motion of a speech of any length, in memory that does not grow with it.

    Args:
        audio: Sound or video file.
        prompt: Talking style; None for an average one.
        speaking: Strength of the style, seed and the like.
        spool: Takes the motion.
        console: Warned of an odd sound.
        progress: Called with (stage, done, total, facts).
        person: Whose own way of speaking is used, where it was learned; None for nobody's.

    Returns:
        The model that drew the motion.

    Raises:
        InputError: If the sound cannot be used (of talk-motion).
    """
    from mimictalk.examination import examine
    from talk_motion.audio import SoundFile
    from talk_motion.speech_file import SpeechFile

    examine(audio)
    sound = SoundFile(audio)
    for warning in sound.warnings:
        console.warn(f"{audio.name}: {warning}")
    speech, model = SpeechFile(sound), motion_model(person, console)
    progress("speech to motion", 0, speech.frames, {})
    for piece in speech.motion(model, prompt, speaking):
        spool.add(piece)
        progress("speech to motion", spool.frames, speech.frames, {})
    if not sound.warnings and speech.voiced < VOICED_SHARE:
        console.warn(f"{audio.name}: no speech was found in the sound: the mouth will hardly move")
    return model
