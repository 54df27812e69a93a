"""An avatar folder loads only when every byte is as it was written."""

import shutil

import pytest
import torch

from mimictalk.avatar import Avatar, check_target, facts, is_avatar
from mimictalk.errors import AvatarError, InputError

FILES = [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "avatar.json",
    "identity.safetensors",
    "preview.png",
    "style.safetensors",
]


def test_what_is_written_can_be_read(here, make, tensors, base):
    made = make(here / "me")
    avatar = Avatar.load(here / "me", base_weights=base)
    assert avatar == made
    assert sorted(entry.name for entry in avatar.path.iterdir()) == FILES
    assert sorted(avatar.manifest.files) == sorted({*FILES} - {"avatar.json"})
    read = avatar.tensors()
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[key], tensors[key]) for key in tensors)
    assert (avatar.adapter_dir / "adapter_config.json").read_text() == '{"peft_type": "LORA"}'
    assert facts(avatar)["speech_style"] is True


def test_an_avatar_without_speech_has_no_style(here, make):
    avatar = make(here / "me", with_prompt=False)
    assert avatar.prompt() is None
    assert facts(avatar)["speech_style"] is False


@pytest.mark.parametrize("name", [name for name in FILES if name != "avatar.json"])
def test_a_flipped_bit_in_any_file_is_refused(here, make, name, base):
    make(here / "me")
    content = bytearray((here / "me" / name).read_bytes())
    content[len(content) // 2] ^= 4
    (here / "me" / name).write_bytes(content)
    with pytest.raises(AvatarError) as caught:
        Avatar.load(here / "me", base_weights=base)
    assert str(caught.value).splitlines() == [
        f"{here / 'me' / name}: its sha256 does not match avatar.json: it was altered or damaged",
        "Copy the folder again from where it was whole, or adapt the clip once more.",
    ]


@pytest.mark.parametrize("name", [name for name in FILES if name != "avatar.json"])
def test_a_truncated_file_is_refused(here, make, name, base):
    avatar = make(here / "me")
    content = (here / "me" / name).read_bytes()
    (here / "me" / name).write_bytes(content[:-1])
    with pytest.raises(AvatarError) as caught:
        Avatar.load(here / "me", base_weights=base)
    size = avatar.manifest.files[name].bytes
    assert f"it has {size - 1} bytes instead of {size}: cut short or exchanged" in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(here, make, name, base):
    make(here / "me")
    (here / "me" / name).unlink()
    with pytest.raises(AvatarError, match=r"this file of the avatar is missing|there is no avatar\.json"):
        Avatar.load(here / "me", base_weights=base)


def test_files_swapped_between_avatars_are_refused(here, make, tensors, base):
    make(here / "me")
    tensors["planes"] += 1
    make(here / "you")
    shutil.copy(here / "you" / "identity.safetensors", here / "me" / "identity.safetensors")
    with pytest.raises(AvatarError, match="its sha256 does not match"):
        Avatar.load(here / "me", base_weights=base)


def test_a_link_is_no_file_of_an_avatar(here, make, base):
    make(here / "me")
    (here / "me" / "preview.png").rename(here / "elsewhere.png")
    (here / "me" / "preview.png").symlink_to(here / "elsewhere.png")
    with pytest.raises(AvatarError, match="this file of the avatar is missing"):
        Avatar.load(here / "me", base_weights=base)


def test_a_change_after_loading_is_noticed(here, make):
    avatar = make(here / "me")
    content = bytearray((here / "me" / "identity.safetensors").read_bytes())
    content[-1] ^= 1
    (here / "me" / "identity.safetensors").write_bytes(content)
    with pytest.raises(AvatarError, match="it was altered while in use"):
        avatar.tensors()


@pytest.mark.parametrize(
    ("here_is", "words"),
    [
        ({}, "this installation does not have them"),
        ({"portrait3d/data/small.safetensors": "f" * 64}, "this installation has ffffffffffff"),
    ],
)
def test_other_base_weights_are_refused(here, make, here_is, words, base):
    make(here / "me")
    with pytest.raises(AvatarError) as caught:
        Avatar.load(here / "me", base_weights=here_is)
    (sha256,) = base.values()
    assert str(caught.value) == (
        f"{here / 'me'}: it stands on base weights portrait3d/data/small.safetensors {sha256[:12]}; {words}\n"
        "Install the version that made it, or adapt the clip once more."
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone", "there is no such folder"),
        ("file", "it is a file"),
        ("empty", "there is no avatar.json"),
    ],
)
def test_what_is_no_avatar_is_told(here, name, words):
    (here / "file").write_text("x")
    (here / "empty").mkdir()
    with pytest.raises(AvatarError, match=words):
        Avatar.load(here / name)


def test_a_hash_names_one_exact_avatar(here, make):
    assert make(here / "a").sha256 == make(here / "b").sha256
    assert make(here / "c", seed=8).sha256 != make(here / "d").sha256


def test_an_avatar_is_replaced_only_when_asked(here, make):
    make(here / "me")
    before = (here / "me" / "avatar.json").read_bytes()
    with pytest.raises(InputError) as caught:
        make(here / "me", seed=8)
    assert str(caught.value) == (
        f"{here / 'me'}: an avatar is already there\n"
        "Add --force to replace it. Choose another folder with -o."
    )
    assert (here / "me" / "avatar.json").read_bytes() == before
    assert make(here / "me", seed=8, force=True).manifest.seed == 8


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_the_user_is_never_touched(here, make, force):
    (here / "photos").mkdir()
    (here / "photos" / "a.jpg").write_text("mine")
    with pytest.raises(InputError, match="the folder exists and is not an avatar: it will not be touched"):
        make(here / "photos", force=force)
    assert (here / "photos" / "a.jpg").read_text() == "mine"


def test_a_users_file_inside_an_avatar_is_not_lost(here, make):
    make(here / "me")
    (here / "me" / "holiday.mp4").write_text("mine")
    with pytest.raises(InputError, match=r"it holds a file that is not the avatar's: holiday\.mp4"):
        make(here / "me", force=True)
    assert (here / "me" / "holiday.mp4").exists()


def test_an_empty_folder_and_a_damaged_avatar_may_be_replaced(here, make):
    (here / "me").mkdir()
    check_target(here / "me", force=False)
    make(here / "me")
    (here / "me" / "avatar.json").write_bytes((here / "me" / "avatar.json").read_bytes()[:-30])
    assert is_avatar(here / "me")
    make(here / "me", force=True)


def test_a_file_is_no_target(here):
    (here / "me").write_text("x")
    with pytest.raises(InputError, match="it is a file; an avatar is a folder"):
        check_target(here / "me", force=True)


def test_a_failed_write_leaves_nothing(here, make, adapter):
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        make(here / "me")
    assert list(here.iterdir()) == []
