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
from measure_line import picture_measures as pictures


def flat(value: float, frames: int = 1, size: int = 16) -> np.ndarray:
    return np.full((frames, size, size, 3), value, np.uint8)


class TestPictureMeasures:
    def test_psnr_of_an_error_of_one_grey_level(self):
        np.testing.assert_allclose(pictures.psnr(flat(100), flat(101)), [10 * math.log10(255**2)])

    def test_psnr_of_white_against_black_is_zero(self):
        np.testing.assert_allclose(pictures.psnr(flat(0, 2), flat(255, 2)), [0, 0], atol=1e-12)

    def test_psnr_of_equal_pictures_is_bounded_by_rounding(self):
        np.testing.assert_allclose(pictures.psnr(flat(7), flat(7)), [10 * math.log10(255**2 * 12)])

    def test_psnr_of_a_box_sees_only_the_box(self):
        output = flat(100)
        output[0, 4:8, 4:8] = 110
        inside = pictures.psnr(flat(100), output, [(4, 4, 8, 8)])
        outside = pictures.psnr(flat(100), output, [(8, 8, 16, 16)])
        np.testing.assert_allclose(inside, [10 * math.log10(255**2 / 100)])
        assert outside[0] > 58

    def test_ssim_is_one_for_equal_pictures_and_low_for_noise(self):
        noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
        np.testing.assert_allclose(pictures.ssim(noise, noise), [1, 1])
        assert (pictures.ssim(noise, noise[::-1]) < 0.1).all()

    def test_halve_averages_four_pixels(self):
        np.testing.assert_array_equal(pictures.halve(np.array([[0.0, 4.0, 9.0], [8.0, 12.0, 9.0]])), [[6.0]])

    def test_laplacian_of_a_parabola_is_two(self):
        parabola = np.tile(np.arange(8.0) ** 2, (8, 1))
        assert pictures.rms_laplacian(parabola) == 2.0

    def test_sharpness_of_half_the_contrast_is_one_half(self):
        checks = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((2, 2)))[None, ..., None].repeat(3, -1)
        sharp, soft = (checks * 200).astype(np.uint8), (checks * 100).astype(np.uint8)
        np.testing.assert_allclose(pictures.sharpness(sharp, soft, [(0, 0, 16, 16)]), [0.5])

    def test_gmsd_of_a_ramp_against_nothing(self):
        # Halved, the ramp climbs by 8: gradient 2 * 8 inside, 8 on the two rim columns (repeated rim).
        ramp = np.tile(np.arange(0, 80, 8, np.uint8).repeat(2), (20, 1))[None, ..., None].repeat(3, -1)
        inner, rim = 170 / (16**2 + 170), 170 / (8**2 + 170)
        expected = abs(rim - inner) * math.sqrt(0.2 * 0.8)
        box = [(0, 0, 20, 20)]
        np.testing.assert_allclose(pictures.gmsd(ramp, flat(0, 1, 20), box), [expected])
        np.testing.assert_allclose(pictures.gmsd(ramp, ramp, box), [0], atol=1e-12)

    def test_flicker_counts_only_where_the_original_stands_still(self):
        true, output = flat(100, 4), flat(100, 4)
        true[1::2, :, :8] += 50  # the left half moves, so what the output does there is not flicker
        output[1::2, :, :8] += 90
        assert pictures.flicker(true, output) == 0
        output[1::2, :, 8:] += 2  # the still half blinks by two grey levels; the judge allows for 0.1
        assert pictures.flicker(true, output) == pytest.approx(2 / 0.1)

    def test_flicker_is_undefined_when_everything_moves(self):
        moving = flat(0, 3)
        moving[1] = 90
        assert math.isnan(pictures.flicker(moving, moving))


class TestLandmarks:
    def test_bounding_square_is_as_wide_as_the_larger_side(self):
        points = np.array([[10.0, 20.0], [30.0, 24.0]])
        assert landmarks.bounding_square(points, 1.6, 512) == (4, 6, 36, 38)

    def test_bounding_square_ends_at_the_picture(self):
        assert landmarks.bounding_square(np.array([[0.0, 0.0], [20.0, 20.0]]), 2.0, 25) == (0, 0, 25, 25)

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
    def test_correlation_by_hand(self):
        # Deviations (-1, 0, 1) and (-4, -1, 5)/3: 3 / sqrt(2 * 42/9).
        value = motion.correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
        assert value == pytest.approx(3 / math.sqrt(84 / 9))

    def test_correlation_skips_frames_without_a_face(self):
        truth = np.array([1.0, 2.0, np.nan, 3.0])
        assert motion.correlation(truth, np.array([1.0, 2.0, 99.0, 3.0])) == pytest.approx(1)

    def test_a_flat_curve_follows_nothing(self):
        assert motion.correlation(np.ones(5), np.arange(5.0)) == 0

    @pytest.mark.parametrize("late", [-3, -2, 0, 1, 5])
    def test_lag_is_positive_when_the_curve_comes_late(self, late):
        signal = np.random.default_rng(1).normal(size=300)
        result = motion.agreement(signal[20 - late : 220 - late], signal[20:220])
        assert result.lag == late
        if abs(late) <= 2:
            assert result.correlation == pytest.approx(1)
        else:
            assert result.correlation < 0.3

    def test_landmark_distance_is_scaled_and_skips_lost_faces(self):
        true = np.zeros((2, 3, 2))
        output = true + np.array([3, 4])
        output[1] = np.nan
        assert motion.landmark_distance(true, output, 0.5) == pytest.approx(2.5)

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
