"""The network: padding never leaks, known frames rule, every input matters."""

import pytest
import torch

from talk_motion.model import MotionModel
from talk_motion.network import NetworkConfig


def inputs(frames: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "x": torch.randn(2, frames, 6, generator=generator),
        "t": torch.tensor([0.2, 0.7]),
        "audio": torch.randn(2, 2 * frames, 67, generator=generator),
        "known": torch.randn(2, frames, 6, generator=generator),
        "is_known": torch.rand(2, frames, generator=generator) < 0.3,
    }


def run(
    model: MotionModel, given: dict[str, torch.Tensor], valid: torch.Tensor | None = None
) -> torch.Tensor:
    with torch.no_grad():
        sound = model.network.encode_sound(given["audio"], valid)
        return model.network(given["x"], given["t"], sound, given["known"], given["is_known"], valid)


def test_output_does_not_depend_on_padding(model: MotionModel) -> None:
    short, rubbish = inputs(20), inputs(9, seed=1)
    padded = {
        name: value if name == "t" else torch.cat([value, rubbish[name]], dim=1)
        for name, value in short.items()
    }
    valid = (torch.arange(29) < 20).expand(2, -1)
    torch.testing.assert_close(run(model, padded, valid)[:, :20], run(model, short), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["x", "t", "audio", "known"])
def test_every_input_matters(model: MotionModel, name: str) -> None:
    given = inputs(20)
    changed = given | {name: given[name] + 0.5}
    assert (run(model, given) - run(model, changed)).abs().max() > 1e-4


def test_what_is_known_hides_the_noise_and_what_is_not_known_is_not_read(model: MotionModel) -> None:
    given = inputs(20)
    known = given["is_known"].unsqueeze(-1)
    other_noise = given | {"x": torch.where(known, given["x"] + 9, given["x"])}
    torch.testing.assert_close(run(model, given), run(model, other_noise))
    other_answer = given | {"known": torch.where(known, given["known"], given["known"] + 9)}
    torch.testing.assert_close(run(model, given), run(model, other_answer))


@pytest.mark.parametrize(
    ("setting", "quoted"),
    [({"width": 30, "heads": 4}, "30"), ({"layers": 0}, "0"), ({"dropout": 1.5}, "1.5")],
)
def test_bad_sizes_are_quoted(setting: dict[str, float], quoted: str) -> None:
    with pytest.raises(ValueError, match=quoted):
        NetworkConfig(**setting)  # type: ignore[arg-type]
