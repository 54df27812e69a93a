"""Points of a face in motion as other programs' readers see them: pygltflib for .glb, OpenUSD for .usd."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

COMPONENTS = {5126: "<f4", 5125: "<u4"}
KINDS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}


class GlbReader:
    """A .glb, moved as sections 3.7.2.2 and 3.11 of the glTF specification say, at the times that it holds."""

    def __init__(self, path: Path) -> None:
        import pygltflib

        self.gltf = pygltflib.GLTF2().load(str(path))
        self.blob = self.gltf.binary_blob()
        self.channels = {
            (channel.target.node, channel.target.path): self.gltf.animations[0].samplers[channel.sampler]
            for channel in self.gltf.animations[0].channels
        }
        (head,) = (each for each in self.gltf.nodes if each.name == "Head")
        self.head = head

    def numbers(self, accessor: int) -> np.ndarray:
        """(N, 1), (N, 3) or (N, 4)."""
        told = self.gltf.accessors[accessor]
        view = self.gltf.bufferViews[told.bufferView]
        first, width = view.byteOffset + (told.byteOffset or 0), KINDS[told.type]
        content = np.frombuffer(self.blob, COMPONENTS[told.componentType], told.count * width, first)
        return content.reshape(-1, width)

    @property
    def times(self) -> np.ndarray:
        """(T,) seconds."""
        (sampler,) = {each.input for each in self.gltf.animations[0].samplers}
        return self.numbers(sampler)[:, 0]

    @property
    def target_names(self) -> list[str]:
        """Names of the morph targets."""
        return self.gltf.meshes[self.head.mesh].extras["targetNames"]

    def weights(self) -> np.ndarray:
        """(T, targets)."""
        values = self.numbers(self.channels[self.gltf.nodes.index(self.head), "weights"].output)
        return values.reshape(len(self.times), -1)

    def points(self, frame: int) -> np.ndarray:
        """Of the head's mesh in the scene, (P, 3)."""
        primitive = self.gltf.meshes[self.head.mesh].primitives[0]
        points = self.numbers(primitive.attributes.POSITION).astype(float)
        for weight, target in zip(self.weights()[frame], primitive.targets, strict=True):
            points = points + float(weight) * self.numbers(target["POSITION"])
        return self._placed(self.gltf.nodes.index(self.head), frame, points)

    def eye(self, name: str, frame: int, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) of an eye's own frame, in the scene."""
        (number,) = (index for index, node in enumerate(self.gltf.nodes) if node.name == name)
        inside = self._placed(number, frame, points)
        assert number in self.head.children
        return self._placed(self.gltf.nodes.index(self.head), frame, inside)

    def _placed(self, node: int, frame: int, points: np.ndarray) -> np.ndarray:
        told = self.gltf.nodes[node]
        value: dict[str, Any] = {"translation": told.translation, "rotation": told.rotation}
        for path in value:
            if (node, path) in self.channels:
                value[path] = self.numbers(self.channels[node, path].output)[frame]
        scaled = points * np.array(told.scale if told.scale is not None else [1, 1, 1])
        return Rotation.from_quat(value["rotation"]).apply(scaled) + np.array(value["translation"])


def usd_points(path: Path) -> tuple[Any, dict[str, list[np.ndarray]]]:
    """A stage, and for each mesh its points (P, 3) at every time code, skinned by UsdSkel."""
    from pxr import Usd, UsdGeom, UsdSkel

    stage = Usd.Stage.Open(str(path))
    codes = np.arange(stage.GetStartTimeCode(), stage.GetEndTimeCode() + 1)
    baked = Usd.Stage.Open(stage.Flatten())  # baking writes into the layers it is given
    assert UsdSkel.BakeSkinning(baked.Traverse())
    meshes = [prim for prim in baked.Traverse() if prim.IsA(UsdGeom.Mesh)]
    return stage, {prim.GetName(): [_in_the_scene(prim, code) for code in codes] for prim in meshes}


def _in_the_scene(prim: Any, code: float) -> np.ndarray:
    from pxr import UsdGeom

    points = np.array(UsdGeom.Mesh(prim).GetPointsAttr().Get(code), float)
    moved = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(code))  # of row vectors
    return points @ moved[:3, :3] + moved[3, :3]
