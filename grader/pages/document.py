"""The frame of every page: one style sheet, no script, nothing loaded from anywhere."""

import base64
import hashlib
import html

from grader.pages.clean import clean_text

STYLE = """
:root { color-scheme: light dark; --line: #8886; --quiet: #8882; --good: #009e73; --bad: #d55e00; --wait: #0072b2; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; } td.number { text-align: right; white-space: nowrap; }
table.report td { overflow-wrap: anywhere; } table.report td:not(.number) { min-width: 6rem; }
table.report td:first-child { min-width: 9rem; }
pre { background: var(--quiet); padding: .6rem; overflow-x: auto; font-size: .85rem; white-space: pre-wrap; }
pre.error { border-left: 4px solid var(--bad); } pre.code { border-left: 4px solid var(--line); }
section.task { border-left: 6px solid var(--line); padding: .1rem 1rem; margin: 1rem 0; }
section.passed { border-color: var(--good); } section.lost { border-color: var(--bad); }
section.waits { border-color: var(--wait); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .4rem 0; } dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; } img { max-width: 100%; background: white; } .quiet { opacity: .75; }
.hl-k, .hl-kn, .hl-ow { font-weight: 600; } .hl-c1, .hl-sd { opacity: .7; font-style: italic; }
"""


_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "script-src 'none'"
)


def document(title: str, body: str) -> str:
    """A whole page that loads nothing and runs nothing."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(clean_text(title, 200))}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def escaped(value: object) -> str:
    return html.escape(clean_text(value, 4000))


def points_text(value: float) -> str:
    return f"{value:.4g}"
