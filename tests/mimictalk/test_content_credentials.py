"""C2PA: what is signed says what it must, every changed byte of sound and picture is noticed, inputs are kept."""

import c2pa
import numpy as np
import pytest

from mimictalk.content_credentials import ingredient, read_credentials, sign
from mimictalk.errors import RunError
from mimictalk.marks import SYNTHETIC, Mark
from mimictalk.signing_key import SigningKey, data_folder, local_key
from mimictalk.video_writer import VideoWriter

MARK = Mark(
    "mimictalk 0.1.0",
    "ab" * 32,
    "audio",
    "2026-11-21T10:00:00+00:00",
    driver_sha256="cd" * 32,
    base_sha256="ef" * 32,
    consent="I am the person shown.",
    watermark="abababab" + "cdcdcdcd",
)
MP4 = "video/mp4"


@pytest.fixture
def video(here):
    with VideoWriter(here / "a.mp4", None, leader="picture", metadata={}, size=(64, 64)) as writer:
        for grey in (0, 80, 160):
            writer.write(np.full((64, 64, 3), grey, np.uint8))
    return here / "a.mp4"


@pytest.fixture
def signed(video):
    sign(video, MARK, local_key(), {})
    return video


def boxes(content: bytes) -> dict[bytes, range]:
    """Top-level boxes of an mp4: kind to bytes (ISO/IEC 14496-12, section 4.2)."""
    found, at = {}, 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        found[content[at + 4 : at + 8]] = range(at, at + size)
        at += size
    return found


def test_a_signed_video_says_what_it_must(signed):
    assert sorted(entry.name for entry in signed.parent.iterdir()) == ["a.mp4"]
    found = read_credentials(signed, MP4)
    assert (found.state, found.signer, found.synthetic) == ("valid", "here", True)
    assert found.source_types == (SYNTHETIC,)
    assert found.generator == "mimictalk 0.1.0"
    assert found.render == MARK.content()
    with signed.open("rb") as file:  # as another program sees it
        reader = c2pa.Reader(MP4, file, context=c2pa.Context.from_dict({}))
        content = {each["label"]: each["data"] for each in reader.get_active_manifest()["assertions"]}
    created, watermarked = content["c2pa.actions.v2"]["actions"]
    assert created["action"] == "c2pa.created"
    assert created["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert watermarked["action"] == "c2pa.watermarked.bound"
    assert content["c2pa.soft-binding"]["blocks"][0]["value"] == MARK.watermark


def test_others_see_an_unknown_signer(signed):
    (data_folder() / "signing.pem").unlink()
    assert read_credentials(signed, MP4).signer == "unknown"
    local_key()  # another one
    assert read_credentials(signed, MP4).signer == "unknown"


def test_given_roots_are_trusted(signed):
    roots = local_key().chain
    (data_folder() / "signing.pem").unlink()
    assert read_credentials(signed, MP4, roots).signer == "trusted"


def test_every_changed_byte_of_index_picture_and_sound_is_noticed(signed):
    content = signed.read_bytes()
    parts = boxes(content)
    places = [*parts[b"moov"], *parts[b"mdat"]]
    for at in np.random.default_rng(0).choice(places, 150, replace=False):
        changed = bytearray(content)
        changed[at] ^= 1 << int(at) % 8
        signed.write_bytes(changed)
        assert read_credentials(signed, MP4).state == "altered", at


def test_a_video_without_a_manifest(video):
    assert read_credentials(video, MP4).state == "none"
    assert read_credentials(video, None).state == "none"


def test_a_manifest_that_cannot_be_parsed_counts_as_altered(signed):
    content = bytearray(signed.read_bytes())
    manifest = boxes(bytes(content))[b"uuid"]
    content[manifest.start + 200 : manifest.start + 900] = bytes(700)
    signed.write_bytes(content)
    assert read_credentials(signed, MP4).state == "altered"


def test_inputs_keep_their_manifests(signed, here):
    copy = here / "b.mp4"
    copy.write_bytes(signed.read_bytes())
    archive = ingredient(copy, MP4, "driver", "It carries a C2PA manifest.")
    assert archive is not None
    sign(signed, MARK, local_key(), {"driver": archive})
    found = read_credentials(signed, MP4)
    assert (found.state, found.ingredients) == ("valid", ("driver",))
    with signed.open("rb") as file:
        reader = c2pa.Reader(MP4, file, context=c2pa.Context.from_dict({}))
        (kept,) = reader.get_active_manifest()["ingredients"]
        inner = reader.get_manifest(kept["active_manifest"])
    assert kept["relationship"] == "inputTo"
    assert any(each["label"].startswith("c2pa.actions") for each in inner["assertions"])


def test_a_certificate_against_the_profile_is_told_and_the_video_stays(video):
    key = local_key()
    before = video.read_bytes()
    root_only = key.chain[key.chain.index(b"-----BEGIN", 10) :]
    with pytest.raises(RunError, match="it could not be signed"):
        sign(video, MARK, SigningKey("es256", root_only, key.key), {})
    assert video.read_bytes() == before
    assert [entry.name for entry in video.parent.iterdir()] == ["a.mp4"]
