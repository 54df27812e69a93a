"""Code in the documents runs or says why not, links lead somewhere, pictures are well formed."""

import io
import re
import shutil
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest

from checkout import PACKAGES, ROOT, markdown_files
from document_blocks import RUN, Block, blocks_of, command_faults, commands_in, faults, runs_in_process

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")
DOCUMENTS = {str(path.relative_to(ROOT)): path for path in markdown_files()}
BLOCKS = [block for name, path in DOCUMENTS.items() for block in blocks_of(name, path.read_text())]


def marked(block: Block) -> object:
    """A block as a parameter: slow where its document says so."""
    return pytest.param(block, id=block.name, marks=[pytest.mark.slow] if block.mark == "slow" else [])


def run_python(code: str) -> str:
    """Run an example in this process; return what it failed with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "default"
            )  # as for a reader; only what the example itself does wrong counts
            warnings.filterwarnings("error", category=DeprecationWarning, module="__main__")
            exec(compile(code, "example", "exec"), {"__name__": "__main__"})
    except (Exception, SystemExit):
        return traceback.format_exc()
    return ""


def run_shell(block: Block) -> str:
    """Run a block, in this process where it holds nothing but our commands; return what it failed with."""
    if runs_in_process(block):
        from mimictalk.cli import run

        for words in commands_in(block.code):
            said = io.StringIO()
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                code = run(words[1:], said, said)
            if code:
                return f"{' '.join(words)}\n{said.getvalue()}"
        return ""
    environment = Path(sys.executable).parents[1]
    for name, target in {"docs": ROOT / "docs", "tools": ROOT / "tools", ".venv": environment}.items():
        Path(name).symlink_to(target)
    command = ["bash", "-euc", f'PATH="{Path(sys.executable).parent}:$PATH"\n{block.code}']
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    return done.stderr if done.returncode else ""


def run_block(block: Block) -> str:
    """Run a block in the present folder; return what it failed with."""
    return run_python(block.code) if block.language == "python" else run_shell(block)


def broken_links(document: Path, text: str) -> list[str]:
    """Return the relative links of a Markdown text that lead to no file."""
    targets = [a or b for a, b in LINK.findall(text)]
    local = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    return [target for target in local if not (document.parent / target).exists()]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """A folder with what the examples name: an avatar `me`, a second of speech `speech.wav`."""
    from tiny_avatar import write_speech, write_tiny_avatar

    folder = tmp_path_factory.mktemp("prepared")
    write_tiny_avatar(folder / "me", tmp_path_factory.mktemp("adapter"))
    write_speech(folder / "speech.wav", 1.0)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize("block", [marked(b) for b in BLOCKS if b.language in RUN and b.mark != "needs"])
def test_code_runs(block, here, request):
    if re.search(r"\bme\b|speech\.wav", block.code):
        shutil.copytree(request.getfixturevalue("prepared"), here, dirs_exist_ok=True)
    assert run_block(block) == ""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_is_sound_where_it_cannot_run(name):
    found = {block.name: said for block in BLOCKS if block.document == name and (said := faults(block))}
    assert found == {}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_shell_code_parses(name):
    for block in BLOCKS:
        if block.document == name and block.language == "sh" and "<" not in block.code:
            subprocess.run(["bash", "-n", "-c", block.code], check=True)


@pytest.mark.parametrize("package", sorted(set(PACKAGES) - {"mimictalk"}))  # that one is a command line
def test_every_library_shows_an_example_that_runs(package):
    name = str((PACKAGES[package] / "README.md").relative_to(ROOT))
    assert [b for b in BLOCKS if b.document == name and b.language == "python" and not b.mark]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    assert broken_links(DOCUMENTS[name], DOCUMENTS[name].read_text()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_pictures_are_well_formed(path):
    root = ElementTree.fromstring(path.read_text())
    assert root.tag.endswith("svg")
    assert root.find("{http://www.w3.org/2000/svg}title") is not None


def test_the_checks_can_fail(here):
    text = (
        "a\n```python\nraise SystemExit('no')\n```\n<!-- needs: a clip -->\n```python\nopen('a.mp4')\n```\n"
    )
    text += "[a](no.md) [b](#x)\n```sh\nmimictalk render me --no-such-thing\n```\n"
    first, second, third = blocks_of("a.md", text)
    assert (first.mark, second.mark, second.reason) == ("", "needs", "a clip")
    assert "no" in run_block(first)
    assert faults(Block("a.md", 0, "python", "def"))
    assert "no-such-thing" in faults(third)[0]
    assert "no-such-thing" in run_block(third)
    assert faults(Block("a.md", 0, "json", "{"))
    assert faults(Block("a.md", 0, "sh", "true", mark="needs"))
    assert broken_links(here / "a.md", text) == ["no.md"]


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("mimictalk rendre me", "rendre"),
        ("torchrun --nproc-per-node 2 -m mimictalk train motion --nothing", "--nothing"),
        ("python tools/no_such_tool.py", "no_such_tool"),
        (".venv/bin/python tools/plan_scale.py --nodse 1", "--nodse"),
        ("VARIABLE=1 mimictalk check --jsno a.mp4 | cat", "--jsno"),
    ],
)
def test_wrong_commands_are_seen(command, fault):
    assert fault in command_faults(commands_in(command)[0])[0]


def test_right_commands_pass():
    good = "mimictalk adapt REF.mp4 -o me \\\n --consent 'yes'  # a remark\nmimictalk render me --label --audio a.wav > x\n"
    assert [fault for words in commands_in(good) for fault in command_faults(words)] == []
    assert [words[1] for words in commands_in(good)] == ["adapt", "render"]
