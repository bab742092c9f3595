"""The documents as a site: whole, without a warning, and without an address that a browser would ask."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import annotation.tables
import xinheng.tables
from app.reference import walk
from xinheng import __version__

pytest.importorskip("sphinx")
ROOT = Path(__file__).resolve().parents[2]
# What a browser loads without being asked, as tag and attribute.
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "link": "href",
    "video": "src",
    "object": "data",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: every warning, a broken link among them, is an error."""
    folder = tmp_path_factory.mktemp("docs")
    recipe = re.search(r"sphinx-build (.+) docs \$\(SITE\)", (ROOT / "Makefile").read_text())
    assert recipe is not None
    options = [word for word in recipe[1].split() if not word.startswith("$")]
    assert {"-n", "-W"} <= set(options)
    options[options.index("-d") + 1 : options.index("-d") + 1] = [str(folder / "trees")]
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(folder / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "site"


class Links(HTMLParser):
    """What a page loads, what it leads to, and the ids in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if (place := given.get(LOADED.get(tag, ""))) is not None and given.get("rel") not in {
            "index",
            "search",
            "next",
            "prev",
        }:
            self.loads.append(place)
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])


def pages(site: Path) -> Iterator[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 25
    return iter(found)


def test_every_document_is_a_page_that_the_menu_leads_to(site: Path) -> None:
    menu = {unquote(urlsplit(link).path) for link in Links(site / "index.html").leads}
    for document in (ROOT / "docs").rglob("*.md"):
        page = document.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / page).is_file(), page
        assert page in menu or page == "index.html", page


def test_nothing_is_loaded_from_outside(site: Path) -> None:
    for page in pages(site):
        for place in Links(page).loads:
            assert not urlsplit(place).scheme or place.startswith("data:"), f"{page.name}: {place}"
            assert not place.startswith("//"), f"{page.name}: {place}"
            assert (page.parent / unquote(urlsplit(place).path)).is_file() or place.startswith("data:"), (
                f"{page.name}: {place}"
            )
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<style[^>]*>[^<]*(?:@import|url\(\s*[\"']?(?:https?:)?//)", text), page.name
    for style in site.rglob("*.css"):
        text = re.sub(r"url\(\s*[\"']?data:", "", style.read_text(encoding="utf-8"))
        assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", text), style.name
    for script in site.rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"(?:fetch|import|importScripts)\(\s*[\"'](?:https?:)?//", text), script.name


def test_every_link_within_leads_somewhere(site: Path) -> None:
    known = {page: Links(page) for page in pages(site)}
    for page, links in known.items():
        for lead in links.leads:
            parts = urlsplit(lead)
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
            assert target.is_file(), f"{page.name}: {lead}"
            if parts.fragment and target in known:
                assert unquote(parts.fragment) in known[target].ids, f"{page.name}: {lead}"


def test_every_command_is_in_the_reference_with_all_its_options(site: Path) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", (site / "reference/commands.html").read_text(encoding="utf-8")))
    names = [name for name, _ in walk()]
    assert {"curate", "annotate push", "bench imhi", "generate preferences"} <= set(names)
    for name, command in walk():
        start = text.index(f"xinheng {name}", text.index(f"\n{name}"))
        with command.context_class(command, info_name=name) as context:
            records = [p.get_help_record(context) for p in command.get_params(context)]
        for record in filter(None, records):
            if record[0] not in {"--help", "--json"}:
                at = text.find(record[0], start)
                assert at > 0, f"{name}: {record[0]}"
                assert " ".join(record[1].split()).replace("`", "") in text[at:], f"{name}: {record[0]}"


def test_the_reference_says_what_help_prints(site: Path) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", (site / "reference/commands.html").read_text(encoding="utf-8")))
    xinheng = Path(sys.executable).parent / "xinheng"
    done = subprocess.run([xinheng, "curate", "--help"], capture_output=True, text=True, check=True)
    said = re.search(r"--seed <int> (.+?) \[default", " ".join(done.stdout.split()))
    assert said is not None
    assert said[1] in text


@pytest.mark.parametrize("module", [xinheng.tables, annotation.tables], ids=lambda module: module.__name__)
def test_every_column_of_every_table_is_in_the_reference(site: Path, module: Any) -> None:
    page = (site / "reference/tables.html").read_text(encoding="utf-8")
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    columns = {row[0] for row in rows if row}
    schemas = [
        v for k, v in vars(module).items() if k.isupper() and isinstance(v, dict) and k not in {"TABLES", "KEYS"}
    ]
    assert len(schemas) >= 4
    assert {column for schema in schemas for column in schema} <= columns


def test_the_project_can_be_cited_in_its_present_version() -> None:
    yaml = pytest.importorskip("yaml")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["version"] == __version__
    assert cited["license"] == project["license"]
    assert cited["abstract"] == project["description"]
    assert cited["keywords"] == project["keywords"]
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
