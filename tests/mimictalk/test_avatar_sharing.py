"""Avatars shared: copied whole, pushed without what lies beside them, refused where something is off. No network."""

import shutil
from pathlib import Path

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from mimictalk import avatar as avatar_module
from mimictalk.avatar import Avatar
from mimictalk.errors import AvatarError, InputError, RunError


@pytest.fixture(autouse=True)
def _same_base(monkeypatch, base):
    monkeypatch.setattr(avatar_module, "installed", lambda: base)


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Path:
    """A folder that stands for the hub: one folder per repository."""
    root = tmp_path / "hub"

    def snapshot_download(repository, *, revision, local_dir, allow_patterns):
        if not (root / repository).is_dir():
            answer = httpx.Response(404, request=httpx.Request("GET", "https://example.org"))
            raise RepositoryNotFoundError("no such repository", response=answer)
        Path(local_dir).mkdir(parents=True)
        for name in allow_patterns:
            if (root / repository / name).exists():
                shutil.copy(root / repository / name, Path(local_dir) / name)
        return local_dir

    class Api:
        def create_repo(self, repository, *, private, exist_ok):
            (root / repository).mkdir(parents=True, exist_ok=exist_ok)
            (root / repository / ".private").write_text(str(private))

        def upload_folder(self, *, repo_id, folder_path, allow_patterns, commit_message):
            for name in allow_patterns:
                shutil.copy(Path(folder_path) / name, root / repo_id / name)
            return f"https://example.org/{repo_id}/commit/1"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return root


def test_there_and_back(here, make, hub):
    made = make(here / "me")
    (here / "me" / "letter.txt").write_text("mine")
    assert made.push_to_hub("owner/me").endswith("owner/me/commit/1")
    assert not (hub / "owner/me/letter.txt").exists()
    assert (hub / "owner/me/.private").read_text() == "True"
    again = Avatar.from_pretrained("owner/me")
    assert again.sha256 == made.sha256
    assert set(again.tensors()) == set(made.tensors())


def test_a_folder_goes_before_a_repository_of_the_same_name(here, make, hub):
    made = make(here / "owner" / "me")
    assert Avatar.from_pretrained("owner/me").path == Path("owner/me")
    assert Avatar.from_pretrained(here / "owner" / "me").sha256 == made.sha256


def test_a_copy_is_whole_and_replaces_nothing_unasked(here, make):
    made = make(here / "me")
    assert made.save_pretrained(here / "copy").sha256 == made.sha256
    with pytest.raises(InputError, match="already there"):
        made.save_pretrained(here / "copy")
    made.save_pretrained(here / "copy", force=True)
    (here / "me" / "preview.png").write_bytes(b"altered")
    with pytest.raises(AvatarError):
        made.save_pretrained(here / "other")
    assert not (here / "other").exists()


def test_other_base_weights_are_refused_in_words(here, make, hub, monkeypatch):
    make(here / "me").push_to_hub("owner/me")
    monkeypatch.setattr(avatar_module, "installed", lambda: {"portrait3d/data/small.safetensors": "0" * 64})
    with pytest.raises(AvatarError, match="it stands on base weights"):
        Avatar.from_pretrained("owner/me")


def test_a_damaged_download_is_refused(here, make, hub):
    make(here / "me").push_to_hub("owner/me")
    whole = (hub / "owner/me/identity.safetensors").read_bytes()
    (hub / "owner/me/identity.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(AvatarError, match="altered or damaged"):
        Avatar.from_pretrained("owner/me")


def test_nobody_is_made_public_without_consent(here, make, hub):
    with pytest.raises(InputError, match="no consent"):
        make(here / "me").push_to_hub("owner/me", private=False)
    assert not hub.exists()
    agreed = make(here / "agreed", consent={"statement": "I agree.", "recorded": "2026-11-21"})
    agreed.push_to_hub("owner/agreed", private=False)
    assert (hub / "owner/agreed/.private").read_text() == "False"


def test_what_is_nowhere_is_said(here, hub, make, monkeypatch):
    with pytest.raises(InputError, match="neither such a folder nor such a repository"):
        Avatar.from_pretrained("owner/nobody")
    with pytest.raises(AvatarError, match="there is no such folder"):
        Avatar.from_pretrained("nobody")
    with pytest.raises(InputError, match="owner/name"):
        make(here / "me").push_to_hub("me")

    def offline(*_args, **_options):
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(RunError, match="no route to host"):
        Avatar.from_pretrained("owner/me")
