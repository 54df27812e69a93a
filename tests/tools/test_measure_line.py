"""The judge of the line, judged: every expected number here is worked by hand."""

import math
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from measure_line import clips, figures, judge, landmarks, main, process, sheets
from measure_line import motion_measures as motion


def flat(value: float, frames: int = 1, size: int = 16) -> np.ndarray:
    return np.full((frames, size, size, 3), value, np.uint8)


class TestLandmarks:
    def test_mouth_opening_is_the_mean_gap_over_the_eye_distance(self):
        points = np.zeros((2, 478, 3))
        points[:, 263, 0] = 100
        for gap, (upper, lower) in zip((20, 10, 30), landmarks.INNER_LIP_PAIRS, strict=True):
            points[0, upper], points[0, lower] = (50, 50, 0), (50, 50 + gap, 0)
        np.testing.assert_allclose(landmarks.mouth_opening(points), [0.2, 0.0])

    def test_a_face_is_found_and_an_empty_frame_is_nan(self):
        from skimage.data import astronaut

        face = astronaut()[:300, 100:400]
        found = landmarks.detect(np.stack([face, np.zeros_like(face)]))
        assert np.isnan(found[1]).all()
        # In this well-known picture the face lies around (123, 113) of the crop and is about 100 pixels wide.
        x0, y0, x1, y1 = landmarks.face_box(found[0], 300)
        assert abs((x0 + x1) / 2 - 123) < 15
        assert abs((y0 + y1) / 2 - 113) < 15
        assert 90 < x1 - x0 < 170


class TestMotionMeasures:
    def test_aperture_does_not_let_tight_lips_pay_for_open_ones(self):
        opening = np.array([0.1, 0.3, 0.0, 0.5])
        assert motion.aperture(opening, 0.1, 0.5) == pytest.approx((0.2 + 0.4) / 4 / 0.4)

    def test_speaking_range_is_the_5th_to_95th_percentile(self):
        assert motion.speaking_range(np.arange(101.0)) == (5, 95)

    def test_energy_envelope_in_decibels(self):
        sound = np.concatenate([np.full(640, 1.0), np.full(640, 0.1), np.zeros(10)]).astype(np.float32)
        expected = [0, -20, -60]
        np.testing.assert_allclose(motion.energy_envelope(sound, 16000, 3), expected, atol=1e-3)


def grey_clip(path: Path, levels: list[int], pts: list[int], rate: int) -> None:
    """Write frames of one brightness each at the given ticks of 1/rate s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        for level, tick in zip(levels, pts, strict=True):
            frame = av.VideoFrame.from_ndarray(flat(level, 1, 64)[0], format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class TestClips:
    def test_frames_are_read_by_time_stamp(self, tmp_path):
        # 50 per second: every second one is shown at a tick of 1/25 s; the gap of 0.1 s is filled.
        grey_clip(tmp_path / "a.mp4", [0, 40, 80, 120, 160], [0, 1, 2, 3, 8], 50)
        levels = clips.read_frames(tmp_path / "a.mp4").mean(axis=(1, 2, 3))
        np.testing.assert_allclose(levels, [40, 120, 120, 120, 160][: len(levels)], atol=4)
        assert len(levels) in (4, 5)

    def test_cut_keeps_picture_and_sound_in_step(self, tmp_path):
        levels = np.arange(50) * 4 + 20
        sound = np.zeros(2 * 48000, np.float32)
        sound[int(1.7 * 48000)] = 1.0  # a click at 1.7 s: 0.1 s after the cut at 1.6 s
        frames = np.concatenate([flat(level, 1, 64) for level in levels])
        clips.write_clip(tmp_path / "whole.mp4", frames, sound, 48000)
        split = clips.cut(tmp_path / "whole.mp4", 0.8, tmp_path)
        assert (len(split.first_frames), len(split.last_frames)) == (40, 10)
        again = clips.read_frames(split.last)
        assert len(again) == 10
        np.testing.assert_allclose(again.mean(axis=(1, 2, 3)), levels[40:], atol=3)
        tail = clips.read_sound(split.last, 48000)
        assert abs(int(np.abs(tail).argmax()) - 4800) < 48  # one millisecond

    def test_wav_round_trip(self, tmp_path):
        sound = np.sin(np.arange(1600) / 10).astype(np.float32) * 0.5
        clips.write_wav(tmp_path / "a.wav", sound)
        np.testing.assert_allclose(clips.read_sound(tmp_path / "a.wav"), sound, atol=1e-4)


class TestProcess:
    def test_memory_of_children_is_counted(self, tmp_path):
        child = "import time; block = bytearray(b'x' * 150_000_000); time.sleep(0.8)"
        parent = (
            f"import json, subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]);"
            "print(json.dumps({'a': 1}))"
        )
        run = process.run([sys.executable, "-c", parent], tmp_path / "log.txt")
        assert run.peak_gb >= 0.15
        assert run.seconds >= 0.8
        assert run.result == {"a": 1}

    def test_cpu_time_is_not_wall_time(self, tmp_path):
        run = process.run([sys.executable, "-c", "import time; time.sleep(0.6)"], tmp_path / "log.txt")
        assert run.cpu_seconds < 0.5 < run.seconds

    def test_failure_tells_the_end_of_the_log(self, tmp_path):
        with pytest.raises(process.CommandFailed, match="no such thing"):
            process.run([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path / "log.txt")


def test_memory_of_who_measures_is_not_taken_for_the_commands(tmp_path):
    held = bytearray(400_000_000)  # a child's ru_maxrss begins with it
    held[::4096] = b"x" * len(held[::4096])
    found = process.run([sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path / "small.log")
    assert 0 < found.peak_gb < 0.2


class TestFigures:
    @pytest.mark.parametrize(
        ("value", "bar", "sense", "holds"),
        [
            (2.0, 2.0, ">=", True),
            (1.9, 2.0, ">=", False),
            (2.0, 2.0, "<=", True),
            (2.1, 2.0, "<=", False),
            (1.0, None, ">=", None),
        ],
    )
    def test_holds_is_computed(self, value, bar, sense, holds):
        assert figures.Figure("a", value, "dB", bar=bar, sense=sense).holds is holds

    def test_a_missing_value_needs_a_reason_and_does_not_hold(self):
        with pytest.raises(ValueError, match="neither a value nor a reason"):
            figures.Figure("a", None, "dB")
        assert figures.Figure("a", None, "dB", bar=1.0, reason="no face").holds is False

    def test_not_a_number_is_a_missing_value(self):
        entry = figures.Figure("a", float("nan"), "dB", bar=1.0).as_json()
        assert entry["value"] is None
        assert entry["holds"] is False

    def test_report_counts_what_holds(self, tmp_path):
        judged = [figures.Figure("a", 3.0, "dB", bar=1.0), figures.Figure("b", 0.0, "dB", bar=1.0)]
        entry = figures.report([*judged, figures.Figure("c", 1.0, "s")], tmp_path, seed=7)
        assert (entry["held"], entry["judged"], entry["seed"]) == (1, 2, 7)


class TestSheets:
    def test_difference_is_amplified_and_clipped(self):
        assert sheets.difference(flat(10), flat(13)).max() == 12
        assert sheets.difference(flat(0), flat(255)).min() == 255

    def test_contact_sheet_has_a_tile_per_frame_and_row(self, tmp_path):
        from PIL import Image

        rows = {"true": flat(9, 20, 64), "output": flat(99, 20, 64)}
        sheets.contact_sheet(tmp_path / "a.png", rows, columns=3)
        with Image.open(tmp_path / "a.png") as sheet:
            assert sheet.size == (3 * 256, 2 * 256)

    def test_plot_is_written(self, tmp_path):
        sheets.plot_curves(tmp_path / "a.png", "title", {"true": np.arange(9.0), "output": np.arange(5.0)})
        assert (tmp_path / "a.png").stat().st_size > 1000


class TestJudge:
    def test_one_frame_too_many_or_too_few_is_allowed(self):
        true = flat(0, 5)
        assert len(judge.same_length(true, flat(0, 6))) == 5
        assert (
            judge.same_length(true, np.arange(4, dtype=np.uint8)[:, None, None, None] * flat(1, 4))[
                4, 0, 0, 0
            ]
            == 3
        )
        with pytest.raises(ValueError, match="7 frames"):
            judge.same_length(true, flat(0, 7))
        with pytest.raises(ValueError, match="frames of"):
            judge.same_length(true, flat(0, 5, 32))

    def test_nearest_frame_by_mean_landmark_distance(self):
        learned = np.stack([flat(level)[0] for level in (10, 20, 30)])
        points = np.array([[[0.0, 0.0]], [[5.0, 0.0]], [[np.nan, np.nan]]])
        wanted = np.array([[[4.0, 0.0]], [[1.0, 1.0]]])
        assert judge.nearest_frames(learned, points, wanted)[:, 0, 0, 0].tolist() == [20, 10]

    def test_mean_frame(self):
        learned = np.concatenate([flat(10), flat(13)])
        assert judge.mean_frame(learned, 4).shape == (4, 16, 16, 3)
        assert judge.mean_frame(learned, 4)[3, 0, 0, 0] in (11, 12)

    def test_the_true_frames_score_best(self):
        from skimage.data import astronaut
        from skimage.transform import resize

        still = (resize(astronaut()[:300, 100:400], (256, 256)) * 255).astype(np.uint8)
        frames = np.stack([still] * 3)
        truth = judge.Truth.of(frames)
        best = judge.score(truth, frames)
        assert best.full_psnr > 58
        assert best.ssim == pytest.approx(1)
        assert best.sharpness == pytest.approx(1)
        assert best.gmsd == pytest.approx(0)
        assert best.landmark_distance < 0.5
        assert best.faces_found == 1
        lost = judge.score(truth, np.zeros_like(frames))
        assert lost.faces_found == 0
        assert math.isnan(lost.landmark_distance)
        with pytest.raises(ValueError, match="no face in 2 true frames, the first is 0"):
            judge.Truth.of(np.zeros_like(frames[:2]))


class TestMain:
    def test_a_failed_part_is_a_figure_that_does_not_hold(self):
        def broken():
            raise process.CommandFailed("exit code 2\nno face")

        (figure,) = main.attempt("clip/video", broken)
        assert figure.holds is False
        assert figure.reason == "exit code 2 | no face"

    def test_an_unforeseen_error_is_not_hidden(self):
        def broken():
            raise KeyError("expression")

        with pytest.raises(KeyError):
            main.attempt("clip/video", broken)

    def test_clips_together(self):
        values = zip(main.CLIPS, (2.5, 0.1, 2.0, 1.9), (0.3, 0.4, 0.4, 0.3), strict=True)
        single = []
        for clip, gain, lips in values:
            single.append(figures.Figure(f"{clip}/full_psnr_gain", gain, "dB"))
            single.append(figures.Figure(f"{clip}/lips_model_correlation", lips, "r"))
        clear, lips = main.over_all(single, list(main.CLIPS))
        assert (clear.value, clear.holds) == (2, True)
        assert lips.value == pytest.approx(0.35)
        assert main.over_all(single, ["ref_m_german_20s"]) == []

    def test_unknown_clip(self, tmp_path):
        with pytest.raises(SystemExit, match="no such clip"):
            main.find_clip("nobody", tmp_path)
