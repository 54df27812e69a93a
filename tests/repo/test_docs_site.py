"""The documentation site: complete, linked, made from what it tells of, and without anything from elsewhere."""

import posixpath
import re
import subprocess
import tomllib

import pytest

from checkout import ROOT
from docs_pages.api_pages import imported_names, public_names
from docs_pages.command_pages import command_line
from docs_pages.error_tables import catalogue, with_anchors, with_tables
from docs_pages.gathering import Pages, configuration, gather, write
from docs_pages.links import anchors_in, links_in, rewritten, slug
from docs_pages.sources import PACKAGES, navigation, page_of_source

SITE_PYTHON = ROOT / ".tools/docs/bin/python"  # as hatch makes it
OUTSIDE = re.compile(
    r"""<(?:link|script|img|iframe|source)\b[^>]*(?:href|src)=["']?((?:https?:)?//[^"'\s>]+)"""
)
STYLE_OUTSIDE = re.compile(r"url\(['\"]?((?:https?:)?//[^)'\"]+)|@import")


@pytest.fixture(scope="module")
def pages() -> Pages:
    return gather()


def broken(pages: dict[str, str], files: set[str]) -> list[str]:
    """Links within the site that lead to no page, no file, or no anchor; `page -> target`."""
    anchors = {page: anchors_in(text) for page, text in pages.items()}
    found = []
    for page, text in pages.items():
        for target in links_in(text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            to = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
            if to not in pages and to not in files:
                found.append(f"{page} -> {target}: no such page")
            elif anchor and anchor not in anchors.get(to, set()):
                found.append(f"{page} -> {target}: no such anchor")
    return found


def test_every_page_is_in_the_navigation(pages):
    listed = navigation(pages.commands)
    missing = sorted(set(pages.texts) - set(listed))
    assert missing == [], "list them under nav in docs/zensical.toml"
    assert sorted(set(listed) - set(pages.texts)) == [], "docs/zensical.toml lists what is not there"
    assert len(listed) == len(set(listed))


def test_links_and_anchors_lead_somewhere(pages):
    assert broken(pages.texts, set(pages.assets)) == []


def test_pictures_are_there(pages):
    assert [path for path in pages.assets.values() if not (ROOT / path).is_file()] == []


def test_every_document_and_model_card_is_a_page(pages):
    sources = page_of_source()
    assert set(sources.values()) <= set(pages.texts)
    cards = {page for page in pages.texts if page.startswith("model-cards/")}
    assert cards == {"model-cards/face3dmm.md", "model-cards/portrait3d.md", "model-cards/talk-motion.md"}


def test_every_option_of_every_command_is_told(pages):
    for name, command in command_line().commands.items():
        text = pages.texts[f"commands/{name}.md"]
        single = [one for one in [command, *getattr(command, "commands", {}).values()] if one.params]
        shown = [
            parameter for one in single for parameter in one.params if not getattr(parameter, "hidden", False)
        ]
        names = [name for parameter in shown for name in [*parameter.opts, *parameter.secondary_opts]]
        assert [option for option in names if option.startswith("-") and option not in text] == [], name
        assert text.count("\n| <code>") == len(shown), name
        assert all(
            " ".join((one.help or "").split())[:60].replace("<", "&lt;").replace("*", "\\*") in text
            for one in shown
        ), name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_api(pages, package):
    module = package.replace("-", "_")
    text = pages.texts[f"packages/{package}/api.md"]
    assert [name for name in public_names(module) if f"::: {module}.{name}\n" not in text] == []
    assert public_names(module)


def test_every_error_can_be_linked_to(pages):
    assert {code.lower() for code in catalogue()} <= anchors_in(pages.texts["errors.md"])


def test_troubleshooting_shows_the_catalogue(pages):
    text = pages.texts["troubleshooting.md"]
    assert "<!-- errors" not in text
    assert text.count("](errors.md#mt-") > 30


def test_the_configuration_is_toml_with_the_sources_and_no_fonts_from_elsewhere(pages):
    project = tomllib.loads(configuration(pages.commands))["project"]
    assert project["theme"]["font"] is False
    assert len(project["plugins"]["mkdocstrings"]["handlers"]["python"]["paths"]) == len(PACKAGES)


def test_the_site_has_an_environment_of_its_own_with_a_pinned_generator():
    docs = tomllib.loads((ROOT / "hatch.toml").read_text())["envs"]["docs"]
    assert docs["template"] == "docs"  # nothing of the default environment
    assert [line for line in docs["dependencies"] if not re.search(r"==\d", line)] == []
    assert docs["env-vars"]["PIP_CONSTRAINT"] == "{root}/constraints.txt"
    assert (ROOT / docs["path"] / "bin/python") == SITE_PYTHON
    assert {line.split()[2] for line in docs["scripts"].values()} == {"build", "serve"}


def test_what_did_not_change_is_not_touched_and_what_is_gone_goes(tmp_path):
    write(Pages({"a.md": "a", "b/c.md": "c"}, {}, []), tmp_path)
    before = (tmp_path / "pages/a.md").stat().st_mtime_ns
    write(Pages({"a.md": "a"}, {}, []), tmp_path)
    assert (tmp_path / "pages/a.md").stat().st_mtime_ns == before
    assert not (tmp_path / "pages/b/c.md").exists()


PAGES = {"docs/a.md": "a.md", "docs/g/b.md": "g/b.md", "packages/p/README.md": "packages/p/index.md"}


class TestLinks:
    def test_files_become_pages_and_sources_become_names(self):
        assets: set[str] = set()
        text = "[b](g/b.md#x) [p](../packages/p) ![w](pictures/w.jpg) [code](../tools/t.py) `[no](link)`\n"
        done = rewritten(text, "docs/a.md", PAGES, assets)
        assert "[b](g/b.md#x)" in done
        assert "[p](packages/p/index.md)" in done
        assert "code (`tools/t.py`)" in done
        assert assets == {"docs/pictures/w.jpg"}

    def test_code_is_left_alone(self):
        text = "```python\nx[0](1)\n```\n"
        assert rewritten(text, "docs/a.md", PAGES, set()) == text

    def test_from_a_folder(self):
        assert rewritten("[a](../a.md)", "docs/g/b.md", PAGES, set()) == "[a](../a.md)"

    def test_broken_ones_are_seen(self):
        pages = {
            "a.md": "# One\n[x](b.md) [y](#one) [z](#two) ![p](p.png) [w](https://example.org)",
            "c.md": "",
        }
        found = broken(pages, {"p.png"})
        assert [line.split(": ")[1] for line in found] == ["no such page", "no such anchor"]

    def test_anchors_are_those_of_python_markdown(self):
        assert slug("The `API`: what, and why?") == "the-api-what-and-why"
        assert anchors_in('# A\n## A\n```\n# no\n```\n<span id="x"></span>') == {"a", "a_1", "x"}


def test_tables_of_errors_are_filled_and_unknown_codes_refused():
    code = next(iter(catalogue()))
    assert f"errors.md#{code.lower()}" in with_tables(f"<!-- errors: {code} -->\n")
    with pytest.raises(KeyError):
        with_tables("<!-- errors: MT-NONE-999 -->\n")
    assert with_anchors("| MT-FACE-001 | 2 |") == '| <span id="mt-face-001">MT-FACE-001</span> | 2 |'


def test_examples_say_which_modules_are_meant_to_be_used():
    text = "```python\nfrom portrait3d.model import Portrait3D\nimport numpy\n```\n"
    assert list(imported_names(text)) == ["portrait3d.model.Portrait3D"]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere():
    if not SITE_PYTHON.is_file():
        pytest.skip("no documentation environment: tools/hatch run docs:build")
    done = subprocess.run(
        [SITE_PYTHON, "tools/docs_site.py", "build"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    site = ROOT / "out/docs/site"
    found = {
        f"{path.relative_to(site)}: {match[1]}"
        for path in site.rglob("*.html")
        for match in OUTSIDE.finditer(path.read_text(encoding="utf-8"))
    }
    found |= {
        str(path) for path in site.rglob("*.css") if STYLE_OUTSIDE.search(path.read_text(encoding="utf-8"))
    }
    assert found == set()
    assert (site / "packages/face3dmm/api.html").read_text(encoding="utf-8").count("doc-heading") > 40


def test_what_comes_from_elsewhere_is_seen():
    assert OUTSIDE.search('<script src="https://example.org/a.js"></script>')
    assert not OUTSIDE.search('<a href="https://example.org">x</a>')
    assert STYLE_OUTSIDE.search("src: url(https://example.org/a.woff2)")
