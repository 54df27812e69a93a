"""Where the time of `render` and `adapt` goes, stage by stage, and how near each stage is to its floor.

    .venv/bin/python tools/bench/stages.py AVATAR [--clip REF.mp4 --track TRACK.safetensors] [--keep FILE.json]

One thread, because that is how frames are drawn and learned, one on each core. The floor of a stage is the larger
of its arithmetic over the rate of float32 matrix products and its bytes over that of copying memory, both measured
beside it, alternating; a stage that touches each byte of a frame cannot be faster than a copy. Networks are computed as
`render` and `adapt` do on this machine: where it multiplies bfloat16, super-resolution may be faster than that floor. Arithmetic of
convolutions and products is counted by torch, that of ray marching from its samples.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report

FRAMES, ROUNDS, LEARNED_SECONDS = 16, 5, 4.0
FRAME_BYTES = 512 * 512 * 3
LOOK_EVERY = 75  # steps between two looks in a run of 1,200
LOOK = f"look at held-out frames, one in {LOOK_EVERY} steps"


class Clock:
    """CPU milliseconds of stages, and of a matrix product and a copy beside them."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}
        self.work: dict[str, tuple[float, float]] = {}  # GFLOP and MB of one frame
        self._a, self._b = torch.randn(2, 768, 768)
        self._from = torch.zeros(2**24, dtype=torch.uint8)
        self._to = torch.empty_like(self._from)

    def take(self, name: str, work: Callable[[], Any], *, moved: float = 0.0, counted: float = 0.0) -> None:
        """Time `work`; `moved` MB and `counted` GFLOP are added to what torch counts of it."""
        if name not in self.work:
            with FlopCounterMode(display=False) as counter:
                work()
            self.work[name] = (counter.get_total_flops() / 1e9 + counted, moved)
        self._once(name, work)
        with torch.autocast("cpu", enabled=False):
            self._once("product", lambda: self._a @ self._b)
        self._once("copy", lambda: self._to.copy_(self._from))

    def _once(self, name: str, work: Callable[[], Any]) -> None:
        began = time.process_time()
        work()
        self.taken.setdefault(name, []).append(1e3 * (time.process_time() - began))

    def median(self, name: str) -> float:
        """Milliseconds."""
        return statistics.median(self.taken[name])

    def figures(self, group: str) -> Iterator[Figure]:
        """One figure for each stage, its floor as the baseline."""
        rate = 2 * 768**3 / 1e9 / self.median("product")  # GFLOP a millisecond
        bandwidth = 2 * 2**24 / 1e6 / self.median("copy")  # MB a millisecond, read and written
        yield figure(f"{group}/matrix products", 1e3 * rate, "GFLOP/s of one core")
        yield figure(f"{group}/copying", bandwidth, "GB/s of one core, read and written")
        whole = 0.0
        for name, (operations, moved) in self.work.items():
            floor = max(operations / rate, moved / bandwidth)
            spent = self.median(name)
            whole += spent / LOOK_EVERY if name == LOOK else spent
            yield figure(f"{group}/{name}", spent, "ms of CPU", baseline=floor or None)
        yield figure(f"{group}/all", whole, "ms of CPU")


def rendering(avatar_folder: Path) -> list[Figure]:
    """Stages of one frame of `render`."""
    from mimictalk.avatar import Avatar
    from mimictalk.driving import drives
    from mimictalk.rendering import load_renderer
    from mimictalk.video_coding import Coding
    from mimictalk.watermark import Watermark
    from portrait3d.model import to_picture
    from portrait3d.precision import networks_in

    avatar = Avatar.load(avatar_folder)
    person = load_renderer(avatar)
    prompt = avatar.prompt()
    if prompt is None:
        raise SystemExit(f"{avatar_folder}: an avatar without speech has no motion to draw")
    motion = prompt.motion.slice(0, FRAMES)
    portrait, clock = person.portrait, Clock()
    model, size = portrait.model, portrait.model.config.pncc_size

    def driven() -> list[Any]:
        parts = (motion.expression, motion.euler, motion.translation)
        return list(drives(person.face_identity, *parts, *portrait.pncc_sizes, gaze=motion.gaze))

    per_sample = 2e-9 * (24 * 32 + 32 * 25 + 3 * 4 * 24)
    coding, mark = Coding(), Watermark(1)
    with torch.inference_mode(), networks_in(portrait.dtype):
        for _ in range(ROUNDS):
            began = time.process_time()
            stream = driven()
            clock.taken.setdefault("PNCC", []).append(1e3 * (time.process_time() - began) / FRAMES)
            clock.work["PNCC"] = (0.0, 3 * size * size * 4 / 1e6)
            for pncc, camera, lens, points, posed in stream[:: FRAMES // 4]:
                guide = None
                if posed is not None and portrait.guide is not None:
                    guide = portrait.guide.over(posed[None], camera, lens)
                planes = portrait.adapter.drive(pncc[None])
                clock.take(
                    "motion adapter",
                    lambda p=pncc: portrait.adapter.drive(p[None]),
                    moved=2 * planes.numel() * 4e-6,
                )
                head = model.render_head(planes, camera[None], lens[None], guide=guide)
                window = head.window
                shape = head.opacity.shape[-2:]
                features = torch.zeros(1, model.config.plane_channels, *shape)
                samples = float((head.opacity > 0).sum()) * model.config.ray_samples
                clock.take(
                    "super-resolution",
                    lambda f=features, o=head.opacity, g=guide, w=window: model.super_resolution(
                        f, o, g and g(w)
                    ),
                )
                began = time.process_time()
                model.render_head(planes, camera[None], lens[None], guide=guide)
                both = 1e3 * (time.process_time() - began)
                clock.taken.setdefault("rays", []).append(both - clock.taken["super-resolution"][-1])
                clock.work["rays"] = (per_sample * samples, 0.0)
                clock.take("torso", lambda k=points: portrait.back.draw(k), moved=2 * 3 * 512 * 512 * 4e-6)
                back = portrait.back.draw(points)[None]
                rows, columns = head.window.pixels()

                def lay(head: Any = head, back: Any = back, rows: Any = rows, columns: Any = columns) -> Any:
                    back[..., rows, columns] = model.compose(head, back)
                    return to_picture(back[0])

                clock.take("composition", lay, moved=5 * FRAME_BYTES / 1e6)
                picture = lay().numpy()
                clock.take("watermark", lambda p=picture: mark.embed(p), moved=2 * FRAME_BYTES / 1e6)
                clock.take("H.264", lambda p=picture: encode(coding, p))
    return list(clock.figures("render"))


_open: dict[str, Any] = {}


def encode(coding: Any, picture: Any) -> None:
    """One frame into a video that goes nowhere."""
    import io

    import av

    if not _open:
        container = av.open(io.BytesIO(), "w", format="mp4")
        _open.update(container=container, stream=coding.add_pictures(container), count=0)
        _open["stream"].codec_context.thread_count = 1
    _open["container"].mux(_open["stream"].encode(coding.picture(picture, _open["count"])))
    _open["count"] += 1


def learning(video: Path, track_file: Path) -> list[Figure]:
    """Stages of one step of `adapt`, on the first seconds of a clip."""
    from face3dmm import FaceTrack
    from mimictalk.adapt_recipe import Recipe
    from mimictalk.portrait_material import portrait_clip
    from mimictalk.rendering import base_model
    from mimictalk_adapt.gradients import laid_out
    from mimictalk_adapt.lora import inject, lora_parameters
    from portrait3d.frame_loss import draw_frame, frame_terms, training_window
    from portrait3d.held_out import held_out_frames

    torch.set_flush_denormal(True)
    track = FaceTrack.load(track_file)
    clip = portrait_clip(video, track, LEARNED_SECONDS, lambda *told: None, posed=True)
    recipe = Recipe()
    config = recipe.config(None, 0)
    source = recipe.source_frame(clip, track.coeffs.expression)
    backbone = recipe.backbone(base_model({}), clip, track, source, held_out_frames(clip))
    inject(backbone.network, backbone.lora_targets(), r=config.r, lora_alpha=config.lora_alpha, seed=0)
    backbone.network.eval()
    statics = [parameter for parameter, _ in backbone.static_parameters().values()]
    learned = [*lora_parameters(backbone.network).values(), *statics]
    adam, clock = torch.optim.Adam(learned, lr=1e-6, fused=True), Clock()
    for step in range(4 * ROUNDS):
        generator = torch.Generator().manual_seed(step)
        shown, index = backbone.taken(int(torch.multinomial(backbone.odds, 1, generator=generator)))
        window = training_window(backbone.model, shown, index, backbone.window, generator)
        layers = backbone.layers()
        kept: dict[str, Any] = {}

        def adapter(i: int = index, shown: Any = shown, kept: Any = kept, layers: Any = layers) -> None:
            with backbone.networks():
                kept["diff"] = backbone.model.motion_adapter(
                    layers.canonical, layers.source, shown.driving_pncc(i)
                )

        def draw(
            i: int = index, shown: Any = shown, kept: Any = kept, layers: Any = layers, window: Any = window
        ) -> None:
            with backbone.networks():
                kept["drawn"] = draw_frame(backbone.model, shown, layers, kept["diff"], i, window)

        def judge(i: int = index, shown: Any = shown, kept: Any = kept) -> None:
            terms = frame_terms(kept["drawn"], shown, i)
            kept["loss"] = torch.stack([getattr(backbone.weights, n) * v for n, v in terms.items()]).sum()

        def back(kept: Any = kept) -> None:
            for parameter, gradient in zip(
                learned,
                torch.autograd.grad(kept["loss"], learned, retain_graph=True, allow_unused=True),
                strict=True,
            ):
                parameter.grad = None if gradient is None else laid_out(gradient, parameter)

        clock.take("motion adapter", adapter)
        clock.take("drawing", draw)
        clock.take("loss", judge)
        clock.take("backward", back)
        clock.take("Adam", adam.step)
    clock.work[LOOK] = (0.0, 0.0)  # in threads: torch cannot count there
    clock.take(LOOK, backbone.judge)
    return list(clock.figures("adapt"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path)
    parser.add_argument("--clip", type=Path, help="a reference clip, for the stages of a step of adapt")
    parser.add_argument("--track", type=Path, help="what `mimictalk track CLIP -o TRACK.safetensors` wrote")
    parser.add_argument("--keep", type=Path, help="write the result to this file")
    given = parser.parse_args()
    if (given.clip is None) != (given.track is None):
        parser.error("--clip and --track go together")
    torch.set_num_threads(1)
    found = rendering(given.avatar)
    if given.clip is not None:
        found += learning(given.clip, given.track)
    report("stages", 0, found, given.keep)


if __name__ == "__main__":
    main()
