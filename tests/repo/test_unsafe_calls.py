"""Calls that run what a file says, or open a shell, have no place here."""

import ast

import pytest

from checkout import ROOT, tracked_files

BANNED_MODULES = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
BANNED_NAMES = {"eval", "exec", "__import__"}  # as bare names: model.eval() is something else
BANNED_CALLS = {
    "os.system",
    "os.popen",
    "torch.load",
    "torch.save",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "yaml.load_all",
    "pandas.read_pickle",
    "importlib.__import__",
    "os.execvp",
    "os.spawnl",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "numpy.load(allow_pickle=True)",
    "subprocess(shell=True)",
    "tempfile.mktemp",
}
SAFE_LOAD = "torch.load(weights_only=True)"  # tensors and numbers only; for published checkpoints
ALLOWED = {
    "packages/portrait3d/src/portrait3d/full/checkpoint_file.py": SAFE_LOAD,
    "packages/talk-motion/src/talk_motion/full/checkpoint_file.py": SAFE_LOAD,
}


def dotted(node: ast.expr) -> str:
    """Return "a.b.c" of a name or attribute, "" of anything else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def unsafe_calls(source: str) -> list[str]:
    """Return the banned calls of a module, with their lines."""
    tree = ast.parse(source)
    found: list[tuple[int, str]] = []
    full = full_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, a.name) for a in node.names if a.name.split(".")[0] in BANNED_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in BANNED_MODULES:
            found.append((node.lineno, str(node.module)))
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            head, _, rest = name.partition(".")
            name = full.get(head, head) + (f".{rest}" if rest else "")
            switches = {
                k.arg for k in node.keywords if isinstance(k.value, ast.Constant) and k.value.value is True
            }
            if name == "torch.load" and "weights_only" in switches:
                found.append((node.lineno, SAFE_LOAD))
            elif name in BANNED_NAMES or name in BANNED_CALLS:
                found.append((node.lineno, name))
            elif "allow_pickle" in switches:
                found.append((node.lineno, "numpy.load(allow_pickle=True)"))
            elif "shell" in switches:
                found.append((node.lineno, "subprocess(shell=True)"))
    return [f"line {line}: {name}" for line, name in sorted(found)]


def full_names(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for: np for numpy, system for os.system."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def test_no_unsafe_calls():
    broken = {}
    for path in tracked_files():
        if path.suffix != ".py" or path.parts[0] not in ("packages", "tools"):
            continue
        found = unsafe_calls((ROOT / path).read_text())
        allowed = ALLOWED.get(str(path))
        if broken_here := [call for call in found if allowed is None or not call.endswith(f": {allowed}")]:
            broken[str(path)] = broken_here
    assert not broken


def test_allowed_files_still_need_it():
    assert [path for path in ALLOWED if not unsafe_calls((ROOT / path).read_text())] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "eval('1')",
        "exec(text)",
        "import os\nos.system('ls')",
        "from os import system\nsystem('ls')",
        "import os as o\no.popen('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "from subprocess import run as go\ngo('ls', shell=True)",
        "import numpy as np\nnp.load('a.npy', allow_pickle=True)",
        "import torch\ntorch.load('a.pt')",
        "import torch\ntorch.load('a.pt', weights_only=False)",
        "import torch\ntorch.load('a.pt', weights_only=True)",  # in the importer alone
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "from yaml import full_load\nfull_load(text)",
        "import numpy\nnumpy.load(file=name, allow_pickle=True)",
        "import subprocess as s\ns.getoutput('ls')",
    ],
)
def test_the_check_sees(source):
    assert len(unsafe_calls(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import numpy as np\nnp.load('a.npy')",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
    ],
)
def test_the_check_lets_pass(source):
    assert unsafe_calls(source) == []
