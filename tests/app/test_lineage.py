"""`xinheng lineage`: from the scores to the publishers' files by digests; what is lost, damaged or circular is said."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from xinheng.artifacts import Artifact, open_artifact, write


def made(place: Path, kind: str, *parents: Artifact, n: int = 3, **facts) -> Artifact:
    table = {"scores": "score", "predictions": "prediction"}.get(kind, "case")
    frame = pl.DataFrame({"x": [f"{place.name} {number}" for number in range(n)]})
    return write(place, kind=kind, name=place.name, tables={table: frame}, facts=facts, parents=parents)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """files → source → steps → dataset → adapter, predictions → scores."""
    home = tmp_path / "home"
    told = {"title": "Posts", "licence": "MIT"}
    source = made(home / "sources" / "posts", "source", source=told, files=8)
    steps = {"name": "posts", "steps": [{"step": "one"}, {"step": "two"}]}
    rows = {"read": 5, "kept": 3, "dropped": 2}
    data = made(
        home / "data", "dataset", source, recipe=steps, rows=rows, splits={"train": 2, "validation": 0, "test": 1}
    )
    made(
        home / "adapter",
        "adapter",
        data,
        base={"name": "nano", "identity": "local:sha256:aa"},
        rows={"train": {"rows": 2}},
    )
    models = [{"name": f"local:nano+{home / 'adapter'}", "identity": "local:sha256:bb"}]
    answers = made(home / "answers", "predictions", data, models=models)
    made(home / "scores", "scores", answers, scorers=["rule"])
    return home


def traced(run, chain: Path, *more: object) -> tuple[int, dict]:
    told = run("lineage", chain / "scores", "--in", chain, "--json", *more)
    return told.code, json.loads(told.out)


def kinds(facts: dict) -> dict[str, str]:
    return {node["kind"]: node["state"] for node in facts["nodes"]}


def test_everything_from_the_files_to_the_scores_is_found(run, chain: Path, tmp_path: Path) -> None:
    code, facts = traced(run, chain, "--check", "--page", tmp_path / "l.html")
    assert code == 0
    assert facts["whole"]
    assert set(kinds(facts)) == {"files", "source", "steps", "dataset", "adapter", "model", "predictions", "scores"}
    lines = {node["kind"]: [line["en"] for line in node["lines"]] for node in facts["nodes"]}
    assert lines["steps"] == ["2 steps", "read 5, kept 3", "dropped 2"]
    assert "2 / 0 / 1" in lines["dataset"]
    page = (tmp_path / "l.html").read_text(encoding="utf-8")
    assert str(tmp_path) not in page
    assert page.count("<svg") == 2


def test_the_table_stands_parents_first(run, chain: Path) -> None:
    out = run("lineage", chain / "scores", "--in", chain).out
    order = [
        out.index(f" {kind} ") for kind in ("files", "source", "steps", "dataset", "adapter", "predictions", "scores")
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("name", ["manifest.json", "publication.json"])
def test_a_pipe_where_a_manifest_would_be_is_passed_over(name: str, run, chain: Path) -> None:
    (chain / "odd").mkdir()
    os.mkfifo(chain / "odd" / name)
    code, facts = traced(run, chain)
    assert code == 0
    assert facts["whole"]


def test_a_parent_that_is_gone_is_shown_as_missing(run, chain: Path) -> None:
    shutil.rmtree(chain / "sources")
    code, facts = traced(run, chain)
    assert code == 1
    assert kinds(facts)["source"] == "missing"
    assert not facts["whole"]


def test_a_parent_made_again_with_other_rows_is_missing(run, chain: Path) -> None:
    made(chain / "sources" / "posts", "source", n=4)
    assert kinds(traced(run, chain)[1])["source"] == "missing"


def test_a_manifest_that_cannot_be_trusted_is_damage(run, chain: Path) -> None:
    file = chain / "data" / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["tables"]["case"]["digest"] = "0" * 64
    file.write_text(json.dumps(manifest), encoding="utf-8")
    code, facts = traced(run, chain)
    assert code == 1
    assert kinds(facts)["dataset"] == "damaged"


def test_damaged_rows_are_found_when_asked(run, chain: Path) -> None:
    next((chain / "data").glob("*.parquet")).write_bytes(b"PAR1")
    assert traced(run, chain)[0] == 0
    code, facts = traced(run, chain, "--check")
    assert code == 1
    assert kinds(facts)["dataset"] == "damaged"


def test_descendants_are_those_of_the_artifact_alone(run, chain: Path) -> None:
    told = run("lineage", chain / "data", "--in", chain, "--descendants", "--json")
    assert set(kinds(json.loads(told.out))) >= {"files", "source", "dataset", "adapter", "predictions", "scores"}
    told = run("lineage", chain / "data", "--in", chain, "--json")
    assert "scores" not in kinds(json.loads(told.out))
    told = run("lineage", chain / "adapter", "--in", chain, "--descendants", "--json")
    assert "scores" in kinds(json.loads(told.out))
    made(chain / "other", "predictions", open_artifact(chain / "sources" / "posts"))
    told = run("lineage", chain / "data", "--in", chain, "--descendants", "--json")
    assert "other" not in {node["name"] for node in json.loads(told.out)["nodes"]}


def test_a_publication_is_shown_below_what_it_holds(run, chain: Path) -> None:
    digest = json.loads((chain / "data" / "manifest.json").read_text(encoding="utf-8"))["digest"]
    (chain / "out").mkdir()
    told = {"name": "posts", "version": "1.0.0", "digest": "ff", "licence": "MIT", "artifact": {"digest": digest}}
    (chain / "out" / "publication.json").write_text(json.dumps(told), encoding="utf-8")
    out = run("lineage", chain / "data", "--in", chain, "--descendants", "--json").out
    assert "publication" in kinds(json.loads(out))


@pytest.mark.parametrize(
    "parents", [3, "abc", None, [None, 3], [{"kind": ["x"], "digest": {}}], {"digest": "x"}, [{"digest": "SELF"}]]
)
def test_odd_parents_are_no_crash(run, chain: Path, parents) -> None:
    file = chain / "scores" / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    if parents == [{"digest": "SELF"}]:
        parents = [{"kind": "scores", "name": "scores", "digest": manifest["digest"]}]
    manifest |= {"parents": parents, "facts": {"source": 3, "recipe": [], "models": "x", "base": "y", "splits": [1]}}
    file.write_text(json.dumps(manifest), encoding="utf-8")
    told = run("lineage", chain / "scores", "--in", chain, "--page", chain / "l.html")
    assert told.code in {0, 1}
    assert "</html>" in (chain / "l.html").read_text(encoding="utf-8")


def test_what_is_made_of_itself_is_said(run, chain: Path) -> None:
    file = chain / "data" / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["parents"] = [{"kind": "dataset", "name": "data", "digest": manifest["digest"]}]
    file.write_text(json.dumps(manifest), encoding="utf-8")
    told = run("lineage", chain / "scores", "--in", chain)
    assert told.code == 1
    assert "made of itself" in told.out


def test_no_folder_and_no_artifact_are_refused(run, chain: Path) -> None:
    assert run("lineage", chain / "nothing").code == 2
    told = run("lineage", chain / "scores", "--in", chain / "nothing")
    assert told.code == 2
    assert "no folder to look in" in told.err


@pytest.mark.parametrize("columns", [80, 40, 24, 10])
def test_the_table_fits_any_terminal(columns: int, run, chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.terminal import _width

    monkeypatch.setenv("COLUMNS", str(columns))
    made(chain / ("very-long-name-of-a-dataset-" * 4), "dataset", open_artifact(chain / "sources" / "posts"))
    shutil.rmtree(chain / "adapter")
    for start in (chain / "scores", chain / ("very-long-name-of-a-dataset-" * 4)):
        out = run("lineage", start, "--in", chain).out
        assert max(_width(line) for line in out.splitlines()) <= max(columns, 24)
    assert "made of" in run("lineage", chain / "scores", "--in", chain).out.replace("\n     ", " ")


def publish(chain: Path, folder: Path) -> Path:
    """A publication of the dataset, as `xinheng publish` writes it as far as a lineage reads it."""
    from app.publishing import clean
    from xinheng import publication

    artifact = open_artifact(chain / "data")
    told = {"kind": "dataset", "name": "data", "version": "1.0.0", "licence": "MIT", "artifact": artifact.link()}
    with publication.writing(folder, told) as place:
        (place / "provenance").mkdir(parents=True)
        (place / "provenance" / "manifest.json").write_text(json.dumps(clean(artifact.manifest)))
    return folder


def test_a_publication_is_traced_through_the_artifact_that_it_was_made_from(run, chain: Path, tmp_path: Path) -> None:
    folder = publish(chain, tmp_path / "p")
    ran = run("lineage", folder, "--in", chain, "--check", "--page", tmp_path / "l.html", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert set(kinds(facts)) == {"files", "source", "steps", "dataset", "publication"}
    assert facts["root"].startswith("publication:")
    assert str(tmp_path) not in (tmp_path / "l.html").read_text(encoding="utf-8")
    told = folder / "provenance" / "manifest.json"
    told.write_text(told.read_text() + " ")
    assert run("lineage", folder, "--in", chain).code == 0
    assert run("lineage", folder, "--in", chain, "--check").code == 1


def test_a_publication_from_elsewhere_is_drawn_by_its_own_manifest(run, chain: Path, tmp_path: Path) -> None:
    folder = publish(chain, tmp_path / "there" / "p")
    ran = run("lineage", folder, "--in", tmp_path / "there", "--json")
    assert ran.code == 0, ran.out
    assert kinds(json.loads(ran.out)) == {
        "steps": "outside", "dataset": "outside", "source": "outside", "publication": "found",
    }  # fmt: skip
    assert "known by this publication alone" in ran.out
    assert "not on this machine" in ran.out


@pytest.mark.parametrize("told", ["", "[]", "{}", '{"digest": "0"}'])
def test_a_publication_that_cannot_be_read_is_one_message(told: str, run, chain: Path, tmp_path: Path) -> None:
    folder = publish(chain, tmp_path / "there" / "p")
    (folder / "provenance" / "manifest.json").write_text(told)
    ran = run("lineage", folder, "--in", tmp_path / "there")
    assert (ran.code, "manifest.json" in ran.err) == (2, True), ran.err


def test_a_publication_whose_manifest_is_a_pipe_is_one_message(run, chain: Path, tmp_path: Path) -> None:
    folder = publish(chain, tmp_path / "there" / "p")
    (folder / "provenance" / "manifest.json").unlink()
    os.mkfifo(folder / "provenance" / "manifest.json")
    ran = run("lineage", folder, "--in", tmp_path / "there", "--check")
    assert (ran.code, "manifest.json: no such file" in ran.err) == (2, True), ran.err
