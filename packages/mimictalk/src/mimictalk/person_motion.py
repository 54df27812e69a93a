"""The motion model of a person: the embedded one, and what `adapt` learned of their way of speaking."""

from typing import TYPE_CHECKING, Any, Protocol

from mimictalk.errors import AvatarError

if TYPE_CHECKING:
    from mimictalk.console import Console, Progress
    from talk_motion import MotionModel, MotionPrompt
    from talk_motion.person_tuning import PersonTuning

STAGE = "learn the speech"


class HasTuning(Protocol):
    """Who may have a way of speaking of their own, such as an avatar."""

    def motion_tuning(self) -> "PersonTuning | None":
        """What was learned of them; None where nothing was."""


def learn_speech(
    prompt: "MotionPrompt", seed: int, progress: "Progress"
) -> tuple["PersonTuning | None", dict[str, Any]]:
    """Fine-tune the embedded motion model on a person's clip.

    Args:
        prompt: The clip.
        seed: Of everything random.
        progress: Called with (stage, done, total, numbers).

    Returns:
        What was learned, None where it did not lower the error on the held-out end of the clip; and how it
        went, JSON-able.
    """
    from talk_motion import MotionModel
    from talk_motion.person_tuning import TuningConfig, tune_person

    found = tune_person(
        MotionModel.from_pretrained("small"),
        prompt,
        TuningConfig(seed=seed),
        lambda done, total, error: progress(STAGE, done, total, {"held-out error": round(error, 3)}),
    )
    if found is None:
        return None, {"kept": False, "reason": "the clip is too short"}
    return found.tuning, found.facts()


def motion_model(person: HasTuning | None, console: "Console") -> "MotionModel":
    """The motion model that speaks for a person.

    Raises:
        AvatarError: If what was learned of them is damaged.
    """
    from talk_motion import InputError, MotionModel

    model = MotionModel.from_pretrained("small")
    tuning = person.motion_tuning() if person is not None else None
    if tuning is None:
        return model
    if not tuning.fits(model):
        console.warn(
            "the avatar's own way of speaking was learned on another version's motion model: only its style "
            "is used; adapt once more to have both"
        )
        return model
    try:
        return tuning.applied(model)
    except InputError as error:
        raise AvatarError(error.subject, error.cause, error.cure) from None
