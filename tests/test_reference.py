"""Glossary and bibliography: complete, in order, and about what the chapters really say."""

import re
from collections import Counter

from tools.notebooks import ROOT, read

GLOSSARY = (ROOT / "glossary.md").read_text(encoding="utf-8")
TERMS = dict(re.findall(r"^(\S.*)\n  (.+)$", GLOSSARY.partition("```{glossary}")[2], re.MULTILINE))
PAPERS = re.findall(r"@(\w+)\{(\w+),\n(.*?)\n\}", (ROOT / "references.bib").read_text(encoding="utf-8"), re.DOTALL)
SPELLED = {  # where a chapter writes a term otherwise
    "bfloat16, float16": "bfloat16",
    "dataset, data loader": "dataset",
    "F-beta score": "beta",
    "L1 and L2 regularisation": "L2",
    "global average pooling": "global average",
    "latency and throughput": "throughput",
    "test set, validation set": "validation",
    "fully connected layer": "fully connected|linear layer",
    "gradient checking": "check",
    "calibration": "calibrat",
    "learning-rate schedule": "schedule",
    "in place": "in[- ]place",
    "universal approximation theorem": "universal approximation",
}


def test_terms_are_in_alphabetical_order_and_say_where_they_are_built():
    names = list(TERMS)
    assert names == sorted(names, key=str.casefold)
    assert len(names) > 100
    for name, line in TERMS.items():
        assert re.search(r"\. \(\d\d(, \d\d)*\)$", line), f"{name}: end the sentence with the chapter in brackets"


def test_every_chapter_has_terms_and_every_term_is_in_its_chapters():
    homes = {name: re.findall(r"\d\d", line.rpartition("(")[2]) for name, line in TERMS.items()}
    chapters = {path.stem[:2] for path in (ROOT / "chapters").glob("*.ipynb")}
    assert {home for some in homes.values() for home in some} == chapters - {"13"}  # the review introduces nothing
    missing = []
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        text = "\n".join(cell.source for cell in read(path).cells)
        for name, some in homes.items():
            if path.stem[:2] in some and not re.search(SPELLED.get(name, re.escape(name)), text, re.IGNORECASE):
                missing.append(f"{name}: not in {path.stem}")
    assert missing == []


def test_papers_are_unique_and_have_what_a_reader_needs():
    keys = Counter(key for _, key, _ in PAPERS)
    assert len(keys) == len(PAPERS) > 25
    for kind, key, fields in PAPERS:
        named = dict(re.findall(r"^  (\w+) = \{(.+)\},$", fields, re.MULTILINE))
        place = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}.get(kind)
        assert {"author", "title", "year"} <= set(named), key
        assert place is None or place in named, f"{key}: where did it appear?"
        assert key.endswith(named["year"]), f"{key}: the key ends with the year"


def test_every_citation_is_in_the_bibliography():
    known = {key for _, key, _ in PAPERS}
    for page in [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("*.md")]:
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", page.read_text(encoding="utf-8")):
            assert set(re.split(r"\s*,\s*", keys)) <= known, page.name
