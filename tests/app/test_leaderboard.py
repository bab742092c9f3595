"""`xinheng leaderboard`: what it refuses, what it keeps apart, and a site that says no more than its runs do."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from app.leaderboard import leaderboard
from app.leaderboard_files import SITE, cell, write_site
from app.leaderboard_runs import slug
from app.system_comparison import compare
from tests.app.conftest import Run
from tests.reports.test_run import Node, executable, parsed
from tests.servers.made_runs import predictions, right, run
from xinheng.artifacts import Artifact, open_artifact, write
from xinheng.errors import ArtifactError, InputError, UsageError, WriteError

TEXT = "我最近總是睡不著，<script>alert(1)</script>"


def values(share: float, seed: int, sets: Sequence[str] = ("DR", "SAD")) -> dict[str, list[float | None]]:
    return {name: list(right(80 + i, share, seed + i)) for i, name in enumerate(sets)}


def two(folder: Path) -> Path:
    run(folder / "a", "better", values(0.8, 1))
    run(folder / "b", "worse", values(0.5, 2))
    return folder


def made(runs: Path | Sequence[Path], out: Path, **options: Any) -> dict[str, Any]:
    return leaderboard([runs] if isinstance(runs, Path) else list(runs), out=out, **options)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def table(site: Path, name: str) -> list[dict[str, str]]:
    with (site / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def again(
    folder: Path, *, summary: pl.DataFrame | None = None, score: pl.DataFrame | None = None, **facts: Any
) -> None:
    """Write a run anew with other tables or facts; a fact of None goes."""
    old = open_artifact(folder)
    tables = {"score": old.scan("score").collect() if score is None else score,
              "summary": old.scan("summary").collect() if summary is None else summary}  # fmt: skip
    told = {name: value for name, value in {**old.manifest["facts"], **facts}.items() if value is not None}
    write(folder, kind="scores", name="made-scores", tables=tables, facts=told)


# Bad input


def test_no_runs_are_refused_in_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "nowhere"):
        ran = run("leaderboard", place, "--out", tmp_path / "site")
        assert ran.code == 2
        assert "no such folder" in ran.err or "no artifact below it" in ran.err
        assert "Traceback" not in ran.err
    assert not (tmp_path / "site").exists()


def test_other_artifacts_are_no_runs(tmp_path: Path) -> None:
    predictions(tmp_path / "runs" / "p", "x", {"a": "b"})
    with pytest.raises(ArtifactError, match="no run among"):
        made(tmp_path / "runs", tmp_path / "site")


def test_a_half_written_run_is_counted_and_left_out(tmp_path: Path) -> None:
    runs = two(tmp_path / "runs")
    shutil.copytree(runs / "a", runs / ".c.writing-1-abcd")
    site = made(runs, tmp_path / "site")
    assert len(site["runs"]) == 2
    assert site["unfinished"] == 1


@pytest.mark.parametrize("harm", ["manifest", "bytes", "table", "columns"])
def test_a_run_that_cannot_be_read_refuses_the_whole(tmp_path: Path, harm: str) -> None:
    runs = two(tmp_path / "runs")
    if harm == "manifest":
        (runs / "b" / "manifest.json").write_text('{"format": 1, "kind": "scores"')
    elif harm == "bytes":
        part = runs / "b" / "summary-00000.parquet"
        part.write_bytes(part.read_bytes()[:-1] + b"x")
    else:
        summary = open_artifact(runs / "b").scan("summary").collect()
        tables = {"score": summary, **({"summary": summary} if harm == "columns" else {})}
        write(runs / "b", kind="scores", name="x", tables=tables, facts={"data_digest": "d"})
    with pytest.raises(ArtifactError, match=re.escape(str(runs / "b"))):
        made(runs, tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("digest", [None, "", 3])
def test_a_run_that_does_not_say_on_which_data_is_refused(tmp_path: Path, digest: object) -> None:
    runs = two(tmp_path / "runs")
    again(runs / "b", data_digest=digest, record=None)
    with pytest.raises(ArtifactError, match="no digest of the data"):
        made(runs, tmp_path / "site")


def test_a_run_without_record_is_shown_as_one(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "x", values(0.5, 1), recorded=False)
    made(tmp_path / "runs", tmp_path / "site")
    assert "no record: nobody can rerun it" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert table(tmp_path / "site", "runs.csv")[0]["recorded"] == "false"


def test_one_case_alone_has_no_interval_and_shows_nothing(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 0.0)):
        run(tmp_path / "right" / name, name, {"DR": [value]})
        run(tmp_path / "grades" / name, name, {"DR": [7 * value]}, percent=False)
    for kind, p, reason in (("right", "1.0", ""), ("grades", "", "only one")):
        made(tmp_path / kind, tmp_path / f"{kind}-site")
        [test, *_] = table(tmp_path / f"{kind}-site", "tests.csv")
        assert (test["p"], test["low"], reason in test["reason"]) == (p, "", True)


def test_constant_systems_are_not_told_apart(tmp_path: Path) -> None:
    for name in "xyz":
        run(tmp_path / "runs" / name, name, {"DR": [1.0] * 20})
    made(tmp_path / "runs", tmp_path / "site")
    assert {test["p_holm"] for test in table(tmp_path / "site", "tests.csv")} == {"1.0"}
    ranks = {row["rank"] for row in table(tmp_path / "site", "figures.csv") if row["kind"] == "run" and row["rank"]}
    assert ranks == {"1"}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_shown_as_none(tmp_path: Path, odd: float) -> None:
    runs = two(tmp_path / "runs")
    old = open_artifact(runs / "a")
    summary = old.scan("summary").collect().with_columns(value=pl.lit(odd), low=pl.lit(odd), high=pl.lit(odd))
    score = old.scan("score").collect().with_columns(value=pl.lit(odd))
    again(runs / "a", summary=summary, score=score)
    site = made(runs, tmp_path / "site")
    rows = [row for row in table(tmp_path / "site", "figures.csv") if row["system"] == "better"]
    assert {row["value"] for row in rows} == {""}
    assert {row["reason"] for row in rows} <= {"no number", "infinite"}
    assert site["boards"][0]["readers"][0]["rows"][0]["system"] == "worse"
    assert "nan" not in (tmp_path / "site" / "data" / "leaderboard.json").read_text().lower()


def test_answers_that_could_not_be_read_are_counted_on_every_page(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "x", {"DR": [1.0, None, None, None] * 5})
    made(tmp_path / "runs", tmp_path / "site")
    for page in (tmp_path / "site").glob("imhi-*.html"):
        if "cases" not in page.name:
            words = parsed(page.read_text(encoding="utf-8")).words(without="zh")
            assert "75.0%" in words
            assert "10 refused" in words


def test_three_hundred_systems_have_a_table(tmp_path: Path) -> None:
    for number in range(300):
        run(tmp_path / "runs" / str(number), f"s{number}", {"DR": list(right(20, number / 300, 1))}, scorers=("rule",))
    made(tmp_path / "runs", tmp_path / "site")
    [board] = [
        page for page in (tmp_path / "site").glob("imhi-*.html") if re.fullmatch("imhi-data-[0-9a-f]+.html", page.name)
    ]
    assert len(parsed(board.read_text(encoding="utf-8")).all("table")[0].all("tbody")[0].all("tr")) == 301
    assert max(len(content) for content in tree(tmp_path / "site").values()) < 3_000_000


# What is kept apart, and what is one


def test_the_same_run_from_two_machines_counts_once_and_changes_no_byte(tmp_path: Path) -> None:
    runs = two(tmp_path / "runs")
    made(runs, tmp_path / "one")
    shutil.copytree(runs, tmp_path / "other")
    site = made([tmp_path / "other", runs / "b", runs], tmp_path / "two")
    assert site["copies"] == 3
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_other_data_is_another_table(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "x", values(0.8, 1), data="all")
    run(tmp_path / "runs" / "b", "y", values(0.8, 1), data="first three")
    site = made(tmp_path / "runs", tmp_path / "site")
    assert len(site["boards"]) == 2
    for board in site["boards"]:
        assert all(len([r for r in reader["rows"] if r["kind"] == "run"]) == 1 for reader in board["readers"])


def test_readers_are_never_in_one_column(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "x", values(0.8, 1), scorers=("rule",))
    run(tmp_path / "runs" / "b", "y", values(0.7, 1), scorers=("upstream",))
    [board] = made(tmp_path / "runs", tmp_path / "site")["boards"]
    told = {r["scorer"]: [row["system"] for row in r["rows"] if row["kind"] == "run"] for r in board["readers"]}
    assert told == {"rule": ["x"], "upstream": ["y"]}


def test_rubrics_of_one_judge_are_kept_apart(tmp_path: Path) -> None:
    for name in "ab":
        run(tmp_path / "runs" / name, name, {"all": [5.0, 6.0]}, benchmark="judge/empathy", measure="empathy",
            scorers=("judge",), percent=False, facts={"rubric": {"name": "empathy", "digest": name}})  # fmt: skip
    assert len(made(tmp_path / "runs", tmp_path / "site")["boards"]) == 2


def test_a_judges_dimensions_are_parts(tmp_path: Path) -> None:
    for place, name in enumerate("ab"):
        grades = [float(g) for g in np.random.default_rng(place).integers(3 + place, 9, 40)]
        run(tmp_path / "runs" / name, name, {"all": grades}, benchmark="judge/plan", measure="relevance",
            scorers=("judge",), overall=None, floors=None, percent=False)  # fmt: skip
        old = open_artifact(tmp_path / "runs" / name)
        score = old.scan("score").collect().with_columns(part=pl.lit("relevance"))
        again(tmp_path / "runs" / name, score=score)
    [board] = made(tmp_path / "runs", tmp_path / "site")["boards"]
    [reader] = board["readers"]
    assert reader["lead"] == "relevance"
    assert reader["headline"] == "grade"
    assert reader["tests"]["relevance"]["family"] == 1


def test_two_runs_of_one_system_are_two_rows_that_say_how_they_differ(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "x", values(0.8, 1), seed=1)
    run(tmp_path / "runs" / "b", "x", values(0.7, 9), seed=2)
    site = made(tmp_path / "runs", tmp_path / "site")
    labels = sorted(row["label"] for row in site["boards"][0]["readers"][0]["rows"] if row["kind"] == "run")
    assert [re.sub("[0-9a-f]{8}", "…", label) for label in labels] == ["x (seed 1; run …)", "x (seed 2; run …)"]


def test_a_run_over_fewer_cases_is_not_ranked(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "whole", {"DR": [1.0, 0.0] * 20})
    run(tmp_path / "runs" / "b", "lucky", {"DR": [1.0] * 5})
    rows = made(tmp_path / "runs", tmp_path / "site")["boards"][0]["readers"][0]["rows"]
    assert [(row["system"], row["ranks"].get("DR")) for row in rows if row["kind"] == "run"] == [
        ("whole", 1),
        ("lucky", None),
    ]
    assert "fewer cases than others: not ranked" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_published_figures_stand_with_their_reader_and_source_and_are_never_tested(tmp_path: Path) -> None:
    made(two(tmp_path / "runs"), tmp_path / "site")
    rows = [row for row in table(tmp_path / "site", "figures.csv") if row["kind"] == "published"]
    assert {row["scorer"] for row in rows} == {"upstream"}
    assert len(rows) == 30
    assert all(row["source"] and not row["rank"] and not row["low"] for row in rows)
    assert ("MentaLLaMA-chat-13B", "SAD", "63.62") in {(row["system"], row["part"], row["value"]) for row in rows}
    assert not {row["system"] for row in rows} & {row["system"] for row in table(tmp_path / "site", "tests.csv")}


def test_without_the_publishers_reader_published_figures_stand_alone(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "x", values(0.8, 1), scorers=("rule",))
    [board] = made(tmp_path / "runs", tmp_path / "site")["boards"]
    assert not [row for reader in board["readers"] for row in reader["rows"] if row["kind"] == "published"]
    assert [len(apart["rows"]) for apart in board["published_apart"]] == [6]
    assert "these figures stand alone" in (tmp_path / "site" / f"{board['slug']}.html").read_text(encoding="utf-8")


def test_tests_are_corrected_over_their_table(tmp_path: Path) -> None:
    for number in range(5):
        run(tmp_path / "runs" / str(number), f"s{number}", values(0.8 - 0.08 * number, number * 10), scorers=("rule",))
    made(tmp_path / "runs", tmp_path / "site")
    for part in ("DR", "SAD", "mean"):
        tests = [test for test in table(tmp_path / "site", "tests.csv") if test["part"] == part]
        assert {test["tests_in_family"] for test in tests} == {"4"}
        assert all(float(test["p_holm"]) >= float(test["p"]) for test in tests)
        assert {test["method"] for test in tests} == {"McNemar, exact"}


@pytest.mark.parametrize("part", ["privacy_exposed", "reveals_answer", "coldness"])
def test_of_what_a_rubric_calls_bad_the_least_leads(tmp_path: Path, part: str) -> None:
    rubric = {"name": "mine", "digest": "d", "better": {part: "lower", "warmth": "higher"}}
    for name, share in (("careful", 0.1), ("careless", 0.9)):
        cells = {part: list(right(60, share, 1)), "warmth": list(right(60, share, 2))}
        run(tmp_path / "runs" / name, name, cells, benchmark="judge/mine", measure="grade", scorers=("judge:x",),
            overall=None, percent=False, floors=None, facts={"rubric": rubric})  # fmt: skip
    made(tmp_path / "runs", tmp_path / "site")
    rows = table(tmp_path / "site", "figures.csv")
    first = {row["part"]: row["system"] for row in rows if row["rank"] == "1"}
    assert first == {part: "careful", "warmth": "careless"}
    tests = {test["part"]: test for test in table(tmp_path / "site", "tests.csv")}
    assert tests[part]["leader"] == "careful"
    assert int(tests[part]["leader_ahead"]) > int(tests[part]["leader_behind"])


def test_compare_has_the_same_test_of_the_same_pair(tmp_path: Path) -> None:
    a = run(tmp_path / "runs" / "a", "a", values(0.8, 1), scorers=("rule",), groups=3)
    b = run(tmp_path / "runs" / "b", "b", values(0.6, 2), scorers=("rule",), groups=3)
    made(tmp_path / "runs", tmp_path / "site")
    board = {test["part"]: test for test in table(tmp_path / "site", "tests.csv")}
    for row in compare(a, b)["rows"]:
        test = board["mean" if row["part"] == "all" else row["part"]]
        assert (float(test["p"]), test["method"]) == (row["p"], row["test"])
        assert (int(test["leader_ahead"]), int(test["leader_behind"])) == (row["first_better"], row["second_better"])


def test_compare_refuses_other_rubrics_and_knows_which_way_is_good(tmp_path: Path) -> None:
    def judged(name: str, share: float, digest: str) -> Artifact:
        facts = {"rubric": {"name": "mine", "digest": digest, "better": {"coldness": "lower"}}}
        return run(tmp_path / name, name, {"coldness": list(right(60, share, 1))}, benchmark="judge/mine",
                   measure="grade", scorers=("judge:x",), overall=None, percent=False, facts=facts)  # fmt: skip

    [row] = compare(judged("warm", 0.1, "one"), judged("cold", 0.9, "one"))["rows"]
    assert (row["difference"] < 0, row["verdict"], row["lower_is_better"]) == (True, "first", True)
    with pytest.raises(UsageError, match="graded by different rubrics"):
        compare(judged("same", 0.1, "one"), judged("other", 0.9, "two"))


# Hostile words


def hostile(folder: Path) -> Path:
    names = ["<script>alert(1)</script>", "=1+1", "../../etc/passwd", "a\u202etxt.exe", "x" * 10_000, "-2", "@SUM(A1)"]
    replies = ["<script>alert(1)</script>", "=cmd()", "\t=x", "+1", "a\rb", TEXT, "']]>-->"]
    for place, name in enumerate(names):
        part = {f"{name}-{i}": "" for i in range(8)}
        asked = predictions(folder / f"p{place}", name, {**part, **{f"{name}-{i}": replies[i % 7] for i in range(8)}})
        run(folder / f"r{place}", name, {name: [float(i % 2) for i in range(8)], "\u202edrawkcab": [1.0, 0.0]},
            predictions=asked, scorers=("rule", name), facts={"title": name})  # fmt: skip
    return folder


def test_hostile_names_and_replies_stay_text(tmp_path: Path) -> None:
    made(hostile(tmp_path / "runs"), tmp_path / "site", with_text=True, title="<img src=x onerror=alert(1)>")
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "site").glob("*.html")]
    assert len(pages) > 20
    for html in pages:
        root = parsed(html)
        assert len(executable(root)) == 2
        assert not root.all("img")
        assert not [node for node in root.all() if any(name.startswith("on") for name in node.attributes)]
        assert "\u202e" not in html
        assert len(html) < 1_000_000
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in html for html in pages)


def test_file_names_stay_in_the_folder_and_short(tmp_path: Path) -> None:
    made(hostile(tmp_path / "runs"), tmp_path / "site")
    for name in tree(tmp_path / "site"):
        assert re.fullmatch(r"(data/)?[a-z0-9-]+\.(html|csv|json)", name), name
        assert len(name) < 240


def test_no_cell_is_a_formula_and_numbers_are_numbers(tmp_path: Path) -> None:
    made(hostile(tmp_path / "runs"), tmp_path / "site", with_text=True)
    for name in ("figures.csv", "tests.csv", "runs.csv", "samples.csv"):
        for row in table(tmp_path / "site", name):
            for value in row.values():
                assert not re.match(r"\s*[=+@\t\r]|\s*-(?!\d+\.)", value), (name, value)
    for test in table(tmp_path / "site", "tests.csv"):
        assert test["difference"] == "" or float(test["difference"]) <= 1
    replies = {row["reply"] for row in table(tmp_path / "site", "samples.csv")}
    assert "'=cmd()" in replies
    assert "<script>alert(1)</script>" in replies


@pytest.mark.parametrize("value", [-0.5, 3, 1e-9, -7])
def test_a_number_is_read_back_from_its_cell(value: float) -> None:
    assert float(cell(value)) == value


@pytest.mark.parametrize("text", ["=1", "+a", "-a", "@a", "\ta", "\ra", " =1", "＝1", "\n=1"])
def test_a_formula_is_prefixed(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_texts_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    asked = predictions(tmp_path / "runs" / "p", "x", {f"DR-{i}": f"reply {i}: {TEXT}" for i in range(6)}, asked="難過")
    run(tmp_path / "runs" / "s", "x", {"DR": [1.0, 0.0] * 3}, predictions=asked)
    made(tmp_path / "runs", tmp_path / "without")
    made(tmp_path / "runs", tmp_path / "with", with_text=True)
    texts = ("睡不著".encode(), "難過".encode())
    assert not [name for name, content in tree(tmp_path / "without").items() if any(text in content for text in texts)]
    shown = [name for name, content in tree(tmp_path / "with").items() if all(text in content for text in texts)]
    assert any("cases-1.html" in name for name in shown)
    assert "data/samples.csv" in shown


def test_texts_that_are_not_at_hand_are_said_to_be_missing(tmp_path: Path) -> None:
    site = made(two(tmp_path / "runs"), tmp_path / "site", with_text=True)
    assert len(site["texts_lacking"]) == 2
    assert "The texts of 2 runs are not shown" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_no_page_or_file_names_a_folder_of_somebodys_machine(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a", "local:/home/ann/models/phi4", values(0.8, 1))
    login = "openai:m@http://ann:secret@10.0.0.3/v1"
    run(tmp_path / "runs" / "b", login, values(0.7, 1), scorers=("rule", login, "local:/home/ann/judge"))
    made(tmp_path / "runs", tmp_path / "site")
    for name, content in tree(tmp_path / "site").items():
        assert not re.search(b"home.ann", content), name
        assert b"secret" not in name.encode() + content, name
        assert str(tmp_path).encode() not in content, name


# The pages


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    two(folder / "runs")
    for place, name in enumerate(("one", "two", "three")):
        run(folder / "runs" / f"m{place}", name, values(0.7 - 0.1 * place, place, [f"科目{i}" for i in range(15)]),
            benchmark="mcq", measure="accuracy", overall="all", percent=False, scorers=("generated",),
            data="questions")  # fmt: skip
    made(folder / "runs", folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def roots(site: Path) -> dict[str, Node]:
    return {page.name: parsed(page.read_text(encoding="utf-8")) for page in sorted(site.glob("*.html"))}


def test_every_link_leads_to_a_page_or_place_that_is_there(site: Path, roots: dict[str, Node]) -> None:
    for name, root in roots.items():
        ids = [node.attributes["id"] for node in root.all() if "id" in node.attributes]
        assert len(ids) == len(set(ids)), name
        for link in root.all("a"):
            file, _, place = link.attributes["href"].partition("#")
            assert not file or (site / file).is_file(), link.attributes["href"]
            assert file or place in ids
        for node in root.all():
            assert set(node.attributes.get("aria-labelledby", "").split()) <= set(ids)


def test_nothing_is_fetched_and_only_our_scripts_run(roots: dict[str, Node]) -> None:
    for root in roots.values():
        [policy] = [n.attributes["content"] for n in root.all("meta") if "http-equiv" in n.attributes]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        hashes = {
            f"'sha256-{base64.b64encode(hashlib.sha256(s.text.encode()).digest()).decode()}'" for s in executable(root)
        }
        assert rules["default-src"] == "'none'"
        assert set(rules["script-src"].split()) == hashes
        for node in root.all():
            assert not {"src", "srcset", "action", "style"} & set(node.attributes)
            assert node.name not in {"iframe", "object", "embed", "base", "form", "img", "use"}


def test_every_page_is_said_in_both_languages(roots: dict[str, Node]) -> None:
    for root in roots.values():
        for english in root.all("span", "en"):
            assert english.parent is not None
            chinese = english.parent.children[english.parent.children.index(english) + 1]
            assert chinese.attributes["class"] == "zh"
            assert chinese.words()
        assert all(t.parent is not None and t.parent.attributes.get("tabindex") == "0" for t in root.all("table"))
        assert all(cell.attributes.get("scope") in {"row", "col"} for cell in root.all("th"))


def test_every_picture_stands_beside_its_numbers(roots: dict[str, Node]) -> None:
    seen = 0
    for root in roots.values():
        for row in root.all("tr"):
            for drawing in row.all("svg"):
                seen += 1
                assert drawing.attributes["aria-hidden"] == "true"
                assert re.search(r"\d", row.all(css="value")[0].words())
    assert seen > 50


def test_tables_and_files_hold_the_same_numbers(site: Path, roots: dict[str, Node]) -> None:
    told = {(row["system"], row["part"]): float(row["value"]) for row in table(site, "figures.csv")
            if row["scorer"] == "rule" and row["measure"] == "weighted_f1" and row["kind"] == "run"}  # fmt: skip
    [page] = [root for name, root in roots.items() if re.fullmatch("imhi-data-[0-9a-f]+-dr-[0-9a-f]+.html", name)]
    rows = page.all("table")[0].all("tbody")[0].all("tr", "run")
    shown = {row.all("a")[0].words(): float(row.all(css="value")[0].words()) for row in rows}
    assert shown == {system: pytest.approx(told[system, "DR"], abs=0.005) for system in ("better", "worse")}


def test_macro_and_micro_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    run(folder, "x", {"law": [1.0] * 30, "ethics": [0.0] * 10}, benchmark="mcq", measure="accuracy", overall="all",
        percent=False, scorers=("generated",))  # fmt: skip
    summary = open_artifact(folder).scan("summary").collect()
    macro = summary.filter((pl.col("part") == "all") & (pl.col("measure") == "accuracy")).with_columns(
        measure=pl.lit("macro_accuracy"), value=pl.lit(0.25)
    )
    again(folder, summary=pl.concat([summary, macro]))
    site = made(tmp_path / "runs", tmp_path / "site")
    html = (tmp_path / "site" / f"{site['boards'][0]['slug']}.html").read_text(encoding="utf-8")
    heads = [head.words(without="zh") for head in parsed(html).all("table")[0].all("thead")[0].all("th")]
    assert "Accuracy" in heads
    assert "Macro accuracy" in heads


def test_a_floor_is_marked_and_not_ranked(roots: dict[str, Node]) -> None:
    floors = [row for root in roots.values() for row in root.all("tr", "floor")]
    assert floors
    assert all("floor" in row.words() for row in floors)


def test_what_a_run_cost_and_how_it_was_made_has_a_page(roots: dict[str, Node]) -> None:
    [page] = [root for name, root in roots.items() if name.startswith("run-better")]
    words = page.words()
    for told in ("Decoding", "temperature", "identity", "made 0.1", "requests"):
        assert told in words


# The folder


def test_the_same_runs_give_the_same_bytes_and_replace_the_older_site(tmp_path: Path) -> None:
    runs = two(tmp_path / "runs")
    made(runs, tmp_path / "site")
    before = tree(tmp_path / "site")
    run(runs / "c", "third", values(0.6, 5))
    made(runs, tmp_path / "site")
    assert tree(tmp_path / "site") != before
    shutil.rmtree(runs / "c")
    made(runs, tmp_path / "site")
    assert tree(tmp_path / "site") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "site"]


@pytest.mark.parametrize("other", ["file", "folder", "beside", "forged"])
def test_what_is_not_ours_is_never_replaced(tmp_path: Path, other: str) -> None:
    runs, out = two(tmp_path / "runs"), tmp_path / "site"
    if other == "file":
        out.write_text("mine")
    elif other == "beside":
        made(runs, out)
        (out / "CNAME").write_text("mine")
    else:
        out.mkdir()
        (out / "index.html").write_text("mine")
        if other == "forged":
            (out / SITE).write_text('{"made_by": "another program", "files": {"index.html": ""}}')
    before = tree(out) if out.is_dir() else out.read_bytes()
    with pytest.raises(WriteError, match="in the way"):
        made(runs, out)
    assert (tree(out) if out.is_dir() else out.read_bytes()) == before


def test_a_failure_half_way_leaves_the_older_site(tmp_path: Path) -> None:
    write_site(tmp_path / "site", [("index.html", "old")])

    def files() -> Any:
        yield "index.html", "new"
        raise InputError("test", "something broke")

    with pytest.raises(InputError):
        write_site(tmp_path / "site", files())
    assert (tmp_path / "site" / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_what_a_killed_run_left_is_swept_and_a_lost_site_comes_back(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    gone = process.pid
    write_site(tmp_path / "site", [("index.html", "old")])
    (tmp_path / "site").rename(tmp_path / f".site.replaced-{gone}-abcd")
    (tmp_path / f".site.writing-{gone}-abcd").mkdir()
    (tmp_path / f".site.writing-{os.getppid()}-abcd").mkdir()

    def files() -> Any:
        assert (tmp_path / "site" / "index.html").read_text() == "old"
        yield "index.html", "new"

    write_site(tmp_path / "site", files())
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".site.writing-{os.getppid()}-abcd", "site"]


def test_the_command_prints_the_leaders_and_json(run: Run, tmp_path: Path) -> None:
    runs = two(tmp_path / "own")
    ran = run("leaderboard", runs, "--out", tmp_path / "site")
    assert ran.code == 0
    assert "better" in ran.out
    assert "index.html" in ran.out
    told = json.loads(run("leaderboard", runs, "--out", tmp_path / "site", "--json").out)
    assert told["runs"] == 2
    assert "index.html" in told["files"]


def test_names_that_look_alike_have_files_of_their_own() -> None:
    names = ["a/b", "a b", "a-b", "A/B", "a/b ", "中", "文"]
    assert len({slug(name) for name in names}) == len(names)
