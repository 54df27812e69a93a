"""The signing key: made once, secret, of the C2PA certificate profile; or one's own, if it can sign."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mimictalk.errors import InputError
from mimictalk.signing_key import local_chain, local_key, local_key_path, own_key

PRIVATE = serialization.PrivateFormat.PKCS8
PEM = serialization.Encoding.PEM


def certificate(key, signed_by=None, days=10):
    """A certificate of `key`; a key that cannot sign is certified by `signed_by`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone")])
    issuer = signed_by or key
    digest = None if isinstance(issuer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=20))
        .not_valid_after(now + timedelta(days=days))
        .sign(issuer, digest)
    )
    return made.public_bytes(PEM)


def pem(key, password=None):
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, PRIVATE, lock)


@pytest.fixture
def given(here):
    """Writes certificate and key and reads them as the user's own."""

    def read(chain, key):
        (here / "chain.pem").write_bytes(chain)
        (here / "key.pem").write_bytes(key)
        return own_key(here / "chain.pem", here / "key.pem")

    return read


def test_the_local_key_is_made_once_and_is_secret():
    assert local_chain() == b""
    first = local_key()
    assert local_key() == first
    assert stat.S_IMODE(local_key_path().stat().st_mode) == 0o600
    assert [entry.name for entry in local_key_path().parent.iterdir()] == ["signing.pem"]
    assert first.key.decode() not in repr(first)
    assert local_chain() == first.chain


def test_the_local_certificate_follows_the_c2pa_profile():
    """C2PA specification 2.2, section 14.5.1: what must be there, and what must not."""
    signer, root = x509.load_pem_x509_certificates(local_key().chain)
    assert signer.version is x509.Version.v3
    found = {type(each.value): each for each in signer.extensions}
    usage = found[x509.KeyUsage]
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not found[x509.BasicConstraints].value.ca
    assert list(found[x509.ExtendedKeyUsage].value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert signer.signature_hash_algorithm.name == "sha256"
    assert signer.public_key().curve.name == "secp256r1"
    above = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert found[x509.AuthorityKeyIdentifier].value.key_identifier == above.digest
    signer.verify_directly_issued_by(root)
    assert signer.not_valid_after_utc - datetime.now(UTC) > timedelta(days=365 * 20)


def test_a_key_that_others_can_read_is_not_used():
    local_key()
    local_key_path().chmod(0o644)
    with pytest.raises(InputError, match="others can read this signing key"):
        local_key()


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_damaged_local_key_is_told(content):
    local_key()
    local_key_path().write_bytes(content)
    with pytest.raises(InputError, match="the signing key cannot be used"):
        local_key()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
)
def test_ones_own_key_of_every_kind(given, key, algorithm):
    assert given(certificate(key), pem(key)).algorithm == algorithm


def test_what_cannot_sign_is_refused(given, here):
    one, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    odd, exchange = ec.generate_private_key(ec.SECP256K1()), x25519.X25519PrivateKey.generate()
    wrong = {
        "is of another key": (certificate(one), pem(other)),
        "has a password": (certificate(one), pem(one, b"secret")),
        "no readable certificate": (b"hello", pem(one)),
        "no readable private key": (certificate(one), b"hello"),
        "is valid until": (certificate(one, days=-1), pem(one)),
        "EC P-256": (certificate(odd), pem(odd)),
        "C2PA signs with": (certificate(exchange, one), pem(exchange)),
    }
    for words, (chain, key) in wrong.items():
        with pytest.raises(InputError, match=words):
            given(chain, key)
    with pytest.raises(InputError, match="there is no such file"):
        own_key(here / "chain.pem", here / "nothing.pem")
