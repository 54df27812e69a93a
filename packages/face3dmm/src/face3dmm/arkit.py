"""The 52 ARKit expression shapes, in the order of Unreal's Live Link Face (EyeBlinkLeft ... TongueOut)."""


def _both(*stems: str) -> tuple[str, ...]:
    return tuple(stem + side for stem in stems for side in ("Left", "Right"))


_EYE = ("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide")

ARKIT_NAMES: tuple[str, ...] = (
    *(stem + "Left" for stem in _EYE),
    *(stem + "Right" for stem in _EYE),
    *("jawForward", "jawRight", "jawLeft", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft"),
    *_both("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_both("mouthPress", "mouthLowerDown", "mouthUpperUp"),
    *_both("browDown"),
    "browInnerUp",
    *_both("browOuterUp"),
    "cheekPuff",
    *_both("cheekSquint", "noseSneer"),
    "tongueOut",
)


def mirrored_name(name: str) -> str:
    """Name of the shape on the other side: eyeBlinkLeft -> eyeBlinkRight, jawOpen -> jawOpen."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return name
