"""The key that signs videos: one's own, or a local one made at first run.

The local certificate follows the C2PA certificate profile (C2PA specification 2.2, section 14.5): X.509 v3,
ES256, not a certificate authority itself, key usage `digitalSignature`, extended key usage, subject and
authority key identifiers. Its issuer is a root whose private key is thrown away, so that it can sign nothing
else. Nobody vouches for it: other installations see an unknown signer.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.atomic import fsync, temporary_sibling
from mimictalk.errors import InputError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

YEARS = 25  # a signature without a time stamp counts only as long as its certificate is valid
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class SigningKey:
    """What a signature is made with.

    Attributes:
        algorithm: As C2PA names it: "es256", "es384", "es512", "ps256", "ed25519".
        chain: PEM certificates, the signer's first.
        key: PEM private key, PKCS #8, not encrypted.
    """

    algorithm: str
    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm})"  # the key must not come into a log


def data_folder() -> Path:
    """`$XDG_DATA_HOME/mimictalk`, by default `~/.local/share/mimictalk`."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "mimictalk"


def local_key_path() -> Path:
    """Where key and certificates of this installation are, or will be."""
    return data_folder() / "signing.pem"


def local_key() -> SigningKey:
    """The key of this user on this machine; made at the first call, readable by its owner only.

    Raises:
        InputError: If the file is damaged, has expired, or can be read by others.
    """
    path = local_key_path()
    if not path.exists():
        _publish(path, _make())
    cure = f"Move {path} away; a new key is made at the next run."
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise InputError(
            path, "others can read this signing key", f"chmod 600 it if it is still yours. {cure}"
        )
    try:
        return _checked(path.read_bytes(), path.read_bytes())
    except ValueError as error:
        raise InputError(path, f"the signing key cannot be used: {error}", cure) from None


def local_chain() -> bytes:
    """The certificates of `local_key`, PEM; empty where no key has been made."""
    path = local_key_path()
    return _certificates_pem(path.read_bytes()) if path.is_file() else b""


def own_key(certificates: Path, key: Path) -> SigningKey:
    """A key and a certificate chain that the user brings.

    Args:
        certificates: PEM, the signer's certificate first, then those that lead to a root.
        key: PEM private key without a password.

    Raises:
        InputError: If they cannot be read, do not belong together, or have expired.
    """
    for path in (certificates, key):
        if not path.is_file():
            raise InputError(
                path, "there is no such file", "Give PEM files: --c2pa-cert CHAIN --c2pa-key KEY."
            )
    try:
        return _checked(certificates.read_bytes(), key.read_bytes())
    except ValueError as error:
        cure = "Give the PEM chain, signer first, and its PEM key without a password."
        raise InputError(certificates, f"it cannot sign with {key}: {error}", cure) from None


def _checked(certificates: bytes, key: bytes) -> SigningKey:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        chain = x509.load_pem_x509_certificates(certificates)
    except ValueError:
        raise ValueError("there is no readable certificate in it") from None
    try:
        private: Any = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise ValueError("the private key has a password") from None
    except ValueError:
        raise ValueError("there is no readable private key in it") from None
    if chain[0].public_key() != private.public_key():
        raise ValueError("the first certificate is of another key")
    if not chain[0].not_valid_before_utc <= datetime.now(UTC) <= chain[0].not_valid_after_utc:
        raise ValueError(f"the certificate is valid until {chain[0].not_valid_after_utc:%Y-%m-%d} only")
    return SigningKey(_algorithm(private), _certificates_pem(certificates), _key_pem(private))


def _algorithm(private: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in CURVES:
        return CURVES[private.curve.name]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    raise ValueError("C2PA signs with EC P-256, P-384, P-521, Ed25519 or RSA keys only")


def _make() -> bytes:
    """PEM of a new key, its certificate and the root above it."""
    from cryptography.hazmat.primitives.asymmetric import ec

    root, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    of_root = _certificate("mimictalk local root", root.public_key(), root, is_root=True)
    of_signer = _certificate("mimictalk local signer", signer.public_key(), root, is_root=False)
    return _key_pem(signer) + b"".join(_pem(each) for each in (of_signer, of_root))


def _certificate(name: str, public: Any, issuer: Any, *, is_root: bool) -> "Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.now(UTC)
    uses = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    allowed = ("key_cert_sign", "crl_sign") if is_root else ("digital_signature",)
    usage = x509.KeyUsage(**{use: use in allowed for use in uses})
    building = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("mimictalk local root"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
        )
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        building = building.add_extension(purpose, critical=False)
    return building.sign(issuer, hashes.SHA256())


def _name(common: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    # C2PA readers show the organisation as the signer.
    names = ((NameOID.ORGANIZATION_NAME, "mimictalk (local, self-signed)"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in names])


def _pem(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _certificates_pem(content: bytes) -> bytes:
    from cryptography import x509

    return b"".join(_pem(each) for each in x509.load_pem_x509_certificates(content))


def _key_pem(private: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))


def _publish(path: Path, content: bytes) -> None:
    """Write a secret whole; where another process was quicker, its file stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = temporary_sibling(path)
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fsync(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
