"""Does a clip's mouth go with its sound? A delay is measured and made good, a stranger's voice is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mimictalk.judgement import GO, WARN, Judgement
from mimictalk.sound_alignment import heard_part

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from talk_motion import AudioFeatures
    from talk_motion.sync_measure import SyncMeasure

LEAST_FRAMES = 50  # below 2 s the sync expert has too little to go by
SURE_FRAMES = 200  # 8 s: a clip whose mouth follows its sound is recognised from here on
IN_STEP = 1  # frame: what the expert finds in clips that are in step (five clips: 0 to 1)
ROUNDS = 3  # the expert looks 15 frames far: what is further away comes into sight when the sound was moved
FRAME_MS = 40


@dataclass(frozen=True)
class SyncVerdict:
    """How sound and picture go together.

    Attributes:
        offset: Frames by which the sound has to be moved (see `sound_alignment`); 0 where it is in step, or
            where that is not certain.
        judgement: In words.
        facts: For `--json`.
    """

    offset: int
    judgement: Judgement
    facts: dict[str, Any]


def check_sync(features_at: Callable[[int], "AudioFeatures"], track: "FaceTrack") -> SyncVerdict:
    """Compare a clip's mouth with its sound by talk-motion's sync expert.

    A delay counts as found only where the sound, once moved by it, is in step by the same measure.

    Args:
        features_at: Features of the clip's sound, from its first frame on, moved by an offset.
        track: Of its frames from the first on.
    """
    features = features_at(0)
    facts: dict[str, Any] = {"sync_offset_ms": None, "sync_confidence": None, "sound_moved_ms": 0}
    first = _measured(features, track, 0)
    if first is None or first.offset_frames is None:
        return SyncVerdict(0, Judgement("sound and picture", GO, "too little speech to compare them"), facts)
    facts |= {"sync_offset_ms": FRAME_MS * first.offset_frames, "sync_confidence": round(first.confidence, 3)}
    in_step = abs(first.offset_frames) <= IN_STEP
    if not first.trusted and in_step:  # a stranger's voice fits best anywhere, seldom just here
        words = "in step, as far as so unclear a mouth can tell"
        return SyncVerdict(0, Judgement("sound and picture", GO, words), facts)
    if not first.trusted:
        return SyncVerdict(0, _not_together(features, track), facts)
    if in_step:
        words = f"in step ({FRAME_MS * first.offset_frames:+d} ms)"
        return SyncVerdict(0, Judgement("sound and picture", GO, words, numbers=_ms(first)), facts)
    offset, left = _search(first, features_at, track)
    delay = offset or first.offset_frames
    late = f"the {'sound' if delay < 0 else 'picture'} comes {FRAME_MS * abs(delay)} ms late"
    if not offset:
        cure = "Move the sound in a video editor until lips and sound agree."
        words = f"{late}: mouth and sound are apart, and no shift brings them together"
        return SyncVerdict(0, Judgement("sound and picture", WARN, words, cure, _ms(first)), facts)
    cure = f"Nothing need be done: adapt moves the sound; {FRAME_MS * left:+d} ms are left."
    facts |= {"sync_offset_ms": FRAME_MS * offset, "sound_moved_ms": FRAME_MS * offset}
    words = f"{late}: it is moved to the {'picture' if delay < 0 else 'sound'}"
    numbers = {"offset_ms": float(FRAME_MS * offset)}
    return SyncVerdict(offset, Judgement("sound and picture", WARN, words, cure, numbers), facts)


def _search(
    first: "SyncMeasure", features_at: Callable[[int], "AudioFeatures"], track: "FaceTrack"
) -> tuple[int, int]:
    """The offset after which the sound is in step, and the frames that are left then; (0, 0) for none."""
    offset = int(first.offset_frames or 0)
    for _ in range(ROUNDS):
        found = _measured(features_at(offset), heard_part(track, offset), offset)
        if found is None or found.offset_frames is None or not found.trusted:
            return 0, 0
        if abs(found.offset_frames) <= IN_STEP:
            return offset, found.offset_frames
        offset += found.offset_frames
    return 0, 0


def _measured(features: "AudioFeatures", track: "FaceTrack", offset: int) -> "SyncMeasure | None":
    frames = min(features.frames, len(track.coeffs.expression))
    seen = track.coeffs.confidence[:frames] > 0
    if frames - max(offset, 0) < LEAST_FRAMES or not bool(seen.any()):
        return None
    from talk_motion.sync_measure import measure_sync

    return measure_sync(features.slice(0, frames), track.coeffs.expression[:frames], seen=seen)


def _not_together(features: "AudioFeatures", track: "FaceTrack") -> Judgement:
    if min(features.frames, len(track.coeffs.expression)) < SURE_FRAMES:
        return Judgement("sound and picture", GO, "too short to be sure that they go together")
    words = "mouth and sound do not seem to go together: is this the speaker's own voice?"
    return Judgement("sound and picture", WARN, words, "Give a clip with the sound it was filmed with.")


def _ms(found: "SyncMeasure") -> dict[str, float]:
    return {"offset_ms": float(FRAME_MS * int(found.offset_frames or 0))}
