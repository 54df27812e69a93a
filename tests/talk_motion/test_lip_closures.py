"""Lips touch where a p, b or m is heard, a frame ahead of the sound, and nowhere else."""

import pytest
import torch

from talk_motion import MotionModel, MotionPrompt
from talk_motion.features import AudioFeatures, extract_features
from talk_motion.lip_closures import HEARD, LEAD, SURE, closing
from talk_motion.mouthing import Mouth
from talk_motion.network import NetworkConfig, VelocityNetwork

SAID = range(20, 24)  # feature frames of a p


class Hears(VelocityNetwork):
    """Names phones as it is told to: p within SAID with some probability, a everywhere else."""

    share = 1.0

    def name_phones(self, sound: torch.Tensor) -> torch.Tensor:
        odds = torch.zeros(len(sound), 2 * sound.shape[1], 3)
        odds[..., 1] = 1
        odds[:, SAID, 1], odds[:, SAID, 2] = 1 - self.share, self.share
        return (odds + 1e-9).log()


def hearing(model: MotionModel, phones: tuple[str, ...] = ("", "a", "p")) -> MotionModel:
    torch.manual_seed(0)
    sizes = NetworkConfig(motion=model.space.channels, width=16, layers=1, heads=2, phones=3)
    return MotionModel(Hears(sizes), model.space, {"phones": phones} if phones else {})


@pytest.mark.parametrize(
    ("share", "closed"), [(0.0, 0.0), (HEARD, 0.0), ((HEARD + SURE) / 2, 0.5), (SURE, 1.0)]
)
def test_lips_close_a_frame_ahead_of_the_sound(model: MotionModel, share: float, closed: float) -> None:
    person = hearing(model)
    person.network.share = share
    sound = torch.zeros(40, 16)
    wanted = torch.zeros(40)
    wanted[SAID.start // 2 - LEAD : SAID.stop // 2 - LEAD] = closed
    torch.testing.assert_close(closing(person, sound), wanted, atol=1e-6, rtol=0)


def test_the_mouth_touches_while_others_stay_as_drawn(
    model: MotionModel, prompt: MotionPrompt, speech
) -> None:
    sound: AudioFeatures = extract_features(speech(2.0))
    noise = torch.full((sound.frames, model.space.channels), 0.3)
    drawn = [
        Mouth(hearing(model, phones), prompt, steps=1).draw(sound, noise)[:, 0]
        for phones in ((), ("", "a", "p"))
    ]
    low = float(model.space.to_motion(prompt.motion.expression)[:, 0].quantile(0.02))
    touching = torch.zeros(sound.frames, dtype=torch.bool)
    touching[SAID.start // 2 - LEAD : SAID.stop // 2 - LEAD] = True
    torch.testing.assert_close(drawn[1][touching], torch.full((int(touching.sum()),), low), atol=1e-5, rtol=0)
    torch.testing.assert_close(drawn[1][~touching], drawn[0][~touching])
    assert float((drawn[0][touching] - low).min()) > 0.01  # they would not have touched


def test_weights_that_name_no_phones_close_nothing(model: MotionModel) -> None:
    assert torch.equal(closing(hearing(model, ()), torch.zeros(40, 16)), torch.zeros(40))
    assert closing(hearing(model), torch.zeros(0, 16)).shape == (0,)


def test_a_card_of_other_phones_is_refused(model: MotionModel) -> None:
    with pytest.raises(ValueError, match="names 3 phones, the card 2"):
        hearing(model, ("", "a"))
