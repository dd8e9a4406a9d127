"""Checks the links of the built site without a network.

``python docs/check_links.py docs/_build/html``

A link within the site must lead to a file, and to an anchor in it; one that leads out must be an
address that could be one.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and where its links lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect ids, names, and what the page points to."""
        for name, value in attrs:
            if value is None:
                continue
            if name in ("id", "name"):
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.links.append(value)


def faults(root: Path) -> list[str]:
    """What is wrong, a sentence a link."""
    files = [path for path in root.rglob("*.html") if "_static" not in path.parts]
    pages = {path.resolve(): Page(path) for path in files}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                plausible = parts.scheme in ("http", "https", "mailto") and " " not in link
                if not plausible or (parts.scheme != "mailto" and "." not in parts.netloc):
                    found.append(f"{path.name}: {link} is no address")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                found.append(f"{path.relative_to(root.resolve())}: {link} leads nowhere")
            elif target in pages and unquote(parts.fragment) not in {"", *pages[target].anchors}:
                found.append(f"{path.relative_to(root.resolve())}: no anchor for {link}")
    return found


if __name__ == "__main__":
    problems = sorted(set(faults(Path(sys.argv[1]))))
    print("\n".join(problems) or "all links lead somewhere")
    sys.exit(bool(problems))
