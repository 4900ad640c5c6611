"""The pages: every relative link leads to a file of the repository, and every `make` target that they name exists."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)|\bsrc=\"([^\"]+)\"")
TARGET = re.compile(r"(?:^\s{4}|`|\$ )make ([a-z][a-z-]*)", re.MULTILINE)


def links(text: str) -> list[str]:
    """Relative targets of a page's links and pictures, without fragments."""
    found = (first or second for first, second in LINK.findall(text))
    return [link.split("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages__links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages__make_targets_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(TARGET.findall(page.read_text(encoding="utf-8"))) <= known


def test_planted__links() -> None:
    text = 'A [page](docs/a.md#top), ![picture](b.png "title"), [web](https://x.org), [here](#x), <img src="c.svg">'
    assert links(text) == ["docs/a.md", "b.png", "c.svg"]


def test_pages__reference_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec and spec.loader
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for name, page in reference.PAGES.items():
        kept = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        assert kept == page(), f"docs/reference/{name} is old: run python scripts/reference.py"
