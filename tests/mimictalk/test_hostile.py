"""The verdict wanted for every damaged, odd or dishonest file: refused in words, or used with a warning.

Videos and pictures are judged by `check`, which is what `adapt` does before it trains; sounds by `render`. A
file is never met with a traceback, more than three lines, or a half-written result.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mimictalk import rendering

SHORT = "the clip is short"
AGREED = ("--consent", "synthetic person")


@dataclass(frozen=True)
class Refused:
    """Exit code 2; these words are in the message."""

    words: str


class Used:
    """Exit code 0; each of these words is in a warning, and no warning without one of them appears."""

    def __init__(self, *words: str) -> None:
        self.words = words


FEW_MOUTHS = "hardly any mouth that is"  # true of a newsreader who has 8 s
CLIPS: dict[str, Refused | Used] = {
    "v name with spaces é 名.mp4": Used(FEW_MOUTHS),
    "v_0.2s.mp4": Refused("short"),
    "v_audio_late_600ms.mp4": Used(SHORT, "may be late", "sound comes 600 ms late"),
    "v_audio_only.mp4": Refused("no picture"),
    "v_bitflips.mp4": Refused("damaged"),
    "v_face_lost_3s_to_7s.mp4": Used("no face", "3", FEW_MOUTHS),
    "v_frozen_frame_with_speech.mp4": Refused("still"),
    "v_hevc_10bit.mp4": Used(SHORT),
    "v_huge_4096.mp4": Used(SHORT),
    "v_identity_switch_at_4s.mp4": Refused("person"),
    "v_mouth_covered.mp4": Used(SHORT, "mouth", "overexposed"),
    "v_no_audio_stream.mp4": Used(SHORT, "no sound"),
    "v_no_face_with_speech.mp4": Refused("no face"),
    "v_nonsquare_sar.mp4": Used(SHORT, "not square"),
    "v_odd_333x277_yuv444.mp4": Used(SHORT, "not square", "small"),
    "v_one_frame.mp4": Refused("short"),
    "v_rotated_by_metadata.mp4": Used(SHORT, "turned"),
    "v_silent_audio_track.mp4": Used(SHORT, "silent", "no speech"),
    "v_text_renamed.mp4": Refused("not a video"),
    "v_tiny_64px.mp4": Refused("small"),
    "v_truncated_faststart.mp4": Used(SHORT, "damaged and left out", "the file promises"),
    "v_truncated_nomoov.mp4": Refused("cut off"),
    "v_two_faces_side_by_side.mp4": Used(SHORT, "faces"),
    "v_upside_down.mp4": Refused("upside down"),
    "v_variable_frame_rate.mp4": Used("frame rate varies", FEW_MOUTHS),
    "v_very_dark.mp4": Used(SHORT, "dark"),
    "v_wrong_audio_not_this_speaker.mp4": Used(SHORT, "do not seem to go together"),
    "v_zero_bytes.mp4": Refused("empty"),
}
PICTURES = {f"p_{name}": Refused("it is a picture") for name in (
    "16bit.png", "16px.png", "81_megapixel.jpg", "dog_no_human_face.jpg", "flat_gray_no_face.png",
    "grayscale_1ch.png", "half_face.png", "rgba_half_alpha.png", "truncated.png",
)}  # fmt: skip
SOUNDS: dict[str, Refused | Used] = {
    "a_20ms.wav": Refused("0.02 s"),
    "a_96k_5.1_float.wav": Used("6 channels"),
    "a_bad_magic.wav": Refused("not a sound"),
    "a_channels_zero.wav": Refused(""),
    "a_clipped_+40dB.wav": Used("clipped"),
    "a_data_size_4GiB_claimed.wav": Used("header claims"),
    "a_digital_silence_6s.wav": Used("silent"),
    "a_float_all_nan_1s.wav": Refused("not numbers"),
    "a_header_cut_30_bytes.wav": Refused("not a sound"),
    "a_header_only_no_samples.wav": Refused("no sound"),
    "a_mono_8k.wav": Used("8000 Hz"),
    "a_mono_8k_mulaw.wav": Used("8000 Hz"),
    "a_mp3_named_wav.wav": Used("mp3"),
    "a_ok.flac": Used(),
    "a_random_bytes.wav": Refused("not a sound"),
    "a_samplerate_zero.wav": Refused(""),
    "a_truncated_body.wav": Used("header claims", "quiet"),
    "a_very_quiet_-55dB.wav": Used("quiet"),
    "a_white_noise_6s.wav": Used("noise"),
    "a_zero_bytes.wav": Refused("empty"),
}


@pytest.fixture
def hostile(media) -> Path:
    folder = media / "hostile"
    if not folder.is_dir():
        pytest.skip(f"no hostile media in {media}")
    return folder


def judge(ran, name: str, wanted: Refused | Used) -> None:
    assert "Traceback" not in ran.err
    if isinstance(wanted, Refused):
        assert ran.code == 2, ran.err
        lines = [line for line in ran.err.splitlines() if not line.startswith("warning: ")]
        assert 2 <= len(lines) <= 3, ran.err
        assert name in lines[0]
        assert wanted.words in lines[0].split(": ", 1)[1]
        assert ran.out == ""
        return
    assert ran.code == 0, ran.err
    warnings = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    for word in wanted.words:
        assert any(word in warning for warning in warnings), (word, warnings)
    unexpected = [warning for warning in warnings if not any(word in warning for word in wanted.words)]
    assert unexpected == []


def test_the_table_is_complete(hostile):
    listed = {item["name"] for item in json.loads((hostile / "manifest.json").read_text())["items"]}
    assert listed == {*CLIPS, *PICTURES, *SOUNDS}


@pytest.mark.parametrize("name", [*CLIPS, *PICTURES])
def test_clips_and_pictures_given_to_check(cli, here, hostile, name):
    ran = cli("check", hostile / name, "--quiet")
    judge(ran, name, {**CLIPS, **PICTURES}[name])
    assert list(here.iterdir()) == []


@pytest.fixture
def drawn(monkeypatch, make, here, base):
    """An avatar whose frames are grey: the sounds are judged, not the picture."""

    def load_renderer(avatar, background=None, size=None, device=None):
        grey = np.full((512, 512, 3), 90, np.uint8)
        return SimpleNamespace(frames=lambda motion: (grey for _ in range(len(motion.expression))))

    monkeypatch.setattr(rendering, "load_renderer", load_renderer)
    monkeypatch.setattr("mimictalk.avatar.installed", lambda: base)
    return make(here / "me", with_prompt=False)


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds_given_to_render(cli, here, hostile, drawn, name):
    ran = cli("render", "me", "--audio", hostile / name, "-o", "out.mp4", "--quiet")
    ran.err = ran.err.replace(
        "warning: the avatar has no talking style of its own: an average one is used\n", ""
    )
    judge(ran, name, SOUNDS[name])
    made = ["me"] if isinstance(SOUNDS[name], Refused) else ["me", "out.mp4"]
    assert sorted(entry.name for entry in here.iterdir()) == made


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["v_zero_bytes.mp4", "v_tiny_64px.mp4", "v_face_lost_3s_to_7s.mp4", "p_16px.png"]
)
def test_the_real_program_adapts_or_refuses(here, hostile, name):
    program = Path(sys.executable).with_name("mimictalk")
    command = [program, "adapt", hostile / name, "-o", "me", "--steps", "2", "--quiet", *AGREED]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, timeout=600)
    wanted = {**CLIPS, **PICTURES}[name]
    assert done.returncode == (2 if isinstance(wanted, Refused) else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(entry.name for entry in here.iterdir()) == ([] if isinstance(wanted, Refused) else ["me"])
