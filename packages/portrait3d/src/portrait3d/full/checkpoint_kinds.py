"""Which published network a set of tensor names belongs to, and what to say about the others."""

from collections.abc import Iterable
from dataclasses import dataclass

RENDERER_PARTS = {
    "cano_img2plane_backbone": "image-to-plane",
    "secc_img2plane_backbone": "the motion adapter",
    "decoder": "the plane decoder",
    "superresolution": "the super-resolution",
}
OF_TALK_MOTION = "Use talk_motion.full.importing, or: mimictalk weights import."
NOT_NEEDED = "It is not imported: give the renderer's or the audio-to-motion model's checkpoint."
GIVE_RENDERER = (
    "Give a renderer: os_secc2plane_torso (MimicTalk), secc2plane_torso_orig (Real3D-Portrait), "
    "or a person adapted by MimicTalk."
)


@dataclass(frozen=True)
class Kind:
    """A network that a checkpoint may hold instead of a renderer.

    Attributes:
        words: What to call it.
        signs: Beginnings of names; all must occur.
        cure: What to do about it.
    """

    words: str
    signs: tuple[str, ...]
    cure: str = GIVE_RENDERER


OTHERS = (
    Kind(
        "the audio-to-motion model of MimicTalk (ICS-A2M)",
        ("backbone.icl_transformer_model.",),
        OF_TALK_MOTION,
    ),
    Kind(
        "the audio-to-motion model of Real3D-Portrait (VAE with flow)", ("vae.prior_flow.",), OF_TALK_MOTION
    ),
    Kind("an audio-to-motion model", ("hubert_encoder.",), OF_TALK_MOTION),
    Kind(
        "the lip-sync expert of the audio-to-motion models", ("hubert_encoder", "mouth_encoder"), NOT_NEEDED
    ),
    Kind("the image-to-plane stage alone, without a motion adapter", ("img2plane_backbone.",)),
    Kind(
        "a SegFormer encoder (mit_b0 … b5), the start of a motion adapter's training",
        ("patch_embed1.proj.", "block1.0.attn."),
        "A renderer's checkpoint contains its own encoder: give that one.",
    ),
    Kind("an EG3D generator", ("backbone.mapping.", "backbone.synthesis.")),
    Kind("a StyleGAN discriminator", ("b512.", "b4.")),
    Kind("a ResNet", ("layer1.0.conv1.", "layer4.0.conv1.")),
    Kind("a VGG network", ("features.0.", "features.2.")),
    Kind("a HuBERT or wav2vec speech model", ("hubert.feature_extractor.",), NOT_NEEDED),
    Kind("a HuBERT or wav2vec speech model", ("feature_extractor.conv_layers.",), NOT_NEEDED),
)


def is_renderer(names: Iterable[str]) -> bool:
    """Whether all parts of a renderer occur."""
    return not missing_parts(names)


def missing_parts(names: Iterable[str]) -> list[str]:
    """The parts of a renderer that no name belongs to, in words."""
    present = {name.split(".")[0] for name in names}
    return [words for part, words in RENDERER_PARTS.items() if part not in present]


def looks_like(names: Iterable[str]) -> tuple[str, str]:
    """What tensors of these names are, in words, and the cure.

    For example ("the audio-to-motion model of MimicTalk (ICS-A2M)", "Use talk_motion.full.importing …").
    """
    names = list(names)
    missing = missing_parts(names)
    if len(missing) < len(RENDERER_PARTS):
        if not missing:
            return "a renderer", ""
        verb = "is" if len(missing) == 1 else "are"
        return f"a part of a renderer: {join(missing)} {verb} missing", GIVE_RENDERER
    for kind in OTHERS:
        if all(any(name.startswith(sign) for name in names) for sign in kind.signs):
            return kind.words, kind.cure
    first = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    what = f"nothing known here (its tensors: {first})" if names else "empty: it holds no tensors"
    return what, GIVE_RENDERER


def join(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
