"""What a check of the installation found."""

from dataclasses import asdict, dataclass

OK, WARN, FAIL = "ok", "warning", "FAILED"


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        status: OK, WARN or FAIL.
        found: What was seen.
        cure: What to do; empty where all is well.
    """

    name: str
    status: str
    found: str
    cure: str = ""

    def as_dict(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)
