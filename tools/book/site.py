"""What a built site weighs and where its links lead."""

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PAGE_LIMIT = 1_000_000  # bytes of a first load without pictures: the page, its style sheets, scripts and fonts
INTERACTIVE_LIMIT = 400_000  # bytes


@dataclass(frozen=True)
class BuiltPage:
    """A page as its reader's browser sees it: links, ids, what it loads at first."""

    path: Path
    links: tuple[str, ...]
    ids: frozenset[str]
    loads: tuple[str, ...]
    foreign: tuple[str, ...]
    interactives: dict[str, int]
    size: int  # bytes of HTML, interactives excluded


class _Reader(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.links, self.ids, self.loads, self.foreign, self.interactives = [], set(), [], [], {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if "data-explore" in values:
            self.interactives[values["data-explore"]] = int(values["data-bytes"])
        source = values.get("src") or values.get("data") if tag != "a" else None
        if tag == "link" and not {"canonical", "search", "index", "next", "prev"} & set(values.get("rel", "").split()):
            source = values.get("href")
        if source and not source.startswith("data:"):
            local = not urlsplit(source).netloc
            (self.links if local else self.foreign).append(source)
            if tag in ("script", "link") and local:
                self.loads.append(source)
        if tag in ("a", "area") and "href" in values:
            self.links.append(values["href"])


def read_page(path: Path) -> BuiltPage:
    """Parse a page of the site."""
    text = path.read_text(encoding="utf-8")
    seen = _Reader(text)
    size = len(text.encode()) - sum(seen.interactives.values())
    loads = [*dict.fromkeys(seen.loads)]
    return BuiltPage(
        path, tuple(seen.links), frozenset(seen.ids), tuple(loads), tuple(seen.foreign), seen.interactives, size
    )


def report(output: Path) -> list[str]:
    """Print the budget of the site and return what is wrong with it, one line each.

    Args:
        output: the folder with ``index.html``.
    """
    pages = {path: read_page(path) for path in sorted(output.rglob("*.html")) if "_static" not in path.parts}
    problems = [
        f"{page.path.relative_to(output)}: loads {name} from another host"
        for page in pages.values()
        for name in page.foreign
    ]
    problems += _check_links(output, pages)
    problems += _check_budget(output, pages)
    external = sorted(
        {link for page in pages.values() for link in page.links if urlsplit(link).scheme in ("http", "https")}
    )
    (output.parent / "external-links.txt").write_text("\n".join(external) + "\n", encoding="utf-8")
    print(
        f"links: all internal ones lead somewhere; {len(external)} external ones are in _build/external-links.txt"
        if not problems
        else f"{len(problems)} problems"
    )
    return problems


def _check_links(output: Path, pages: dict[Path, BuiltPage]) -> list[str]:
    problems = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            name = f"{path.relative_to(output)}: link {link}"
            if not target.is_file():
                problems.append(f"{name} leads to no file")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                problems.append(f"{name}: no such place on that page")
    return problems


def _check_budget(output: Path, pages: dict[Path, BuiltPage]) -> list[str]:
    problems = []
    print(f"{'page':44} {'HTML':>8} {'+ assets':>9} {'interactives':>13}")
    for path, page in pages.items():
        name = path.relative_to(output).as_posix()
        assets = {(path.parent / unquote(urlsplit(load).path)).resolve() for load in page.loads}
        assets |= set((output / "_static").rglob("*.woff"))  # subsets of icons and mathematics
        total = page.size + sum(asset.stat().st_size for asset in assets if asset.is_file())
        widgets = sum(page.interactives.values())
        print(f"{name:44} {page.size / 1e3:5.0f} kB {total / 1e3:6.0f} kB {widgets / 1e3:10.0f} kB")
        if total > PAGE_LIMIT:
            problems.append(f"{name}: {total} bytes at first load, and at most {PAGE_LIMIT} are allowed")
        for widget, size in page.interactives.items():
            print(f"  {widget:42} {'':8} {'':9} {size / 1e3:10.0f} kB")
            if size > INTERACTIVE_LIMIT:
                problems.append(
                    f"{name}: interactive {widget} has {size} bytes, at most {INTERACTIVE_LIMIT} are allowed"
                )
    return problems
