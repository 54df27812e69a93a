"""The oldest versions without a published hole that a file or a web page could use; tests hold our own
requirements to them, `doctor` what is installed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Floor:
    """From which version on a library is safe, and what the ones before have.

    Attributes:
        version: The first without the hole.
        hole: Its public number, and in words what it lets in.
    """

    version: str
    hole: str


FLOORS = {
    "torch": Floor("2.10", "CVE-2026-24747: a checkpoint runs code although only weights are asked for"),
    "av": Floor("18.1", "CVE-2026-8461 and CVE-2026-40962 in its FFmpeg: a video writes outside its memory"),
    "pillow": Floor("12.2", "CVE-2026-25990 and CVE-2026-42308: a picture writes outside its memory"),
    "transformers": Floor("5.3", "CVE-2026-4372: a model's configuration runs code"),
    "gradio": Floor("6.7", "CVE-2026-28414: any file of the machine can be read through the page"),
    "onnx": Floor("1.21", "CVE-2026-34446: a model reads files outside its folder"),
    "ray": Floor("2.54", "CVE-2026-27482: a web page can stop the cluster"),
}
