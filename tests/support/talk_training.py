"""Tiny runs of the audio-to-motion stages on made-up shards; as a program, one process of shared runs, one after
another:

torchrun --nproc-per-node 2 talk_training.py '{"FOLDER": {"kind": "a2m", "data": "FOLDER", "frames": 24}}'
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from talk_motion.space import MotionSpace
from talk_motion.sync import SyncExpert
from talk_motion.sync_network import SyncConfig, SyncNetwork
from talk_motion.training.face_basis import FaceBasis
from talk_motion.training.full_stage import FullInfillingStage
from talk_motion.training.infilling_stage import InfillingStage
from talk_motion.training.processes import Processes
from talk_motion.training.run import TrainingResult, train
from talk_motion.training.settings import TrainingSettings
from talk_motion.training.shard_clips import ShardClips
from talk_motion.training.speech_shards import SpeechShards, write_speech_shard
from talk_motion.training.stage import Stage
from talk_motion.training.sync_stage import SyncStage
from talk_motion.training.vae_stage import VaeStage

FRAMES, CONTENT, JAW, CLOSE = 24, 12, 17, 18
MODELS: dict[str, dict[str, Any]] = {
    "a2m": {"width": 16, "layers": 1, "heads": 2, "dropout": 0.0},
    "full": {"motion": 64, "sound": 8, "manner": 4, "width": 16, "layers": 1, "heads": 2, "head_width": 8,
             "feed_forward": 16, "registers": 2, "time": 16, "position_kernel": 5},
    "a2m-vae": {"motion": 64, "sound": 8, "width": 16, "kernel": 3, "encoder_layers": 2, "decoder_layers": 2,
                "latent": 4, "flow_width": 8, "flow_blocks": 2},
    "sync": {"width": 16, "embedding": 8, "dropout": 0.0},
}  # fmt: skip


def face() -> FaceBasis:
    """A face whose lips jawOpen opens and mouthClose closes; other shapes move random points."""
    generator = torch.Generator().manual_seed(0)
    gap = torch.zeros(64)
    gap[JAW], gap[CLOSE] = 0.18, -0.18
    mouth = torch.zeros(64, dtype=torch.bool)
    mouth[14:41] = True
    landmarks = 0.02 * torch.randn(468, 3, 64, generator=generator)
    return FaceBasis(landmarks[:10].flatten(0, 1), gap, mouth, landmarks)


def said(seed: int, frames: int, takes: int = 0) -> dict[str, Tensor]:
    """A clip whose mouth and blinks follow bands of its noise; voiced throughout."""
    generator = torch.Generator().manual_seed(seed)
    slow = torch.nn.functional.avg_pool1d(torch.randn(1, 67, 2 * frames + 4, generator=generator), 5, 1)
    audio = 2 * slow[0].T
    audio[:, 64], audio[:, 66] = 0, 1
    bands = audio.unflatten(0, (-1, 2)).mean(dim=1)
    expression = 0.02 * torch.rand(frames, 64, generator=generator)
    expression[:, 14:41] += 0.1 * bands[:, :27].sigmoid()
    expression[:, JAW] = 0.4 * bands[:, 0].sigmoid()
    expression[:, 0] = expression[:, 7] = (bands[:, 1] > 0.5).float()
    if takes:
        expression = torch.stack([expression * (1 + k) / takes for k in range(takes)])
    content = 2 * slow[0, :CONTENT].T
    pitch = 300 * torch.rand(2 * frames, generator=generator)
    return {"audio": audio, "expression": expression, "content": content, "pitch": pitch}


def shards(folder: Path, count: int = 3, frames: int = 60, seed: int = 0) -> Path:
    """A folder of shards, the first of them with two takes."""
    for i in range(count):
        tensors = said(seed + i, frames + i, takes=0 if i else 2)
        write_speech_shard(folder / f"clip{i}.safetensors", tensors, {"exact": i == 0})
    return folder


def settings(kind: str, **parts: Any) -> TrainingSettings:
    """Settings of a tiny run of "a2m", "full" (a2m at the published form), "a2m-vae" or "sync"."""
    content = {
        "stage": "a2m" if kind == "full" else kind,
        "preset": "full" if kind in ("full", "a2m-vae") else "small",
        "frames": 72 if kind == "sync" else FRAMES,
        "held": 4,
        "model": MODELS[kind],
        "losses": {"sync": 0.0 if kind == "sync" else 0.3},
        "optimisation": {"steps": 4, "batch": 4, "learning_rate": 3e-3, "warm_up": 2, "ema": 0.5},
        "reporting": {"log_every": 1, "judge_every": 4, "save_every": 2},
    }
    for name, value in parts.items():
        content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
    return TrainingSettings.from_dict(content)


def space() -> MotionSpace:
    """Six motion channels."""
    expressions = torch.cat([said(100 + i, 60)["expression"] for i in range(4)])
    return face().space(expressions, 6)


def expert() -> SyncExpert:
    """A sync expert that was never trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return SyncExpert(SyncNetwork(SyncConfig(motion=6, width=8, embedding=4, dropout=0.0)), space())


def stage(told: TrainingSettings, folder: Path, held: Path | None = None) -> Stage:
    """The stage of the settings, on a folder of shards."""
    full = told.preset == "full"
    data = SpeechShards([folder], told.frames, content=full)
    judged = SpeechShards([held], told.frames, content=full) if held else None
    if told.stage == "a2m-vae":
        return VaeStage(told, data, face(), judged, expert())
    if full:
        return FullInfillingStage(told, data, face().gap, judged, expert())
    clips, tests = ShardClips(data, space()), ShardClips(judged, space(), False) if judged else None
    if told.stage == "sync":
        return SyncStage(told, space(), clips.pairs, tests.pairs if tests else None)
    return InfillingStage(told, space(), clips, tests, expert=expert())


def train_tiny(told: TrainingSettings, data: Path, out: Path, **options: Any) -> TrainingResult:
    """A whole run, or the rest of it."""
    held = options.pop("held", None)
    return train(stage(told, data, held), told, out, **options)


def killed_once(done: int, total: int, terms: dict[str, float]) -> None:
    """End this process without a word after its third step, but not again after a restart."""
    if done == 3 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)


def main(cases: dict[str, dict]) -> None:
    """Run settings by folder; "one_step" stops after one, "kill" kills rank 0 on the way."""
    torch.set_num_threads(1)
    processes = Processes.join()
    for folder, parts in cases.items():
        options: dict[str, Any] = {"stop_after": 0.0} if parts.pop("one_step", False) else {}
        if parts.pop("kill", False):
            options["progress"] = killed_once
        data, told = Path(parts.pop("data")), settings(parts.pop("kind"), **parts)
        train_tiny(told, data, Path(folder), processes=processes, **options)
    processes.leave()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
