"""The whole way from a clip to a marked video, on the synthetic material of `mimictalk demo`.

    .venv/bin/python docs/examples/mimictalk_whole_way.py --out out/whole_way

It learns for a few steps only, to be over soon: the likeness needs `mimictalk adapt` with its own number.
"""

import argparse
import json
import shutil
import subprocess
import sys
import wave
from importlib import resources
from pathlib import Path

import numpy as np

from mimictalk import Avatar
from talk_motion import load_audio

CONSENT = "A computed person: nobody is shown."


def mimictalk(*arguments: object) -> dict[str, object]:
    """Run one command and read the object that --json prints."""
    command = [sys.executable, "-m", "mimictalk", *map(str, arguments), "--json", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Adapt, look into the avatar, render, verify."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, default=Path("out/whole_way"))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--first", default="2s", help="of the clip to learn from")
    parser.add_argument("--seconds", type=float, default=2.0, help="of speech to say")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in ("reference.mp4", "demo_speech.flac"):
        with resources.as_file(resources.files("mimictalk") / "data" / "demo" / name) as path:
            shutil.copy(path, given.out / name)
    speech = given.out / "speech.wav"
    write_wav(speech, load_audio(given.out / "demo_speech.flac")[: round(given.seconds * 16000)])

    me = given.out / "avatar"
    learning = ("--steps", given.steps, "--first", given.first, "--no-tune-motion", "--force")
    mimictalk("adapt", given.out / "reference.mp4", "-o", me, "--consent", CONSENT, *learning)
    avatar = Avatar.load(me)  # every file is checked against its sha256
    print(f"avatar {avatar.sha256[:12]}: {avatar.manifest.steps} steps, preset {avatar.manifest.preset}")
    video = given.out / "talking.mp4"
    mimictalk("render", me, "--audio", speech, "-o", video, "--label")
    verdict = mimictalk("verify", video)
    print(f"{video}: marked as synthetic: {verdict['marked']}")


def write_wav(path: Path, samples: np.ndarray) -> None:
    """16 kHz mono in [-1, 1] as 16 bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
