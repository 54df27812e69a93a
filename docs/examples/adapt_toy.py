"""Adapt a toy network to one "person" by static tensors and LoRA together, stop in the middle, and go on.

    .venv/bin/python docs/examples/adapt_toy.py --out out/adapt

The backbone draws pictures from a code (the person) and a mood (the frame). No face is needed: whatever
satisfies `AdaptableBackbone` can be adapted.
"""

import argparse
import shutil
from pathlib import Path

import torch
from torch import Tensor, nn

from mimictalk_adapt import AdaptConfig, AdaptResult, JudgingBackbone, adapt

SIDE, MOODS, HELD = 16, 12, 3


class Painter:
    """A fixed random network that paints; one person is another painting style and another code."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Conv2d(8, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 3, 1))
        self.code = nn.Parameter(torch.zeros(1, 6, SIDE, SIDE))
        self.moods = torch.randn(MOODS, 2, 1, 1).expand(-1, -1, SIDE, SIDE)
        changed = [parameter + 0.1 * torch.randn_like(parameter) for parameter in self.network.parameters()]
        true = torch.cat([torch.randn(1, 6, SIDE, SIDE).expand(MOODS, -1, -1, -1), self.moods], 1)
        with torch.no_grad():
            hidden = nn.functional.conv2d(true, changed[0], changed[1], padding=1).relu()
            self.pictures = nn.functional.conv2d(hidden, changed[2], changed[3])

    def lora_targets(self) -> list[str]:
        return ["0", "2"]

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        return {"code": (self.code, 1.0)}

    def _error(self, frames: Tensor) -> Tensor:
        given = torch.cat([self.code.expand(len(frames), -1, -1, -1), self.moods[frames]], 1)
        return (self.network(given) - self.pictures[frames]).abs().mean()

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        error = self._error(torch.randint(MOODS - HELD, (4,), generator=generator))
        return error, {"colour": error.detach()}

    def judge(self) -> dict[str, float]:
        with torch.no_grad():
            return {"score": float(self._error(torch.arange(MOODS - HELD, MOODS)))}


def run(steps: int, state: Path | None = None, **changes: float) -> tuple[float, AdaptResult]:
    """Adapt a fresh painter; returns its error on the frames that were held out."""
    painter = Painter()
    assert isinstance(painter, JudgingBackbone)
    config = AdaptConfig(steps=steps, r=4, lora_alpha=4, judge_every=20, **changes)
    result = adapt(painter, config, state_folder=state)
    return painter.judge()["score"], result


def main() -> None:
    """Compare what learns, then resume."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, default=Path("out/adapt"))
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    print(f"held-out error before: {Painter().judge()['score']:.3f}")
    frozen = {"the code alone": "learning_rate", "LoRA alone": "static_learning_rate", "both": None}
    for name, rate in frozen.items():
        changes = {rate: 0.0} if rate else {}
        print(f"held-out error, {name}: {run(given.steps, **changes)[0]:.3f}")

    state = given.out / "state"
    shutil.rmtree(state, ignore_errors=True)
    score, _ = run(given.steps, state)
    again, _ = run(given.steps, state)  # finds itself finished
    kept = sorted(path.name for path in state.iterdir())
    print(f"with a state folder: {score:.6f}; run again: {again:.6f}; kept {kept}")


if __name__ == "__main__":
    main()
