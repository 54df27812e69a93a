"""Single frames through the API: right ones, refusals, a process that dies, hangs, or is asked too often."""

import json
import os
import threading
import time

import pytest
from PIL import Image
from starlette.testclient import TestClient
from studio_files import MP4, PNG, bearer

from mimictalk.errors import InputError, RunError
from mimictalk.studio.api import make_app
from mimictalk.studio.limits import Limits
from mimictalk.studio.preview_process import PreviewBusy, PreviewProcess
from mimictalk.studio.steps import steps

PREVIEWS = "/api/v1/previews"


def asked_of(folder) -> list[dict]:
    """What the process was asked, in order."""
    return [json.loads(line) for line in (folder.previews / "asked").read_text().splitlines()]


def grey(content: bytes, tmp_path) -> int:
    (tmp_path / "shown.png").write_bytes(content)
    with Image.open(tmp_path / "shown.png") as picture:
        return int(picture.convert("L").getpixel((5, 5)))


def test_a_preview_is_the_frame_of_these_settings(http, studio, folder, send, avatar, tmp_path):
    speech, sky = send(b"RIFF\0\0\0\0WAVE" + bytes(50), "hello.wav"), send(PNG, "sky.png")
    body = {
        "avatar": avatar, "at": 2.5, "audio": speech, "style_strength": 1.5, "pose": "-10,5,0", "mouth": 2,
        "blink": 0.5, "gaze": "forward", "background": sky, "label": "AI-generated", "seed": 3,
    }  # fmt: skip
    answer = http.post(PREVIEWS, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert (answer.headers["preview-at"], answer.headers["preview-seconds"]) == ("2.5", "8")
    assert answer.headers["cache-control"] == "no-store"
    assert grey(answer.content, tmp_path) == 220  # 60 + 80 * mouth
    (asked,) = asked_of(folder)
    assert asked == {
        **body, "blink": "0.5", "avatar": str(folder.job(avatar) / "out/avatar"),
        "audio": str(folder.upload(speech)), "background": str(folder.upload(sky)),
    }  # fmt: skip


def test_the_least_that_a_preview_needs_is_an_avatar(http, folder, avatar, tmp_path):
    assert grey(http.post(PREVIEWS, json={"avatar": avatar}).content, tmp_path) == 140
    assert grey(http.post(PREVIEWS, json={"avatar": avatar, "mouth": 0}).content, tmp_path) == 60
    assert [set(each) for each in asked_of(folder)] == [
        {"avatar", "at", "seed"},
        {"avatar", "at", "seed", "mouth"},
    ]


@pytest.mark.parametrize(
    ("change", "status", "subject"),
    [
        ({"at": -1}, 422, "at"),
        ({"at": "2"}, 422, "at"),
        ({"mouth": 2.01}, 422, "mouth"),
        ({"pose": "25,0,0"}, 422, "pose"),
        ({"pose": "0" * 32}, 422, "pose"),
        ({"gaze": "0,13"}, 422, "gaze"),
        ({"drive": "0" * 32}, 422, "drive"),
        ({"background": "sky.png"}, 422, "background"),
        ({"avatar": "0" * 32}, 404, "id"),
        ({"audio": "0" * 32}, 404, "id"),
        ({"background": "0" * 32}, 404, "id"),
        ({"audio": "picture"}, 409, "audio"),
        ({"background": "clip"}, 409, "background"),
    ],
)
def test_what_is_refused(http, send, folder, avatar, change, status, subject):
    ids = {"picture": send(PNG, "sky.png"), "clip": send()}
    body = {"avatar": avatar} | {name: ids.get(value, value) for name, value in change.items()}
    answer = http.post(PREVIEWS, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["subject"].split(".")[0] == subject
    assert not folder.previews.exists(), "no process is started for what is refused"


def test_another_owners_avatar_and_uploads_are_not_there(http, studio, folder, send, avatar, previews):
    other, sky = studio.tokens.make("other"), send(PNG, "sky.png")
    with TestClient(
        make_app(studio, previews=previews), base_url="http://127.0.0.1", headers=bearer(other)
    ) as client:
        assert client.post(PREVIEWS, json={"avatar": avatar}).status_code == 404
        assert client.post(PREVIEWS, json={"avatar": avatar, "background": sky}).status_code == 404
        assert client.post(PREVIEWS, json={"avatar": avatar}, headers=bearer("x" * 43)).status_code == 401
    assert not folder.previews.exists()


def test_previews_have_a_rate_of_their_own(studio, token, avatar, previews):
    studio.limits = Limits(free_bytes=1, previews_per_minute=3)
    with TestClient(
        make_app(studio, previews=previews), base_url="http://127.0.0.1", headers=bearer(token)
    ) as client:
        codes = [client.post(PREVIEWS, json={"avatar": avatar}).status_code for _ in range(5)]
        assert codes == [200] * 3 + [429] * 2
        assert client.get("/api/v1/jobs").status_code == 200


def test_an_error_names_no_place_on_this_machine(http, studio, folder, avatar):
    (folder.job(avatar) / "out/avatar").rename(folder.job(avatar) / "out/gone")
    answer = http.post(PREVIEWS, json={"avatar": avatar})
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "subject": "avatar", "cause": "there is no such folder", "cure": "Look at avatar.",
    }  # fmt: skip


def test_a_process_that_dies_is_started_again(previews, tmp_path):
    with pytest.raises(RunError, match="its process ended"):
        previews.draw({"avatar": str(tmp_path), "at": 0, "label": "deadly"})
    assert previews.draw({"avatar": str(tmp_path), "at": 1}).at == 1
    with pytest.raises(InputError, match="there is no such folder"):
        previews.draw({"avatar": str(tmp_path / "none"), "at": 1})


def test_what_takes_too_long_is_ended_and_only_so_many_wait(previews, folder, tmp_path):
    asked = {"avatar": str(tmp_path), "at": 0}
    previews.draw(asked)
    hasty = PreviewProcess(folder.previews, Limits(preview_seconds=3, waiting_previews=1), previews._program)
    hasty.draw(asked)
    process, seen = hasty._process, []

    def ask() -> None:
        try:
            hasty.draw({**asked, "label": "slow"})
        except RunError as error:
            seen.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    with pytest.raises(PreviewBusy):
        hasty.draw(asked)
    thread.join(timeout=20)
    assert str(seen[0]).startswith("preview: it took more than 3 s")
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert hasty.draw(asked).seconds == 8
    hasty.close()


def test_a_render_gets_the_controls_as_options(http, studio, send, avatar):
    body = {
        "avatar": avatar, "audio": send(), "mouth": 1.5, "blink": 0.5, "gaze": "-5,2", "pose": "-10,0,0",
        "background": "#00ff00",
    }  # fmt: skip
    job = studio.jobs.get(http.post("/api/v1/renders", json=body).json()["id"])
    words = steps(job)[0].arguments
    assert {"--mouth=1.5", "--blink=0.5", "--gaze=-5,2", "--pose=-10,0,0", "--background=#00ff00"} <= {*words}
    lent = {**body, "pose": send(MP4 + b"x")}
    job = studio.jobs.get(http.post("/api/v1/renders", json=lent).json()["id"])
    assert "--pose=in/pose.mp4" in steps(job)[0].arguments
