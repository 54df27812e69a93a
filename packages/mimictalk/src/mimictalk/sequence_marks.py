"""The marks of a folder of PNG pictures and their sound: those of every file, and the watermark of all."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimictalk.decoded_pictures import read_marked_pictures
from mimictalk.errors import InputError
from mimictalk.mark_reading import Marks, marks_of_picture, read_marks
from mimictalk.watermark_detection import WINDOW, WINDOWS, Detection, detect

NAMED = 3  # files that a sentence names


@dataclass(frozen=True)
class SequenceMarks:
    """What the files of a folder carry.

    Attributes:
        files: Name to marks, pictures and sound.
        watermark: What is in the pictures together; one of them alone may be too little.
    """

    files: dict[str, Marks]
    watermark: Detection

    @property
    def unmarked(self) -> list[str]:
        """Files that nothing in themselves declares synthetic."""
        return [name for name, marks in self.files.items() if not marks.synthetic]

    def in_state(self, state: str) -> list[str]:
        """Files whose C2PA manifest is "valid", "altered" or missing ("none")."""
        return [name for name, marks in self.files.items() if marks.credentials.state == state]

    def sentences(self, folder: Path) -> list[str]:
        """The verdict, then one for each kind of mark."""
        count, lacking = len(self.files), self.unmarked
        verdict = f"all {count} files are marked as synthetic"
        if len(lacking) == count:
            verdict = "no mark of synthetic media found in its files"
        elif lacking:
            verdict = f"{count - len(lacking)} of {count} files are marked as synthetic; not {_some(lacking)}"
        altered, bare = self.in_state("altered"), self.in_state("none")
        signed = f"C2PA: {len(self.in_state('valid'))} of {count} files are unchanged since they were signed"
        signed += f"; changed: {_some(altered)}" if altered else ""
        signed += f"; without a manifest: {_some(bare)}" if bare else ""
        tools = Counter(str(each.mark.get("tool")) for each in self.files.values() if each.mark is not None)
        made = ", ".join(f"{number} made by {tool}" for tool, number in tools.most_common())
        return [
            f"{folder}: {verdict}.",
            f"{signed}.",
            f"Metadata: {made}." if made else "Metadata: they hold no mark.",
            "Watermark: none found."
            if self.watermark.payload is None
            else f"Watermark: found in the pictures; {self.watermark.payload:016x}.",
        ]

    def facts(self, folder: Path) -> dict[str, Any]:
        """For `--json`."""
        payload = self.watermark.payload
        return {
            "file": str(folder),
            "marked": not self.unmarked,
            "files": len(self.files),
            "unmarked": self.unmarked,
            "c2pa": {state: len(self.in_state(state)) for state in ("valid", "altered", "none")},
            "watermark": {
                "payload": None if payload is None else f"{payload:016x}",
                "score": round(self.watermark.score, 2),
                "scale": round(self.watermark.scale, 4),
            },
            "findings": self.sentences(folder)[1:],
        }


def read_sequence_marks(folder: Path, roots: bytes = b"") -> SequenceMarks:
    """Read the marks of every PNG picture and .wav in a folder.

    Args:
        folder: Where.
        roots: PEM certificates that are trusted besides the local one.

    Raises:
        InputError: If there is no picture, or one that cannot be read.
    """
    pictures = sorted(folder.glob("*.png"))
    if not pictures:
        raise InputError(folder, "there is no PNG picture in it", "Give a file, or a folder of pictures.")
    files, greys = dict[str, Marks](), list[np.ndarray]()
    for path, picture in zip(pictures, read_marked_pictures(pictures), strict=True):
        files[path.name] = marks_of_picture(path, picture, roots)
        if len(greys) < WINDOW * WINDOWS:
            greys.append(picture.grey)
    files |= {path.name: read_marks(path, roots=roots) for path in sorted(folder.glob("*.wav"))}
    return SequenceMarks(files, detect(grey for grey in greys if grey.shape == greys[0].shape))


def _some(names: list[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
