"""Times the fused renderer with and without an occupancy on the planes of a trained avatar.

    .venv/bin/python tools/bench/skipping.py me [--threads 2] [--keep tools/bench/results/skipping.json]

Frames of the avatar's own clip are driven; each is rendered by the march that the portrait uses (rays between
two surfaces about the head) and by EG3D's 48 + 48 march of the whole cube, with and without skipping, A B A B.
Skipping may not cost more than 45 dB of the features.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
import portrait3d.model
from bench.figures import Figure, figure, report
from mimictalk.driving import drives
from mimictalk.rendering import Renderer
from triplane_render import Occupancy, RenderOutput, intersect_box, render_planes

STOP = 0.005  # of the light, behind which nothing is shaded
FRAMES = 6


def calls_of(avatar: Path) -> tuple[Renderer, list[tuple[tuple, dict]]]:
    """The calls of `render_planes` that draw some frames of an avatar."""
    renderer, style = (
        Renderer(load_file(avatar / "identity.safetensors"), avatar),
        load_file(avatar / "style.safetensors"),
    )
    parts = [style[f"motion.{name}"] for name in ("expression", "euler", "translation")]
    chosen = torch.linspace(0, len(parts[0]) - 1, FRAMES).long()
    calls = []

    def keep(*arguments: object, **options: object) -> RenderOutput:
        calls.append((arguments, options))
        return render_planes(*arguments, **options)

    with mock.patch.object(portrait3d.model, "render_planes", keep):
        motion, portrait = (part[chosen] for part in parts), renderer.portrait
        list(portrait.frames(drives(renderer.face_identity, *motion, *portrait.pncc_sizes)))
    return renderer, calls


def psnr(got: RenderOutput, wanted: RenderOutput) -> float:
    """Of features, whose range is 0 to 1."""
    return float(-10 * torch.log10((got.features - wanted.features).square().mean()))


def compare(name: str, calls: list[tuple[tuple, dict]], occupancy: Occupancy, repeats: int) -> list[Figure]:
    """Figures of one march."""
    times: dict[bool, list[float]] = {False: [], True: []}
    worst = float("inf")
    for arguments, options in calls:
        results = {}
        for _ in range(repeats):
            for skipping in (False, True):
                more = {"occupancy": occupancy, "stop_transmittance": STOP} if skipping else {}
                begin = time.perf_counter()
                results[skipping] = render_planes(*arguments, **options, **more)
                times[skipping].append(time.perf_counter() - begin)
        worst = min(worst, psnr(results[True], results[False]))
    dense, skipped = (1e3 * statistics.median(times[key]) for key in (False, True))
    return [
        figure(f"{name}/ms", skipped, "ms", baseline=dense),
        figure(f"{name}/times_faster", dense / skipped, "x", baseline=1.0),
        figure(f"{name}/psnr", worst, "dB", goal=45.0),
    ]


@torch.inference_mode()
def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    figures = []
    for number, avatar in enumerate(args.avatar, 1):
        renderer, calls = calls_of(avatar)
        model = renderer.portrait.model
        warp = model.config.box_warp
        occupancy = Occupancy.from_planes(renderer.portrait.planes, model.decoder.weights(), box_warp=warp)
        share = float(occupancy.cells.float().mean())
        name = f"avatar_{number}"
        figures.append(figure(f"{name}/occupied", share, "of the cube"))
        figures += compare(f"{name}/portrait", calls, occupancy, args.repeats)
        published = []
        for arguments, _ in calls[:3]:
            near, far = intersect_box(arguments[2].origins, arguments[2].directions, side=warp)
            march = {"samples": 48, "importance_samples": 48, "rule": "midpoint"}
            published.append((arguments, {"near": near, "far": far, "box_warp": warp} | march))
        figures += compare(f"{name}/eg3d", published, occupancy, args.repeats)
    report("skipping", 0, figures, args.keep)


if __name__ == "__main__":
    main()
