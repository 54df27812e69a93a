"""An EG3D generator (Chan et al. 2022): random heads as tri-planes, drawn from any side.

It is the published teacher of image-to-plane. Its weights are the user's: a state dictionary with the names
of the official code (`G_ema` of `ffhqrebalanced512-128`, saved as tensors). One w serves all layers of a
head, as sampling does; sizes are read off the tensors.
"""

import math
import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.equalised import EqualisedLinear, scaled_leaky_relu
from portrait3d.errors import InputError
from portrait3d.fir_resampling import fir_blur, fir_upsample
from triplane_render import DecoderWeights, PlaneLayout, Rays, render_planes

CLAMP = 256.0  # of the super-resolution, which the official code runs in half precision
BEFORE, BEHIND = 0.45, 0.6  # ray limits 2.25 and 3.3 at the nominal radius 2.7
SAMPLES = 48
PIVOT = (0.0, 0.0, 0.2)  # the official cameras look here
IGNORED = re.compile(r".*\.resample_filter")
RENAMES = (
    (r"backbone\.mapping\.fc(\d+)\.", r"mapping.\1."),
    (r"backbone\.mapping\.", r""),
    (r"backbone\.synthesis\.b4\.const", r"constant"),
    (r"backbone\.synthesis\.b(\d+)\.", lambda match: f"blocks.{int(match[1]).bit_length() - 3}."),
    (r"superresolution\.block(\d)\.", r"enlarging.\1."),
    (r"\.torgb\.", r".to_rgb."),
    (r"decoder\.net\.0\.", r"decoder_hidden."),
    (r"decoder\.net\.2\.", r"decoder_out."),
)
CURE = "Give the state dictionary of an EG3D generator (G_ema), as .safetensors or saved by torch.save."


class StyledConv(nn.Module):
    """Convolution whose weight follows w (StyleGAN2, Karras et al. 2020, section 2.2); one head at a time."""

    def __init__(self, weight: Tensor, w_dim: int, *, up: bool, side: int, clamp: float | None) -> None:
        super().__init__()
        channels_out, channels_in = weight.shape[:2]
        self.affine = EqualisedLinear(w_dim, channels_in, bias=1.0)
        self.weight = nn.Parameter(torch.empty_like(weight))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.register_buffer("noise_const", torch.zeros(side, side))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.up, self.clamp = up, clamp

    def forward(self, x: Tensor, w: Tensor, noise: bool) -> Tensor:
        """(1, in, H, W) and w (1, w_dim) -> (1, out, H', H'); `noise`: with the layer's own, constant one."""
        weight = self.weight * self.affine(w)[0][:, None, None]
        weight = weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        if self.up:
            x = fir_blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 1, gain=4.0)
        else:
            x = F.conv2d(x, weight, padding=1)
        if noise:
            x = x + self.get_buffer("noise_const") * self.noise_strength
        return scaled_leaky_relu(x + self.bias[:, None, None], clamp=self.clamp)


class StyledToRGB(nn.Module):
    """Modulated 1x1 convolution to the picture, or to the planes' channels."""

    def __init__(self, weight: Tensor, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.affine = EqualisedLinear(w_dim, weight.shape[1], bias=1.0)
        self.weight = nn.Parameter(torch.empty_like(weight))
        self.bias = nn.Parameter(torch.zeros(len(weight)))
        self.clamp = clamp

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(1, in, H, W) -> (1, out, H, W)."""
        style = self.affine(w)[0] / math.sqrt(x.shape[1])
        y = F.conv2d(x, self.weight * style[:, None, None], self.bias)
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class StyledBlock(nn.Module):
    """Layers of one side: the first doubles it (side 4 lacks it); what they see is added to a picture."""

    def __init__(
        self, state: dict[str, Tensor], name: str, w_dim: int, side: int, clamp: float | None
    ) -> None:
        super().__init__()
        first = state.get(f"{name}.conv0.weight")
        self.conv0 = None if first is None else StyledConv(first, w_dim, up=True, side=side, clamp=clamp)
        self.conv1 = StyledConv(state[f"{name}.conv1.weight"], w_dim, up=False, side=side, clamp=clamp)
        self.to_rgb = StyledToRGB(state[f"{name}.torgb.weight"], w_dim, clamp)

    def forward(self, x: Tensor, picture: Tensor | None, w: Tensor, noise: bool) -> tuple[Tensor, Tensor]:
        """Features and the picture so far."""
        if self.conv0 is not None:
            x = self.conv0(x, w, noise)
        x = self.conv1(x, w, noise)
        added = self.to_rgb(x, w)
        return x, added if picture is None else fir_upsample(picture) + added


class Eg3dGenerator(nn.Module):
    """z and a camera -> w -> planes -> pictures.

    Args:
        state: Tensors with the official names.
        name: For error messages.
        layout: How points are projected to the planes; the official weights need `EG3D`.

    Raises:
        InputError: If the tensors are not those of an EG3D generator.
    """

    def __init__(
        self, state: dict[str, Tensor], name: str = "generator", layout: PlaneLayout = PlaneLayout.EG3D
    ) -> None:
        super().__init__()
        self.layout = layout
        try:
            embed, hidden = state["backbone.mapping.embed.weight"], state["decoder.net.0.weight"]
            layers = [
                state[key] for key in sorted(state) if re.fullmatch(r"backbone\.mapping\.fc\d\.weight", key)
            ]
            w_dim, sides = len(layers[-1]), self._sides(state)
            self.embed = EqualisedLinear(embed.shape[1], len(embed))
            self.mapping = nn.ModuleList(EqualisedLinear(w.shape[1], len(w), rate=0.01) for w in layers)
            self.register_buffer("w_avg", torch.zeros(w_dim))
            self.constant = nn.Parameter(torch.empty_like(state["backbone.synthesis.b4.const"]))
            self.blocks = nn.ModuleList(
                StyledBlock(state, f"backbone.synthesis.b{side}", w_dim, side, None) for side in sides
            )
            grid = len(state["superresolution.block0.conv1.noise_const"]) // 2
            self.enlarging = nn.ModuleList(
                StyledBlock(state, f"superresolution.block{n}", w_dim, 2 * grid << n, CLAMP) for n in (0, 1)
            )
            self.decoder_hidden = EqualisedLinear(hidden.shape[1], len(hidden))
            self.decoder_out = EqualisedLinear(len(hidden), len(state["decoder.net.2.weight"]))
        except (KeyError, IndexError) as error:
            raise InputError(name, f"is no EG3D generator: {error} is missing", CURE) from None
        self.ray_grid, self.z_dim = grid, layers[0].shape[1] - len(embed)
        self._load(state, name)
        self.eval().requires_grad_(False)

    @staticmethod
    def _sides(state: dict[str, Tensor]) -> list[int]:
        found = {int(m[1]) for key in state if (m := re.match(r"backbone\.synthesis\.b(\d+)\.conv1", key))}
        return sorted(found)

    def _load(self, state: dict[str, Tensor], name: str) -> None:
        renamed = {}
        for key, value in state.items():
            mine = key
            for pattern, replacement in RENAMES:
                mine = re.sub(pattern, replacement, mine)
            renamed[mine] = value.float()
        own = self.state_dict()
        missing = [key for key in own if key not in renamed]
        foreign = [key for key in renamed if key not in own and not IGNORED.fullmatch(key)]
        wrong = [key for key in own if key in renamed and renamed[key].shape != own[key].shape]
        for what, keys in (("missing", missing), ("unknown", foreign), ("of another shape", wrong)):
            if keys:
                raise InputError(name, f"{len(keys)} tensors are {what}, the first is {keys[0]}", CURE)
        self.load_state_dict({key: renamed[key] for key in own})

    @classmethod
    def from_file(cls, path: Path) -> "Eg3dGenerator":
        """Read a file of tensors; entries may lie under "G_ema".

        Raises:
            InputError: If it is no such file.
        """
        from portrait3d.weight_files import read_state

        state = {key.removeprefix("G_ema."): value for key, value in read_state(path).items()}
        return cls(state, str(path))

    def w(self, z: Tensor, camera: Tensor, truncation: float = 0.7) -> Tensor:
        """Latent code (1, z_dim) and camera (1, 25) -> w (1, w_dim), drawn towards the mean w."""
        parts = [_unit(z), _unit(self.embed(camera))]
        x = torch.cat(parts, 1)
        for layer in self.mapping:
            x = scaled_leaky_relu(layer(x))
        return self.get_buffer("w_avg").lerp(x, truncation)

    def planes(self, w: Tensor) -> Tensor:
        """(1, w_dim) -> (1, 3, C, R, R)."""
        x, picture = self.constant[None], None
        for block in self.blocks:
            x, picture = block(x, picture, w, True)
        assert picture is not None
        return picture.unflatten(1, (3, -1))

    def draw(
        self, planes: Tensor, w: Tensor, camera_to_world: Tensor, intrinsics: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Draw one view.

        Args:
            planes: From `planes`; w: their code.
            camera_to_world: (1, 4, 4); intrinsics: (1, 3, 3), normalised.

        Returns:
            picture (1, 3, S, S) and raw (1, 3, S / 4, S / 4) in [-1, 1].
        """
        rays = Rays.from_camera(camera_to_world, intrinsics, self.ray_grid)
        away = float((camera_to_world[0, :3, 3] - camera_to_world.new_tensor(PIVOT)).norm())
        root = [1 / math.sqrt(layer.weight.shape[1]) for layer in (self.decoder_hidden, self.decoder_out)]
        decoder = DecoderWeights(
            self.decoder_hidden.weight * root[0],
            self.decoder_hidden.bias,
            self.decoder_out.weight * root[1],
            self.decoder_out.bias,
        )
        out = render_planes(
            planes.contiguous(),
            decoder,
            rays,
            near=away - BEFORE,
            far=away + BEHIND,
            samples=SAMPLES,
            importance_samples=SAMPLES,
            layout=self.layout,
            rule="midpoint",
        )
        features = (2 * out.features - 1).mT.unflatten(2, (self.ray_grid, self.ray_grid))
        x, picture = features, features[:, :3]
        for block in self.enlarging:
            x, picture = block(x, picture, w, False)
        return picture, features[:, :3]


def _unit(x: Tensor) -> Tensor:
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
