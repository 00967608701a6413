"""What the site needs beside the pages of this folder: the results, and links that leave it."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
_SHOWN = ("*.md", "*.csv", "*.svg")  # of results/
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)\s#]+)((?:#[^)]*)?)\)")


def on_files(files: Any, config: Any) -> Any:
    """Adds results/ to the site, under the same names."""
    for pattern in _SHOWN:
        for path in sorted((ROOT / "results").glob(pattern)):
            name = f"results/{path.name}"
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Points links at what the site has; what it has not becomes plain text."""
    outside = page.file.src_uri.startswith("results/")
    folder = ROOT / "results" if outside else ROOT / "docs"

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found.groups()
        path = (folder / target).resolve()
        if not path.is_relative_to(ROOT):
            return found[0]  # a broken link, for mkdocs to refuse
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("docs/"):
            return found[0]
        if files.get_file_from_path(name) is None:
            return text if path.exists() else found[0]
        up = "" if outside else "results/"
        return f"[{text}]({up}{path.name}{anchor})"

    return _LINK.sub(link, markdown)
