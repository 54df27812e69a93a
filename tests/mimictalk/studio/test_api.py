"""The way through the API: send, check, adapt, render, fetch; and its plain refusals."""

import stat

import pytest
from studio_files import MP4, PNG


def test_the_whole_way(http, studio, send, finished):
    clip, speech = send(name="me talking.mp4"), send(b"RIFF\0\0\0\0WAVE" + bytes(50), "hello.wav")
    checked = http.post("/api/v1/checks", json={"clip": clip})
    assert (checked.status_code, checked.json()["state"]) == (202, "queued")
    finished(checked.json()["id"], {"check": {"ok": True, "seconds": 20.0, "frames": 500, "speech": True}})
    seen = http.get(f"/api/v1/jobs/{checked.json()['id']}").json()
    assert (seen["verdict"], seen["facts"]["seconds"], seen["title"]) == ("go", 20.0, "me talking.mp4")

    asked = {"clip": clip, "name": "Me", "consent": "I am the person shown.", "steps": 5}
    adapted = http.post("/api/v1/avatars", json=asked).json()
    assert studio.jobs.get(adapted["id"]).options["steps"] == 5
    assert http.get("/api/v1/avatars").json() == []
    finished(
        adapted["id"], {"adapt": {"steps": 5}}, avatar__preview_dot_png=PNG, avatar__avatar_dot_json=b"{}"
    )
    (avatar,) = http.get("/api/v1/avatars").json()
    assert (avatar["id"], avatar["name"], avatar["consent"]) == (adapted["id"], "Me", asked["consent"])
    assert http.get(f"/api/v1/avatars/{avatar['id']}/preview").content == PNG

    wanted = {"avatar": avatar["id"], "audio": speech, "style_strength": 1.5, "background": "#00ff00"}
    rendered = http.post("/api/v1/renders", json=wanted).json()
    folder = studio.folder.job(rendered["id"])
    assert sorted(path.name for path in (folder / "in").iterdir()) == ["audio.wav", "avatar"]
    assert (folder / "in/avatar/avatar.json").read_bytes() == b"{}"
    finished(
        rendered["id"], {"render": {"frames": 9}, "verify": {"ok": True, "marked": True}}, video_dot_mp4=MP4
    )
    seen = http.get(f"/api/v1/jobs/{rendered['id']}").json()
    assert (seen["provenance"], seen["files"]) == ({"marked": True}, ["video.mp4"])
    assert http.get(f"/api/v1/jobs/{rendered['id']}/files/video.mp4").content == MP4
    part = http.get(f"/api/v1/jobs/{rendered['id']}/files/video.mp4", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")

    assert http.delete(f"/api/v1/uploads/{speech}").status_code == 204
    assert (folder / "in/audio.wav").is_file(), "a job keeps its files"
    assert http.delete(f"/api/v1/avatars/{avatar['id']}").status_code == 204
    assert not studio.folder.job(avatar["id"]).exists()
    assert (folder / "in/avatar/avatar.json").is_file()


def test_a_no_go_comes_with_cause_and_cure(http, send, finished):
    job = http.post("/api/v1/checks", json={"clip": send()}).json()
    said = {"subject": "in/clip.mp4", "cause": "no face was found", "cure": "Show one face."}
    finished(job["id"], {"check": {"ok": False, "error": said}})
    seen = http.get(f"/api/v1/jobs/{job['id']}").json()
    assert seen["verdict"] == "no-go"
    assert seen["error"] == {**said, "subject": "clip.mp4"}


def test_consent_is_part_of_the_question(http, send):
    answer = http.post("/api/v1/avatars", json={"clip": send(), "name": "Me"})
    assert (answer.status_code, answer.json()["error"]["subject"]) == (422, "consent")
    assert (
        http.post("/api/v1/avatars", json={"clip": send(), "name": "Me", "consent": " "}).status_code == 422
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"audio": None}, 409),
        ({"drive": "own"}, 409),
        ({"audio": None, "drive": "own", "style": "own"}, 409),
        ({"audio": None, "drive": "own", "pose": "own"}, 409),
        ({"audio": None, "drive": "own", "blink": "none", "pose": "static", "mouth": 1.5}, 202),
        ({"mouth": 2.1}, 422),
        ({"blink": 2.1}, 422),
        ({"blink": "often"}, 422),
        ({"gaze": "up"}, 422),
        ({"gaze": "21,0"}, 422),
        ({"pose": "0,13,0"}, 422),
        ({"pose": "1,2"}, 422),
        ({"mouth": 0, "blink": 0.5, "gaze": "-20,6", "pose": "-20,12,-15"}, 202),
        ({"background": "own"}, 409),
        ({"audio": "picture"}, 409),
        ({"avatar": "own"}, 404),
        ({"style_strength": 4.1}, 422),
        ({"style_strength": "1"}, 422),
        ({"seed": -1}, 422),
        ({"unknown": 1}, 422),
        ({"background": "picture"}, 202),
        ({"pose": "own", "style": "own"}, 202),
        ({"audio": None, "drive": "own", "drive_pose": "absolute"}, 202),
    ],
)
def test_what_a_render_takes(http, send, avatar, change, status):
    ids = {"own": send(), "picture": send(PNG, "sky.png")}
    body = {"avatar": avatar, "audio": ids["own"]} | {
        name: ids.get(value, value) if isinstance(value, str) else value for name, value in change.items()
    }
    answer = http.post("/api/v1/renders", json={name: v for name, v in body.items() if v is not None})
    assert answer.status_code == status, answer.text
    if status == 409:
        assert answer.json()["error"]["cure"]


def test_asking_a_job(http, send):
    job = http.post("/api/v1/checks", json={"clip": send()}).json()["id"]
    states = [
        http.post(f"/api/v1/jobs/{job}/{wish}").json()["state"] for wish in ("pause", "resume", "cancel")
    ]
    assert states == ["paused", "queued", "cancelled"]
    assert http.post(f"/api/v1/jobs/{job}/pause").status_code == 409
    assert http.get("/api/v1/jobs", params={"state": "cancelled"}).json()[0]["id"] == job
    assert http.delete(f"/api/v1/jobs/{job}").status_code == 204
    assert http.get(f"/api/v1/jobs/{job}").status_code == 404


def test_a_full_queue_says_so(http, studio, send):
    clip = send()
    codes = [http.post("/api/v1/checks", json={"clip": clip}).status_code for _ in range(33)]
    assert codes == [202] * 32 + [503]
    assert len(list(studio.folder.jobs.iterdir())) == 32


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"ffconcat version 1.0\nfile other.mp4\n",
        b"#EXTM3U\n" * 9,
        b"\x80\x04\x95" * 20,
        b"%PDF-1.7" * 9,
    ],
)
def test_what_is_no_media_is_refused_whatever_its_name(http, studio, content):
    answer = http.post("/api/v1/uploads", params={"name": "clip.mp4"}, content=content)
    assert answer.status_code == 415
    assert list(studio.folder.uploads.iterdir()) == []


def test_what_a_crash_left_is_swept(studio, folder, submit, store):
    job = submit()
    (folder.jobs / ("0" * 32)).mkdir()
    (folder.uploads / ("1" * 32 + ".part")).write_bytes(b"half")
    studio.sweep()
    assert [path.name for path in folder.jobs.iterdir()] == [job.id]
    assert list(folder.uploads.iterdir()) == []


def test_the_first_token_is_kept_and_is_the_owners_alone(studio):
    token = studio.tokens.first(studio.folder.token)
    assert studio.tokens.first(studio.folder.token) == token
    assert stat.S_IMODE(studio.folder.token.stat().st_mode) == 0o600
    assert studio.tokens.owner_of(token) == "me"
    assert token.encode() not in studio.folder.database.read_bytes()


def test_the_description_lists_every_endpoint(http):
    paths = http.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/uploads", "/api/v1/avatars", "/api/v1/renders", "/api/v1/events"} <= set(paths)
    assert http.get("/docs").status_code == http.get("/openapi.json").status_code == 404
