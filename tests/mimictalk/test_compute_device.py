"""--device: what it may say, and what it comes to on machines with GPUs and without."""

import pytest
import torch

from mimictalk.adapt_job import AdaptSettings
from mimictalk.compute_device import chosen_device
from mimictalk.errors import InputError
from mimictalk.render_job import RenderSettings
from mimictalk.render_key import render_key


@pytest.fixture
def gpus(monkeypatch):
    """Sets how many GPUs torch sees, and whether it was built for them."""

    def set_(count: int, built: str | None = "12.8") -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.version, "cuda", built)

    return set_


@pytest.mark.parametrize(
    ("count", "text", "meant"),
    [
        (0, "auto", "cpu"),
        (0, "cpu", "cpu"),
        (2, "auto", "cuda:0"),
        (2, "cpu", "cpu"),
        (2, "cuda", "cuda:0"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_what_is_meant(gpus, count, text, meant):
    gpus(count)
    assert chosen_device(text) == torch.device(meant)


@pytest.mark.parametrize(
    ("count", "built", "text", "said"),
    [
        (0, None, "cuda", "cuda cannot be used: the torch that is installed was built for the CPU"),
        (0, "12.8", "cuda:0", "cuda:0 is not there: torch sees no CUDA devices"),
        (2, "12.8", "cuda:2", "cuda:2 is not there: torch sees 2 CUDA devices"),
    ],
)
def test_a_device_that_is_not_there_is_told_with_a_cure(gpus, count, built, text, said):
    gpus(count, built)
    with pytest.raises(InputError) as refused:
        chosen_device(text)
    assert refused.value.cause == said
    assert "--device cpu" in refused.value.cure


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", "", "auto ", "mps"])
def test_what_is_no_device_is_quoted(text, tmp_path):
    for settings in (
        lambda: AdaptSettings(tmp_path / "me.mp4", tmp_path / "me", device=text),
        lambda: RenderSettings(audio=tmp_path / "hello.wav", device=text),
    ):
        with pytest.raises(InputError) as refused:
            settings()
        assert (refused.value.subject, refused.value.cause) == ("--device", f"{text!r} is no device")
        assert refused.value.exit_code == 2


def test_the_commands_refuse_a_gpu_that_is_not_there(cli, me, here, gpus):
    gpus(0, None)
    (here / "hello.wav").write_bytes(b"speech")
    ran = cli("render", "me", "--audio", "hello.wav", "--device", "cuda")
    assert ran.code == 2
    assert "--device: cuda cannot be used" in ran.err
    assert list(here.glob("*.mp4")) == []


def test_frames_of_the_cpu_and_of_a_gpu_are_not_joined(gpus, tmp_path):
    speech = tmp_path / "hello.wav"
    speech.write_bytes(b"speech")

    def key(device: str) -> str:
        return render_key(RenderSettings(audio=speech, device=device), avatar="a")

    gpus(2)
    assert key("auto") == key("cuda:1") != key("cpu")
    gpus(0)
    assert key("auto") == key("cpu")
