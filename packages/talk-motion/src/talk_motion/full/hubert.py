"""HuBERT's hidden states as the published models hear them: 50 per second, two per motion frame.

    hubert = Hubert.load()                     # facebook/hubert-large-ls960-ft, of the hub or its cache
    hubert = Hubert.load("folder/of/hubert")   # nothing is fetched
    speech = hubert.features(samples)          # content and pitch

Needs `transformers`, which honours HF_HUB_OFFLINE=1: then nothing is fetched, whatever is missing is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from talk_motion.errors import InputError
from talk_motion.full.config import CONTENT
from talk_motion.full.pitch import voice_pitch
from talk_motion.full.speech import SpeechFeatures

if TYPE_CHECKING:
    from transformers import HubertModel

STRIDE, REACH = 320, 400  # samples: from state to state, and seen by one through the convolutions
INSTALL = 'Install it with: pip install "talk-motion[full]"'


@dataclass(frozen=True)
class Chunks:
    """How long sound is cut; states (20 ms) are counted.

    The convolutions are exact under any cut: each state's 400 samples are there. Attention sees the whole of
    what it is given, so up to `length` + 2 `context` states nothing is cut at all; beyond that a state far
    from both ends of its chunk misses only sound more than `context` states away.

    Attributes:
        length: states that one run of the network gives.
        context: states that it sees besides, before and after, as far as there are any.
    """

    length: int = 1500
    context: int = 250

    def __post_init__(self) -> None:
        if self.length < 1 or self.context < 0:
            raise ValueError(f"need length >= 1 and context >= 0, got {self.length} and {self.context}")

    def cut(self, states: int) -> Iterator[tuple[int, int, int, int]]:
        """(seen from, seen to, kept from, kept to) of every run."""
        if states <= self.length + 2 * self.context:
            yield 0, states, 0, states
            return
        for start in range(0, states, self.length):
            stop = min(start + self.length, states)
            yield max(0, start - self.context), min(stop + self.context, states), start, stop


PUBLISHED_CHUNKS = Chunks(1000, 0)  # 20 s, no overlap


class Hubert:
    """A HuBERT network in evaluation mode."""

    def __init__(self, network: "HubertModel") -> None:
        config = network.config
        reach, stride = 1, 1
        for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
            reach, stride = reach + (kernel - 1) * stride, stride * step
        if (reach, stride) != (REACH, STRIDE):
            cause = f"its convolutions see {reach} samples every {stride}, not {REACH} every {STRIDE}"
            raise InputError("HuBERT", cause, f"Use {CONTENT}.")
        if config.feat_extract_norm != "layer":
            cause = "it normalises over the whole clip inside (the base size): sound cannot be cut"
            raise InputError("HuBERT", cause, f"Use {CONTENT}.")
        self.network = network.eval()

    @classmethod
    def load(cls, source: str | Path = CONTENT, device: str = "cpu") -> "Hubert":
        """Load weights.

        Args:
            source: a folder with config.json and weights, or a name on the Hugging Face hub.
            device: of PyTorch.

        Raises:
            InputError: transformers is not installed, or there are no such weights here (and, offline, none
                can be fetched).
        """
        try:
            from transformers import HubertModel
        except ImportError:
            raise InputError("HuBERT", "transformers is not installed", INSTALL) from None
        is_folder = Path(source).is_dir()
        try:
            network = HubertModel.from_pretrained(str(source), local_files_only=is_folder)
        except (OSError, ValueError) as error:
            why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            cure = f"Give the folder of a copy of {CONTENT} (config.json and weights)" + (
                "." if is_folder else ", or go online once: unset HF_HUB_OFFLINE."
            )
            raise InputError(source, f"HuBERT cannot be loaded: {why}", cure) from error
        return cls(network.to(device))  # type: ignore[arg-type]

    @property
    def channels(self) -> int:
        """Channels of the content."""
        return int(self.network.config.hidden_size)

    def features(
        self, samples: np.ndarray, frames: int | None = None, *, published_chunks: bool = False
    ) -> SpeechFeatures:
        """Content and pitch of a clip.

        Args:
            samples: (n,) mono, 16 kHz, in [-1, 1].
            frames: motion frames wanted; sound is cut or padded with silence. By default as many as hold all.
            published_chunks: cut as the published code does, every 20 s without overlap.

        Raises:
            InputError: no samples, or samples that are not finite.
        """
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1 or not samples.size:
            raise InputError(
                "sound", f"has shape {samples.shape}", "Give one channel of at least one sample."
            )
        if not np.isfinite(samples).all():
            raise InputError("sound", "holds numbers that are not finite", "Export the sound again.")
        if frames is None:
            frames = -(-samples.size // (2 * STRIDE))
        if frames < 1:
            raise InputError("frames", f"{frames} motion frames asked for", "Ask for at least 1.")
        chunks = PUBLISHED_CHUNKS if published_chunks else Chunks()
        content = self.content(normalised(samples), 2 * frames, chunks)
        return SpeechFeatures(content, torch.from_numpy(voice_pitch(samples, frames)))

    @torch.no_grad()
    def content(self, samples: np.ndarray, states: int, chunks: Chunks) -> Tensor:
        """Last hidden states (states, C) of normalised sound.

        State j sees the samples from 320 j on, as in the published code; silence follows at the end, so that
        there are exactly as many as asked for (the published code gives one less, and then pads with zeros).
        """
        wave = np.zeros((states - 1) * STRIDE + REACH, np.float32)
        given = samples[: wave.size]
        wave[: given.size] = given
        whole = torch.from_numpy(wave)
        found = []
        for seen, seen_to, kept, kept_to in chunks.cut(states):
            part = whole[seen * STRIDE : (seen_to - 1) * STRIDE + REACH]
            hidden = self.network(part[None].to(self.network.device)).last_hidden_state[0]
            found.append(hidden[kept - seen : kept_to - seen].float().cpu())
        return torch.cat(found)


def normalised(samples: np.ndarray) -> np.ndarray:
    """Zero mean and unit variance over the clip, as HuBERT's large size was trained (as wav2vec 2.0)."""
    samples = np.asarray(samples, np.float64)
    centred = samples - samples.mean()
    return (centred / np.sqrt(centred.var() + 1e-7)).astype(np.float32)
