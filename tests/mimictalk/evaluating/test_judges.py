"""Networks from the user's files."""

import pytest
import torch
from safetensors.torch import save_file

from mimictalk.evaluating.judges import NEEDED, Judges
from mimictalk.evaluating.pictures import PictureRun, _csim, _fid
from mimictalk.manifest import sha256_file
from portrait3d.errors import InputError
from portrait3d.metrics.lpips import Lpips


def test_without_files_there_are_reasons():
    judges = Judges.load((), None, None)
    assert (judges.lpips, judges.inception, judges.recognition, judges.files) == (None, None, None, {})
    for key, option in (("lpips", "--lpips"), ("fid", "--inception"), ("csim", "--arcface")):
        assert option in NEEDED[key]
    assert _fid(None, no_source=False).reason == NEEDED["fid"]
    assert "--source" in _fid(None, no_source=True).reason
    run = PictureRun()
    assert _csim(run, judges, same=True, no_source=False).reason == NEEDED["csim"]
    assert "--source" in _csim(run, judges, same=False, no_source=True).reason


def test_a_file_is_loaded_and_named_by_hash(tmp_path):
    file = tmp_path / "lpips.safetensors"
    save_file({name: torch.zeros_like(value) for name, value in Lpips("alex").state_dict().items()}, file)
    judges = Judges.load((file,), None, None)
    assert judges.lpips is not None
    assert judges.files == {"lpips": [{"name": file.name, "sha256": sha256_file(file)}]}


def test_a_wrong_file_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    for given in (((tmp_path / "a.safetensors",), None, None), ((), tmp_path / "a.safetensors", None)):
        with pytest.raises(InputError):
            Judges.load(*given)
