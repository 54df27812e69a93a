"""What the API must not do: every count is asserted, canary files are watched."""

import itertools
import os
import time
from urllib.parse import quote

import pytest
from studio_files import MP4, PNG, bearer
from pydantic import TypeAdapter, ValidationError
from starlette.testclient import TestClient

from mimictalk.studio.api import make_app
from mimictalk.studio.limits import Limits
from mimictalk.studio.requests import (
    AdaptRequest,
    CheckRequest,
    MotionRequest,
    Name,
    PreviewRequest,
    RenderRequest,
)
from mimictalk.studio.studio import Studio

CANARY = b"canary 7f3a"
DEPTHS = ["../" * n for n in range(1, 9)]
TARGETS = ["canary.txt", "etc/passwd", "studio.sqlite3", "token"]


def traversals(folder) -> list[str]:
    """200 ways to write a path that leads elsewhere."""
    plain = [depth + target for depth, target in itertools.product(DEPTHS, TARGETS)]
    forms = [
        *plain,
        *(text.replace("../", "..\\") for text in plain),
        *(quote(text, safe="") for text in plain),
        *(quote(quote(text, safe=""), safe="") for text in plain),
        *(text.replace("../", "....//") for text in plain),
        *(text.replace("..", "%c0%ae%c0%ae") for text in plain[:16]),
        *(f"{'0' * 32}/{text}" for text in plain[:16]),
    ]
    absolute = [
        str(folder.root.parent / "canary.txt"), "/etc/passwd", "//etc/passwd", "file:///etc/passwd", "\\\\host\\share\\a",
        "C:\\windows\\win.ini", "/windows/win.ini", "~/.ssh/id_rsa", "\0", "a\0.mp4", "..\n", "%00",
    ]  # fmt: skip
    found = [*dict.fromkeys([*absolute, *forms])][:200]
    assert len(found) == 200
    return found


def addresses() -> list[str]:
    """80 ways to write an address that a server should not call."""
    hosts = [
        "169.254.169.254", "127.0.0.1", "localhost", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433",
        "0x7f000001", "0177.0.0.1", "127.1", "user@127.0.0.1", "example.org@127.0.0.1", "127.0.0.1.nip.io", "10.0.0.1", "[fe80::1]",
    ]  # fmt: skip
    schemes = ["http://{}/", "https://{}/a.mp4", "ftp://{}/a", "gopher://{}/_x", "//{}/a"]
    found = [form.format(host) for form, host in itertools.product(schemes, hosts)]
    assert len(set(found)) == 80
    return found


ID_FIELDS = {
    "checks": ("clip",),
    "avatars": ("clip", "name", "consent", "licence"),
    "renders": (
        "avatar",
        "name",
        "audio",
        "drive",
        "style",
        "pose",
        "background",
        "blink",
        "drive_pose",
        "gaze",
    ),
    "previews": ("avatar", "audio", "pose", "background", "blink", "gaze", "label"),
    "motions": ("audio", "clip", "name", "pose", "blink"),
}


@pytest.fixture
def canaries(folder):
    """Files that nobody may read, and what lies around the jobs."""
    places = [folder.root.parent / "canary.txt", folder.root / "canary.txt", folder.jobs / "canary.txt"]
    for place in places:
        place.write_bytes(CANARY)
    before = snapshot(folder)
    yield places
    assert snapshot(folder) == before, "something was written outside jobs and uploads"
    assert all(place.read_bytes() == CANARY for place in places)


def snapshot(folder):
    """Every file outside the job and upload folders and the database, with its time of change."""
    own = ("studio.sqlite3", "studio.sqlite3-wal", "studio.sqlite3-shm")
    return {
        path: path.stat().st_mtime_ns
        for path in folder.root.parent.rglob("*")
        if path.name not in own and path not in (folder.root, folder.jobs, folder.uploads)
        and not {folder.jobs, folder.uploads} & {*path.parents}
    }  # fmt: skip


@pytest.fixture
def base(send, avatar):
    """A body for each kind of job that would be taken."""
    clip = send()
    return {
        "checks": {"clip": clip},
        "avatars": {"clip": clip, "name": "Ada", "consent": "yes"},
        "renders": {"avatar": avatar, "audio": clip},
        "previews": {"avatar": avatar, "audio": clip},
        "motions": {"audio": clip},
    }


MODELS = {
    "checks": CheckRequest,
    "avatars": AdaptRequest,
    "renders": RenderRequest,
    "previews": PreviewRequest,
    "motions": MotionRequest,
}


def test_no_field_takes_a_path_or_an_address(folder, base):
    """(200 paths + 80 addresses) x 27 fields."""
    refused = 0
    for hostile, (kind, fields) in itertools.product([*traversals(folder), *addresses()], ID_FIELDS.items()):
        MODELS[kind](**base[kind])
        for field in fields:
            with pytest.raises(ValidationError):
                MODELS[kind](**{**base[kind], field: hostile})
            refused += 1
    assert refused == 280 * 27


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 29])
def test_no_request_with_one_makes_a_job_or_opens_a_file(
    http, studio, folder, base, canaries, monkeypatch, every
):
    opened = []
    real_open = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *rest, **more: (opened.append(str(path)), real_open(path, *rest, **more))[1]
    )
    before = len(studio.jobs.jobs())
    fields = [(kind, field) for kind, fields in ID_FIELDS.items() for field in fields]
    for hostile, (kind, field) in [*itertools.product([*traversals(folder), *addresses()], fields)][::every]:
        answer = http.post(f"/api/v1/{kind}", json={**base[kind], field: hostile})
        assert answer.status_code == 422, (kind, field, hostile, answer.text)
        assert CANARY not in answer.content
    assert len(studio.jobs.jobs()) == before
    assert not [path for path in opened if "canary" in path or "passwd" in path]


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 11])
def test_no_address_leads_out_of_a_folder(http, folder, avatar, base, canaries, every):
    """200 paths x 9 places in the address itself: none answers with anything but a refusal."""
    job, seen = avatar, set()
    places = [
        "/api/v1/jobs/{}", "/api/v1/jobs/{}/log", f"/api/v1/jobs/{job}/files/{{}}", "/api/v1/jobs/{}/files/preview.png",
        "/api/v1/avatars/{}/preview", "/api/v1/avatars/{}", "/{}", "/js/{}", "/api/v1/../{}",
    ]  # fmt: skip
    for hostile, place in [*itertools.product(traversals(folder), places)][::every]:
        text = quote(hostile, safe="/%.\\:") if "%" not in hostile else hostile
        answer = http.get(place.format(text.replace("\\", "%5c")))
        seen.add(answer.status_code)
        assert all(secret not in answer.content for secret in (CANARY, b"root:", b"SQLite"))
    assert seen <= {400, 404, 405, 422}
    for hostile in traversals(folder)[:: every + 9]:
        assert http.delete(f"/api/v1/uploads/{quote(hostile, safe='')}").status_code in (404, 405, 422)


def test_upload_names_are_words(http, folder, canaries):
    names = [*traversals(folder), *addresses()]
    for hostile in names:
        with pytest.raises(ValidationError):
            TypeAdapter(Name).validate_python(hostile)
    for hostile in names[::14]:
        answer = http.post("/api/v1/uploads", params={"name": hostile}, content=MP4)
        assert answer.status_code == 422, hostile
    assert list(folder.uploads.iterdir()) == []
    assert TypeAdapter(Name).validate_python("Mein Clip (2) – ü.mp4")


def test_a_link_in_a_jobs_folder_is_not_followed(http, studio, avatar, canaries):
    preview = studio.folder.job(avatar) / "out/avatar/preview.png"
    preview.unlink()
    preview.symlink_to(canaries[0])
    assert http.get(f"/api/v1/avatars/{avatar}/preview").status_code == 404
    assert http.get(f"/api/v1/jobs/{avatar}").json()["files"] == []


def endpoints(app) -> list[tuple[str, str]]:
    """Every method and path of the API, from its own description."""
    paths = app._app.openapi()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods]


def test_every_endpoint_with_every_kind_of_token(http, studio, avatar, send, base):
    """No, wrong, expired: 401. Another's: as if nothing were there."""
    other = studio.tokens.make("other")
    expired = studio.tokens.make("me", seconds=-1)
    upload = send()
    app = make_app(studio)
    found = endpoints(app)
    assert len(found) == 23
    tried = 0
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for method, path in [*found, ("get", "/api/v1/openapi.json"), ("get", "/api/v1/nothing")]:
            where = path.format(job_id=avatar, avatar_id=avatar, upload_id=upload, name="preview.png")
            for given in (None, "x" * 43, expired, "", "é", "a" * 5000):
                headers = {} if given is None else {"Authorization": f"Bearer {given}".encode()}
                answer = client.request(method, where, headers=headers)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), (
                    method,
                    path,
                )
                tried += 1
            for scheme in ("Basic", "Token"):
                assert (
                    client.request(method, where, headers={"Authorization": f"{scheme} {other}"}).status_code
                    == 401
                )
            if "{" in path:
                answer = client.request(method, where, headers=bearer(other))
                assert answer.status_code == 404, (method, path, answer.text)
                tried += 1
        assert tried == 25 * 6 + 12
        for kind, body in base.items():
            assert client.post(f"/api/v1/{kind}", json=body, headers=bearer(other)).status_code == 404
        for listing in ("jobs", "avatars", "uploads"):
            assert client.get(f"/api/v1/{listing}", headers=bearer(other)).json() == []
    assert http.get(f"/api/v1/avatars/{avatar}").status_code == 200, "nothing was lost"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "evil@127.0.0.1",
        "[::2]",
        "127.0.0.2",
        "0.0.0.0",
    ],
)
def test_a_rebound_name_is_refused(http, host):
    for path in ("/", "/api/v1/jobs"):
        assert http.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:7870", "localhost", "localhost:1", "[::1]:7870"])
def test_this_machines_names_are_accepted(http, host):
    assert http.get("/api/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_are_refused(http, avatar, headers):
    for method in ("get", "post", "delete"):
        assert http.request(method, f"/api/v1/jobs/{avatar}", headers=headers).status_code == 403
    assert http.get("/api/v1/jobs", headers={"Origin": "http://127.0.0.1"}).status_code == 200


def test_an_upload_stops_at_the_first_byte_too_many(studio, token):
    studio.uploads._limits = studio.limits = Limits(upload_bytes=5000, free_bytes=1)
    arrived = []

    def parts():
        for _ in range(10**6):
            arrived.append(1000)
            yield MP4 + bytes(1000 - len(MP4))

    with TestClient(make_app(studio), base_url="http://127.0.0.1", headers=bearer(token)) as client:
        where = "/api/v1/uploads?name=a.mp4"
        assert client.post(where, content=MP4 + bytes(5000 - len(MP4))).status_code == 201
        assert client.post(where, content=MP4 + bytes(5001 - len(MP4))).status_code == 413
        lie = {"Content-Length": "10000000000000"}
        assert client.post(where, content=MP4, headers=lie).status_code == 413
        assert client.post(where, content=MP4, headers={"Content-Length": "-1"}).status_code in (400, 413)
    assert len(list(studio.folder.uploads.iterdir())) == 1


def test_uploads_are_counted(studio, token):
    studio.uploads._limits = Limits(owner_uploads=3, owner_bytes=1000, free_bytes=1)
    with TestClient(make_app(studio), base_url="http://127.0.0.1", headers=bearer(token)) as client:
        where = "/api/v1/uploads?name=a.mp4"
        assert [client.post(where, content=MP4).status_code for _ in range(4)] == [201, 201, 201, 413]
        first = client.get("/api/v1/uploads").json()[0]["id"]
        client.delete(f"/api/v1/uploads/{first}")
        assert client.post(where, content=MP4 + bytes(1000)).status_code == 413
        assert client.post(where, content=PNG).status_code == 201


def test_other_bodies_are_small(http):
    assert http.post("/api/v1/checks", content=b"[" * 100_000).status_code == 413
    assert http.post("/api/v1/checks", content=b"[" * 60_000).status_code in (400, 422)
    assert http.post("/api/v1/checks", content=b'{"clip": ' + b"9" * 50_000 + b"}").status_code == 422


def test_rates(folder):
    limited = Studio(folder, Limits(requests_per_minute=5, failures_per_minute=3))
    token = limited.tokens.make("me")
    with TestClient(make_app(limited), base_url="http://127.0.0.1") as client:
        codes = [client.get("/api/v1/jobs", headers=bearer(token)).status_code for _ in range(7)]
        assert codes == [200] * 5 + [429] * 2
        codes = [client.get("/api/v1/jobs", headers=bearer("wrong")).status_code for _ in range(5)]
        assert codes == [401] * 3 + [429] * 2
    limited.database.close()


def test_the_time_of_a_wrong_token_tells_nothing(studio, monkeypatch):
    """Every stored hash is compared, whichever is the right one, by a comparison of constant time."""
    import hmac

    tokens = [studio.tokens.make("me") for _ in range(5)]
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: (compared.append(1), real(a, b))[1])
    for token in [*tokens, "wrong"]:
        compared.clear()
        studio.tokens.owner_of(token)
        assert len(compared) == 5


def test_the_page_may_load_nothing_from_elsewhere(http):
    answer = http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_tokens_expire(studio, monkeypatch):
    token = studio.tokens.make("me", seconds=60)
    assert studio.tokens.owner_of(token) == "me"
    then = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: then)
    assert studio.tokens.owner_of(token) is None
