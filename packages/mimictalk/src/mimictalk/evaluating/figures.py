"""The measures that are reported, and a measured number: a value, or the reason why there is none."""

import math
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower", "near 1", "near 0"]


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        key: Name in JSON.
        label: Name in tables.
        unit: Such as "dB"; empty where there is none.
        better: Which way is good.
        meaning: In one line.
        needs_truth: Compares with true frames of the same person, so it has no meaning across identities.
    """

    key: str
    label: str
    unit: str
    better: Better
    meaning: str
    needs_truth: bool = True


_ALL = (
    Measure("l1", "L1", "", "lower", "mean absolute difference, values in [0, 1]"),
    Measure("psnr", "PSNR", "dB", "higher", "whole frame"),
    Measure("psnr_face", "PSNR face", "dB", "higher", "square around the true face"),
    Measure("psnr_mouth", "PSNR mouth", "dB", "higher", "square around the true mouth"),
    Measure("ssim", "SSIM", "", "higher", "structural similarity of the brightness"),
    Measure("lpips", "LPIPS", "", "lower", "learned perceptual distance, version 0.1"),
    Measure("fid", "FID", "", "lower", "Frechet distance of Inception features", needs_truth=False),
    Measure("csim", "CSIM", "", "higher", "cosine similarity of ArcFace embeddings", needs_truth=False),
    Measure("aed", "AED", "", "lower", "average expression distance, open face model", needs_truth=False),
    Measure("apd", "APD", "rad", "lower", "average pose distance, Euler angles", needs_truth=False),
    Measure("akd", "AKD", "px at 512", "lower", "average distance of 68 key points"),
    Measure("lmd", "LMD", "px at 512", "lower", "distance of lip key points, centred"),
    Measure(
        "sync_confidence",
        "Sync-C",
        "",
        "higher",
        "confidence of talk-motion's sync expert (SyncNet's has another scale)",
        needs_truth=False,
    ),
    Measure(
        "sync_distance",
        "Sync-D",
        "",
        "lower",
        "distance by talk-motion's sync expert (0 to 2)",
        needs_truth=False,
    ),
    Measure("av_offset", "AV offset", "ms", "near 0", "mouth after sound: opening against loudness", False),
    Measure("av_correlation", "AV corr.", "r", "higher", "opening against loudness at that offset", False),
    Measure("mouth_correlation", "Mouth corr.", "r", "higher", "opening against the clip's opening", False),
    Measure("sharpness", "Sharpness", "ratio", "near 1", "detail of the face over that of the true face"),
    Measure("gmsd", "GMSD", "", "lower", "gradient magnitude similarity deviation of the face"),
    Measure("faces_found", "Faces", "share", "higher", "frames in which the detector finds a face", False),
)
MEASURES = {measure.key: measure for measure in _ALL}


@dataclass(frozen=True)
class Figure:
    """A measured number.

    Attributes:
        key: Of the measure.
        value: None when it could not be measured; then `reason` says why.
        reason: Why there is no value.
        true: What the true clip itself scores, where that says something.
    """

    key: str
    value: float | None
    reason: str | None = None
    true: float | None = None

    def __post_init__(self) -> None:
        if self.key not in MEASURES:
            raise ValueError(f"there is no measure {self.key!r}")
        if self.value is not None and not math.isfinite(self.value):
            object.__setattr__(self, "value", None)
            object.__setattr__(self, "reason", self.reason or "the measure is not defined here")
        if (self.value is None) != (self.reason is not None):
            raise ValueError(f"{self.key} needs either a value or a reason")

    @property
    def measure(self) -> Measure:
        """What was measured."""
        return MEASURES[self.key]

    def as_json(self) -> dict[str, Any]:
        """For the JSON report."""
        measure = self.measure
        entry: dict[str, Any] = {
            "label": measure.label,
            "value": rounded(self.value),
            "unit": measure.unit,
            "better": measure.better,
            "meaning": measure.meaning,
        }
        if self.true is not None:
            entry["true"] = rounded(self.true)
        return entry if self.reason is None else {**entry, "reason": self.reason}


def rounded(value: float | None) -> float | None:
    """Five digits after the point are more than any of the measures means; None where it is not finite."""
    return None if value is None or not math.isfinite(value) else round(float(value), 5)


def complete(found: dict[str, Figure], cross: bool) -> list[Figure]:
    """All measures in their order; across identities those that need true frames have no value.

    Raises:
        ValueError: If a measure that has a meaning is neither measured nor excused.
    """
    figures = []
    for key, measure in MEASURES.items():
        if cross and measure.needs_truth:
            figures.append(Figure(key, None, "across identities there is no true frame to compare with"))
        elif key in found:
            figures.append(found[key])
        else:
            raise ValueError(f"{key} was not measured and nothing says why")
    return figures
