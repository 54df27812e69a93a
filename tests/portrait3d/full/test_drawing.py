"""Frames of a person are the model's own, rounded to bytes; the person survives its file."""

import pytest
import torch

from full_person import person_clip
from portrait3d.full.drawing import FullRenderer
from portrait3d.full.identity import FullIdentity
from portrait3d.full.adaptation import FullAdaptation
from tiny_full import TINY, TINY_HEAD, random_portrait

CONFIGS = pytest.mark.parametrize("config", [TINY, TINY_HEAD], ids=["torso", "head"])


def identity_of(config) -> FullIdentity:
    return FullAdaptation(random_portrait(config), person_clip(config), 1).identity()


def drives(config):
    clip = person_clip(config)
    for index in range(len(clip)):
        pncc = clip.driving_pncc(index)[0]
        yield pncc, clip.camera_to_world[index], clip.intrinsics[index], clip.keypoints[index], None


@CONFIGS
def test_frames_are_those_of_the_unfolded_model(config):
    model, identity = random_portrait(config), identity_of(config)
    given = list(drives(config))
    pncc, camera, intrinsics, keypoints = (torch.stack(part) for part in list(zip(*given, strict=True))[:4])
    with torch.inference_mode():
        person = identity.person(model)
        wanted = [
            model(person, pncc[i : i + 1], camera[i : i + 1], intrinsics[i : i + 1], keypoints[i : i + 1])
            for i in range(len(given))
        ]
    renderer = FullRenderer(random_portrait(config), identity, "float32")
    assert renderer.pncc_sizes == (64, None)
    got = list(renderer.frames(given))
    assert len(got) == 4 and got[0].dtype == torch.uint8
    for frame, true in zip(got, wanted, strict=True):
        expected = (true.picture[0] * 127.5 + 127.5).permute(1, 2, 0)
        assert (frame.float() - expected).abs().max() <= 0.51  # folding changes the order of additions
    assert not got[0].equal(got[3])


def test_constants_are_worked_out_once(monkeypatch):
    renderer = FullRenderer(random_portrait(TINY), identity_of(TINY))
    monkeypatch.setattr(renderer.model, "person", lambda *given: pytest.fail("worked out again"))
    renderer.model.super_resolution.background_encoder.register_forward_pre_hook(
        lambda module, given: pytest.fail("the background was read again")
    )
    assert len(list(renderer.frames(drives(TINY)))) == 4


def test_other_sizes_are_means_of_pixels():
    frames = {
        size: next(
            FullRenderer(random_portrait(TINY), identity_of(TINY), "float32", size).frames(drives(TINY))
        )
        for size in (None, 32, 128)
    }
    assert [frame.shape for frame in frames.values()] == [(64, 64, 3), (32, 32, 3), (128, 128, 3)]
    mean = frames[None].float().unflatten(0, (32, 2)).unflatten(2, (32, 2)).mean((1, 3))
    assert (frames[32].float() - mean).abs().max() <= 1.0


@CONFIGS
def test_a_person_survives_its_file(config):
    identity = identity_of(config)
    again = FullIdentity.from_tensors({**identity.tensors(), "face_identity": torch.zeros(80)})
    for name, value in vars(identity).items():
        assert getattr(again, name) is None if value is None else getattr(again, name).equal(value)
    frame = next(FullRenderer(random_portrait(config), again).frames(drives(config)))
    assert frame.equal(next(FullRenderer(random_portrait(config), identity).frames(drives(config))))


def test_another_background_is_seen():
    identity = identity_of(TINY)
    other = identity.with_background(-identity.background)
    one, two = (
        next(FullRenderer(random_portrait(TINY), person).frames(drives(TINY))) for person in (identity, other)
    )
    assert not one.equal(two)
    with pytest.raises(ValueError, match="no background to change"):
        identity_of(TINY_HEAD).with_background(identity.background)


def test_what_does_not_fit_is_quoted():
    tensors = identity_of(TINY).tensors()
    with pytest.raises(ValueError, match="not an identity: planes missing"):
        FullIdentity.from_tensors({name: value for name, value in tensors.items() if name != "planes"})
    with pytest.raises(ValueError, match="but not background"):
        FullIdentity.from_tensors({name: value for name, value in tensors.items() if name != "background"})
    with pytest.raises(ValueError, match=r"torso_mask must be \(2, 64, 64\)"):
        FullIdentity.from_tensors({**tensors, "torso_mask": torch.zeros(1, 64, 64)})
    with pytest.raises(ValueError, match=r"planes must be .* got \(2, 4\)"):
        FullIdentity.from_tensors({**tensors, "planes": torch.zeros(2, 4)})
    small = {name: value[..., :32, :32] for name, value in tensors.items() if value.shape[-1] == 64}
    with pytest.raises(ValueError, match="pictures of 64, the person was learned at 32"):
        FullRenderer(random_portrait(TINY), FullIdentity.from_tensors({**tensors, **small}))
    with pytest.raises(ValueError, match="size must be at least 1"):
        FullRenderer(random_portrait(TINY), identity_of(TINY), size=0)
