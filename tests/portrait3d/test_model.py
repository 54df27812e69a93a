import hashlib
import json
from dataclasses import replace

import pytest
import torch

from ball_portrait import TINY
from portrait3d import InputError
from portrait3d.drawing import PortraitRenderer
from portrait3d.head_bounds import Window
from portrait3d.identity import Identity
from portrait3d.model import HeadLayer, Portrait3D, to_picture


def a_person(portrait: Portrait3D) -> Identity:
    generator = torch.Generator().manual_seed(1)
    config = portrait.config
    size, pncc = config.picture_size, torch.full((3, 64, 64), -1.0)
    return Identity(
        planes=torch.randn(3, 4, 32, 32, generator=generator),
        torso=torch.zeros(4, size, size),
        background=torch.linspace(-1, 1, size).expand(3, size, size).contiguous(),
        canonical_pncc=pncc,
        source_pncc=pncc,
        source_keypoints=torch.zeros(4, 2),
    )


@pytest.mark.parametrize("from_rest", [True, False])
def test_renderer_draws_what_the_model_says(clip, from_rest: bool) -> None:
    """The renderer takes the answer to rest off once; the model does it for every frame."""
    torch.manual_seed(0)
    portrait = Portrait3D(replace(TINY, adapter_from_rest=from_rest)).eval()
    torch.nn.init.normal_(portrait.motion_adapter.out.weight)
    person, moved = a_person(portrait), torch.rand(3, 64, 64)
    camera, intrinsics = clip.camera_to_world[:1], clip.intrinsics[:1]
    with torch.no_grad():
        planes = portrait.drive_planes(
            person.planes[None], person.canonical_pncc[None], person.source_pncc[None], moved[None]
        )
        head = portrait.render_head(planes, camera, intrinsics)
    rows, columns = head.window.pixels()
    wanted = (person.background[None] * 0.5 + 0.5).clone()
    wanted[..., rows, columns] = portrait.compose(head, wanted)
    drawn = PortraitRenderer(portrait, person).frame(moved, camera[0], intrinsics[0], torch.zeros(4, 2))
    assert int((drawn.int() - to_picture(wanted[0]).int()).abs().max()) <= 1


def test_alpha_blending_by_hand(portrait) -> None:
    window = Window(0, 0, 1, 1)
    colour, alpha = torch.full((1, 3, 4, 4), 0.3), torch.full((1, 1, 4, 4), 0.25)
    head = HeadLayer(window, colour, alpha, colour, alpha)
    picture = portrait.compose(head, torch.full((1, 3, 8, 8), 0.8))
    assert torch.allclose(picture, torch.full((1, 3, 4, 4), 0.3 + 0.75 * 0.8))


def test_back_layers_by_hand(portrait) -> None:
    torso = torch.zeros(1, 4, 128, 128)
    torso[:, :3], torso[:, 3] = 1.0, 0.5
    keypoints = torch.zeros(1, 4, 2)
    with torch.no_grad():
        picture, alpha = portrait.render_back(torso, torch.full((1, 3, 128, 128), -1.0), keypoints, keypoints)
    visible = 0.5 * float(torch.sigmoid(torch.tensor(4.0)))
    assert torch.allclose(alpha, torch.full_like(alpha, visible), atol=1e-5)
    assert torch.allclose(picture, torch.full_like(picture, visible), atol=1e-5)  # white over black


def test_outside_the_head_the_background_stays(portrait, clip) -> None:
    person = a_person(portrait)
    with torch.no_grad():
        portrait.decoder.fc2.bias[0] = 5.0  # a solid head, whatever the random weights say
    frame = PortraitRenderer(portrait, person).frame(
        person.source_pncc, clip.camera_to_world[0], clip.intrinsics[0], torch.zeros(4, 2)
    )
    assert frame.shape == (128, 128, 3)
    assert frame.dtype == torch.uint8
    rows, columns = portrait.head_window(clip.camera_to_world[0], clip.intrinsics[0]).pixels()
    wanted = to_picture(person.background * 0.5 + 0.5)
    outside = torch.ones(128, 128, dtype=torch.bool)
    outside[rows, columns] = False
    assert outside.any()
    assert torch.equal(frame[outside], wanted[outside])
    assert not torch.equal(frame, wanted)


def test_a_part_of_the_head_equals_that_part_of_the_whole(portrait, clip) -> None:
    """Volume rendering knows nothing of windows; only super-resolution sees their border."""
    planes = a_person(portrait).planes[None]
    camera, intrinsics = clip.camera_to_world[:1], clip.intrinsics[:1]
    with torch.no_grad():
        whole = portrait.render_head(planes, camera, intrinsics)
        w = whole.window
        part = portrait.render_head(planes, camera, intrinsics, Window(w.top + 2, w.left + 3, 8, 8))
    assert torch.allclose(part.raw, whole.raw[..., 2:10, 3:11], atol=1e-5)


def test_rendering_is_deterministic(portrait, clip) -> None:
    renderer = PortraitRenderer(portrait, a_person(portrait))
    drive = (torch.zeros(3, 64, 64), clip.camera_to_world[1], clip.intrinsics[1], clip.keypoints[1])
    assert torch.equal(*renderer.frames([drive, drive]))


def test_weights_round_trip_and_damage_is_noticed(portrait, tmp_path) -> None:
    portrait.save(tmp_path, {"seed": 3})
    again = Portrait3D.from_pretrained(tmp_path)
    assert again.config == portrait.config
    for name, value in portrait.state_dict().items():
        assert torch.allclose(again.state_dict()[name], value, atol=2e-3), name  # stored in half precision
    blob = bytearray((tmp_path / "small.safetensors").read_bytes())
    assert json.loads((tmp_path / "small.json").read_text())["sha256"] == hashlib.sha256(blob).hexdigest()
    blob[-1] ^= 1
    (tmp_path / "small.safetensors").write_bytes(blob)
    with pytest.raises(InputError, match="sha256 differs"):
        Portrait3D.from_pretrained(tmp_path)


def test_missing_weights_are_said(tmp_path) -> None:
    with pytest.raises(InputError, match="no portrait weights"):
        Portrait3D.from_pretrained(tmp_path)


def test_embedded_weights_are_those_described() -> None:
    model = Portrait3D.from_pretrained("small")
    assert sum(p.numel() for p in model.parameters()) * 2 < 40e6  # bytes, in half precision
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_identity_needs_every_tensor() -> None:
    with pytest.raises(ValueError, match="planes, torso"):
        Identity.from_tensors({"background": torch.zeros(3, 8, 8)})
