"""`verify`: what marks a file carries, one sentence each, for people and as JSON."""

from pathlib import Path
from typing import Any

from mimictalk.content_credentials import Credentials
from mimictalk.errors import InputError
from mimictalk.mark_reading import Marks, read_marks, read_picture_marks

SIGNERS = {
    "here": "by this installation's own key",
    "trusted": "by {name}, whom the given certificates vouch for",
    "unknown": "by {name}, for whom nobody vouches",
}
PNG = b"\x89PNG\r\n\x1a\n"
CAVEAT = "That does not prove that it is real: marks can be removed."


def verify_file(path: Path, trust: Path | None = None) -> tuple[list[str], dict[str, Any]]:
    """Read all marks of a file; nothing is sent anywhere.

    Args:
        path: A video, sound file, PNG picture, or a folder of PNG pictures.
        trust: PEM file of root certificates to trust.

    Returns:
        Sentences, the verdict first, and the facts for `--json`; `facts["marked"]` is the verdict.

    Raises:
        InputError: If a file is missing or cannot be read.
    """
    roots = b"" if trust is None else _roots(trust)
    if path.is_dir():
        from mimictalk.sequence_marks import read_sequence_marks

        found_in = read_sequence_marks(path, roots)
        return found_in.sentences(path), found_in.facts(path)
    marks = read_picture_marks(path, roots) if _is_png(path) else read_marks(path, roots=roots)
    sentences = [
        _verdict(path, marks),
        _of_credentials(marks.credentials),
        _of_mark(marks),
        _of_watermark(marks),
    ]
    if not marks.synthetic:
        sentences.append(CAVEAT)
    found, watermark = marks.credentials, marks.watermark
    facts = {
        "file": str(path),
        "marked": marks.synthetic,
        "c2pa": {
            "state": found.state,
            "signer": found.signer,
            "signed_by": found.signed_by,
            "generator": found.generator,
            "source_types": list(found.source_types),
            "ingredients": list(found.ingredients),
            "faults": list(found.faults),
        },
        "mark": marks.mark,
        "watermark": {
            "payload": None if watermark.payload is None else f"{watermark.payload:016x}",
            "score": round(watermark.score, 2),
            "scale": round(watermark.scale, 4),
        },
        "findings": sentences[1:],
    }
    return sentences, facts


def _verdict(path: Path, marks: Marks) -> str:
    if not marks.synthetic:
        return f"{path}: no mark of synthetic media found."
    altered = marks.credentials.state == "altered"
    return f"{path}: marked as synthetic{', and changed since it was signed' if altered else ''}."


def _of_credentials(found: Credentials) -> str:
    if found.state == "none":
        return "C2PA: there is no manifest."
    if found.state == "altered":
        why = f" ({', '.join(found.faults)})" if found.faults else ""
        return f"C2PA: the file is not what was signed{why}."
    signer = SIGNERS[found.signer or "unknown"].format(name=found.signed_by or "an unnamed signer")
    kind = "synthetic" if found.synthetic else "not declared synthetic"
    inputs = f"; with the marks of its {', '.join(found.ingredients)}" if found.ingredients else ""
    return f"C2PA: unchanged since it was signed {signer}; made by {found.generator}; {kind}{inputs}."


def _of_mark(marks: Marks) -> str:
    mark = marks.mark
    if mark is None:
        return "Metadata: they hold no mark."
    source = "portrait" if "portraitSha256" in mark else "avatar"
    name = str(mark.get(f"{source}Sha256") or "unknown")[:12]
    withheld = mark.get("withheld")
    off = ""
    if isinstance(withheld, dict) and withheld:
        off = "; switched off: " + ", ".join(f"{which} ({reason})" for which, reason in withheld.items())
    return f"Metadata: made by {mark.get('tool')} from {source} {name}, {mark.get('created')}{off}."


def _of_watermark(marks: Marks) -> str:
    found = marks.watermark
    if found.payload is None:
        return "Watermark: none found."
    person, driver = f"{found.payload >> 32:08x}", f"{found.payload & 0xFFFFFFFF:08x}"
    return f"Watermark: found; avatar or portrait {person}, driver {driver}, scale {found.scale:.2f}."


def _is_png(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PNG)) == PNG


def _roots(path: Path) -> bytes:
    from cryptography import x509

    if not path.is_file():
        raise InputError(path, "there is no such file", "Give a PEM file: --trust ROOTS.pem")
    content = path.read_bytes()
    try:
        x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError(
            path, "there is no readable certificate in it", "Give a PEM file of roots."
        ) from None
    return content
