"""Video with nothing behind the person: alpha arrives, straight, in every form; marks tell the truth."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from cut_outs import CutOutRenderer, check_frames, cut_out, decoded
from mimictalk import motion_sources, rendering
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.label import Label
from mimictalk.png_sequence import HEADER, text_chunk
from mimictalk.render_job import RenderSettings
from mimictalk.segmented_video import make_video
from mimictalk.transparent_coding import TransparentCoding
from talk_motion import MotionSequence
from tiny_video_job import SIZE, job

TOTAL = 67  # two segments
CLICK = 1.5  # seconds
FRAMES = 8
# As FFmpeg decodes them: VP9 without its alpha, ProRes of the kind 4444 with 12 bits.
CODED = {"webm": ("vp9", "yuv420p", "opus"), "mov": ("prores", "yuva444p12le", "pcm_s16le")}


def ignore(*_: object) -> None:
    """Progress that nobody sees."""


@pytest.fixture
def sound(here, write_wav) -> Path:
    samples = np.zeros((round(TOTAL / 25 * 16000), 1))
    samples[round(CLICK * 16000) :][:32] = 0.8
    return write_wav(here / "a.wav", samples, 16000)


def numbered(sound: Path, form: str, before=ignore) -> Path:
    """A video of numbered frames in the folder of the sound."""
    out = sound.parent / ("frames" if form == "png" else f"out.{form}")
    coding = TransparentCoding((SIZE, SIZE), form=form)
    pictures = "a_%04d.png" if form == "png" else None
    renderer = lambda: CutOutRenderer(before)  # noqa: E731
    made = job(sound, out, TOTAL, coding=coding, pictures=pictures, renderer=renderer)
    assert make_video(made, Console(out=io.StringIO(), err=io.StringIO()), ignore) == TOTAL
    return out


def content(path: Path) -> dict[str, bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


def click_of(path: Path) -> float:
    """Where the click is heard, in seconds; also that sound and picture have one length."""
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    left = np.concatenate([block[0] if len(block) == 2 else block[0, ::2] for block in blocks])
    heard = np.abs(left.astype(float))
    assert abs(len(heard) / 48000 - TOTAL / 25) < 0.05
    return float(np.flatnonzero(heard > 0.4 * heard.max())[0] / 48000)


@pytest.mark.parametrize("form", ["webm", "mov"])
def test_a_video_has_alpha_and_sound(sound, form):
    out = numbered(sound, form)
    check_frames(decoded(out), list(range(TOTAL)))
    with av.open(str(out)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt, audio.codec_context.name) == CODED[
            form
        ]
        assert (video.average_rate, video.start_time) == (25, 0)
        assert 0 <= container.duration - TOTAL * 40_000 < 20_000, "an Opus packet lasts 20 ms"
        if form == "webm":
            assert video.metadata["ALPHA_MODE"] == "1", "browsers look for it"
        else:
            assert video.codec_context.codec_tag == "ap4h"
    assert abs(click_of(out) - CLICK) < 0.01


def test_a_sequence_has_alpha_and_sound(sound):
    out = numbered(sound, "png")
    names = [f"a_{number:04d}.png" for number in range(TOTAL)]
    assert sorted(entry.name for entry in out.iterdir()) == [*names, "sound.wav"]
    for number, name in enumerate(names):
        with Image.open(out / name) as picture:
            assert (picture.format, picture.mode, picture.info["Comment"]) == ("PNG", "RGBA", "c")
            assert (np.asarray(picture) == cut_out(number)).all(), "without loss"
    assert abs(click_of(out / "sound.wav") - CLICK) < 0.001


@pytest.mark.parametrize("form", ["webm", "mov", "png"])
def test_a_kill_costs_one_segment_and_changes_nothing(sound, form):
    undisturbed = content(numbered(sound, form))
    out = sound.parent / ("frames" if form == "png" else f"out.{form}")
    for name in undisturbed:
        (out / name if out.is_dir() else out).unlink()

    def stop(number: int) -> None:
        if number == TOTAL - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        numbered(sound, form, stop)
    assert not out.exists() or not any(out.iterdir())
    if form == "png":  # a kill while files were written
        (out.parent / ".mimictalk-render-frames" / "joined").mkdir()
    drawn: list[int] = []
    assert content(numbered(sound, form, drawn.append)) == undisturbed
    assert drawn == list(range(50, TOTAL))


def test_a_label_is_the_same_over_whatever_comes_behind():
    """Laid over a background before or after the label was drawn: one picture."""
    draw = np.random.default_rng(0)
    frame = draw.integers(256, size=(512, 512, 4), dtype=np.uint8)
    behind = draw.integers(256, size=(512, 512, 3)).astype(float)

    def over(picture: np.ndarray) -> np.ndarray:
        alpha = picture[..., 3:] / 255
        return alpha * picture[..., :3] + (1 - alpha) * behind

    label = Label("AI-generated")
    wanted = label.draw(np.rint(over(frame)).astype(np.uint8))
    assert np.abs(over(label.draw(frame)) - wanted).max() <= 2
    assert (label.draw(frame) != frame).any()


@pytest.fixture
def drawing(monkeypatch):
    """Motion and drawing replaced by something quick."""
    nothing = torch.zeros(FRAMES, 3)
    motion = MotionSequence.from_tracking(torch.zeros(FRAMES, 64), nothing, nothing, torch.zeros(FRAMES, 2))
    monkeypatch.setattr(motion_sources, "motion_from_audio", lambda *_, **__: motion)
    monkeypatch.setattr(rendering, "load_renderer", lambda *_, size, **__: CutOutRenderer(size=size))


@pytest.mark.parametrize("size", [256, 512])
def test_webm_is_the_default_and_says_what_it_cannot_carry(cli, here, me, speech, drawing, size):
    ran = cli("render", "me", "--audio", "hello.wav", "--transparent", "--size", size, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["video"], ran.json["frames"], ran.json["signed"]) == ("me-hello.webm", FRAMES, False)
    assert ran.json["warnings"] == [
        "WebM cannot hold a C2PA manifest: its metadata and its watermark alone say that it is synthetic"
    ]
    told = cli("verify", "me-hello.webm")
    assert told.code == 0
    verdict, credentials, metadata, watermark = told.out.splitlines()
    assert verdict == "me-hello.webm: marked as synthetic."
    assert credentials == "C2PA: there is no manifest."
    assert metadata.endswith("; switched off: c2pa (WebM cannot hold a C2PA manifest).")
    assert watermark.startswith("Watermark: found")
    frames = decoded(here / "me-hello.webm")
    assert np.abs(frames[0, ..., 3].astype(int) - cut_out(0, size)[..., 3]).mean() < 1


def test_mov_is_signed_and_a_change_is_seen(cli, here, me, speech, drawing):
    ran = cli("render", "me", "--audio", "hello.wav", "--transparent", "-o", "a.mov", "--json")
    assert (ran.code, ran.json["signed"], ran.json["warnings"]) == (0, True, []), ran.err
    told = cli("verify", "a.mov")
    assert told.code == 0
    assert "C2PA: unchanged since it was signed by this installation's own key" in told.out
    assert "Watermark: found" in told.out
    altered = bytearray((here / "a.mov").read_bytes())
    altered[altered.index(b"mdat") + 5000] ^= 1
    (here / "a.mov").write_bytes(altered)
    assert "C2PA: the file is not what was signed" in cli("verify", "a.mov").out


def test_every_picture_is_signed_and_marked(cli, here, me, speech, drawing):
    ran = cli("render", "me", "--audio", "hello.wav", "--transparent", "-o", "shots/a_%03d.png", "--json")
    assert (ran.code, ran.json["video"], ran.json["signed"]) == (0, "shots", True), ran.err
    names = [f"a_{number:03d}.png" for number in range(FRAMES)]
    assert sorted(entry.name for entry in (here / "shots").iterdir()) == [*names, "sound.wav"]
    told = cli("verify", "shots")
    count = FRAMES + 1
    assert told.code == 0, told.out
    assert told.out.splitlines()[:2] == [
        f"shots: all {count} files are marked as synthetic.",
        f"C2PA: {count} of {count} files are unchanged since they were signed.",
    ]
    assert f"{count} made by mimictalk" in told.out and "Watermark: found in the pictures" in told.out
    one = cli("verify", "shots/a_003.png")
    assert one.code == 0 and "C2PA: unchanged since it was signed" in one.out
    # A picture put among them, one that was changed, and one whose marks were taken away.
    picture = Image.open(here / "shots/a_001.png")
    picture.save(here / "shots/a_001.png")
    content = (here / "shots/a_002.png").read_bytes()
    changed = content[:HEADER] + text_chunk("Author", "somebody") + content[HEADER:]
    (here / "shots/a_002.png").write_bytes(changed)
    Image.new("RGB", (512, 512)).save(here / "shots/b.png")
    told = cli("verify", "shots", "--json")
    assert told.code == 1
    assert told.json["c2pa"] == {"valid": count - 2, "altered": 1, "none": 2}
    assert "b.png" in told.json["unmarked"] and "a_003.png" not in told.json["unmarked"]
    assert "changed: a_002.png; without a manifest: a_001.png, b.png." in " ".join(told.json["findings"])
    (here / "shots/a_004.png").write_bytes(content[:-200])
    assert cli("verify", "shots").err.startswith("shots/a_004.png: the picture is damaged")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "a.mp4"], "a.mp4: .mp4 is not written with transparency"),
        (["-o", "a.png"], "a.png: many pictures cannot have one name"),
        (["-o", "a_%s.png"], "a_%s.png: many pictures cannot have one name"),
        (["-o", "full"], "full: pictures are written to a folder of their own"),
        (["-o", "a_%05d.png"], ".: pictures are written to a folder of their own"),
        (["-o", "-"], "--transparent: what goes through a pipe is drawn before a background"),
        (["--background", "#00ff00"], "--transparent: it leaves nothing behind the person"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(cli, here, me, speech, drawing, options, words):
    (here / "full").mkdir()
    (here / "full" / "kept.txt").write_text("x")
    before = sorted(here.rglob("*"))
    ran = cli("render", "me", "--audio", "hello.wav", "--transparent", *options)
    assert (ran.code, ran.err.splitlines()[0]) == (2, words)
    assert sorted(here.rglob("*")) == before


def test_transparency_has_to_be_asked_for(cli, me, speech, drawing):
    for name in ("a.webm", "a.mov", "frames"):
        assert cli("render", "me", "--audio", "hello.wav", "-o", name).code == 2


def test_settings_of_both_commands_know_the_form():
    audio = Path("a.wav")
    assert RenderSettings(audio=audio).form == "mp4"
    for out, form in (("a.WEBM", "webm"), ("a.mov", "mov"), ("a", "png"), ("b/%05d.png", "png")):
        assert RenderSettings(audio=audio, out=Path(out), transparent=True).form == form
    with pytest.raises(InputError, match="many pictures"):
        RenderSettings(audio=audio, out=Path("%d%d.png"), transparent=True)
    with pytest.raises(ValueError, match="form must be one of"):
        TransparentCoding(form="gif")


def test_a_folder_without_pictures_cannot_be_verified(cli, here):
    (here / "empty").mkdir()
    ran = cli("verify", "empty")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "empty: there is no PNG picture in it")


def test_a_frame_without_alpha_is_no_cut_out():
    coding = TransparentCoding((SIZE, SIZE))
    with pytest.raises(ValueError, match=r"must be \(64, 64, 4\) uint8"):
        coding.picture(np.zeros((SIZE, SIZE, 3), np.uint8), 0)
