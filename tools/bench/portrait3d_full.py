"""One 512x512 frame of `full`, folded and from constants kept, beside the published code's frame.

    .venv/bin/python tools/bench/portrait3d_full.py --published ../MimicTalk     # about five minutes, 6 GB
    .venv/bin/python tools/bench/portrait3d_full.py                              # ours alone

`--published` is a checkout of MimicTalk or Real3DPortrait: its code is run, never copied. Both have the same
random weights (`tools/parity`) and draw the same frame, theirs from its cached canonical planes, as its own
inference does; ours from all constants of the person (planes, PNCC, torso, background). Operations are those
of matrix products and convolutions, two per multiplication (torch.utils.flop_counter), and of the decoder in
the fused renderer. Frames are drawn one after the other, over and over (A B A B ...); figures are medians.
CPU time is given beside wall time: on a busy machine it moves less. So are the stages of each frame (`frame_stages.py`). Memory is the peak of a process of its
own. Ours is drawn in float32 and with its networks in bfloat16. Progress goes to stderr, one JSON object to the
last line of stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))
# The bench's own folder goes last: a file in it has the name of the package.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from portrait_head import conditions
from portrait_torso import TorsoInputs, enliven, on_this_device, torso_inputs
from published_modules import open_checkout

from bench.figures import Figure, figure, report
from bench.frame_stages import STAGES, clocked
from portrait3d.full.config import FullConfig
from portrait3d.full.folding import fold
from portrait3d.full.lora_merge import merge_lora
from portrait3d.full.model import FullPortrait, Person, Surroundings, pose_camera
from portrait3d.full.published_keys import account
from portrait3d.full.torso_motion import torso_keypoints

CONFIG = FullConfig()
SAVED = 12.0  # per cent of the published operations
FASTER = 6.0  # times the published code
SAME = 45.0  # dB: a picture in bfloat16 beside that in float32
HALF = "ours_bfloat16"


@dataclass(frozen=True)
class Draw:
    """Somebody who draws the frame.

    Attributes:
        model: Whose modules are timed.
        frame: Draws it.
    """

    model: nn.Module
    frame: Callable[[], Tensor]

    def __call__(self) -> Tensor:
        return self.frame()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--published", type=Path, help="a checkout of MimicTalk or Real3DPortrait")
    parser.add_argument("--repeats", type=int, default=3, help="frames of each after the first")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of weights and pictures")
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    parser.add_argument("--memory", choices=("ours", HALF, "published"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")  # the published code's, of old PyTorch
    with contestants(args.published, args.seed, CONFIG, args.memory) as (draw, constants):
        if args.memory:
            draw[args.memory]()
            print(peak_memory())
            return
        figures = measure(draw, constants, args.repeats)
    figures += memory(args.published, args.threads)
    report("portrait3d_full", args.seed, figures, args.keep)


@contextlib.contextmanager
def contestants(
    checkout: Path | None, seed: int, config: FullConfig, only: str | None = None
) -> Iterator[tuple[dict[str, Draw], Callable[[], object]]]:
    """Functions that draw the frame, by name, and one that works out our constants.

    Args:
        checkout: Of the published code, or None.
        seed: Of weights and pictures.
        config: Sizes and options.
        only: The one that will be called; the other is not made.
    """
    given, torso = conditions(config, seed + 2), torso_inputs(config, seed + 3)
    with contextlib.ExitStack() as stack, torch.no_grad():
        draw: dict[str, Draw] = {}
        torch.manual_seed(seed)
        ours = FullPortrait(config).eval() if only != "published" else None
        if checkout is not None:
            stack.enter_context(on_this_device())
            theirs = stack.enter_context(open_checkout(checkout)).build(config, seed)
            enliven(theirs.superresolution)
            if ours is not None:
                take_weights(ours, theirs)
            if only != "ours":
                draw["published"] = published_frame(theirs, given, torso)
        constants: Callable[[], object] = dict  # theirs has none
        if ours is not None:
            planes = fold(ours).canonical_planes(given["head"])
            ours.drop_image_to_plane()
            constants, draw["ours"] = our_frame(ours, planes, given, torso)
            if only is None or only == HALF:
                draw[HALF] = our_frame(ours, planes, given, torso, "bfloat16")[1]
        yield draw, constants


def take_weights(ours: FullPortrait, theirs: nn.Module) -> None:
    """Load the published model's weights into ours."""
    merged = merge_lora(theirs.state_dict()).tensors
    state = ours.state_dict()
    found = account(merged, state)
    if not found.complete:
        raise ValueError(f"names without a place: {found.unknown} {found.missing} {found.misfits}")
    ours.load_state_dict({new: merged[name].reshape(state[new].shape) for name, new in found.read.items()})


def published_frame(theirs: nn.Module, given: dict[str, Tensor], torso: TorsoInputs) -> Draw:
    """Their frame from cached canonical planes, which a first call works out."""
    names = ("ref_torso_img", "segmap", "bg_img", "kp_s", "kp_d")
    cond = given | dict(zip(names, torso[3:], strict=True))
    theirs._last_cano_planes = theirs.cal_cano_plane(given["head"], cond)

    def draw() -> Tensor:
        drawn = theirs(given["head"], given["camera"], cond, cache_backbone=True, use_cached_backbone=True)
        return drawn["image"]

    return Draw(theirs, draw)


def our_frame(
    ours: FullPortrait,
    planes: Tensor,
    given: dict[str, Tensor],
    torso: TorsoInputs,
    precision: str = "float32",
) -> tuple[Callable[[], Person], Draw]:
    """A function that works out the constants but for the planes, and one that draws from them."""
    source, target = (torso_keypoints(each, ours.config.torso_keypoints) for each in torso[-2:])
    surroundings = Surroundings(torso.torso, torso.segmentation[:, [2, 4]], torso.background, source)

    def constants() -> Person:
        return ours.person(planes, given["cond_cano"], given["cond_src"], surroundings)

    person = constants()
    camera = pose_camera(given["camera"])
    return constants, Draw(
        ours, lambda: ours(person, given["cond_tgt"], *camera, target, precision=precision).picture
    )


def decoder_operations(
    planes: object, decoder: list[torch.Size], scene: list[torch.Size], axes: object, numbers: object,
    choices: list[int], *rest: object, **more: object,
) -> int:  # fmt: skip
    """Of the fused renderer: two per weight of the decoder and sample."""
    batch, rays = scene[0][:2]
    samples, importance_samples = choices[:2]
    weights = decoder[0].numel() + decoder[2].numel()
    return 2 * weights * batch * rays * (samples + importance_samples)


def count(run: Callable[[], object]) -> tuple[float, object]:
    """GFLOP of a call, and what it returns."""
    render = torch.ops.triplane_render.render_planes
    with FlopCounterMode(display=False, custom_mapping={render: decoder_operations}) as counter:
        answer = run()
    return counter.get_total_flops() / 1e9, answer


def measure(draw: dict[str, Draw], constants: Callable[[], object], repeats: int) -> list[Figure]:
    """Operations, then time in turns; that both draw the same picture is a figure too."""
    counted, pictures = {}, {}
    for name, frame in draw.items():
        counted[name], pictures[name] = count(frame)
        print(f"{name}: {counted[name]:.1f} GFLOP", file=sys.stderr, flush=True)
    once, _ = count(constants)
    wall: dict[str, list[float]] = {name: [] for name in draw}
    cpu: dict[str, list[float]] = {name: [] for name in draw}
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in draw}
    for turn in range(repeats):
        for name, frame in draw.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            with clocked(frame.model, name == "published") as took:
                frame()
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - began_cpu)
            parts[name].append({**took, "composition": cpu[name][-1] - sum(took.values())})
            print(
                f"{turn}: {name} {wall[name][-1]:.1f} s, {cpu[name][-1]:.1f} CPU-s",
                file=sys.stderr,
                flush=True,
            )
    found = [figure("constants/operations", once, "GFLOP, once per person")]
    middle = {name: (statistics.median(wall[name]), statistics.median(cpu[name])) for name in draw}
    if "published" not in draw:
        found += [figure("frame/operations", counted["ours"], "GFLOP")]
        found += [
            figure("frame/seconds", middle["ours"][0], "s"),
            figure("frame/cpu_seconds", middle["ours"][1], "CPU-s"),
        ]
        missing = "no checkout of the published code was named (--published)"
        return [*found, figure("frame/operations_saved", None, "%", goal=SAVED, reason=missing)]
    found += half_figures(middle, pictures) + stage_figures(parts)
    theirs, ours = pictures["published"], pictures["ours"]
    assert isinstance(theirs, Tensor) and isinstance(ours, Tensor)
    error = float((theirs - ours).abs().max() / theirs.abs().max())
    saved = 100 * (1 - counted["ours"] / counted["published"])
    return [
        *found,
        figure("frame/operations", counted["ours"], "GFLOP", baseline=counted["published"]),
        figure("frame/operations_saved", saved, "% of the published", goal=SAVED),
        figure(
            "frame/seconds",
            middle["ours"][0],
            "s",
            baseline=middle["published"][0],
            goal=middle["published"][0],
            most=True,
        ),
        figure(
            "frame/cpu_seconds",
            middle["ours"][1],
            "CPU-s",
            baseline=middle["published"][1],
            goal=middle["published"][1],
            most=True,
        ),
        figure("frame/error", error, "of the published picture's largest value", goal=1e-4, most=True),
    ]


def stage_figures(parts: dict[str, list[dict[str, float]]]) -> list[Figure]:
    """What the stages of a frame take, theirs beside ours, in float32 and with networks in bfloat16.

    Args:
        parts: Whose frames, and CPU seconds of the stages of each frame.
    """
    found = []
    for name in (name for name in parts if name != "published"):
        kind = "stage" if name == "ours" else "stage_bfloat16"
        for stage in (*STAGES, "composition"):
            ours, theirs = (
                statistics.median(frame.get(stage, 0.0) for frame in parts[who])
                for who in (name, "published")
            )
            if ours or theirs:
                found.append(figure(f"{kind}/{stage}", ours, "CPU-s", baseline=theirs))
    return found


def half_figures(middle: dict[str, tuple[float, float]], pictures: dict[str, object]) -> list[Figure]:
    """Time of a frame whose networks are in bfloat16, beside the published one's, and how far its picture is
    from that in float32; its range is 2."""
    if HALF not in middle:
        return []
    half, exact = pictures[HALF], pictures["ours"]
    assert isinstance(half, Tensor) and isinstance(exact, Tensor)
    found = []
    for place, (name, unit) in enumerate((("seconds", "s"), ("cpu_seconds", "CPU-s"))):
        theirs, ours = middle["published"][place], middle[HALF][place]
        found.append(figure(f"bfloat16/{name}", ours, unit, baseline=theirs))
        found.append(figure(f"bfloat16/times_faster_{name}", theirs / ours, "x the published", goal=FASTER))
    psnr = float(-10 * ((half - exact) / 2).square().mean().log10())
    return [*found, figure("bfloat16/psnr", psnr, "dB beside float32", goal=SAME)]


def peak_memory() -> float:
    """Most GB that this process has held (Linux); getrusage would also count the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e9


def memory(checkout: Path | None, threads: int) -> list[Figure]:
    """Peak memory of a process that loads one model, works out the constants and draws one frame."""
    if not Path("/proc/self/status").is_file():
        return [figure("memory/peak", None, "GB", reason="only Linux tells it")]
    peaks: dict[str, float] = {}
    for name in ("published", "ours", HALF) if checkout is not None else ("ours",):
        command = [sys.executable, __file__, "--memory", name, "--threads", str(threads)]
        command += ["--published", str(checkout)] if name == "published" else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[name] = float(done.stdout.splitlines()[-1])
    theirs = peaks.get("published")
    unit, most = "GB, once per person included", None if theirs is None else theirs / 2
    found = [figure("memory/peak", peaks["ours"], unit, baseline=theirs, goal=most, most=True)]
    if HALF in peaks:
        found.append(figure("memory/peak_bfloat16", peaks[HALF], unit, baseline=theirs, goal=most, most=True))
    return found


if __name__ == "__main__":
    main()
