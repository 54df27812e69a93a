"""Every video says that it is synthetic, in words a machine can read."""

import json

import av
import numpy as np
import pytest

from mimictalk.errors import InputError
from mimictalk.marks import SENTENCE, SYNTHETIC, Mark, now, read_mark
from mimictalk.video_writer import VideoWriter

MARK = Mark("mimictalk 0.1.0", "ab" * 32, "audio", "2026-11-21T10:00:00+00:00")


def write(path, metadata):
    with VideoWriter(path, None, leader="picture", metadata=metadata, size=(64, 64)) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))


def test_the_source_type_is_the_iptc_term():
    assert SYNTHETIC == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def test_a_mark_survives_the_file(here):
    write(here / "a.mp4", MARK.as_metadata())
    assert read_mark(here / "a.mp4") == {
        "synthetic": True,
        "digitalSourceType": SYNTHETIC,
        "tool": "mimictalk 0.1.0",
        "avatarSha256": "ab" * 32,
        "drivenBy": "audio",
        "created": "2026-11-21T10:00:00+00:00",
    }


def test_other_programs_see_it_too(here):
    write(here / "a.mp4", MARK.as_metadata())
    with av.open(str(here / "a.mp4")) as container:
        assert json.loads(container.metadata["comment"])["digitalSourceType"] == SYNTHETIC
        assert container.metadata["description"] == SENTENCE


@pytest.mark.parametrize(
    "comment", ["", "holiday", "[1, 2]", "{}", '{"synthetic": true}', '"digitalSourceType"', "{"]
)
def test_a_foreign_comment_is_no_mark(here, comment):
    write(here / "a.mp4", {"comment": comment})
    assert read_mark(here / "a.mp4") is None


def test_verify_tells_marked_from_unmarked(here, cli):
    write(here / "marked.mp4", MARK.as_metadata())
    write(here / "plain.mp4", {})
    yes, no = cli("verify", "marked.mp4"), cli("verify", "plain.mp4")
    assert (yes.code, yes.out.splitlines()) == (
        0,
        [
            "marked.mp4: marked as synthetic.",
            "C2PA: there is no manifest.",
            "Metadata: made by mimictalk 0.1.0 from avatar abababababab, 2026-11-21T10:00:00+00:00.",
            "Watermark: none found.",
        ],
    )
    assert (no.code, no.out.splitlines()) == (
        1,
        [
            "plain.mp4: no mark of synthetic media found.",
            "C2PA: there is no manifest.",
            "Metadata: they hold no mark.",
            "Watermark: none found.",
            "That does not prove that it is real: marks can be removed.",
        ],
    )
    assert cli("verify", "marked.mp4", "--json").json["mark"]["tool"] == "mimictalk 0.1.0"
    told = cli("--json", "verify", "plain.mp4")
    assert (told.code, told.json["marked"]) == (1, False)


def test_what_is_no_media_file_is_refused(here, cli):
    (here / "a.mp4").write_text("hello")
    with pytest.raises(InputError):
        read_mark(here / "a.mp4")
    assert cli("verify", "a.mp4").code == 2


def test_time_is_utc_to_the_second():
    assert now().endswith("+00:00")
    assert "." not in now()
