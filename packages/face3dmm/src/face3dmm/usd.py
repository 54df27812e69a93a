"""A face in motion as a USD stage (.usdc, .usda): blend shapes, and a skeleton for the head and the eyes.

Source: OpenUSD, UsdSkel schemas (SkelRoot, Skeleton, SkelAnimation, BlendShape). Needs the package usd-core,
the extra `face3dmm[usd]`.
"""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from face3dmm.animated_face import AnimatedFace, Surface, eyeball, normals_of
from face3dmm.arkit import ARKIT_NAMES
from face3dmm.errors import InputError
from face3dmm.files import write_atomic

ROOT = "/Face"
JOINTS = ("Head", "Head/LeftEye", "Head/RightEye")


def require_usd(path: str | os.PathLike[str]) -> None:
    """Tell that USD cannot be written here.

    Raises:
        InputError: If usd-core is not installed.
    """
    if find_spec("pxr") is None:
        cure = "Install it: pip install 'face3dmm[usd]'; or write a .glb."
        raise InputError(path, "USD files need the package usd-core", cure)


def write_usd(path: str | os.PathLike[str], face: AnimatedFace, *, binary: bool = True) -> None:
    """Write one stage, atomically: metres, y up, one time code per frame.

    `/Face` is a SkelRoot with the meshes `Mesh`, `LeftEye` and `RightEye`, whose skeleton has the joints
    Head, Head/LeftEye and Head/RightEye. The blend shapes lie under `Mesh`.

    Args:
        path: File to write or replace.
        face: T frames.
        binary: As .usdc; else the text form, .usda.

    Raises:
        InputError: If usd-core is not installed.
    """
    require_usd(path)
    stage = _stage(face)
    with tempfile.TemporaryDirectory() as folder:
        # USD tells its two forms by the name's ending, which an unfinished file must not have.
        written = Path(folder) / ("face.usdc" if binary else "face.usda")
        stage.GetRootLayer().Export(str(written))
        write_atomic(path, written.read_bytes())


def _stage(face: AnimatedFace) -> Any:
    from pxr import Usd, UsdGeom, UsdSkel

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(face.fps)
    stage.SetFramesPerSecond(face.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(face) - 1)
    root = UsdSkel.Root.Define(stage, ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    skeleton = _skeleton(stage, face)
    _animation(stage, face, skeleton)
    mesh = _mesh(stage, "Mesh", face.rest, face.surfaces, skeleton, joint=0)
    _blend_shapes(stage, mesh, face)
    points, surfaces = eyeball()
    for side, name in enumerate(("LeftEye", "RightEye")):
        placed = face.eye_centres[side] + face.eye_radii[side] * points
        _mesh(stage, name, placed, surfaces, skeleton, joint=1 + side)
    return stage


def _skeleton(stage: Any, face: AnimatedFace) -> Any:
    from pxr import Gf, UsdSkel, Vt

    skeleton = UsdSkel.Skeleton.Define(stage, f"{ROOT}/Skeleton")
    skeleton.CreateJointsAttr(Vt.TokenArray(JOINTS))
    places = [Gf.Matrix4d(1)] + [
        Gf.Matrix4d().SetTranslate(Gf.Vec3d(*centre.tolist())) for centre in face.eye_centres
    ]
    # The head's joint is at the origin, so that places in the head are places in the world at rest.
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray(places))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray(places))
    return skeleton


def _animation(stage: Any, face: AnimatedFace, skeleton: Any) -> None:
    from pxr import Gf, UsdSkel, Vt

    motion = UsdSkel.Animation.Define(stage, f"{skeleton.GetPath()}/Motion")
    motion.CreateJointsAttr(Vt.TokenArray(JOINTS))
    motion.CreateBlendShapesAttr(Vt.TokenArray(ARKIT_NAMES))
    motion.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(JOINTS)))
    places, turns = motion.CreateTranslationsAttr(), motion.CreateRotationsAttr()
    weights = motion.CreateBlendShapeWeightsAttr()
    for frame in range(len(face)):
        head, eye = (
            Gf.Quatf(w, x, y, z)
            for x, y, z, w in (face.head_rotation[frame].tolist(), face.eye_rotation[frame].tolist())
        )
        turns.Set(Vt.QuatfArray([head, eye, eye]), frame)
        places.Set(_vectors(np.vstack([face.head_translation[frame], face.eye_centres])), frame)
        weights.Set(Vt.FloatArray.FromNumpy(face.weights[frame].astype(np.float32)), frame)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([motion.GetPath()])


def _mesh(
    stage: Any,
    name: str,
    points: NDArray[Any],
    surfaces: tuple[Surface, ...],
    skeleton: Any,
    *,
    joint: int,
) -> Any:
    """A mesh that follows one joint, with a material for each of its surfaces."""
    from pxr import Gf, UsdGeom, UsdShade, UsdSkel, Vt

    mesh = UsdGeom.Mesh.Define(stage, f"{ROOT}/{name}")
    faces = np.concatenate([surface.faces for surface in surfaces])
    mesh.CreatePointsAttr(_vectors(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(faces)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateNormalsAttr(_vectors(normals_of(points, surfaces[0].faces if joint == 0 else faces)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateExtentAttr(UsdGeom.PointBased.ComputeExtent(mesh.GetPointsAttr().Get()))
    first = 0
    for surface in surfaces:
        part = np.arange(first, first + len(surface.faces), dtype=np.int32)
        first += len(part)
        subset = UsdGeom.Subset.CreateGeomSubset(
            mesh,
            surface.name,
            UsdGeom.Tokens.face,
            Vt.IntArray.FromNumpy(part),
            UsdShade.Tokens.materialBind,
            UsdGeom.Tokens.partition,
        )
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(_material(stage, surface))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))
    binding.CreateJointIndicesPrimvar(True, 1).Set(Vt.IntArray([joint]))
    binding.CreateJointWeightsPrimvar(True, 1).Set(Vt.FloatArray([1.0]))
    return mesh


def _blend_shapes(stage: Any, mesh: Any, face: AnimatedFace) -> None:
    from pxr import UsdSkel, Vt

    targets = []
    for name, offsets in zip(ARKIT_NAMES, face.shapes, strict=True):
        shape = UsdSkel.BlendShape.Define(stage, f"{mesh.GetPath()}/{name}")
        moved = np.flatnonzero((offsets != 0).any(1))
        moved = moved if len(moved) else np.array([0])  # a shape without points would mean all of them
        shape.CreateOffsetsAttr(_vectors(offsets[moved]))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved.astype(np.int32)))
        targets.append(shape.GetPath())
    binding = UsdSkel.BindingAPI(mesh.GetPrim())
    binding.CreateBlendShapesAttr(Vt.TokenArray(ARKIT_NAMES))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _material(stage: Any, surface: Surface) -> Any:
    """The material of a surface; made once."""
    from pxr import Gf, Sdf, UsdShade

    path = f"{ROOT}/Materials/{surface.name}"
    if stage.GetPrimAtPath(path):
        return UsdShade.Material.Get(stage, path)
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*surface.colour))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(surface.roughness)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _vectors(values: NDArray[Any]) -> Any:
    from pxr import Vt

    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32))
