"""Times the fused tri-plane renderer beside plain PyTorch, and beside EG3D's published renderer if given.

    .venv/bin/python tools/bench/render.py                      # some minutes
    .venv/bin/python tools/bench/render.py --published ../eg3d/eg3d --keep tools/bench/results/render.json
    TRIPLANE_RENDER_INSTRUCTION_SET=avx2 .venv/bin/python tools/bench/render.py --cases eg3d_64 eg3d_128

All contestants take the same planes, decoder and rays, in one process, one after the other, over and over
(A B A B ...); figures are ratios of medians of wall time. CPU time is given beside it: on a busy machine it
moves less. `--published` is the folder of an EG3D checkout that holds `training/`; its code is run, never
copied, and its random numbers are set to the middle of their range so that results can be compared. Extra
memory is the peak of a process of its own beyond what it held before and the gradients that it holds after. Progress goes to stderr, one JSON object
to the last line of stdout.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from triplane_render import (
    DecoderWeights,
    PlaneLayout,
    Rays,
    build_info,
    decode_reference,
    intersect_box,
    render_planes,
    render_planes_reference,
)
from triplane_render._backend import wanted_instruction_set

SEED = 0
Render = Callable[["Scene", "Case"], Tensor]


@dataclass(frozen=True)
class Case:
    """One setting of the renderer. `goal` is the speed-up wanted, forward and with backward."""

    name: str
    rays: int  # per side
    channels: int
    size: int
    samples: int
    importance_samples: int
    goal: float

    @property
    def march(self) -> dict[str, object]:
        rule, layout = (
            ("midpoint", PlaneLayout.EG3D) if self.importance_samples else ("alpha", PlaneLayout.ORTHOGONAL)
        )
        return {
            "samples": self.samples, "importance_samples": self.importance_samples, "rule": rule, "layout": layout,
        }  # fmt: skip


CASES = (
    Case("small_64", 64, 24, 128, 32, 0, 8.0),
    Case("small_96", 96, 24, 128, 32, 0, 8.0),
    Case("small_128", 128, 24, 128, 32, 0, 8.0),
    Case("eg3d_64", 64, 32, 256, 48, 48, 10.0),
    Case("eg3d_128", 128, 32, 256, 48, 48, 10.0),
)


@dataclass(frozen=True)
class Scene:
    """A soft ball with a smooth random texture before a camera, as a head is."""

    planes: Tensor
    decoder: tuple[Tensor, Tensor, Tensor, Tensor]
    rays: Rays
    near: Tensor
    far: Tensor


def make_scene(case: Case) -> Scene:
    """Channel 0 of each plane falls off from the middle; hidden unit 0 turns it into density."""
    draw = torch.Generator().manual_seed(SEED)
    coarse = torch.randn(3, case.channels, 16, 16, generator=draw)
    planes = torch.nn.functional.interpolate(coarse, (case.size, case.size), mode="bicubic")[None]
    axis = torch.linspace(-1, 1, case.size)
    planes[:, :, 0] = 2 - 4 * (axis[:, None] ** 2 + axis**2).sqrt()
    hidden = 64
    decoder = [torch.randn(hidden, case.channels, generator=draw) * 0.2, torch.zeros(hidden)]
    decoder += [torch.randn(1 + case.channels, hidden, generator=draw) * 0.2, torch.zeros(1 + case.channels)]
    decoder[0][0], decoder[2][0] = 0.0, 0.0
    decoder[0][0, 0], decoder[2][0, 0], decoder[3][0] = 4.0, 12.0, -4.0
    pose, intrinsics = torch.eye(4), torch.eye(3)
    pose[:3, :3], pose[2, 3] = torch.diag(torch.tensor([1.0, -1.0, -1.0])), 2.7
    intrinsics[0, 0] = intrinsics[1, 1] = 4.2647
    intrinsics[:2, 2] = 0.5
    rays = Rays.from_camera(pose[None], intrinsics[None], case.rays)
    near, far = intersect_box(rays.origins, rays.directions)
    return Scene(planes, tuple(decoder), rays, near, far)


def with_channels_last(scene: Scene) -> Scene:
    """The same planes, laid out with their channels together."""
    return replace(scene, planes=scene.planes.movedim(2, -1).contiguous().movedim(-1, 2))


def in_bfloat16(scene: Scene) -> Scene:
    """The same planes rounded to bfloat16, with their channels together."""
    last = with_channels_last(scene)
    return replace(last, planes=last.planes.to(torch.bfloat16))


def by(function: Callable[..., object]) -> Render:
    """A contestant of this package."""

    def render(scene: Scene, case: Case) -> Tensor:
        decoder = DecoderWeights(*scene.decoder)
        return function(
            scene.planes, decoder, scene.rays, near=scene.near, far=scene.far, **case.march
        ).features

    return render


def channels_last(scene: Scene, case: Case) -> Tensor:
    """The fused kernel on planes whose channels lie together, which it then reads where they are."""
    return by(render_planes)(scene, case)


def bfloat16(scene: Scene, case: Case) -> Tensor:
    """The same on planes of bfloat16: with products of bfloat16, where the processor has AVX512_BF16."""
    return by(render_planes)(scene, case)


OWN = ("fused", "channels_last", "bfloat16")  # this package; the first has planes as most networks give them


def published(folder: Path) -> Render:
    """EG3D's `ImportanceRenderer` from a checkout, with the decoder's formula around the same weights."""
    sys.path.insert(0, str(folder))
    renderer = importlib.import_module("training.volumetric_rendering.renderer").ImportanceRenderer()

    def render(scene: Scene, case: Case) -> Tensor:
        decoder = DecoderWeights(*scene.decoder)

        def decode(features: Tensor, directions: Tensor) -> dict[str, Tensor]:
            density, colour = decode_reference(decoder, features.mean(1))
            return {"rgb": colour, "sigma": density[..., None]}

        options = {
            "depth_resolution": case.samples, "depth_resolution_importance": case.importance_samples,
            "ray_start": "auto", "ray_end": "auto", "box_warp": 1.0,  # auto: the same cube as `make_scene`
            "clamp_mode": "softplus", "disparity_space_sampling": False,
        }  # fmt: skip
        with (
            mock.patch("torch.rand_like", lambda x: torch.zeros_like(x)),
            mock.patch(
                "torch.rand", lambda rows, count, **_: torch.linspace(0, 1, count).expand(rows, count)
            ),
        ):
            rgb, *_ = renderer(scene.planes, decode, scene.rays.origins, scene.rays.directions, options)
        return rgb / 2 + 0.5

    return render


def learned(scene: Scene) -> Scene:
    """The scene with planes and decoder that want gradients."""
    leaves = [part.detach().clone().requires_grad_() for part in (scene.planes, *scene.decoder)]
    return Scene(leaves[0], tuple(leaves[1:]), scene.rays, scene.near, scene.far)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def forward(render: Render, scene: Scene, case: Case) -> None:
    with torch.no_grad():
        render(scene, case)


def both(render: Render, scene: Scene, case: Case) -> None:
    render(learned(scene), case).square().sum().backward()


def extra_memory(case: Case, contestant: str, published_at: Path | None) -> tuple[float, float]:
    """See `measure_memory`; each in a process of its own."""
    command = [sys.executable, __file__, "--memory", case.name, contestant]
    command += ["--published", str(published_at)] if published_at else []
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    beyond, all_of_it = map(float, answer.stdout.splitlines()[-1].split())
    return beyond, all_of_it


def measure_memory(case: Case, render: Render) -> tuple[float, float]:
    """Peak MB of one forward and backward: beyond what was held before and the gradients that are held after,
    and beyond what was held before. A small case goes first, so that threads and code are loaded."""
    small = Case("warm", 8, case.channels, 16, case.samples, case.importance_samples, 0)
    both(render, make_scene(small), small)
    scene = make_scene(case)
    scene = learned(with_channels_last(scene) if render is channels_last else scene)
    scene = learned(in_bfloat16(scene)) if render is bfloat16 else scene
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is held now
    before = resident_peak()
    render(scene, case).square().sum().backward()
    grown = resident_peak() - before
    gradients = sum(leaf.grad.nbytes for leaf in (scene.planes, *scene.decoder))
    return grown - gradients / 2**20, grown


def resident_peak() -> float:
    """Peak of resident memory of this process, MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def bench(
    case: Case, contestants: dict[str, Render], repeats: int, published_at: Path | None
) -> list[Figure]:
    """All figures of one case."""
    scene, found = make_scene(case), []
    scenes = dict.fromkeys(contestants, scene)
    scenes |= {"channels_last": with_channels_last(scene), "bfloat16": in_bfloat16(scene)}
    own_here = [name for name in OWN if name in contestants]
    for part, work in (("forward", forward), ("forward_backward", both)):
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
        for turn in range(repeats + 1):
            for name, render in contestants.items():
                given = scenes[name]
                taken = timed(lambda render=render, work=work, given=given: work(render, given, case))
                if turn:  # the first warms up
                    times[name].append(taken)
        wall = {name: statistics.median(pair[0] for pair in pairs) for name, pairs in times.items()}
        cpu = {name: statistics.median(pair[1] for pair in pairs) for name, pairs in times.items()}
        print(
            f"{case.name} {part}: " + ", ".join(f"{n} {t * 1e3:.0f} ms" for n, t in wall.items()),
            file=sys.stderr,
        )
        for own in own_here:
            start = f"{case.name}/{part}" if own == "fused" else f"{case.name}/{part}/{own}"
            goal = case.goal * (2 if own == "bfloat16" and part == "forward" else 1)
            found.append(figure(f"{start}/ms", wall[own] * 1e3, "ms"))
            found.append(figure(f"{start}/cpu_ms", cpu[own] * 1e3, "ms of CPU"))
            for name in [name for name in contestants if name not in OWN]:
                prefix = f"{start}/times_faster_than_{name}"
                faster, theirs = wall[name] / wall[own], wall[name] * 1e3
                found.append(figure(prefix, faster, "x", baseline=theirs, goal=goal))
                faster, theirs = cpu[name] / cpu[own], cpu[name] * 1e3
                found.append(figure(f"{prefix}_cpu", faster, "x", baseline=theirs))
    with torch.no_grad():
        fused = contestants["fused"](scene, case)
        if "bfloat16" in contestants:
            error = (bfloat16(scenes["bfloat16"], case) - fused).square().mean()
            found.append(figure(f"{case.name}/bfloat16_psnr", float(-10 * error.log10()), "dB", goal=45.0))
        for name, render in list(contestants.items())[len(own_here) :]:
            same = name == "reference" or case.importance_samples
            if same:
                worst = float((render(scene, case) - fused).abs().max())
                name = f"{case.name}/error_against_{name}"
                found.append(figure(name, worst, "of 0..1", goal=1e-4, most=True))
    memory = {name: extra_memory(case, name, published_at) for name in contestants}
    for own in own_here:
        start = f"{case.name}/extra_memory" + ("" if own == "fused" else f"_{own}")
        (beyond, all_of_it), theirs = memory[own], memory["reference"]
        found.append(
            figure(start, beyond, "MB beyond input and gradients", baseline=theirs[0], goal=40.0, most=True)
        )
        found.append(figure(f"{start}_and_gradients", all_of_it, "MB", baseline=theirs[1]))
    return found


def growth() -> list[Figure]:
    """How time and memory of the fused forward and backward grow with samples and with rays."""
    names = {"base": "growth_base", "samples_x4": "growth_samples", "rays_x4": "eg3d_128"}
    sizes = {name: CASES_BY_NAME[case] for name, case in names.items()}
    scenes = {name: make_scene(case) for name, case in sizes.items()}
    times: dict[str, list[float]] = {name: [] for name in sizes}
    for turn in range(6):
        for name, case in sizes.items():
            taken, _ = timed(lambda name=name, case=case: both(by(render_planes), scenes[name], case))
            if turn:
                times[name].append(taken)
    wall = {name: statistics.median(values) for name, values in times.items()}
    found = [
        figure(
            f"growth/{name}", wall[name] / wall["base"], "x the time for 4 x the work", goal=4.4, most=True
        )
        for name in ("samples_x4", "rays_x4")
    ]
    memory = {name: extra_memory(sizes[name], "fused", None)[0] for name in ("base", "samples_x4")}
    grown = memory["samples_x4"] - memory["base"]
    return [*found, figure("growth/memory_samples_x4", grown, "MB more", goal=4.0, most=True)]


def floor(figures: list[Figure], threads: int) -> list[Figure]:
    """What share of the machine's own speed of matrix products the forward pass of eg3d_128 reaches.

    13.09 GFLOP of decoder in 1,572,864 samples (32 -> 64 -> 33) are counted; reading planes, activations and
    marching are not, and are the rest of the time.
    """
    taken = next((f["value"] for f in figures if f["name"] == "eg3d_128/forward/ms"), None)
    if taken is None:
        return []
    a = torch.randn(2048, 2048)
    best = min(timed(lambda: a @ a)[0] for _ in range(8))
    peak, reached = 2 * 2048**3 / best / 1e9, 13.09 / (taken / 1e3)
    return [
        figure("eg3d_128/forward/matrix_gflops", reached, "GFLOP/s"),
        figure(
            "eg3d_128/forward/share_of_matrix_peak",
            reached / peak,
            f"of sgemm on {threads} threads",
            baseline=peak,
        ),
    ]


CASES_BY_NAME = {case.name: case for case in (*CASES, *(
    Case("growth_base", 64, 32, 256, 48, 48, 0), Case("growth_samples", 64, 32, 256, 192, 192, 0),
))}  # fmt: skip


def main() -> None:
    """Run the bench, or one of its memory measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="*", default=[case.name for case in CASES], help="which, by name")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--published", type=Path, help="folder of an EG3D checkout that holds training/")
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "CONTESTANT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    contestants = {"fused": by(render_planes), "channels_last": channels_last}
    best = next(iter(build_info()["instruction_sets"]), "")
    if (wanted_instruction_set() or best) == "avx512_bf16":
        contestants["bfloat16"] = bfloat16
    contestants["reference"] = by(render_planes_reference)
    if args.published:
        contestants["published"] = published(args.published)
    by_name = CASES_BY_NAME
    if args.memory:
        print(*measure_memory(by_name[args.memory[0]], contestants[args.memory[1]]))
        return
    figures = [
        f for name in args.cases for f in bench(by_name[name], contestants, args.repeats, args.published)
    ]
    figures += [*floor(figures, args.threads), *growth()]
    wanted = wanted_instruction_set()
    sets = " ".join(build_info()["instruction_sets"]) + (f", {wanted} alone" if wanted else "")
    report("render", SEED, figures, args.keep, also=sets)


if __name__ == "__main__":
    main()
