"""Train portrait3d's embedded weights on synthetic heads.

    python tools/synthetic_heads/make.py --people 94 --frames 10 --out SHARDS --seed 0
    python tools/train_portrait3d.py --shards SHARDS --out STAGE1 --budget 900
    python tools/train_portrait3d.py --shards SHARDS --out packages/portrait3d/src/portrait3d/data \\
        --init STAGE1 --people 12 --learn-planes --budget 1200
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))


def load_person(path: Path) -> Any:
    """One shard of tools/synthetic_heads as a `TrainingPerson`."""
    import torch

    from face3dmm import FaceModel, render_pncc
    from mimictalk.driving import torso_keypoints
    from portrait3d.clip import PortraitClip
    from portrait3d.torso_layer import torso_layer
    from portrait3d.training import TrainingPerson
    from synthetic_heads.shards import read_shard

    shard = {
        key: torch.from_numpy(value) if hasattr(value, "dtype") else value
        for key, value in read_shard(path).items()
    }
    model = FaceModel.open_face()
    identity, expression = shard["identity"], shard["expression"]
    pncc = render_pncc(model, identity, expression, dtype=torch.uint8)
    canonical = render_pncc(model, identity, torch.zeros(1, 64), dtype=torch.uint8)[0]
    points = shard["landmarks"] / shard["frames"].shape[1]
    pairs = ((13, 14), (33, 133), (362, 263))
    layers = [
        torso_layer(frame, torso, head)
        for frame, torso, head in zip(shard["frames"], shard["torso"], shard["head"], strict=True)
    ]
    torso = torch.stack(layers)
    torso[:, :3] = torso[:, :3] * 0.5 + 0.5
    clip = PortraitClip(
        frames=shard["frames"],
        head_mask=shard["head"],
        torso_mask=shard["torso"],
        pncc=pncc,
        canonical_pncc=canonical,
        camera_to_world=shard["camera_to_world"],
        intrinsics=shard["intrinsics"],
        keypoints=torso_keypoints(identity, shard["euler"], shard["translation"]),
        focus=torch.stack([points[:, list(pair)].mean(1) for pair in pairs], 1),
        opening=(points[:, 13] - points[:, 14]).norm(dim=-1),
        background=shard["plate"],
        confidence=torch.ones(len(expression)),
    )
    return TrainingPerson(clip, (torso * 255).round().to(torch.uint8))


def description(folder: Path | None) -> Any:
    """small.json of an earlier stage."""
    import json

    return json.loads((folder / "small.json").read_text()) if folder else None


def main(arguments: list[str] | None = None) -> int:
    """Train and write small.safetensors and small.json; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--budget", type=float, help="seconds; the rate falls with the time spent")
    parser.add_argument("--init", type=Path, help="weights of an earlier stage to go on from")
    parser.add_argument("--new-adapter", action="store_true", help="start the motion adapter anew")
    parser.add_argument("--people", type=int, help="use the first so many shards only")
    parser.add_argument("--learn-planes", action="store_true", help="learn each person's planes too")
    parser.add_argument("--targets", type=int, default=4, help="frames drawn of a person per step")
    parser.add_argument("--window", type=int, default=36, help="side of the training window in rays")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    import torch

    from portrait3d.model import Portrait3D
    from portrait3d.motion_adapter import MotionAdapter
    from portrait3d.training import TrainingConfig, train

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    paths = sorted(options.shards.glob("person_*.safetensors"))[: options.people]
    if not paths:
        parser.error(f"no person_*.safetensors in {options.shards}: run tools/synthetic_heads/make.py first")
    people = []
    for number, path in enumerate(paths, 1):
        people.append(load_person(path))
        print(f"\rread {number}/{len(paths)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    torch.manual_seed(options.seed)
    model = Portrait3D.from_pretrained(options.init) if options.init else Portrait3D()
    if options.new_adapter:
        model.motion_adapter = MotionAdapter(model.config)
    config = TrainingConfig(
        steps=options.steps,
        seed=options.seed,
        learn_planes=options.learn_planes,
        targets=options.targets,
        window=options.window,
    )
    begin, sums = time.monotonic(), {}

    def card(done: int) -> dict[str, object]:
        return {
            "data": f"{len(paths)} synthetic people x {len(people[0].clip)} frames (tools/synthetic_heads)",
            "stage": "planes learned" if options.learn_planes else "planes predicted",
            "earlier_stage": description(options.init),
            "seed": options.seed,
            "steps": done,
            "seconds": round(time.monotonic() - begin),
            "loss": {name: round(value, 4) for name, value in sums.items()},
        }

    def progress(done: int, total: int, terms: dict[str, float]) -> None:
        for name, value in terms.items():
            sums[name] = 0.98 * sums.get(name, value) + 0.02 * value
        spent = time.monotonic() - begin
        left = spent / done * (total - done)
        if options.budget:
            left = min(left, options.budget - spent)
        if done % 25 == 0:
            numbers = " ".join(f"{name} {value:.4f}" for name, value in sums.items())
            print(f"{done}/{total} {left / 60:.1f} min left  {numbers}", file=sys.stderr, flush=True)
        if done % 200 == 0:
            model.save(options.out, card(done))

    done = train(model, people, config, budget_s=options.budget, progress=progress)
    model.save(options.out, card(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
