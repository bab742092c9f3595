"""What stands against publishing a table."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from curation.privacy import release
from curation.privacy.pseudonyms import pseudonymise
from curation.privacy.release import person_anonymity, privacy_record, release_check
from curation.privacy.vault import Vault, create_vault
from xinheng.digests import digest
from xinheng.errors import UsageError
from xinheng.tables import MESSAGE, TURN


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return create_vault(tmp_path / "vault.json", passphrase="planted")


def table(*dialogues: tuple[str, str | None, str]) -> pl.DataFrame:
    rows = [
        {"dialogue_id": i, "client_id": c, "turns": [{"role": "client", "text": t, "tags": []}]}
        for i, c, t in dialogues
    ]
    return pl.DataFrame(rows, schema={"dialogue_id": pl.String, "client_id": pl.String, "turns": pl.List(TURN)})


NAMED = table(("a", "c1", "我叫王小美"), ("b", "c1", "小美哭了"), ("c", "c2", "電話0912345678"), ("d", None, "我好累"))


def test_originals_stand_against_it_and_are_named_by_class_and_row() -> None:
    found = release_check(NAMED)
    assert not found.passed
    assert found.judged_by == "nothing"
    (person, persons), (phone, phones) = found.residual.select("kind", "examples").rows()
    assert (person, "a" in persons) == ("person", True)
    assert (phone, phones) == ("phone", ["c"])


def test_with_the_vault_surrogates_are_no_originals(vault: Vault) -> None:
    rows = pseudonymise(NAMED, vault=vault).rows
    found = release_check(rows, vault=vault)
    assert found.passed
    assert found.residual.height == 0
    assert found.judged_by == "vault"


def test_with_the_vault_an_original_is_seen_where_no_finder_finds_it(vault: Vault) -> None:
    rows = pseudonymise(NAMED, vault=vault).rows
    client = rows["client_id"][0]
    # 小美 alone is found by nobody; that it is this client's name, the vault knows.
    left = pl.concat([rows, table(("e", client, "小美說好"))], how="vertical")
    assert release_check(left, vault=vault).residual.select("kind", "examples").rows() == [("person", ["e"])]


def test_without_the_vault_the_record_is_believed_up_to_its_numbers(vault: Vault) -> None:
    made = pseudonymise(NAMED, vault=vault)
    record = privacy_record(made.rows, vault=vault, classes=made.classes)
    assert record["classes"] == {"person": 2, "phone": 1}
    assert record["residual"] == {}
    found = release_check(made.rows, record=record)
    assert found.passed
    assert found.judged_by == "record"
    more = pl.concat([made.rows, table(("e", "c9", "我叫陳怡君"), ("f", "c9", "電話0912345678"))])
    assert release_check(more, record=record).residual.select("kind", "found").rows() == [("person", 1), ("phone", 1)]


def test_a_record_of_other_finders_is_not_believed(vault: Vault) -> None:
    made = pseudonymise(NAMED, vault=vault)
    record = privacy_record(made.rows, vault=vault, classes=made.classes) | {"finder": "0" * 16}
    found = release_check(made.rows, record=record)
    assert found.judged_by == "nothing"
    assert not found.passed


def test_a_record_says_nothing_of_what_stood_there(vault: Vault) -> None:
    made = pseudonymise(NAMED, vault=vault)
    text = str(privacy_record(made.rows, vault=vault, classes=made.classes))
    # As words: the digests of a random key hold any two signs now and then.
    originals = ("王小美", "0912345678", "c1", vault.path.name)
    assert not any(re.search(rf"\b{re.escape(original)}\b", text) for original in originals)
    assert "王小美" not in text


def test_persons_are_counted_not_their_rows() -> None:
    five = table(*((f"d{n}", "same", "我今年25歲，是老師") for n in range(5)))
    found = release_check(five)
    assert not found.passed
    assert found.anonymity.k == 1
    assert found.anonymity.riskiest.rows() == [("d0", 1)]
    others = table(*((f"d{n}", f"c{n}", "我今年25歲，是老師") for n in range(5)))
    assert release_check(others).passed
    assert release_check(others, k=6).anonymity.k == 5
    assert not release_check(others, k=6).passed


def test_what_a_person_says_in_two_dialogues_is_known_together() -> None:
    frame = table(
        *((f"d{n}", f"c{n}", "我今年25歲") for n in range(5)), ("x", "c0", "我住高雄"), ("y", "quiet", "我好累")
    )
    found = person_anonymity(frame, ["age", "place"])
    assert (found.k, found.groups) == (1, 2)
    assert found.riskiest.row(0) == ("d0", 1)


def test_nobody_stands_out_where_nobody_says_anything() -> None:
    found = release_check(table(("a", None, "我好累")))
    assert found.passed
    assert found.anonymity.groups == 0
    assert release_check(table()).passed


def test_columns_of_the_table_count_and_strange_names_are_refused() -> None:
    frame = table(("a", "c1", "嗯"), ("b", "c2", "嗯")).with_columns(city=pl.Series(["x", "y"]), topics=pl.lit(["t"]))
    assert person_anonymity(frame, ["city", "topics"]).k == 1
    assert person_anonymity(frame, ["topics"]).k == 2
    for quasi in (["income"], []):
        with pytest.raises(UsageError, match=r"age, sex, job, place, diagnosis or a column: .*city"):
            release_check(frame, quasi=quasi)


@pytest.mark.parametrize("kind", ["example", "case", "chat"])
def test_every_kind_of_table_can_be_looked_through(kind: str, vault: Vault) -> None:
    messages = [{"role": "user", "content": "我叫王小美，今年25歲", "tags": []}]
    frame = {
        "example": pl.DataFrame(
            {"example_id": ["a"], "messages": [messages]}, schema_overrides={"messages": pl.List(MESSAGE)}
        ),
        "case": pl.DataFrame(
            {"case_id": ["a"], "messages": [messages], "reference": ["小美"]},
            schema_overrides={"messages": pl.List(MESSAGE)},
        ),
        "chat": pl.DataFrame({"chat_id": ["a"], "sender": ["王小美"], "text": ["我叫王小美，今年25歲"]}),
    }[kind]
    raw = release_check(frame)
    assert raw.residual["kind"].to_list() == ["person"]
    assert raw.anonymity.riskiest.rows() == [("a", 1)]
    assert release_check(pseudonymise(frame, vault=vault).rows, vault=vault, k=1).passed


def test_it_does_not_matter_in_how_many_pieces_rows_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ("我叫王小美", "我今年三十四歲，是老師", "電話0912345678", "我好累")
    rows = table(*((f"d{i}", f"c{i % 5}", f"{said[i % 4]}，第{i}次") for i in range(11)))
    found = []
    for size in (100, 3):
        monkeypatch.setattr("curation.privacy.release._ROWS", size)
        one = release_check(rows)
        found.append((one.passed, one.residual.rows(), one.anonymity.k, one.anonymity.riskiest.rows()))
    assert found[0] == found[1]
    assert {kind for kind, *_ in found[0][1]} == {"person", "phone"}


def test_pairs_of_answers_can_be_looked_through() -> None:
    asked = [{"role": "user", "content": "我今年三十四歲，電話0912345678", "tags": []}]
    rows = {"pair_id": ["p"], "group_id": ["g"], "prompt": [asked], "chosen": ["好"], "rejected": ["不好"]}
    types = {"prompt": pl.List(MESSAGE)}
    found = release_check(pl.DataFrame(rows, schema_overrides=types))
    assert [kind for kind, *_ in found.residual.rows()] == ["phone"]
    assert found.anonymity.groups == 1


@pytest.mark.parametrize("name", ["quasi.py", "quasi_words.py", "anonymity.py", "rows.py", "release.py", "names.py"])
def test_a_search_is_another_one_when_any_code_of_it_changed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = release.search_digest()
    shutil.copytree(Path(release.__file__).parent, tmp_path / "privacy", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "privacy" / name).open("a") as file:
        file.write("\n# Another.\n")
    monkeypatch.setattr(release, "__file__", str(tmp_path / "privacy" / "release.py"))
    release.search_digest.cache_clear()
    assert release.search_digest() != before
    monkeypatch.undo()
    release.search_digest.cache_clear()
    assert release.search_digest() == before


def test_a_record_names_the_rows_that_it_was_made_of(vault: Vault) -> None:
    rows = pseudonymise(NAMED, vault=vault).rows
    record = privacy_record(rows, vault=vault, classes={})
    assert record["of"] == digest(rows.sort("dialogue_id", descending=True))
    assert record["of"] != privacy_record(rows.head(2), vault=vault, classes={})["of"]
