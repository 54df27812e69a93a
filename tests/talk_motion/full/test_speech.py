"""Sound is cut and joined in motion frames."""

import pytest
import torch

from talk_motion.full.speech import Heard, SpeechFeatures


def test_slicing_and_joining(make_speech):
    speech = make_speech(7)
    assert speech.frames == 7
    parts = speech.slice(0, 3).then(speech.slice(3, 7))
    assert torch.equal(parts.content, speech.content)
    assert torch.equal(parts.pitch, speech.pitch)
    assert SpeechFeatures.nothing(3, 5).content.shape == (6, 5)


def test_a_batch_of_one(make_speech):
    heard = Heard.of(make_speech(3), 0.4)
    assert heard.content.shape == (1, 6, 12)
    assert heard.blink.tolist() == [[0] * 6]
    assert heard.mouth_opening.tolist() == pytest.approx([0.4])
    assert heard.coarse_pitch().dtype == torch.int64


@pytest.mark.parametrize(("content", "pitch"), [((5, 3), 5), ((6, 3), 4), ((6,), 6)])
def test_frames_that_do_not_fit_are_refused(content, pitch):
    with pytest.raises(ValueError, match="got"):
        SpeechFeatures(torch.zeros(content), torch.zeros(pitch))
