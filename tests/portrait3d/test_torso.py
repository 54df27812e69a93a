import torch

from portrait3d.torso import TorsoWarp, keypoint_heatmaps, picture_grid


def test_grid_has_pixel_centres() -> None:
    grid = picture_grid(4, torch.zeros(1))
    assert grid[0, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert grid[:, 0, 1].tolist() == [-0.75, -0.25, 0.25, 0.75]


def test_heatmap_peaks_at_its_keypoint() -> None:
    heat = keypoint_heatmaps(torch.tensor([[[0.25, -0.75]]]), 4)
    assert int(heat.flatten().argmax()) == 0 * 4 + 2
    assert float(heat.max()) == 1.0


def test_an_untrained_warp_without_motion_leaves_the_torso() -> None:
    torso = torch.rand(1, 4, 64, 64)
    keypoints = torch.rand(1, 4, 2) - 0.5
    bent = TorsoWarp(4, 8)(torso, keypoints, keypoints)
    assert torch.allclose(bent[:, :3], torso[:, :3], atol=1e-5)
    visible = torch.sigmoid(torch.tensor(4.0))
    assert torch.allclose(bent[:, 3:], torso[:, 3:] * visible, atol=1e-5)


def test_untrained_masks_share_the_motion_equally() -> None:
    torso = torch.zeros(1, 4, 64, 64)
    torso[0, 0, :, 32:] = 1.0  # an edge in the middle
    source = torch.zeros(1, 3, 2)
    with torch.no_grad():
        bent = TorsoWarp(3, 8)(torso, source, source + torch.tensor([0.25, 0.0]))
    # Three key-points moved right by 0.25, one candidate stays: the mean moves 0.1875 = 6 of 64 pixels.
    assert float(bent[0, 0, 32, 37]) < 0.5 < float(bent[0, 0, 32, 38])
