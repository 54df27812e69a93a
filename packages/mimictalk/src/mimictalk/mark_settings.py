"""Options that say how a video is marked, and why it is not."""

from dataclasses import dataclass
from pathlib import Path

from mimictalk.errors import InputError

LABEL = "AI-generated"
LONGEST_REASON = 500  # characters


@dataclass(frozen=True, kw_only=True)
class MarkSettings:
    """How a video is to be marked. All marks are on unless a reason says why not.

    Attributes:
        label: Words to show in a corner of the picture; None for no label.
        no_watermark: Why there is to be no watermark; it is written into the file's metadata.
        no_provenance: Why there is to be no C2PA manifest; likewise.
        c2pa_cert: PEM certificates to sign with, the signer's first; None for the local key.
        c2pa_key: The private key that belongs to it.
    """

    label: str | None = None
    no_watermark: str | None = None
    no_provenance: str | None = None
    c2pa_cert: Path | None = None
    c2pa_key: Path | None = None

    def __post_init__(self) -> None:
        for option in ("no_watermark", "no_provenance"):
            reason, name = getattr(self, option), f"--{option.replace('_', '-')}"
            if reason is not None and not 0 < len(reason.strip()) <= LONGEST_REASON:
                cure = f'Say why, it is written into the file: {name} "REASON"'
                raise InputError(name, f"a reason of {len(reason.strip())} letters is none", cure)
        if (self.c2pa_cert is None) != (self.c2pa_key is None):
            cure = "Give both: --c2pa-cert CHAIN.pem --c2pa-key KEY.pem"
            raise InputError("--c2pa-cert", "certificate and key go together", cure)
        if self.no_provenance is not None and self.c2pa_cert is not None:
            raise InputError(
                "--no-provenance", "nothing is signed without a manifest", "Leave out one of both."
            )
        if self.label is not None:
            from mimictalk.label import check_label

            check_label(self.label)

    @property
    def withheld(self) -> dict[str, str]:
        """Marks that are switched off, with the reason."""
        reasons = {"watermark": self.no_watermark, "c2pa": self.no_provenance}
        return {mark: reason.strip() for mark, reason in reasons.items() if reason is not None}
