"""`xinheng publish`: what must not go out does not, what goes out loads, no number of a card can be changed unseen."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

from app.publishing_gates import PUBLISHED_TEXTS
from curation.split import certify
from tests.servers.hub_server import TOKEN, served
from xinheng import artifacts, publication
from xinheng.artifacts import Artifact, open_artifact
from xinheng.marks import CONTAMINATED, new_mark
from xinheng.tables import CHOICE, DIALOGUE

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
XINHENG = Path(sys.executable).with_name("xinheng")
SPLITS = ("train", "train", "train", "validation", "test")
LANGUAGES = ("en", "zh-Hant")


def questions(
    rows: int = 10, *, licence: str = "CC0-1.0", source: str = "sample-choices", name: str = "q"
) -> pl.DataFrame:
    """CHOICE rows with splits."""
    return pl.DataFrame(
        [
            {
                "question_id": f"{name}{i:03}", "subject": f"subject {i % 2}", "language": LANGUAGES[i % 2],
                "question": f"Which of these is number {i}?", "options": ["one", "two"], "answers": ["A"],
                "explanation": None, "published_split": None, "source": source, "licence": licence,
                "origin": f"made.csv:{i}", "split": SPLITS[i % 5],
            }
            for i in range(rows)
        ],
        schema={**CHOICE, "split": pl.String},
    )  # fmt: skip


def dataset(folder: Path, rows: pl.DataFrame, *, name: str = "made", title: str = "Made", **more) -> Artifact:
    """As `xinheng curate` writes it."""
    table = "choice" if "question_id" in rows.columns else "dialogue"
    key = rows.columns[0]
    spread = {split: rows.filter(pl.col("split") == split).height for split in ("train", "validation", "test")}
    facts = {
        "title": {"en": title, "zh": title}, "table": table, "recipe": {"name": name, "steps": []}, "sources": [],
        "rows": {"read": rows.height + 1, "kept": rows.height, "dropped": 1},
        "steps": [{"step": "read", "what": "Rows that could not be read", "rows": rows.height + 1, "dropped": 1,
                   "changed": 0, "segments": 0}],
        "reasons": [{"step": "read", "reason": "SECRETREASON", "rows": 1}],
        "splits": spread, "strata": [], "languages": dict(rows.group_by("language").len().sort("language").iter_rows()),
        "topics": [], "licences": [], "seed": 0, "limit": None,
    }  # fmt: skip
    certificate = certify(rows, key=key, stratum=None, groups=[], seed=0)
    dropped = pl.DataFrame({"row_id": ["x"], "step": ["read"], "reason": ["SECRETREASON"], "row": ["SECRETROW"]})
    return artifacts.write(
        folder, kind="dataset", name=name, tables={table: rows, "dropped": dropped}, facts=facts,
        texts={"certificate.json": json.dumps(certificate)}, **more,
    )  # fmt: skip


def dialogues(text: str, *, client: str = "c", source: str = "sample", licence: str = "CC0-1.0") -> pl.DataFrame:
    """DIALOGUE rows, five of them."""
    return pl.DataFrame(
        [
            {
                "dialogue_id": f"d{i}", "client_id": f"{client}{i}", "language": "en", "topics": ["stress"],
                "turns": [{"role": "client", "text": f"{text} {i}", "tags": []},
                          {"role": "counsellor", "text": f"I hear you, {i}.", "tags": []}],
                "source": source, "licence": licence, "origin": f"made:{i}", "split": SPLITS[i],
            }
            for i in range(5)
        ],
        schema={**DIALOGUE, "split": pl.String},
    )  # fmt: skip


def published(run, artifact: Artifact, out: Path, *more):
    return run("publish", artifact.path, "--out", out, *more)


def content(folder: Path) -> str:
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*")) if path.is_file()
    )


def test_a_published_dataset_loads_with_splits_and_features_and_holds(run, tmp_path: Path) -> None:
    import datasets

    made = dataset(tmp_path / "made", questions())
    ran = published(run, made, tmp_path / "p", "--author", "Lin, Mei")
    assert ran.code == 0, ran.err
    loaded = datasets.load_dataset(str(tmp_path / "p"), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": 6, "validation": 2, "test": 2}
    assert loaded["train"].features["options"] == datasets.List(datasets.Value("string"))
    lines = datasets.load_dataset(str(tmp_path / "p"), data_dir="jsonl/messages", cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in lines.items()} == {"train": 6, "validation": 2, "test": 2}
    card = (tmp_path / "p" / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert (front["license"], front["language"], front["size_categories"]) == ("cc0-1.0", ["en", "zh"], ["n<1K"])
    assert "| train | 6 | 3 | 3 |" in card
    assert yaml.safe_load((tmp_path / "p" / "CITATION.cff").read_text())["authors"][0]["family-names"] == "Lin"
    assert run("publish", "--check", tmp_path / "p").code == 0
    assert run("publish", made.path, "--check", tmp_path / "p").code == 0
    assert not any(word in content(tmp_path / "p") for word in ("SECRETREASON", "SECRETROW", str(tmp_path)))


def test_croissant_is_valid_and_gives_the_rows(run, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    made = dataset(tmp_path / "made", dialogues("I feel tired"))
    (tmp_path / "a.toml").write_text('bias = "Students only."\nimpact = "Unknown."\n')
    assert published(run, made, tmp_path / "p", "--answers", tmp_path / "a.toml").code == 0
    described = mlcroissant.Dataset(tmp_path / "p" / "croissant.json")
    assert (described.metadata.ctx.issues.errors, described.metadata.ctx.issues.warnings) == (set(), set())
    rows = sorted(row["default/dialogue_id"].decode() for row in described.records("default"))
    assert rows == [f"d{i}" for i in range(5)]
    told = json.loads((tmp_path / "p" / "croissant.json").read_text())
    assert told["rai:dataBiases"] == "Students only."
    assert "rai:dataReleaseMaintenancePlan" not in told, "nobody answered that"


def test_the_same_again_gives_the_same_bytes(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    for name in ("one", "two"):
        assert published(run, made, tmp_path / name).code == 0
    assert publication.read(tmp_path / "one") == publication.read(tmp_path / "two")
    assert published(run, made, tmp_path / "one").code == 0
    assert publication.read(tmp_path / "one") == publication.read(tmp_path / "two")


# What may not go out


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "private", "unknown", ""])
def test_a_licence_that_forbids_it_refuses_and_names_its_source(licence: str, run, tmp_path: Path) -> None:
    rows = pl.concat([questions(), questions(3, licence=licence, source="forbidding", name="n")])
    made = dataset(tmp_path / "made", rows)
    ran = published(run, made, tmp_path / "p")
    assert ran.code == 1
    assert "forbidding (3 rows" in ran.err
    assert not (tmp_path / "p").exists()


def test_a_non_commercial_source_goes_when_accepted_or_as_ids(run, tmp_path: Path) -> None:
    rows = pl.concat([questions(), questions(3, licence="CC-BY-NC-4.0", source="emobench", name="n")])
    made = dataset(tmp_path / "made", rows, name="choices")
    ran = published(run, made, tmp_path / "p")
    assert "--accept non-commercial" in ran.err
    assert "--ids-only" in ran.err
    assert published(run, made, tmp_path / "p", "--accept", "non-commercial").code == 0
    assert 'license: "cc-by-nc-4.0"' in (tmp_path / "p" / "README.md").read_text()
    assert published(run, made, tmp_path / "ids", "--ids-only").code == 0
    assert "Which of these" not in content(tmp_path / "ids")
    ids = pl.read_parquet(sorted((tmp_path / "ids" / "data").glob("*.parquet")))
    assert ids.height == rows.height
    assert not {"question", "options", "explanation"} & set(ids.columns)
    assert run("publish", "--check", tmp_path / "ids").code == 0
    assert published(run, made, tmp_path / "q", "--accept", "everything").code == 2


@pytest.mark.parametrize(
    ("source", "recipe", "facts", "why"),
    [
        ("mine", "choices", {}, "mine is published nowhere"),
        ("emobench", "own", {}, "its recipe does not come with Xinheng"),
        ("emobench", "choices", {"privacy": {"pseudonymised": True}}, "its vault stays here"),
        ("emobench", "choices", {"withdrawn": {"ids": 1, "rows": 1}}, "the list of what was withdrawn stays here"),
    ],
)
def test_ids_are_offered_only_where_a_stranger_can_make_the_rows_again(
    source: str, recipe: str, facts: dict, why: str, run, tmp_path: Path
) -> None:
    made = dataset(tmp_path / "made", questions(licence="CC-BY-NC-4.0", source=source), name=recipe)
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    manifest["facts"] |= facts
    (tmp_path / "made" / "manifest.json").write_text(json.dumps(manifest))
    for more in ((), ("--ids-only",)):
        ran = published(run, made, tmp_path / "p", *more)
        assert ran.code == 1
        assert "rebuilds the rows" not in ran.err
        assert f"Ids would help nobody: {why}" in ran.err
        assert "--accept non-commercial" in ran.err
    assert not (tmp_path / "p").exists()
    free = dataset(tmp_path / "free", questions(source="mine"), name="choices")
    assert published(run, free, tmp_path / "ids", "--ids-only").code == 0
    assert "nobody else can make these rows again" in (tmp_path / "ids" / "README.md").read_text()


def test_ids_of_ones_own_texts_are_no_way_around_privacy(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", dialogues("My phone is 0912-345-678", source="mine"))
    ran = published(run, made, tmp_path / "p", "--ids-only")
    assert ran.code == 1
    assert "--ids-only is for rows that others published" in ran.err
    assert "published-texts" not in ran.err


def test_names_in_texts_refuse_until_somebody_says_yes_to_public_ones(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", dialogues("My phone is 0912-345-678 and my name is Margaret Thornfield"))
    ran = published(run, made, tmp_path / "p")
    assert ran.code == 1
    assert "phone 5 in 5 rows" in ran.err
    assert "0912" not in ran.err
    assert not (tmp_path / "p").exists()
    assert published(run, made, tmp_path / "p", "--accept", PUBLISHED_TEXTS).code == 0
    card = (tmp_path / "p" / "README.md").read_text()
    assert "accepted that by name" in card.replace("\n", " ")
    assert "隱私檢查未通過" in card, "who reads the Chinese alone must know it too"
    own = dataset(tmp_path / "own", dialogues("My phone is 0912-345-678", source="mine"))
    ran = published(run, own, tmp_path / "q", "--accept", PUBLISHED_TEXTS)
    assert ran.code == 1
    assert "some are not" in ran.err


@pytest.mark.parametrize("told", ["", "{}", "[]", None])
def test_what_was_looked_through_before_is_believed_only_whole(told: str | None, run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", dialogues("My phone is 0912-345-678"))
    assert published(run, made, tmp_path / "p").code == 1
    (kept,) = (tmp_path / "runs" / "checks").iterdir()
    assert "0912" not in kept.read_text()
    if told is not None:
        kept.write_text(told)
    assert "phone 5 in 5 rows" in published(run, made, tmp_path / "p").err


def test_a_vault_journal_or_mark_refuses(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    (tmp_path / "made" / "study.bin").write_bytes(b'{"format": "xinheng-vault-1"}')
    assert "must not leave this machine" in published(run, made, tmp_path / "p").err
    marked = dataset(
        tmp_path / "marked", questions(),
        marks=[new_mark(CONTAMINATED, [{"benchmark": "imhi", "kind": "same", "split": "train", "rows": 3}])],
    )  # fmt: skip
    assert published(run, marked, tmp_path / "p").code == 1
    assert published(run, marked, tmp_path / "p", "--allow-contaminated").code == 0
    assert "imhi" in (tmp_path / "p" / "README.md").read_text()


def test_the_reviewers_page_stays_on_this_machine(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", dialogues("I feel tired"))
    assert published(run, made, tmp_path / "p").code == 0
    (page,) = (tmp_path / "runs" / "reviews").iterdir()
    assert "I feel tired" in page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    assert not [*(tmp_path / "p").rglob("*.html")]
    assert published(run, made, tmp_path / "runs").code == 2


# A hand in it


def test_each_number_of_a_card_is_guarded(run, tmp_path: Path) -> None:
    import re

    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p").code == 0
    card = tmp_path / "p" / "README.md"
    text = card.read_text()
    places = [found.start() for found in re.finditer(r"\d", text)]
    from app.publishing_check import checked

    for at in places[:: max(1, len(places) // 25)]:
        card.write_text(f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}")
        wrong = [one for one in checked(tmp_path / "p").wrong if "other bytes" not in one]
        if "SHA256" not in text[max(0, at - 6) : at + 6] and "sha256" not in text[max(0, at - 6) : at + 6]:
            assert wrong, text[max(0, at - 40) : at + 10]
    card.write_text(text)
    assert run("publish", "--check", tmp_path / "p").code == 0


def test_rows_changed_with_every_list_forged_are_still_seen(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p").code == 0
    file = next((tmp_path / "p" / "data").glob("test-*"))
    pl.read_parquet(file).with_columns(answers=pl.lit(["B"])).write_parquet(file)
    told = publication.read(tmp_path / "p")
    files = {name: artifacts.file_sha256(tmp_path / "p" / name) for name in told["files"]}
    (tmp_path / "p" / publication.MARKER).write_text(json.dumps({**told, "files": files}))
    ran = run("publish", "--check", tmp_path / "p")
    assert ran.code == 1
    assert "the rows are not those of the artifact" in ran.out


@pytest.mark.parametrize(
    ("name", "was", "now", "told"),
    [
        ("croissant.json", '"contentSize": "', '"contentSize": "9', "croissant.json: distribution"),
        ("croissant.json", '"version": "1.0.0"', '"version": "1.0.1"', "croissant.json: version"),
        ("croissant.json", "Digest ", "Digest 0", "croissant.json: citeAs"),
        ("croissant.json", '"dataType": "sc:Text"', '"dataType": "sc:Integer"', "croissant.json: recordSet"),
        ("LICENCES.md", "CC0-1.0", "MIT", "LICENCES.md: not the terms"),
    ],
)
def test_what_machines_and_lawyers_read_is_worked_out_again(
    name: str, was: str, now: str, told: str, run, tmp_path: Path
) -> None:
    from app.publishing_check import checked

    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p", "--author", "Lin, Mei").code == 0
    assert checked(tmp_path / "p").wrong == ()
    about = tmp_path / "p" / "provenance" / "about.json"
    older = {key: value for key, value in json.loads(about.read_text()).items() if key not in {"authors", "date"}}
    about.write_text(json.dumps(older))
    assert [one for one in checked(tmp_path / "p").wrong if "about.json" not in one] == [], "of an older Xinheng"
    file = tmp_path / "p" / name
    file.write_text(file.read_text().replace(was, now, 1))
    assert any(one.startswith(told) for one in checked(tmp_path / "p").wrong)


def test_a_publication_of_an_older_artifact_is_stale(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p").code == 0
    again = dataset(tmp_path / "made", questions(11))
    ran = run("publish", again.path, "--check", tmp_path / "p")
    assert ran.code == 1
    assert "stale" in ran.out
    assert published(run, again, tmp_path / "p", "--version", "2.0.0").code == 0
    assert run("publish", again.path, "--check", tmp_path / "p").code == 0


@pytest.mark.parametrize("name", ["claims.json", "provenance/manifest.json", "provenance/about.json", "README.md"])
@pytest.mark.parametrize("told", ["", "{}", "\x00\xff", None])
def test_a_damaged_publication_is_told_and_never_a_crash(name: str, told: str | None, run, tmp_path: Path) -> None:
    assert published(run, dataset(tmp_path / "made", questions()), tmp_path / "p").code == 0
    file = tmp_path / "p" / name
    file.unlink() if told is None else file.write_text(told, encoding="latin-1")
    ran = run("publish", "--check", tmp_path / "p", "--json")
    assert ran.code == 1, ran.err
    assert json.loads(ran.out)["problems"]


def test_a_number_added_by_hand_needs_a_claim(run, tmp_path: Path) -> None:
    assert published(run, dataset(tmp_path / "made", questions()), tmp_path / "p").code == 0
    card = tmp_path / "p" / "README.md"
    card.write_text(card.read_text().replace("## Load", "Used by 300 laboratories.\n\n## Load"))
    assert "no claim covers 300" in run("publish", "--check", tmp_path / "p").out
    ran = published(run, open_artifact(tmp_path / "made"), tmp_path / "p")
    assert ran.code == 2
    assert "changed by hand" in ran.err
    assert "300" in card.read_text()
    assert published(run, open_artifact(tmp_path / "made"), tmp_path / "p", "--overwrite").code == 0


# Bad input


@pytest.mark.parametrize(
    "title",
    ["a\nlicense: mit", "</script><script>alert(1)</script>", "[x](http://evil.example/1)", "| 9 | 9 |", "---",
     "\u202e12", "'\"{}: 7", "12", "# 3 `x`", "", "\ud800", "9" * 500],
)  # fmt: skip
def test_hostile_names_break_neither_card_nor_lists(title: str, run, tmp_path: Path) -> None:
    rows = questions().with_columns(subject=pl.lit(title.encode(errors="replace").decode()))
    made = dataset(tmp_path / "made", rows, title=title, name="../../" + (title[:20].replace("\ud800", "") or "x"))
    ran = published(run, made, tmp_path / "p", "--author", "A: 'b' \"c\" 9")
    assert ran.code == 0, ran.err
    front = yaml.safe_load((tmp_path / "p" / "README.md").read_text().split("\n---\n")[0].removeprefix("---\n"))
    assert front["license"] == "cc0-1.0"
    assert "<script" not in (tmp_path / "p" / "README.md").read_text()
    assert yaml.safe_load((tmp_path / "p" / "CITATION.cff").read_text())["license"] == "CC0-1.0"
    json.loads((tmp_path / "p" / "croissant.json").read_text())
    assert run("publish", "--check", tmp_path / "p").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"made", "p", "runs"}


def test_what_cannot_be_published_is_one_message(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    for code, said, arguments in (
        (2, "not an artifact", (tmp_path / "none", "--out", tmp_path / "p")),
        (2, "in the way", (made.path, "--out", tmp_path / "full")),
        (2, "no place for it", (made.path,)),
        (2, "nothing to publish", ()),
        (2, "no version", (made.path, "--out", tmp_path / "p", "--version", "one")),
        (2, "no place that is known", (made.path, "--out", tmp_path / "p", "--to", "lab/x")),
        (2, "no name of the hub", (made.path, "--out", tmp_path / "p", "--to", "hub:lab")),
        (2, "answers cannot be read", (made.path, "--out", tmp_path / "p", "--answers", tmp_path / "none.toml")),
        (2, "no author", (made.path, "--out", tmp_path / "p", "--author", "")),
        (2, "not a publication", ("--check", tmp_path / "made")),
        (2, "--ask without a terminal", (made.path, "--out", tmp_path / "p", "--ask")),
    ):
        ran = run("publish", *arguments)
        assert (ran.code, said in ran.err) == (code, True), ran.err
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"
    undivided = artifacts.write(tmp_path / "u", kind="source", name="u", tables={"choice": questions().drop("split")})
    assert "not divided" in published(run, undivided, tmp_path / "p").err
    assert not (tmp_path / "p").exists()


def test_a_damaged_artifact_is_refused(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    (tmp_path / "made" / "certificate.json").write_text("{}")
    ran = published(run, made, tmp_path / "p")
    assert ran.code == 2
    assert "damaged or changed" in ran.err
    (tmp_path / "made" / "choice-00000.parquet").write_bytes(b"")
    assert published(run, made, tmp_path / "p").code == 2


def _told(manifest: dict) -> None:
    manifest["facts"]["rows"]["kept"] = 11


def _languages(manifest: dict) -> None:
    manifest["facts"]["languages"] = {"en": 10}


def _listed(manifest: dict) -> None:
    manifest["facts"]["splits"] = {"train": 9}


@pytest.mark.parametrize("hand", [_told, _languages, _listed])
def test_a_manifest_that_tells_of_other_rows_is_refused(hand, run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    hand(manifest)
    (tmp_path / "made" / "manifest.json").write_text(json.dumps(manifest))
    ran = published(run, made, tmp_path / "p")
    assert (ran.code, "does not tell of its rows" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "p").exists()


def test_a_split_certificate_of_other_rows_is_refused(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    other = certify(questions(15), key="question_id", stratum=None, groups=[], seed=0)
    file = tmp_path / "made" / "certificate.json"
    file.write_text(json.dumps(other))
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    manifest["files"]["certificate.json"]["sha256"] = artifacts.file_sha256(file)
    (tmp_path / "made" / "manifest.json").write_text(json.dumps(manifest))
    ran = published(run, made, tmp_path / "p")
    assert (ran.code, "certificate.json is not that of its rows" in ran.err) == (2, True)


@pytest.mark.parametrize(
    "facts", [{}, {"rows": 10, "steps": [{"model": "m", "tokens": 3}], "languages": {"en": 5, "zh-Hant": 5}}]
)
def test_a_dataset_that_no_recipe_made_is_published_with_a_certificate(facts: dict, run, tmp_path: Path) -> None:
    artifacts.write(tmp_path / "made", kind="preferences", name="m", tables={"choice": questions()}, facts=facts)
    assert published(run, open_artifact(tmp_path / "made"), tmp_path / "p").code == 0
    assert json.loads((tmp_path / "p" / "certificates" / "split.json").read_text())["disjoint"]
    assert run("publish", "--check", tmp_path / "p").code == 0


@pytest.mark.parametrize(
    "told", ["x = ", 'nothing_asked = "x"', "purpose = 3", 'content = "Nine rows."', "authors = [3]", 'bias = ["x"]']
)
def test_answers_that_fit_no_question_are_refused(told: str, run, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(told)
    ran = published(run, dataset(tmp_path / "made", questions()), tmp_path / "p", "--answers", tmp_path / "a.toml")
    assert ran.code == 2
    assert not (tmp_path / "p").exists()


def test_answers_are_those_of_people_and_the_rest_is_open(run, tmp_path: Path) -> None:
    told = 'purpose = "For 3 courses | at <b>NTU</b>."\nauthors = ["Lin, Mei"]\ntitle = "T 2"\n'
    (tmp_path / "a.toml").write_text(told)
    made = dataset(tmp_path / "made", questions())
    ran = published(run, made, tmp_path / "p", "--answers", tmp_path / "a.toml", "--json")
    assert "purpose" not in json.loads(ran.out)["open"]
    assert "consent" in json.loads(ran.out)["open"]
    sheet = (tmp_path / "p" / "DATASHEET.md").read_text()
    assert "For 3 courses" in sheet
    assert "<b>" not in sheet
    assert sheet.count("*Not answered.*") == len(json.loads(ran.out)["open"])
    assert run("publish", "--check", tmp_path / "p").code == 0


def test_a_dry_run_writes_nothing(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    ran = run("publish", made.path, "--dry-run")
    assert ran.code == 0
    assert "# Made" in ran.out
    assert {path.name for path in tmp_path.iterdir()} == {"made", "runs"}


def test_a_kill_leaves_the_older_publication_and_the_next_run_mends(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions(20_000))
    assert published(run, dataset(tmp_path / "small", questions()), tmp_path / "p").code == 0
    before = publication.read(tmp_path / "p")
    environment = {**os.environ, "XINHENG_RUNS": str(tmp_path / "runs")}
    for after_s in (0.6, 1.0, 1.4):
        going = subprocess.Popen(
            [XINHENG, "publish", made.path, "--out", tmp_path / "p", "--version", "2.0.0"], env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(after_s)
        going.send_signal(signal.SIGKILL)
        going.wait()
        now = publication.read(tmp_path / "p")
        assert publication.differences(tmp_path / "p", now) == []
        assert now == before or now["artifact"]["digest"] == made.digest
    assert published(run, made, tmp_path / "p", "--version", "2.0.0").code == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".p.")]


def test_no_room_is_one_message_and_nothing_is_left(tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions(20_000))
    ran = subprocess.run(
        [XINHENG, "publish", made.path, "--out", tmp_path / "p"], capture_output=True, text=True, check=False,
        env={**os.environ, "XINHENG_RUNS": str(tmp_path / "runs")},
        preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))),
    )  # fmt: skip
    assert ran.returncode == 2, ran.stderr
    assert len(ran.stderr.strip().splitlines()[-1]) < 400
    assert "Traceback" not in ran.stderr
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".p", "p"))]


# The hub


def _online(monkeypatch: pytest.MonkeyPatch, address: str, token: str = TOKEN) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("xinheng.hub.PAUSES", (0.0, 0.0))


def test_a_broken_upload_is_taken_up_and_arrives_once(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = dataset(tmp_path / "made", questions())
    with served() as there:
        _online(monkeypatch, there.address)
        there.breaks_after = 1
        ran = published(run, made, tmp_path / "p", "--to", "hub:lab/made", "--private")
        assert ran.code == 0, ran.err
        assert (there.repos, there.kinds) == ({"lab/made": True}, {"lab/made": "dataset"})
        assert len(there.commits) == 1
        assert len(there.sent) == len(set(there.sent)) == 3, "each large file once"
        sent = {name: (tmp_path / "p" / name).read_bytes() for name in publication.names(tmp_path / "p")}
        assert there.files == sent
        assert 'load_dataset("lab/made"' in sent["README.md"].decode()


def test_without_a_token_the_folder_is_ready_for_later(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    ran = published(run, dataset(tmp_path / "made", questions()), tmp_path / "p", "--to", "hub:lab/made")
    assert ran.code == 2
    assert f"hf upload lab/made {tmp_path / 'p'} . --repo-type dataset" in ran.err
    assert run("publish", "--check", tmp_path / "p").code == 0
