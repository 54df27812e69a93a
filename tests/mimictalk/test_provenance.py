"""All marks of a video together: what one run puts in, `verify` finds; what was switched off is told."""

import io
from types import SimpleNamespace

import av
import numpy as np
import pytest

from mimictalk.console import Console
from mimictalk.content_credentials import read_credentials
from mimictalk.errors import InputError
from mimictalk.manifest import sha256_file
from mimictalk.mark_reading import read_marks, read_picture_marks
from mimictalk.marks import now
from mimictalk.provenance import InputMarks, Origin, Provenance, origin_of, origin_of_picture
from mimictalk.render_job import RenderSettings
from mimictalk.video_settings import PIPE
from mimictalk.video_writer import VideoWriter

FRAMES = 6
ORIGIN = Origin({"portrait3d/small": "ef" * 32}, avatar_sha256="ab" * 32, consent="I agree.")


@pytest.fixture
def speech(here, write_wav):
    return write_wav(here / "speech.wav", np.zeros((16000 * FRAMES // 25, 1)), 16000)


@pytest.fixture
def make_video(here, speech):
    """Draws, marks and signs a video as a render does; returns its path."""

    def make(name="out.mp4", origin=ORIGIN, **options):
        settings = RenderSettings(**{"audio": speech, "out": here / name} | options)
        provenance = Provenance(settings, origin, Console(err=io.StringIO()))
        grey = np.linspace(60, 190, 512)[None, :, None].repeat(512, 0).repeat(3, 2).astype(np.uint8)
        still = SimpleNamespace(frames=lambda motion: [grey] * FRAMES)
        created, out = now(), here / name
        with VideoWriter(out, None, leader="picture", metadata=provenance.metadata(created)) as writer:
            for frame in provenance.marking(lambda: still)().frames(None):
                writer.write(frame)
        provenance.mark_file(out, created)
        return out

    return make


def recoded(path, out):
    """What a video site does: other coding, no metadata."""
    with av.open(str(path)) as source, av.open(str(out), "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width = stream.height = 512
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "28"}
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="yuv420p")))
        target.mux(stream.encode(None))
    return out


def test_every_mark_is_in_and_verify_finds_it(cli, make_video, speech):
    ran = cli("verify", make_video(), "--json")
    assert ran.code == 0
    told, person, driver = ran.json, "ab" * 4, sha256_file(speech)[:8]
    assert told["marked"] is True
    assert (told["c2pa"]["state"], told["c2pa"]["signer"]) == ("valid", "here")
    assert told["watermark"]["payload"] == person + driver == told["mark"]["watermark"]
    assert told["mark"]["consent"] == "I agree."
    assert told["mark"]["driverSha256"] == sha256_file(speech)
    assert len(told["mark"]["baseWeightsSha256"]) == 64
    assert "withheld" not in told["mark"]
    lines = cli("verify", "out.mp4").out.splitlines()
    assert lines[0] == "out.mp4: marked as synthetic."
    assert "unchanged since it was signed by this installation's own key" in lines[1]
    assert lines[3] == f"Watermark: found; avatar or portrait {person}, driver {driver}, scale 1.00."
    assert len(lines) == 4


def test_recoding_leaves_the_watermark(cli, here, make_video):
    recoded(make_video(), here / "copy.mp4")
    told = cli("verify", "copy.mp4", "--json").json
    assert (told["c2pa"]["state"], told["mark"], told["marked"]) == ("none", None, True)
    assert told["watermark"]["payload"].startswith("abababab")


def test_a_changed_file_is_told(cli, make_video):
    out = make_video()
    content = bytearray(out.read_bytes())
    content[-100] ^= 1
    out.write_bytes(content)
    ran = cli("verify", "out.mp4")
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "out.mp4: marked as synthetic, and changed since it was signed."
    assert "C2PA: the file is not what was signed (assertion.bmffHash.mismatch" in ran.out


def test_what_is_switched_off_is_written_into_the_file(cli, make_video):
    make_video(no_watermark="lossless master", no_provenance="no key on this machine")
    ran = cli("verify", "out.mp4", "--json")
    told = ran.json
    assert (ran.code, told["c2pa"]["state"], told["watermark"]["payload"]) == (0, "none", None)
    assert told["mark"]["withheld"] == {"watermark": "lossless master", "c2pa": "no key on this machine"}
    assert "switched off: watermark (lossless master)" in told["findings"][1]


def test_switching_off_is_warned_of(here, speech):
    err = io.StringIO()
    Provenance(RenderSettings(audio=speech, no_watermark="test"), ORIGIN, Console(err=err))
    assert "switched off: watermark" in err.getvalue()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
@pytest.mark.parametrize("option", ["no_watermark", "no_provenance"])
def test_switching_off_needs_a_reason(speech, option, reason):
    with pytest.raises(InputError, match=option.replace("_", "-")):
        RenderSettings(audio=speech, **{option: reason})


def test_certificate_and_key_go_together(here, speech):
    for wrong in (
        {"c2pa_cert": here / "a"},
        {"c2pa_key": here / "a"},
        {"c2pa_cert": here / "a", "c2pa_key": here / "b", "no_provenance": "none"},
    ):
        with pytest.raises(InputError):
            RenderSettings(audio=speech, **wrong)


def test_a_missing_key_is_told_before_any_work(here, speech):
    settings = RenderSettings(audio=speech, c2pa_cert=here / "a", c2pa_key=here / "b")
    with pytest.raises(InputError, match="there is no such file"):
        Provenance(settings, ORIGIN, Console(err=io.StringIO()))


def test_a_pipe_says_that_it_is_not_signed(here, speech):
    piped = Provenance(RenderSettings(audio=speech, out=PIPE), ORIGIN, Console(err=io.StringIO()))
    assert piped.facts()["signed"] is False
    assert "cannot be signed" in piped.metadata(now())["comment"]
    assert piped.mark_frame(np.full((512, 512, 3), 9, np.uint8)).std() > 0


def test_live_speech_has_no_driver_in_the_watermark():
    live = Provenance(RenderSettings(audio=PIPE), ORIGIN, Console(err=io.StringIO()))
    assert live.facts()["watermark"] == "ab" * 4 + "0" * 8


def test_marks_of_inputs_are_kept(here, make_video):
    driver = make_video("driver.mp4")
    make_video("out.mp4", audio=None, drive=driver)
    found = read_marks(here / "out.mp4")
    assert found.credentials.ingredients == ("driver",)
    assert found.mark is not None
    note = found.mark["marksOfInputs"]["driver"]
    assert note.startswith("It carries a C2PA manifest (valid), a mark of mimictalk")
    assert "watermark abababab" in note


def test_an_input_with_only_a_watermark_is_kept_too(here, make_video):
    make_video("out.mp4", audio=None, drive=recoded(make_video("a.mp4"), here / "b.mp4"))
    assert read_marks(here / "out.mp4").credentials.ingredients == ("driver",)


def test_a_plain_input_is_no_ingredient(here, make_video):
    found = read_marks(make_video())
    assert found.credentials.ingredients == ()
    assert "marksOfInputs" not in found.mark


def test_marks_of_the_reference_go_through_the_avatar(here, make, make_video, base):
    marked = make_video("ref.mp4")
    from mimictalk.provenance import input_marks

    kept = input_marks(marked, "reference")
    assert kept is not None
    source = {"name": "ref.mp4", "sha256": "00" * 32, "marks": kept.note}
    avatar = make(here / "me", source=source, reference_marks=kept.archive)
    origin = origin_of(avatar)
    assert origin.marks["reference"] == InputMarks(kept.note, kept.archive)
    assert read_marks(make_video("out.mp4", origin=origin)).credentials.ingredients == ("reference",)


def test_marks_of_a_portrait_are_found(here):
    from PIL import Image

    from mimictalk.watermark import Watermark

    marked = Watermark(0x1234).embed(np.full((512, 512, 3), 120, np.uint8))
    Image.fromarray(marked).save(here / "p.png")
    assert read_picture_marks(here / "p.png").watermark.payload == 0x1234
    assert "watermark 0000000000001234" in origin_of_picture(here / "p.png", "00" * 32).marks["portrait"].note
    Image.new("RGB", (200, 200)).save(here / "q.png")
    assert origin_of_picture(here / "q.png", "00" * 32).marks == {}


def test_a_label_is_in_the_picture(here, make_video):
    def corner(path):
        with av.open(str(path)) as container:
            return next(container.decode(video=0)).to_ndarray(format="gray")[440:500, 12:160].astype(int)

    plain, labelled = corner(make_video("a.mp4")), corner(make_video("b.mp4", label="AI"))
    assert np.abs(plain - labelled).max() > 80


def test_a_sound_file_has_no_watermark_to_look_for(speech, cli):
    ran = cli("verify", "speech.wav")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "speech.wav: no mark of synthetic media found.")


def test_trusted_roots_must_be_certificates(cli, make_video, here):
    make_video()
    (here / "roots.pem").write_text("hello")
    assert cli("verify", "out.mp4", "--trust", "roots.pem").code == 2
    assert cli("verify", "out.mp4", "--trust", "nothing.pem").code == 2


def test_signing_with_ones_own_key(here, make_video, tmp_path, monkeypatch):
    from mimictalk.signing_key import local_key

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    key = local_key()
    (here / "chain.pem").write_bytes(key.chain)
    (here / "key.pem").write_bytes(key.key)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    out = make_video(c2pa_cert=here / "chain.pem", c2pa_key=here / "key.pem")
    assert read_credentials(out, "video/mp4").signer == "unknown"
    assert read_credentials(out, "video/mp4", key.chain).signer == "trusted"
