"""C2PA manifests ("Content Credentials"): sign a finished video, keep those of inputs, check any file's.

C2PA technical specification 2.2. Nothing here reaches the network: no remote manifests, no revocation
queries, no time stamps.
"""

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk import __version__
from mimictalk.atomic import fsync, temporary_sibling
from mimictalk.errors import RunError

if TYPE_CHECKING:
    from mimictalk.marks import Mark
    from mimictalk.signing_key import SigningKey

RENDER = "org.mimictalk.render"  # our assertion: the same content as the container's mark
SOFT_BINDING = "org.mimictalk.watermark.1"
OFFLINE: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},  # a picture of a person is not for everybody to keep
}
MEDIA_TYPES = {  # container as FFmpeg or Pillow names it: media type
    "mov,mp4,m4a,3gp,3g2,mj2": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "avi": "video/avi",
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
}


@dataclass(frozen=True)
class Credentials:
    """What a file's C2PA manifest says, and whether the file is still the one that was signed.

    Attributes:
        state: "none", "valid", or "altered" (file or manifest differ from what was signed).
        signer: Who signed: "here" (the local key of this installation), "trusted" (leads to a given root),
            "unknown" (nobody vouches for it), or None.
        signed_by: Organisation of the signer's certificate.
        generator: Program that wrote it.
        source_types: IPTC digital source types of all actions.
        render: Content of our own assertion, if it is ours.
        ingredients: Titles of the ingredients.
        faults: Codes of what failed, as C2PA names them.
    """

    state: Literal["none", "valid", "altered"]
    signer: Literal["here", "trusted", "unknown"] | None = None
    signed_by: str | None = None
    generator: str | None = None
    source_types: tuple[str, ...] = ()
    render: dict[str, Any] = field(default_factory=dict)
    ingredients: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether it declares media made by a trained model, in whole or in part."""
        return any(kind.lower().endswith("trainedalgorithmicmedia") for kind in self.source_types)


def sign(
    path: Path,
    mark: "Mark",
    key: "SigningKey",
    ingredients: Mapping[str, bytes],
    media_type: str = "video/mp4",
) -> None:
    """Put a signed manifest into a finished file; the old file stays until the new one is complete.

    Args:
        path: The video, picture or sound; replaced.
        mark: What the manifest is to say.
        key: What to sign with.
        ingredients: Role to archive, from `ingredient`.
        media_type: Of the file.

    Raises:
        RunError: If signing fails, for instance because the certificate does not suit C2PA.
    """
    import c2pa

    try:
        manifest = _manifest(mark, [*ingredients], media_type)
        builder = c2pa.Builder(manifest, context=c2pa.Context.from_dict(OFFLINE))
        for archive in ingredients.values():
            builder.add_ingredient_from_archive(io.BytesIO(archive))
        info = c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.key, None)
        signer = c2pa.Signer.from_info(info)
        signed = temporary_sibling(path)
        try:
            with path.open("rb") as source, signed.open("w+b") as target:
                builder.sign(signer, media_type, source, target)
            fsync(signed)
            signed.replace(path)
        finally:
            signed.unlink(missing_ok=True)
    except c2pa.C2paError as error:
        cure = (
            "Check that the certificate meets the C2PA profile, or leave --c2pa-cert away for the local key."
        )
        raise RunError(
            path.name, f"it could not be signed: {' '.join(str(error).split())[:200]}", cure
        ) from error


def ingredient(path: Path, media_type: str, role: str, note: str) -> bytes | None:
    """An input and the manifest in it as a C2PA archive, to be kept until something is signed.

    Args:
        path: The file.
        media_type: Of its content.
        role: "driver", "reference", "portrait", "style" or "pose"; names it within the manifest.
        note: What marks it carries, for people.

    Returns:
        None if its manifest is damaged beyond reading.
    """
    import c2pa

    names = {"title": role, "label": _label(role), "relationship": "inputTo", "description": note}
    builder = c2pa.Builder({"claim_generator_info": [_tool()]}, context=c2pa.Context.from_dict(OFFLINE))
    archive = io.BytesIO()
    with suppress(c2pa.C2paError), path.open("rb") as source:
        builder.add_ingredient(names, media_type, source)
        builder.write_ingredient_archive(_label(role), archive)
        return archive.getvalue()
    return None


def read_credentials(path: Path, media_type: str | None, roots: bytes = b"") -> Credentials:
    """Check the manifest of a file.

    Args:
        path: The file.
        media_type: Of its content; None for a container that cannot hold a manifest.
        roots: PEM certificates to trust besides the local key's.
    """
    import c2pa

    from mimictalk.signing_key import local_chain

    if media_type is None:
        return Credentials("none")
    trusted = {"user_anchors": (local_chain() + roots).decode("ascii", "replace")}
    context = c2pa.Context.from_dict(OFFLINE | ({"trust": trusted} if local_chain() + roots else {}))
    try:
        with path.open("rb") as file:
            reader = c2pa.Reader.try_create(media_type, file, context=context)
            if reader is None:
                return Credentials("none")
            return _credentials(json.loads(reader.json()), local_chain())
    except c2pa.C2paError as error:
        return Credentials("altered", faults=(" ".join(str(error).split())[:120],))


def media_type_of(container_name: str) -> str | None:
    """The media type for C2PA of a container as FFmpeg or Pillow names it; None if it holds no manifests."""
    return MEDIA_TYPES.get(container_name)


def _credentials(content: dict[str, Any], here: bytes) -> Credentials:
    active = content["manifests"][content["active_manifest"]]
    results = content.get("validation_results", {}).get("activeManifest", {})
    faults = tuple(sorted({each["code"] for each in results.get("failure", ())}))
    if content.get("validation_state") not in ("Valid", "Trusted"):
        return Credentials("altered", faults=faults)
    signature = active.get("signature_info", {})
    assertions = {each["label"]: each["data"] for each in active.get("assertions", ())}
    actions = [
        each
        for label, data in assertions.items()
        if label.startswith("c2pa.actions")
        for each in data["actions"]
    ]
    signer: Literal["here", "trusted", "unknown"] = "unknown"
    if "signingCredential.untrusted" not in faults:
        signer = "here" if signature.get("cert_serial_number") in _serials(here) else "trusted"
    render = assertions.get(RENDER, {})
    return Credentials(
        "valid",
        signer,
        signature.get("issuer"),
        " ".join(str(active["claim_generator_info"][0].get(key, "")) for key in ("name", "version")).strip(),
        tuple(each["digitalSourceType"] for each in actions if "digitalSourceType" in each),
        render if isinstance(render, dict) else {},
        tuple(str(each.get("title")) for each in active.get("ingredients", ())),
        faults,
    )


def _serials(chain: bytes) -> set[str]:
    from cryptography import x509

    return {str(each.serial_number) for each in x509.load_pem_x509_certificates(chain)} if chain else set()


def _manifest(mark: "Mark", roles: list[str], media_type: str) -> dict[str, Any]:
    created: dict[str, Any] = {
        "action": "c2pa.created",
        "digitalSourceType": mark.digital_source_type,
        "softwareAgent": _tool(),
        "when": mark.created,
    }
    if roles:
        created["parameters"] = {"ingredientIds": [_label(role) for role in roles]}
    actions = [created]
    assertions = [{"label": RENDER, "data": mark.content()}]
    if mark.watermark is not None:
        actions.append({"action": "c2pa.watermarked.bound", "softwareAgent": _tool(), "when": mark.created})
        binding = {"alg": SOFT_BINDING, "blocks": [{"scope": {}, "value": mark.watermark}]}
        assertions.append({"label": "c2pa.soft-binding", "data": binding})
    return {
        "claim_generator_info": [_tool()],
        "title": "Synthetic video",
        "format": media_type,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}, *assertions],
    }


def _tool() -> dict[str, str]:
    return {"name": "mimictalk", "version": __version__}


def _label(role: str) -> str:
    return f"mimictalk.{role}"
