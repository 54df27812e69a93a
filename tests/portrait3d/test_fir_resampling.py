"""The [1, 3, 3, 1] filter against SciPy's polyphase filter."""

import numpy as np
import torch
from scipy.signal import upfirdn

from portrait3d.fir_resampling import TAPS, fir_blur, fir_downsample, fir_upsample


def along_both(x: np.ndarray, up: int, down: int, gain: float) -> np.ndarray:
    taps = np.array(TAPS) / sum(TAPS) * gain
    return upfirdn(taps, upfirdn(taps, x, up, down, axis=0), up, down, axis=1)


def test_up_and_down_are_the_polyphase_filter() -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    for channel in range(3):
        full = along_both(x[1, channel].numpy(), 2, 1, 2.0)  # sides 2 * 7 + 4 = 18: one more at each end
        np.testing.assert_allclose(fir_upsample(x)[1, channel], full[1:17, 1:17], atol=1e-12)
        # Every second sample of the full convolution, from the third on: where the kernel's middle is.
        full = along_both(x[1, channel].numpy(), 1, 1, 1.0)
        np.testing.assert_allclose(fir_downsample(x)[1, channel], full[2:-1:2, 2:-1:2], atol=1e-12)
        np.testing.assert_allclose(fir_blur(x, 3, 3, 2.0)[1, channel], 2 * full, atol=1e-12)


def test_constants_are_kept_inside() -> None:
    x = torch.ones(1, 1, 8, 8)
    assert torch.allclose(fir_upsample(x)[..., 2:-2, 2:-2], torch.ones(1, 1, 12, 12))
    assert torch.allclose(fir_downsample(x)[..., 1:-1, 1:-1], torch.ones(1, 1, 2, 2))
