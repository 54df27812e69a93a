"""Does the mouth of a clip go with its sound? Words for a delay and for a stranger's voice."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from talk_motion import AudioFeatures

LEAST_FRAMES = 50  # below 2 s the sync expert has too little to go by
SURE_FRAMES = 200  # 8 s: a clip whose mouth follows its sound is recognised from here on
NOTICED_FRAMES = 3  # 120 ms: what people begin to notice (ITU-R BT.1359: 45 ms early, 125 ms late)
FRAME_MS = 40


def check_sync(features: "AudioFeatures", track: "FaceTrack") -> tuple[dict[str, Any], tuple[str, ...]]:
    """Compare a clip's mouth with its sound by talk-motion's sync expert.

    Args:
        features: Of the clip's sound, from its first frame on.
        track: Of its frames from the first on.

    Returns:
        facts for `--json`, and what is odd, in words.
    """
    frames = min(features.frames, len(track.coeffs.expression))
    facts: dict[str, Any] = {"sync_offset_ms": None, "sync_confidence": None}
    if frames < LEAST_FRAMES:
        return facts, ()
    from talk_motion.sync_measure import measure_sync

    coeffs = track.coeffs
    heard, seen = features.slice(0, frames), coeffs.confidence[:frames] > 0
    sync = measure_sync(heard, coeffs.expression[:frames], seen=seen)
    if sync.offset_frames is None:  # nobody speaks in the part that is used
        return facts, ()
    facts = {"sync_offset_ms": FRAME_MS * sync.offset_frames, "sync_confidence": round(sync.confidence, 3)}
    if sync.trusted and abs(sync.offset_frames) >= NOTICED_FRAMES:
        late = "sound" if sync.offset_frames < 0 else "picture"
        return facts, (
            f"the {late} comes {FRAME_MS * abs(sync.offset_frames)} ms late: mouth and sound are apart",
        )
    if not sync.trusted and frames >= SURE_FRAMES:
        return facts, ("mouth and sound do not seem to go together: is this the speaker's own voice?",)
    return facts, ()
