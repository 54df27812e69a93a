"""Published names of both models' entries to ours, and an account of every name.

Each rule is applied once, in order, by `re.sub`. A name counts as read when its new name is in our network,
so a rule that is missing or wrong shows as unknown and missing names, never as silence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

_PAIR = (("0", "first"), ("1", "norm"), ("3", "second"))
_FLOW = r"^backbone\.icl_transformer_model\."
_LAYER = r"^layers\.(\d+)\."
IN_CONTEXT: tuple[tuple[str, str], ...] = (
    *((rf"^hubert_encoder\.{n}\.", f"hearing.content.{new}.") for n, new in _PAIR),
    (r"^pitch_embed\.", "hearing.pitch.table."),
    *((rf"^pitch_encoder\.{n}\.", f"hearing.pitch.convolutions.{new}.") for n, new in _PAIR),
    (r"^blink_embed\.", "hearing.blink."),
    (r"^null_blink_embed$", "hearing.blink_untold"),
    (r"^mouth_amp_embed$", "hearing.mouth_opening"),
    (r"^null_mouth_amp_embed$", "hearing.mouth_opening_untold"),
    (_FLOW + r"null_cond$", "no_prompt"),
    (_FLOW + r"sinu_pos_emb\.0\.weights$", "clock.frequencies"),
    (_FLOW + r"sinu_pos_emb\.1\.", "clock.mix."),
    (_FLOW + r"to_cond_emb\.", "sound_to_motion."),
    (_FLOW + r"to_embed\.", "enter."),
    (_FLOW + r"conv_embed\.dw_conv1d\.0\.", "neighbours."),
    (_FLOW + r"to_pred\.", "leave."),
    (_FLOW + r"transformer\.register_tokens$", "registers"),
    (_FLOW + r"transformer\.rotary_emb\.inv_freq$", "rotary"),
    (_FLOW + r"transformer\.final_norm\.gamma$", "norm.gain"),
    (_FLOW + r"transformer\.layers\.", "layers."),
    (_LAYER + r"2\.to_gamma\.", r"layers.\1.attention_norm.scale."),
    (_LAYER + r"2\.to_beta\.", r"layers.\1.attention_norm.shift."),
    (_LAYER + r"3\.q_norm\.gamma$", r"layers.\1.query_norm.gain"),
    (_LAYER + r"3\.k_norm\.gamma$", r"layers.\1.key_norm.gain"),
    (_LAYER + r"3\.to_qkv\.", r"layers.\1.query_key_value."),
    (_LAYER + r"3\.to_out\.", r"layers.\1.attended."),
    (_LAYER + r"4\.to_gamma\.", r"layers.\1.feed_forward_norm.scale."),
    (_LAYER + r"4\.to_beta\.", r"layers.\1.feed_forward_norm.shift."),
    (_LAYER + r"5\.0\.", r"layers.\1.feed."),
    (_LAYER + r"5\.3\.", r"layers.\1.forward_out."),
)
FLOW_VAE: tuple[tuple[str, str], ...] = (
    *((rf"^mel_encoder\.{n}\.", f"hearing.content.{new}.") for n, new in _PAIR),
    (r"^pitch_embed\.", "hearing.pitch.table."),
    *((rf"^pitch_encoder\.{n}\.", f"hearing.pitch.convolutions.{new}.") for n, new in _PAIR),
    (r"^blink_embed\.", "hearing.blink."),
    (r"^mouth_amp_embed$", "hearing.mouth_opening"),
    (r"^cond_proj\.", "hearing.join."),
    (r"^vae\.g_pre_net\.0\.", "sound_to_latent."),
    (r"^vae\.encoder\.pre_net\.0\.", "shrink."),
    (r"^vae\.encoder\.wn\.", "encoder."),
    (r"^vae\.encoder\.out_proj\.", "moments."),
    (r"^vae\.decoder\.pre_net\.0\.", "grow."),
    (r"^vae\.decoder\.wn\.", "decoder."),
    (r"^vae\.decoder\.out_proj\.", "leave."),
    # Their list has a reversal after every coupling.
    *((rf"^vae\.prior_flow\.flows\.{2 * n}\.", f"prior.couplings.{n}.") for n in range(16)),
    (r"^(prior\.couplings\.\d+)\.pre\.", r"\1.enter."),
    (r"^(prior\.couplings\.\d+)\.enc\.", r"\1.wavenet."),
    (r"^(prior\.couplings\.\d+)\.post\.", r"\1.leave."),
    (r"\.cond_layer\.", ".condition."),
    (r"\.in_layers\.", ".gates."),
    (r"\.res_skip_layers\.", ".outputs."),
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
)


@dataclass(frozen=True)
class Account:
    """Where every name went.

    Attributes:
        read: Published name to ours.
        unknown: Published names that have no place.
        missing: Our names that nothing was read into.
        misfits: Sentences on tensors of another shape than ours.
    """

    read: dict[str, str]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    misfits: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every name of both sides is accounted for and fits."""
        return not (self.unknown or self.missing or self.misfits)


def our_name(published: str, rules: tuple[tuple[str, str], ...]) -> str:
    """The name of a published entry in our network."""
    for pattern, new in rules:
        published = re.sub(pattern, new, published)
    return published


def account(
    published: Mapping[str, Tensor], ours: Mapping[str, Tensor], rules: tuple[tuple[str, str], ...]
) -> Account:
    """Find the place of every published tensor in our state; only shapes are looked at."""
    read: dict[str, str] = {}
    unknown, misfits = [], []
    for name, tensor in published.items():
        new = our_name(name, rules)
        if new not in ours:
            unknown.append(name)
            continue
        read[name] = new
        if tensor.shape != ours[new].shape:
            misfits.append(f"{name} has shape {_show(tensor)}, here {_show(ours[new])}")
    taken = set(read.values())
    missing = tuple(name for name in ours if name not in taken)
    return Account(read, tuple(unknown), missing, tuple(misfits))


def _show(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
