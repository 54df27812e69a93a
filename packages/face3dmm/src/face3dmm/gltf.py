"""A face in motion as one binary glTF 2.0 file (.glb): morph targets, head and eyes as animated nodes.

Source: Khronos, glTF 2.0 specification, sections 3.7.2.2 (morph targets), 3.11 (animation), 4 (GLB).
"""

import json
import os
import struct
from typing import Any

from numpy.typing import NDArray

from face3dmm.animated_face import AnimatedFace, Surface, eyeball, normals_of
from face3dmm.arkit import ARKIT_NAMES
from face3dmm.files import write_atomic

FLOAT, UNSIGNED_INT = 5126, 5125
VERTICES, INDICES = 34962, 34963
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}


def write_glb(path: str | os.PathLike[str], face: AnimatedFace) -> None:
    """Write one .glb, atomically.

    Node "Head" holds the mesh, whose targets are named in `mesh.extras.targetNames`, and has the children
    "LeftEye" and "RightEye". One animation moves all; its times are seconds.

    Args:
        path: File to write or replace.
        face: T frames.
    """
    write_atomic(path, _Glb(face).content())


class _Glb:
    """The JSON of a file and the bytes that it points into."""

    def __init__(self, face: AnimatedFace) -> None:
        self.bytes = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.materials: list[dict[str, Any]] = []
        self.face = face

    def content(self) -> bytes:
        """The whole file."""
        from face3dmm import __version__

        face = self.face
        eye_points, eye_surfaces = eyeball()
        head_mesh = {
            "name": "Face",
            "primitives": self._head(),
            "weights": [0.0] * len(ARKIT_NAMES),
            "extras": {"targetNames": list(ARKIT_NAMES)},
        }
        eye_mesh = {"name": "Eye", "primitives": self._primitives(eye_points, eye_points, eye_surfaces)}
        head = {
            "name": "Head",
            "mesh": 0,
            "children": [1, 2],
            "translation": face.head_translation[0].tolist(),
            "rotation": face.head_rotation[0].tolist(),
            "weights": face.weights[0].tolist(),
        }
        eyes = [
            {
                "name": name,
                "mesh": 1,
                "translation": centre.tolist(),
                "rotation": face.eye_rotation[0].tolist(),
                "scale": [float(radius)] * 3,
            }
            for name, centre, radius in zip(
                ("LeftEye", "RightEye"), face.eye_centres, face.eye_radii, strict=True
            )
        ]
        animation = self._animation()
        document = {
            "asset": {"version": "2.0", "generator": f"face3dmm {__version__}"},
            "scene": 0,
            "scenes": [{"name": "Face", "nodes": [0]}],
            "nodes": [head, *eyes],
            "meshes": [head_mesh, eye_mesh],
            "materials": self.materials,
            "animations": [animation],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.bytes)}],
        }
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        chunks = b"".join(
            struct.pack("<II", len(chunk), kind) + chunk
            for kind, chunk in ((0x4E4F534A, _padded(text, b" ")), (0x004E4942, _padded(self.bytes, b"\0")))
        )
        return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks

    def _head(self) -> list[dict[str, Any]]:
        face = self.face
        skin = face.surfaces[0].faces
        primitives = self._primitives(face.rest, normals_of(face.rest, skin), face.surfaces)
        targets = [{"POSITION": self._accessor(shape, VERTICES)} for shape in face.shapes]
        return [{**primitive, "targets": targets} for primitive in primitives]

    def _primitives(
        self, points: NDArray[Any], normals: NDArray[Any], surfaces: tuple[Surface, ...]
    ) -> list[dict[str, Any]]:
        shared = {
            "POSITION": self._accessor(points, VERTICES),
            "NORMAL": self._accessor(normals, VERTICES),
        }
        primitives = []
        for surface in surfaces:
            look = {
                "baseColorFactor": [*surface.colour, 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": surface.roughness,
            }
            self.materials.append({"name": surface.name, "pbrMetallicRoughness": look})
            primitives.append(
                {
                    "attributes": shared,
                    "indices": self._accessor(surface.faces.reshape(-1), INDICES),
                    "material": len(self.materials) - 1,
                }
            )
        return primitives

    def _animation(self) -> dict[str, Any]:
        face = self.face
        times = self._accessor(face.seconds)
        moved = (
            (0, "weights", face.weights.reshape(-1)),
            (0, "translation", face.head_translation),
            (0, "rotation", face.head_rotation),
            (1, "rotation", face.eye_rotation),
        )
        samplers = [
            {"input": times, "output": self._accessor(values), "interpolation": "LINEAR"}
            for _, _, values in moved
        ]
        channels = [
            {"sampler": sampler, "target": {"node": node, "path": path}}
            for sampler, (node, path, _) in enumerate(moved)
        ]
        channels.append({"sampler": len(moved) - 1, "target": {"node": 2, "path": "rotation"}})
        return {"name": "Motion", "samplers": samplers, "channels": channels}

    def _accessor(self, values: NDArray[Any], target: int | None = None) -> int:
        """Append numbers (N,), (N, 3) or (N, 4); gives the number of their accessor."""
        stored = values.astype("<u4" if target == INDICES else "<f4")
        view = {"buffer": 0, "byteOffset": len(self.bytes), "byteLength": stored.nbytes}
        self.views.append(view if target is None else {**view, "target": target})
        self.bytes += stored.tobytes()
        rows = stored.reshape(len(stored), -1)
        self.accessors.append(
            {
                "bufferView": len(self.views) - 1,
                "componentType": UNSIGNED_INT if target == INDICES else FLOAT,
                "count": len(rows),
                "type": _KINDS[rows.shape[1]],
                # Demanded of positions and of times; harmless elsewhere.
                "min": rows.min(0).tolist(),
                "max": rows.max(0).tolist(),
            }
        )
        return len(self.accessors) - 1


def _padded(content: bytes | bytearray, filling: bytes) -> bytes:
    """Content followed by filling up to a multiple of four bytes."""
    return bytes(content) + filling * (-len(content) % 4)
