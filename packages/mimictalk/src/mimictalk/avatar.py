"""The avatar folder: one adapted person, loadable only when every byte is as it was written."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.atomic import atomic_folder
from mimictalk.base_weights import installed
from mimictalk.errors import AvatarError, InputError
from mimictalk.imported_base import IMPORTED
from mimictalk.manifest import MANIFEST, FileEntry, Manifest, sha256_file

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from talk_motion import MotionPrompt
    from talk_motion.person_tuning import PersonTuning

IDENTITY, STYLE, PREVIEW, README = "identity.safetensors", "style.safetensors", "preview.png", "README.md"
REPORT = "report.html"
SPEECH_FILES = ("speech_adapter_config.json", "speech_adapter_model.safetensors")  # peft's two, of the motion
REFERENCE_MARKS = "reference.c2pa"  # marks that the clip carried, to be kept in every video
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
REQUIRED = (IDENTITY, *ADAPTER_FILES)
_REMAKE = "Copy the folder again from where it was whole, or adapt the clip once more."


@dataclass(frozen=True)
class Avatar:
    """An avatar folder that has been checked.

    Attributes:
        path: The folder.
        manifest: Content of avatar.json.
        sha256: Of avatar.json, and so of every file it lists: the name of this exact avatar in marks.
    """

    path: Path
    manifest: Manifest
    sha256: str

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        base_weights: Mapping[str, str] | None = None,
        imported: Mapping[str, str] | None = None,
    ) -> "Avatar":
        """Read a folder and check every file against its sha256.

        Args:
            path: The avatar folder.
            base_weights: "<package>/<file>" to sha256 of the weights here; by default the installed ones.
            imported: "imported/<what>" to sha256 of what users bring (see `ImportedBase`).

        Raises:
            AvatarError: If a file is missing, cut short or altered, the schema is newer than this version,
                or the avatar was made on other base weights.
        """
        path = Path(path)
        text = _read_manifest(path)
        manifest = Manifest.from_json(text, path / MANIFEST)
        missing = [name for name in REQUIRED if name not in manifest.files]
        if missing:
            raise AvatarError(path / MANIFEST, f"it lists no {missing[0]}: the avatar is incomplete", _REMAKE)
        for name, entry in manifest.files.items():
            _check_file(path / name, entry)
        here = installed() if base_weights is None else base_weights
        _check_base(path, manifest, {**here, **(imported or {})})
        return cls(path, manifest, hashlib.sha256(text).hexdigest())

    @classmethod
    def from_pretrained(cls, path_or_id: str | Path, *, revision: str | None = None) -> "Avatar":
        """Load from a folder or a repository of the hub; see `mimictalk.avatar_sharing`."""
        from mimictalk.avatar_sharing import from_pretrained

        return from_pretrained(path_or_id, revision=revision)

    def save_pretrained(self, path: str | Path, *, force: bool = False) -> "Avatar":
        """Copy into another folder; see `mimictalk.avatar_sharing`."""
        from mimictalk.avatar_sharing import save_pretrained

        return save_pretrained(self, path, force=force)

    def push_to_hub(self, repository: str, *, private: bool = True) -> str:
        """Upload to the hub; see `mimictalk.avatar_sharing`. Returns the commit's address."""
        from mimictalk.avatar_sharing import push_to_hub

        return push_to_hub(self, repository, private=private)

    def tensors(self) -> dict[str, "Tensor"]:
        """The tensors of identity.safetensors, read and hashed once more: nothing unchecked is used."""
        from safetensors.torch import load

        return load(self._checked(IDENTITY))

    def prompt(self) -> "MotionPrompt | None":
        """The talking style of the reference clip; None where the clip had no speech."""
        if STYLE not in self.manifest.files:
            return None
        from talk_motion import MotionPrompt

        return MotionPrompt.load(self.path / STYLE)

    def motion_tuning(self) -> "PersonTuning | None":
        """What was learned of the person's way of speaking; None where nothing was worth keeping."""
        if not set(SPEECH_FILES) <= set(self.manifest.files):
            return None
        from talk_motion.person_tuning import PersonTuning

        return PersonTuning.from_files(*(self._checked(name) for name in SPEECH_FILES))

    @property
    def adapter_dir(self) -> Path:
        """The folder that `peft` loads the adapter from."""
        return self.path

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def _checked(self, name: str) -> bytes:
        content = (self.path / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.manifest.files[name].sha256:
            raise AvatarError(self.path / name, "it was altered while in use", _REMAKE)
        return content


def is_avatar(path: Path) -> bool:
    """Whether `path` is a folder with an avatar.json of ours, intact or not."""
    try:
        return b'"mimictalk-avatar"' in (path / MANIFEST).read_bytes()
    except OSError:
        return False


def check_target(path: Path, *, force: bool) -> None:
    """Refuse, before any work, a folder that must not be replaced.

    Raises:
        InputError: If `path` is a file, a folder with anything but one avatar, or an avatar without `force`.
    """
    if not path.exists():
        return
    elsewhere = "Choose another folder with -o."
    if not path.is_dir():
        raise InputError(path, "it is a file; an avatar is a folder", elsewhere)
    if not any(path.iterdir()):
        return
    if not is_avatar(path):
        raise InputError(path, "the folder exists and is not an avatar: it will not be touched", elsewhere)
    if not force:
        raise InputError(path, "an avatar is already there", f"Add --force to replace it. {elsewhere}")
    try:
        known = {MANIFEST, *Manifest.from_json((path / MANIFEST).read_bytes(), path).files}
    except AvatarError:
        known = {MANIFEST, *REQUIRED, STYLE, *SPEECH_FILES, PREVIEW, README, REPORT, REFERENCE_MARKS}
    foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in known)
    if foreign:
        raise InputError(
            path, f"it holds a file that is not the avatar's: {foreign[0]}", "Move it away first."
        )


def write_avatar(
    path: Path,
    manifest: Manifest,
    tensors: "Mapping[str, Tensor]",
    adapter_dir: Path,
    prompt: "MotionPrompt | None",
    preview: "np.ndarray",
    readme: str,
    *,
    report: str | None = None,
    reference_marks: bytes | None = None,
    tuning: "PersonTuning | None" = None,
    force: bool = False,
) -> Avatar:
    """Write an avatar folder: complete, or not at all.

    Args:
        path: The folder to make.
        manifest: Everything but `files`, which is filled in here.
        tensors: For identity.safetensors.
        adapter_dir: Folder with the adapter in peft's own format; its two files are copied.
        prompt: Talking style, if the clip had speech.
        preview: (H, W, 3) uint8 RGB.
        readme: Text of README.md.
        report: Text of report.html, if there is one.
        reference_marks: The clip as a C2PA ingredient, if it carried marks.
        tuning: What was learned of the way of speaking, if it was worth keeping.
        force: Replace an avatar that is there.

    Raises:
        InputError: If `path` must not be replaced, or `adapter_dir` lacks a file.
        ValueError: If a tensor holds values that are not finite.
    """
    from PIL import Image
    from safetensors.torch import save

    check_target(path, force=force)
    for name, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} holds values that are not finite: no avatar is written")
    with atomic_folder(path) as folder:
        contiguous = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        (folder / IDENTITY).write_bytes(save(contiguous))
        for name in ADAPTER_FILES:
            (folder / name).write_bytes((adapter_dir / name).read_bytes())
        if prompt is not None:
            prompt.save(folder / STYLE)
        if tuning is not None:
            for name, content in zip(SPEECH_FILES, tuning.files().values(), strict=True):
                (folder / name).write_bytes(content)
        Image.fromarray(preview).save(folder / PREVIEW)
        (folder / README).write_text(readme, encoding="utf-8")
        if report is not None:
            (folder / REPORT).write_text(report, encoding="utf-8")
        if reference_marks is not None:
            (folder / REFERENCE_MARKS).write_bytes(reference_marks)
        files = {
            entry.name: FileEntry(sha256_file(entry), entry.stat().st_size)
            for entry in sorted(folder.iterdir())
        }
        (folder / MANIFEST).write_bytes(replace(manifest, files=files).to_json())
    return Avatar.load(path, base_weights=manifest.base_weights)


def _read_manifest(path: Path) -> bytes:
    cure = "Name the folder that `mimictalk adapt` made."
    if not path.exists():
        raise AvatarError(path, "there is no such folder", cure)
    if not path.is_dir():
        raise AvatarError(path, "it is a file; an avatar is a folder", cure)
    if not (path / MANIFEST).is_file():
        raise AvatarError(path, f"there is no {MANIFEST} in it: this is not an avatar", cure)
    return (path / MANIFEST).read_bytes()


def _check_file(path: Path, entry: FileEntry) -> None:
    if path.is_symlink() or not path.is_file():
        raise AvatarError(path, "this file of the avatar is missing", _REMAKE)
    size = path.stat().st_size
    if size != entry.bytes:
        raise AvatarError(
            path, f"it has {size} bytes instead of {entry.bytes}: cut short or exchanged", _REMAKE
        )
    if sha256_file(path) != entry.sha256:
        raise AvatarError(path, "its sha256 does not match avatar.json: it was altered or damaged", _REMAKE)


def _check_base(path: Path, manifest: Manifest, here: Mapping[str, str]) -> None:
    for name, sha256 in manifest.base_weights.items():
        if here.get(name) != sha256 and name.startswith(IMPORTED):
            _refuse_imported(path, name, sha256, here.get(name))
        if here.get(name) != sha256:
            has = f"has {here[name][:12]}" if name in here else "does not have them"
            cause = f"it stands on base weights {name} {sha256[:12]}; this installation {has}"
            raise AvatarError(path, cause, "Install the version that made it, or adapt the clip once more.")


def _refuse_imported(path: Path, name: str, wanted: str, given: str | None) -> None:
    if given is None:
        cause = "it is of the preset full, which stands on imported weights and a face model"
        raise AvatarError(path, cause, "Give both: mimictalk render --weights DIR --face-model DIR")
    what = name.removeprefix(IMPORTED)
    cause = f"it stands on {what} {wanted[:12]}; what is given here is {given[:12]}"
    raise AvatarError(path, cause, "Give the weights and the face model that it was adapted with.")


def facts(avatar: Avatar) -> dict[str, Any]:
    """What `--json` tells about an avatar."""
    made = avatar.manifest
    return {
        "avatar": str(avatar.path),
        "avatar_sha256": avatar.sha256,
        "preset": made.preset,
        "steps": made.steps,
        "seed": made.seed,
        "speech_style": STYLE in made.files,
        "speech_learned": set(SPEECH_FILES) <= set(made.files),
    }
