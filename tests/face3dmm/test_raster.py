"""The z-buffer: worked by hand, against its numpy twin, and with triangles that should not be there."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from face3dmm import Camera, FaceModel, build_info, draw_attributes, rasterize, rasterize_reference
from face3dmm import _backend as backend
from face3dmm.camera import model_to_world

NAN, INF = float("nan"), float("inf")


def same_as_reference(vertices: torch.Tensor, faces: torch.Tensor, size: tuple[int, int]) -> None:
    got = rasterize(vertices, faces, size)
    index, depth, barycentric = rasterize_reference(vertices.numpy(), faces.numpy(), size)
    # Both do the same double arithmetic, so even the pixels on edges agree.
    np.testing.assert_array_equal(got.index.numpy(), index)
    np.testing.assert_allclose(got.depth.numpy(), depth, rtol=1e-6)
    np.testing.assert_allclose(got.barycentric.numpy(), barycentric, atol=1e-5)


def test_a_triangle_by_hand() -> None:
    # Corners (0,0), (4,0), (0,4) in pixels: a pixel centre (x, y) is inside where x + y <= 4.
    vertices = torch.tensor([[[0.0, 0.0, 1.0], [4.0, 0.0, 1.0], [0.0, 4.0, 1.0]]])
    drawn = rasterize(vertices, torch.tensor([[0, 1, 2]]), 4)
    assert (drawn.index[0] == 0).int().tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    # At the centre (0.5, 0.5) of the first pixel: b = 0.5 / 4, c = 0.5 / 4, a = 1 - b - c.
    assert drawn.barycentric[0, 0, 0].tolist() == pytest.approx([0.75, 0.125, 0.125])
    assert drawn.depth[0, 0, 0] == 1
    assert drawn.depth[0, 3, 3] == INF
    assert drawn.barycentric[0, 3, 3].tolist() == [0, 0, 0]
    assert drawn.index.dtype == torch.int32


def test_perspective_by_hand() -> None:
    # Halfway in the picture between depth 1 and depth 3, 1/z is the mean of 1 and 1/3: z = 1.5, 3/4 near.
    vertices = torch.tensor([[[0.0, 0.0, 1.0], [2.0, 0.0, 3.0], [0.0, 2.0, 1.0]]])
    drawn = rasterize(vertices, torch.tensor([[0, 1, 2]]), (1, 2))
    assert drawn.depth[0, 0, 0].item() == pytest.approx(1 / (0.75 * 1 + 0.25 / 3))
    whole = torch.tensor([[[-1.0, -9.0, 1.0], [2.0, 0.5, 3.0], [-1.0, 9.0, 1.0]]])
    middle = rasterize(
        whole, torch.tensor([[0, 1, 2]]), (1, 1)
    )  # (0.5, 0.5) lies halfway from x = -1 to x = 2
    assert middle.depth.item() == pytest.approx(1.5)
    assert middle.barycentric[0, 0, 0, 1].item() == pytest.approx(0.25)


def test_the_nearer_triangle_wins_and_ties_go_to_the_lower_index() -> None:
    near = [[0.0, 0.0, 1.0], [9.0, 0.0, 1.0], [0.0, 9.0, 1.0]]
    far = [[0.0, 0.0, 2.0], [9.0, 0.0, 2.0], [0.0, 9.0, 2.0]]
    vertices = torch.tensor([far + near])
    faces = torch.tensor([[0, 1, 2], [3, 4, 5], [3, 5, 4]])  # the last one is the second from behind
    assert rasterize(vertices, faces, 4).index.unique().tolist() == [1]


def test_ties_of_small_overlapping_triangles_go_to_the_lower_index() -> None:
    # All at one depth: whatever order neighbouring triangles are drawn in, the lowest that covers a pixel shows.
    generator = torch.Generator().manual_seed(2)
    centres = torch.rand(1, 60, 1, 2, generator=generator) * 18 - 1
    around = torch.rand(1, 60, 3, 2, generator=generator) * 8 - 4
    vertices = torch.cat([centres + around, torch.full((1, 60, 3, 1), 2.0)], -1).reshape(1, 180, 3)
    faces = torch.arange(180).reshape(60, 3)
    same_as_reference(vertices, faces, (16, 16))
    index = rasterize(vertices, faces, 16).index[0]
    for number in range(60):
        alone = rasterize(vertices, faces[number : number + 1], 16).index[0] == 0
        assert ((index[alone] <= number) & (index[alone] >= 0)).all()


def test_neighbours_leave_no_gap() -> None:
    generator = torch.Generator().manual_seed(0)
    steps = torch.linspace(-1, 33, 12)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    jitter = torch.rand(12, 12, 2, generator=generator) * 2 - 1
    jitter[[0, -1]] = jitter[:, [0, -1]] = 0
    grid = torch.stack([x + jitter[..., 0], y + jitter[..., 1], torch.ones(12, 12)], -1).reshape(1, -1, 3)
    corner = (torch.arange(11)[:, None] * 12 + torch.arange(11)).flatten()
    faces = torch.cat([torch.stack([corner, corner + 1, corner + 12], 1),
                       torch.stack([corner + 1, corner + 13, corner + 12], 1)])  # fmt: skip
    assert (rasterize(grid, faces, 32).index >= 0).all()


def test_empty_batch_no_faces_and_no_vertices() -> None:
    assert rasterize(torch.zeros(0, 3, 3), torch.tensor([[0, 1, 2]]), 8).index.shape == (0, 8, 8)
    drawn = rasterize(torch.zeros(2, 3, 3), torch.zeros(0, 3, dtype=torch.int64), 8)
    assert (drawn.index == -1).all()
    assert (drawn.depth == INF).all()
    assert draw_attributes(torch.zeros(0, 3, 3), torch.tensor([[0, 1, 2]]), torch.zeros(3, 2), 4).shape == (
        0,
        2,
        4,
        4,
    )


def test_a_bad_frame_does_not_spread_to_others() -> None:
    good = torch.tensor([[0.0, 0.0, 1.0], [8.0, 0.0, 1.0], [0.0, 8.0, 1.0], [8.0, 8.0, 1.0]])
    faces = torch.tensor([[0, 1, 2], [1, 3, 2]])
    clean = rasterize(good[None], faces, 8).index[0]
    for bad in (NAN, INF, -INF):
        for axis in range(3):
            frames = torch.stack([good, good.clone(), good])
            frames[1, 3, axis] = bad
            index = rasterize(frames, faces, 8).index
            assert index[0].equal(clean)
            assert index[2].equal(clean)
            assert index[1].unique().tolist() == [-1, 0]  # the triangle without the bad vertex is still drawn


@pytest.mark.parametrize(
    "corners",
    [
        [[1.0, 1.0, 1.0]] * 3,  # a point
        [[0.0, 0.0, 1.0], [4.0, 4.0, 1.0], [8.0, 8.0, 1.0]],  # a line
        [[0.0, 0.0, 1.0], [8.0, 0.0, -1.0], [0.0, 8.0, 1.0]],  # partly behind the camera
        [[0.0, 0.0, 0.0], [8.0, 0.0, 0.0], [0.0, 8.0, 0.0]],  # at the camera
        [[100.0, 100.0, 1.0], [108.0, 100.0, 1.0], [100.0, 108.0, 1.0]],  # beside the picture
        [[-3e38, -3e38, 1.0], [-3e38, -2e38, 1.0], [-2e38, -3e38, 1.0]],  # far beside it
    ],
)
def test_triangles_that_show_nothing(corners: list[list[float]]) -> None:
    assert (rasterize(torch.tensor([corners]), torch.tensor([[0, 1, 2]]), 8).index == -1).all()


def test_a_huge_triangle_covers_the_picture() -> None:
    vertices = torch.tensor([[[-1e9, -1e9, 2.0], [3e9, -1e9, 2.0], [-1e9, 3e9, 2.0]]])
    drawn = rasterize(vertices, torch.tensor([[0, 1, 2]]), (5, 7))
    assert (drawn.index == 0).all()
    torch.testing.assert_close(drawn.depth, torch.full((1, 5, 7), 2.0))


coordinates = st.floats(-40, 80, width=32)
depths = st.one_of(st.floats(0.125, 100, width=32), st.sampled_from([0.0, -1.0, NAN, INF]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates, depths), min_size=3, max_size=12), st.randoms())
def test_any_triangles_agree_with_the_reference(corners: list[tuple], random: object) -> None:
    faces = torch.tensor([[random.randrange(len(corners)) for _ in range(3)] for _ in range(10)])  # type: ignore[attr-defined]
    same_as_reference(torch.tensor([corners], dtype=torch.float32), faces, (23, 37))


@pytest.mark.parametrize("size", [(64, 64), (37, 91)])
def test_posed_faces_agree_with_the_reference(size: tuple[int, int]) -> None:
    model = FaceModel.open_face()
    generator = torch.Generator().manual_seed(3)
    vertices = model.vertices(torch.zeros(80), torch.rand(2, 64, generator=generator) * 0.4)
    euler = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.8, -0.2]])
    uv, depth = Camera.from_head_pose(euler, torch.zeros(2, 3)).project(model_to_world(vertices))
    screen = torch.cat([uv * torch.tensor([size[1], size[0]]), depth[..., None]], -1)
    same_as_reference(screen, model.faces, size)


def test_attributes_are_interpolated_with_the_barycentrics() -> None:
    generator = torch.Generator().manual_seed(5)
    vertices = torch.rand(3, 9, 3, generator=generator) * 20 + torch.tensor([0.0, 0.0, 1.0])
    faces = torch.tensor([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    colours = torch.rand(9, 4, generator=generator)
    drawn = rasterize(vertices, faces, 16)
    corners = colours[faces[drawn.index.clamp(min=0).long()]]
    wanted = (drawn.barycentric[..., None] * corners).sum(-2)
    wanted[drawn.index < 0] = -1
    picture = draw_attributes(vertices, faces, colours, 16, background=-1)
    torch.testing.assert_close(picture, wanted.movedim(-1, 1), atol=1e-5, rtol=0)


def test_works_without_the_compiled_module_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices = torch.tensor([[[0.0, 0.0, 1.0], [9.0, 0.0, 2.0], [0.0, 9.0, 3.0]]])
    faces, colours = torch.tensor([[0, 1, 2]]), torch.rand(3, 3)
    fast = rasterize(vertices, faces, 8), draw_attributes(vertices, faces, colours, 8, background=-1)

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    backend.compiled.cache_clear()
    monkeypatch.setattr(backend, "import_module", missing)
    try:
        with pytest.warns(RuntimeWarning, match="without its compiled module") as caught:
            slow = rasterize(vertices, faces, 8), draw_attributes(vertices, faces, colours, 8, background=-1)
        assert len(caught) == 1
    finally:
        backend.compiled.cache_clear()
    assert slow[0].index.equal(fast[0].index)
    torch.testing.assert_close(slow[1], fast[1], atol=1e-6, rtol=0)


def test_this_installation_is_compiled() -> None:
    # The other tests would pass on numpy alone; this one notices an installation that lost its kernels.
    assert build_info()["compiler"]


def test_arguments_are_checked() -> None:
    triangle, faces = torch.ones(1, 3, 3), torch.tensor([[0, 1, 2]])
    with pytest.raises(ValueError, match=r"vertices must have shape \(B, V, 3\), got \(3, 3\)"):
        rasterize(triangle[0], faces, 8)
    with pytest.raises(ValueError, match=r"faces must lie in \[0, 3\), got 0..3"):
        rasterize(triangle, faces + torch.tensor([0, 0, 1]), 8)
    with pytest.raises(ValueError, match=r"faces must lie in \[0, 3\), got -1..1"):
        rasterize(triangle, faces - 1, 8)
    with pytest.raises(ValueError, match=r"size must be 1..16384 pixels, got 0"):
        rasterize(triangle, faces, 0)
    with pytest.raises(ValueError, match=r"attributes must have shape \(3, C\), got \(4, 3\)"):
        draw_attributes(triangle, faces, torch.zeros(4, 3), 8)
