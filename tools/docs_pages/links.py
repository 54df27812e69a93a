"""Links between files of the repository, turned into links between pages of the site."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

FENCED = re.compile(r"(^ {0,3}(?P<tick>```+|~~~+).*?^ {0,3}(?P=tick)[^\n]*$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
ID = re.compile(r'(?:id|name)="([^"]+)"')


def rewritten(text: str, source: str, pages: Mapping[str, str], assets: set[str]) -> str:
    """A document with its links as the site needs them.

    Files that are no page are named in place of the link, pictures are copied: their paths go to `assets`.

    Args:
        text: Markdown.
        source: Its file, relative to the root.
        pages: File: page, as of `sources.page_of_source`.
        assets: Pictures that the document shows; added to.
    """
    folder, page = posixpath.dirname(source), pages[source]

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        if match["image"]:
            assets.add(path)
            return f"![{match['text']}]({_relative(asset_page(path), page)})"
        to = pages.get(path) or pages.get(f"{path}/README.md")
        if to:
            return f"[{match['text']}]({_relative(to, page)}{'#' if anchor else ''}{anchor})"
        words = match["text"].strip("`")
        return f"`{path}`" if words in (path, posixpath.basename(path), target) else f"{words} (`{path}`)"

    return outside_fences(text, lambda part: LINK.sub(link, part))


def asset_page(path: str) -> str:
    """Where a picture of the repository lies in the site."""
    return str(PurePosixPath(path).relative_to("docs")) if path.startswith("docs/") else f"assets/{path}"


def outside_fences(text: str, change) -> str:  # type: ignore[no-untyped-def]
    """Apply `change` to what stands outside fenced code."""
    parts, end = [], 0
    for match in FENCED.finditer(text):
        parts += [change(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, change(text[end:])])


def links_in(text: str) -> Iterator[str]:
    """Targets of the links and pictures of a Markdown text, fenced code left out."""
    for match in LINK.finditer(FENCED.sub("", text)):
        yield match["target"]


def anchors_in(text: str) -> set[str]:
    """Anchors that a page has: its headings' and those it gives itself."""
    bare = FENCED.sub("", text)
    found: set[str] = set(ID.findall(bare))
    for heading in HEADING.findall(bare):
        anchor = slug(heading)
        number = 0
        while (numbered := f"{anchor}_{number}" if number else anchor) in found:
            number += 1
        found.add(numbered)
    return found


def slug(heading: str) -> str:
    """The anchor of a heading, as Python-Markdown's table of contents makes it."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    words = re.sub(r"[^\w\s-]", "", words.encode("ascii", "ignore").decode()).strip().lower()
    return re.sub(r"[-\s]+", "-", words)


def _relative(target: str, page: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
