"""Beside the published audio-to-motion code: how far every stage and drawn motion are from it.

    git clone https://github.com/yerfor/MimicTalk A
    .venv/bin/python tools/parity/audio_to_motion.py A [--variants V] [--json FILE] [--seed 0] [--gain 1]

Both get the same random weights, ours through the import that users' checkpoints take, and the same sound,
prompt and noise; what starts at zero and the statistics of batch norm are moved, so that every path carries
signal. Float32, on the CPU. Variants: "in_context" and "in_context_plain" (MimicTalk's ICS-A2M with and
without pitch, blink and mouth opening), "flow_vae" (Real3D-Portrait's, which MimicTalk's checkout has too).

Attention of ICS-A2M multiplies unit vectors by 10 x 64 and two learned gains that start at 1. With random
weights that picks one token out of all, anew in each of 16 layers, and rounding grows from layer to layer:
the published network itself then answers something else when its input moves by one rounding (rows "itself,
nudged"; try --gain 1). So whole networks are compared with gains of --gain 0.1, and every layer also with
gains of about 1, given what the published layer was given.

The published modules run as they are; einops, torchdiffeq (its midpoint solver), torchode and beartype are
replaced by the few names they use where they are not installed. Prints a table and writes JSON. An error is
the largest difference, relative: over the largest magnitude of what is published. Exits 1 if one is above
1e-4; the nudged rows only tell how exact a comparison can be, and are not judged.
"""

import argparse
import importlib
import sys
import tempfile
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Optional, Union
from unittest import mock

import torch
from published_modules import perturb
from rows import Row, read_arguments, row_of, show, write
from stand_ins import stand_in
from torch import Tensor, nn

from talk_motion.full.config import FullSampling
from talk_motion.full.ics_model import InContextModel, StylePrompt
from talk_motion.full.importing import import_published
from talk_motion.full.pitch import coarse_pitch
from talk_motion.full.speech import Heard, SpeechFeatures
from talk_motion.full.vae import FlowVae

PROMPT, SPEECH = 24, 32  # motion frames
STEPS = 20  # moments of the published schedule
NUDGED = ", itself nudged"
VARIANTS = ("in_context", "in_context_plain", "flow_vae")


def midpoint(field: Callable[[Tensor, Tensor], Tensor], start: Tensor, times: Tensor, **_: Any) -> Tensor:
    """torchdiffeq's `odeint(method="midpoint")` without a step size: one step from moment to moment."""
    found = [start]
    for begin, end in pairwise(times):
        half = (end - begin) / 2
        x = found[-1]
        found.append(x + (end - begin) * field(begin + half, x + half * field(begin, x)))
    return torch.stack(found)


def stand_in_for_all() -> None:
    """What the audio-to-motion modules import that may not be installed."""
    from functorch.einops import rearrange

    def repeat(tensor: Tensor, pattern: str, **sizes: int) -> Tensor:
        assert pattern in ("n d -> b n d", "-> b", "1 -> b")
        return tensor.expand(sizes["b"], *([-1] * tensor.ndim if pattern.startswith("n") else []))

    def pack(tensors: list[Tensor], pattern: str) -> tuple[Tensor, list[int]]:
        assert pattern == "b * d"
        return torch.cat(tensors, dim=1), [each.shape[1] for each in tensors]

    def unpack(tensor: Tensor, sizes: list[int], pattern: str) -> tuple[Tensor, ...]:
        assert pattern == "b * d"
        return tensor.split(sizes, dim=1)

    einops = {"rearrange": rearrange, "repeat": repeat, "pack": pack, "unpack": unpack, "reduce": None}
    stand_in("einops", **einops)
    stand_in("einops.layers.torch", Rearrange=None)
    stand_in("beartype", beartype=lambda function: function)
    stand_in("beartype.typing", Tuple=tuple, Optional=Optional, List=list, Union=Union)
    stand_in("torchode", Tsit5=None)
    stand_in("torchdiffeq", odeint=midpoint)


def published_module(folder: Path, name: str) -> ModuleType:
    """Import one of their modules."""
    stand_in_for_all()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(name)


def speech_of(seed: int) -> dict[str, Tensor]:
    """Random sound, prompt and noise."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    voiced = torch.rand(2 * (PROMPT + SPEECH), generator=generator) < 0.6
    return {
        "content": normal(2 * (PROMPT + SPEECH), 1024),
        "pitch": torch.where(voiced, 250 + 60 * normal(len(voiced)), 0).clamp(min=0),
        "motion": normal(PROMPT, 64),
        "noise": normal(SPEECH, 64),
        "latent_noise": normal(16, SPEECH // 4),
        "latent": normal(1, 16, SPEECH // 4),
        "blink": (torch.rand(2 * SPEECH, generator=generator) < 0.2).float(),
    }


def through_the_import(theirs: nn.Module, kind: Any, work: Path) -> Any:
    """Our model with their weights, by way of a checkpoint as their trainer writes it."""
    path = work / "model_ckpt_steps_1.ckpt"
    path.write_bytes(b"in place of a pickle")
    content = {"state_dict": {"model": theirs.state_dict()}, "global_step": 1}
    with mock.patch.object(torch, "load", return_value=content):
        import_published(path, work / "ours")
    return kind.load(work / "ours")


def with_noise(noise: Tensor) -> Any:
    """Their random numbers of the noise's shape become the noise."""
    drawn = torch.randn_like

    def draw(like: Tensor, **options: Any) -> Tensor:
        return noise.clone() if like.shape == noise.shape else drawn(like, **options)

    return mock.patch.object(torch, "randn_like", draw)


def set_gains(theirs: nn.Module, gain: float) -> None:
    """Multiply the gains of their queries and keys."""
    with torch.no_grad():
        for name, value in theirs.named_parameters():
            if name.endswith(("q_norm.gamma", "k_norm.gamma")):
                value.mul_(gain)


def layer_row(theirs: nn.Module, ours: nn.Module, variant: str, seed: int) -> Row:
    """The layer that differs most, all given the same; gains of about 1."""
    transformer = theirs.backbone.icl_transformer_model.transformer
    generator = torch.Generator().manual_seed(seed)
    count = ours.registers.shape[0]
    x = torch.randn(1, count + SPEECH, ours.config.width, generator=generator)
    moment = torch.randn(1, ours.config.time, generator=generator)
    places = torch.cat([torch.full((count,), -10000), torch.arange(SPEECH)])
    angles, turns = transformer.rotary_emb(places), ours._turns(SPEECH)
    rows = []
    for published, own in zip(transformer.layers, ours.layers, strict=True):
        _, _, norm, attention, norm_again, feed = published
        y = attention(norm(x, cond=moment), mask=None, rotary_emb=angles) + x
        y = feed(norm_again(y, cond=moment)) + y
        rows.append(row_of(variant, "worst of the layers, gain 1", y, own(x, moment, turns, None)))
    return max(rows, key=lambda row: row.relative)


def in_context_rows(folder: Path, variant: str, seed: int, work: Path, gain: float) -> list[Row]:
    """Layers, sound, velocity with and without prompt, and motion drawn by the published schedule."""
    module = published_module(folder, "modules.audio2motion.cfm.icl_audio2motion_model")
    options = {"use_aux_features": variant == "in_context"}
    module_of_sampling = sys.modules["modules.audio2motion.cfm.cfm_wrapper"]
    vars(module_of_sampling)["print"] = lambda *_: None
    torch.manual_seed(seed)
    theirs = module.InContextAudio2MotionModel("icl_flow_matching", options)
    perturb(theirs, seed + 1)
    theirs.eval()
    ours: InContextModel = through_the_import(theirs, InContextModel, work)
    rows = [layer_row(theirs, ours.network, variant, seed + 3)]
    set_gains(theirs, gain)
    ours = through_the_import(theirs, InContextModel, work)
    given = speech_of(seed + 2)
    flow = theirs.backbone.icl_transformer_model
    seen: dict[str, Any] = {}
    compute = flow.forward

    def velocity(x: Tensor, **options: Any) -> Tensor:
        """Theirs, which calls `forward` past all hooks; the first of each kind is kept."""
        answer = compute(x, **options)
        seen.setdefault("velocity dropped" if options["cond_drop_prob"] else "velocity", (x, options, answer))
        return answer

    def note_sound(_module: nn.Module, _args: Any, answer: Tensor) -> None:
        seen.setdefault("sound", answer)

    flow.to_cond_emb.register_forward_hook(note_sound)
    flow.forward = velocity
    before, content, pitch = 2 * PROMPT, given["content"], given["pitch"]
    theirs.add_sample_to_context(given["motion"][None], content[None, :before], pitch[None, :before])
    batch = {
        "y_mask": torch.ones(1, SPEECH),
        "audio": content[None, before:],
        "f0": pitch[None, before:],
        "blink": given["blink"][None, :, None],
    }
    whole_noise = torch.cat([torch.zeros(PROMPT, 64), given["noise"]])[None]
    answer: dict[str, Tensor] = {}
    with with_noise(whole_noise):
        theirs(dict(batch), answer, train=False, temperature=0.3, cond_scale=1.5, denoising_steps=STEPS)
    theirs.empty_context()
    prompt_speech = SpeechFeatures(content[:before], pitch[:before])
    speech = SpeechFeatures(content[before:], pitch[before:])
    blink = torch.cat([torch.zeros(before), given["blink"]])
    heard = Heard.of(prompt_speech.then(speech), 1.0, blink)
    network = ours.network
    sound = network.encode_sound(heard)
    published_sound = seen["sound"].transpose(1, 2).unflatten(-1, (-1, 2)).mean(-1).transpose(1, 2)
    rows.append(row_of(variant, "sound", published_sound, sound))
    is_known = (torch.arange(PROMPT + SPEECH) < PROMPT)[None]
    for name, dropped in (("velocity", False), ("velocity dropped", True)):
        x, options, published = seen[name]
        found = network(
            x, options["times"].reshape(1), sound, options["cond"], is_known, dropped=torch.tensor([dropped])
        )
        rows.append(row_of(variant, name, published[:, PROMPT:], found[:, PROMPT:]))
    x, options, published = seen["velocity"]
    nudged = compute(x, **options | {"cond_audio": options["cond_audio"] * (1 + 2**-23)})
    rows.append(row_of(variant, "velocity" + NUDGED, published[:, PROMPT:], nudged[:, PROMPT:]))
    drawing = FullSampling.published()
    prompt = StylePrompt(given["motion"], prompt_speech)
    drawn = ours.sample(speech, prompt, drawing, blink=given["blink"], noise=given["noise"])
    rows.append(row_of(variant, f"motion drawn, {drawing.passes} passes", answer["pred"][0], drawn))
    nudged_content = (1 + 2**-23) * batch["audio"]
    theirs.empty_context()
    theirs.add_sample_to_context(given["motion"][None], content[None, :before], pitch[None, :before])
    moved: dict[str, Tensor] = {}
    with with_noise(whole_noise):
        theirs(
            batch | {"audio": nudged_content},
            moved,
            train=False,
            temperature=0.3,
            cond_scale=1.5,
            denoising_steps=STEPS,
        )
    theirs.empty_context()
    rows.append(row_of(variant, "motion drawn" + NUDGED, answer["pred"][0], moved["pred"][0]))
    if variant == "in_context":
        nobody: dict[str, Tensor] = {}
        with with_noise(given["noise"][None]):
            theirs(dict(batch), nobody, train=False, temperature=0.3, cond_scale=1.5, denoising_steps=STEPS)
        drawn = ours.sample(speech, None, drawing, blink=given["blink"], noise=given["noise"])
        rows.append(row_of(variant, "motion drawn, no prompt", nobody["pred"][0], drawn))
        from utils.commons.pitch_utils import f0_to_coarse  # type: ignore[import-not-found]

        steps = torch.linspace(0, 1200, 4801)
        rows.append(row_of(variant, "coarse pitch", f0_to_coarse(steps).double(), coarse_pitch(steps)))
    return rows


def flow_vae_rows(folder: Path, variant: str, seed: int, work: Path) -> list[Row]:
    """Condition, prior, decoder, training pass and drawn motion of Real3D-Portrait's model."""
    options = {"use_mouth_amp_embed": True, "use_eye_amp_embed": False}
    module = published_module(folder, "modules.audio2motion.vae")
    torch.manual_seed(seed)
    theirs = module.PitchContourVAEModel(options, in_out_dim=64, audio_in_dim=1024)
    perturb(theirs, seed + 1)
    theirs.eval()
    ours: FlowVae = through_the_import(theirs, FlowVae, work)
    given = speech_of(seed + 2)
    speech = SpeechFeatures(given["content"][: 2 * SPEECH], given["pitch"][: 2 * SPEECH])
    heard = Heard.of(speech, 0.45, given["blink"])
    batch = {
        "y_mask": torch.ones(1, SPEECH),
        "audio": heard.content,
        "f0": heard.pitch,
        "blink": given["blink"][None, :, None].long(),
        "mouth_amp": torch.tensor([[0.45]]),
        "y": given["noise"][None],
    }
    seen: dict[str, Tensor] = {}
    hook = theirs.cond_proj.register_forward_hook(lambda _m, _a, answer: seen.update(sound=answer))
    drawn: dict[str, Tensor] = {}
    distribution = theirs.vae.prior_dist
    noise = given["latent_noise"][None]
    with mock.patch.object(type(distribution), "sample", return_value=noise):
        theirs(dict(batch), drawn, train=False, temperature=0.2)
    hook.remove()
    sound = ours.hearing(heard)
    latent_sound = ours.sound_to_latent(sound)
    published_sound = theirs.vae.g_pre_net(seen["sound"].transpose(1, 2))
    latent, noise = given["latent"], given["latent_noise"]
    rows = [
        row_of(variant, "sound", seen["sound"], sound.transpose(1, 2)),
        row_of(
            variant,
            "prior: noise to latent",
            theirs.vae.prior_flow(noise[None], 1, published_sound, reverse=True),
            ours.prior.to_latent(noise[None], latent_sound),
        ),
        row_of(
            variant,
            "decoder",
            theirs.vae.decoder(latent, 1, seen["sound"].transpose(1, 2)).transpose(1, 2),
            ours.decode(latent, sound),
        ),
    ]
    found = ours.sample(speech, mouth_opening=0.45, blink=given["blink"], noise=noise)
    rows.append(row_of(variant, "motion drawn", drawn["pred"][0], found))
    return rows + training_rows(theirs, ours, variant, batch, heard)


def training_rows(
    theirs: nn.Module, ours: FlowVae, variant: str, batch: dict[str, Tensor], heard: Heard
) -> list[Row]:
    """The pass through the bottle-neck with the same draw: the reconstruction and the divergence."""
    from talk_motion.full.vae_losses import divergence

    valid = torch.ones(1, SPEECH, dtype=torch.bool)
    valid[:, -8:] = False
    batch = batch | {"y_mask": valid.float()}
    draw = torch.randn(1, 16, SPEECH // 4, generator=torch.Generator().manual_seed(9))
    trained: dict[str, Tensor] = {}
    with with_noise(draw):
        theirs(dict(batch), trained, train=True)
    found, coded = ours(heard, batch["y"], valid, torch.Generator().manual_seed(9))
    return [
        row_of(variant, "training: reconstruction", trained["pred"], found),
        row_of(variant, "training: divergence", trained["loss_kl"], divergence(coded)),
    ]


def main() -> int:
    """Compare the wanted variants, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="checkout of MimicTalk")
    parser.add_argument("--gain", type=float, default=0.1, help="of ICS-A2M's queries and keys")
    args, wanted = read_arguments(parser, VARIANTS, ",".join(VARIANTS))
    warnings.simplefilter("ignore")  # theirs, of old PyTorch
    rows: list[Row] = []
    with torch.no_grad():
        for variant in wanted:
            with tempfile.TemporaryDirectory() as work:
                folder, given = args.checkout.resolve(), (variant, args.seed, Path(work))
                if variant == "flow_vae":
                    found = flow_vae_rows(folder, *given)
                else:
                    found = in_context_rows(folder, *given, args.gain)
            rows += found
            for row in found:
                show(row, judged=not row.stage.endswith(NUDGED))
    if args.json:
        write(args.json, rows)
    return int(not all(row.holds for row in rows if not row.stage.endswith(NUDGED)))


if __name__ == "__main__":
    sys.exit(main())
