"""Avatars to and from other folders and the Hugging Face hub: whole, checked, and nothing else."""

import os
import re
import shutil
from pathlib import Path

from mimictalk.atomic import atomic_folder
from mimictalk.avatar import ADAPTER_FILES, IDENTITY, PREVIEW, README, REPORT, STYLE, Avatar, check_target
from mimictalk.errors import InputError, RunError
from mimictalk.manifest import MANIFEST

REPOSITORY = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
FILES = (MANIFEST, IDENTITY, *ADAPTER_FILES, STYLE, PREVIEW, README, REPORT)


def from_pretrained(path_or_id: str | Path, *, revision: str | None = None) -> Avatar:
    """Load an avatar from a folder, or from a repository of the hub, and check every file of it.

    Args:
        path_or_id: A folder, or "owner/name".
        revision: Branch, tag or commit of the repository; None for the main branch.

    Raises:
        AvatarError: As `Avatar.load`.
        InputError: If there is neither such a folder nor such a repository.
        RunError: If the hub cannot be reached.
    """
    if Path(path_or_id).exists() or not REPOSITORY.match(str(path_or_id)):
        return Avatar.load(path_or_id)
    return Avatar.load(_download(str(path_or_id), revision))


def save_pretrained(avatar: Avatar, path: str | Path, *, force: bool = False) -> Avatar:
    """Copy an avatar into another folder: complete, or not at all.

    Args:
        avatar: Checked once more before.
        path: The folder to make.
        force: Replace an avatar that is there.
    """
    path = Path(path)
    check_target(path, force=force)
    Avatar.load(avatar.path, base_weights=avatar.manifest.base_weights)
    with atomic_folder(path) as folder:
        for name in (MANIFEST, *avatar.manifest.files):
            shutil.copyfile(avatar.path / name, folder / name)
    return Avatar.load(path, base_weights=avatar.manifest.base_weights)


def push_to_hub(
    avatar: Avatar, repository: str, *, private: bool = True, message: str = "An avatar of mimictalk"
) -> str:
    """Upload an avatar's own files, and nothing else that lies beside them.

    Args:
        avatar: Checked once more before.
        repository: "owner/name"; made where it is missing.
        private: Whether a new repository is private. A public one needs the consent of the person shown.
        message: Of the commit.

    Returns:
        The commit's address.

    Raises:
        InputError: If the name is none, or an avatar without recorded consent would be made public.
        RunError: If the hub refuses or cannot be reached.
    """
    if not REPOSITORY.match(repository):
        raise InputError(repository, "this is no name of a repository", "Write it as owner/name.")
    if not private and not avatar.manifest.consent:
        raise InputError(
            avatar.path,
            "no consent of the person shown is recorded: it is not made public",
            "Adapt again with --consent, or keep the repository private.",
        )
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    Avatar.load(avatar.path, base_weights=avatar.manifest.base_weights)
    hub = HfApi()
    try:
        hub.create_repo(repository, private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repository,
            folder_path=str(avatar.path),
            allow_patterns=[MANIFEST, *avatar.manifest.files],
            commit_message=message,
        )
    except (HfHubHTTPError, OSError) as error:
        cure = "Log in with `hf auth login`, and check the name and the network."
        raise RunError(repository, f"the hub did not take it: {_first_line(error)}", cure) from None
    return str(commit)


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mimictalk" / "hub"
    folder = cache / repository.replace("/", "--") / re.sub(r"[^\w.-]", "-", revision or "main")
    try:
        # Real files, not links into a shared cache: a link may lead to something that was never checked.
        snapshot_download(repository, revision=revision, local_dir=str(folder), allow_patterns=list(FILES))
    except RepositoryNotFoundError:
        cause = "there is neither such a folder nor such a repository on the hub"
        raise InputError(repository, cause, "Check the name; a private one needs `hf auth login`.") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        cure = "Check the network, or give the folder of an avatar."
        raise RunError(repository, f"it could not be downloaded: {_first_line(error)}", cure) from None
    return folder


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
