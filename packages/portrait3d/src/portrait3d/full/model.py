"""The complete renderer: planes of a head, their motion, its picture, and torso and background around it.

`FullPortrait(config)` holds
- `image_to_plane`: one picture of a head -> canonical planes (`full/image_to_plane.py`),
- `plane_grid`: planes -> tri-grid, None for tri-planes (`full/plane_grid.py`),
- `motion_adapter`: canonical, source and target PNCC -> diff-plane (`full/motion_adapter.py`),
- `decoder`: the plane decoder, read by `full/head_renderer.py`,
- `super_resolution`: the plain one of the head alone (`full/super_resolution.py`), or
  `HeadTorsoBackground` (`full/head_torso_background.py`).
"""
