"""All pages of the site, as text, and the pictures they show."""

from dataclasses import dataclass
from pathlib import Path

from docs_pages.api_pages import api_pages
from docs_pages.command_pages import command_pages
from docs_pages.error_tables import with_anchors, with_tables
from docs_pages.links import asset_page, rewritten
from docs_pages.sources import COMMANDS, CONFIG, ROOT, page_of_source

STYLE = "docs/site.css"


@dataclass(frozen=True)
class Pages:
    """The site before it is built.

    Attributes:
        texts: Page: Markdown.
        assets: File in the site: file of the repository, both relative.
        commands: The commands' pages, in order.
    """

    texts: dict[str, str]
    assets: dict[str, str]
    commands: list[str]


def gather() -> Pages:
    """Read everything that the site shows."""
    sources = page_of_source()
    documents = {name: (ROOT / name).read_text(encoding="utf-8") for name in sources}
    pictures: set[str] = set()
    texts = {
        sources[name]: rewritten(with_tables(text), name, sources, pictures)
        for name, text in documents.items()
    }
    texts["errors.md"] = with_anchors(texts["errors.md"])
    commands = command_pages()
    texts |= commands | api_pages(documents)
    assets = {asset_page(path): path for path in pictures} | {"site.css": STYLE}
    return Pages(texts, assets, list(commands))


def write(pages: Pages, folder: Path) -> None:
    """Put pages and configuration into a folder; what did not change is not touched, what is gone goes."""
    wanted = {f"pages/{name}": text.encode() for name, text in pages.texts.items()}
    wanted |= {f"pages/{name}": (ROOT / path).read_bytes() for name, path in pages.assets.items()}
    wanted["zensical.toml"] = configuration(pages.commands).encode()
    for path in [path for path in (folder / "pages").rglob("*") if path.is_file()]:
        if str(path.relative_to(folder)) not in wanted:
            path.unlink()
    for name, content in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def configuration(commands: list[str]) -> str:
    """docs/zensical.toml with one page for each command, and where the packages' sources are."""
    text = CONFIG.read_text(encoding="utf-8")
    sources = sorted(str(path) for path in ROOT.glob("packages/*/src"))
    text = text.replace(f'"{COMMANDS}"', ", ".join(f'"{name}"' for name in commands))
    return text.replace('paths = ["packages/*/src"]', f"paths = {sources!r}")
