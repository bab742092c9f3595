"""The crisis screen: measured on people's own words, in three scripts, and on words that only sound alike."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counselling.crisis import KINDS, help_note, screen
from xinheng.settings import settings

EXPLICIT_RISK = {"主动自杀意图", "自杀计划", "自杀未遂", "自伤行为", "自伤意图", "自杀准备行为"}
ANY_RISK = EXPLICIT_RISK | {"被动自杀意图", "关于自杀的探索"}


def kinds(text: str) -> dict[str, str]:
    return {concern.kind: concern.level for concern in screen(text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("我真的不想活了", "suicide"),
        ("我真的不想活了。", "suicide"),
        ("想 死", "suicide"),
        ("想４了", "suicide"),
        ("自 殺", "suicide"),
        ("我已經寫好遺書了", "suicide"),
        ("怎麼死比較不痛", "suicide"),
        ("I want to end my life", "suicide"),
        ("i don’t want to be here anymore", "suicide"),
        ("我又用美工刀劃手臂了", "self_harm"),
        ("I've been cutting myself again", "self_harm"),
        ("他喝醉就打我", "abuse"),
        ("My husband hits me when he drinks", "abuse"),
        ("我繼父會摸我", "abuse"),
        ("我今年14歲，爸爸會打我", "minor_at_risk"),
        ("我女兒在學校被霸凌", "minor_at_risk"),
        ("I think my son is being abused", "minor_at_risk"),
        ("我想殺了他", "violence"),
        ("I'm going to hurt him", "violence"),
        ("有聲音叫我去做事，一直罵我", "psychosis"),
        ("鄰居在監視我，還裝了晶片", "psychosis"),
        ("I keep hearing voices", "psychosis"),
        ("我可以自己停藥嗎", "medication"),
        ("百憂解可以跟酒一起吃嗎", "medication"),
        ("Can I double my dose of Zoloft?", "medication"),
    ],
)
def test_danger_is_flagged_in_three_scripts(text: str, kind: str) -> None:
    assert kinds(text).get(kind) == "explicit"


@pytest.mark.parametrize(
    "text",
    [
        "笑死，今天好好玩", "熱死了，想喝冰的", "我想死你了", "這台電腦死機了", "截止日是死線", "紫砂壺很漂亮",
        "他是個死忠球迷", "最近工作很累，想換工作", "考試考了 94 分", "我和同事處得不錯", "The deadline is next week",
        "I'm dead tired after the gym", "I'm dying to see you", "孩子很喜歡畫畫",
    ],
)  # fmt: skip
def test_words_that_only_sound_alike_are_not_flagged(text: str) -> None:
    assert kinds(text) == {}


@pytest.mark.parametrize(
    "text", ["我沒有想死", "我不想死", "我從沒想過要自殺", "I don't want to kill myself", "I never wanted to die"]
)
def test_what_is_denied_is_still_told_one_level_lower(text: str) -> None:
    assert kinds(text).get("suicide") == "possible"


# Sentences as counsellors write of clients: two lists, each written whole before the screen was run on it.
SENTENCES = [
    json.loads(line)
    for line in (Path(__file__).parent / "crisis_sentences.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("row", [row for row in SENTENCES if "kind" in row], ids=lambda row: row["text"][:12])
def test_what_a_counsellor_writes_of_a_client_in_danger_raises_its_kind_and_no_other(row: dict[str, Any]) -> None:
    told = kinds(row["text"])
    assert row["kind"] in told
    assert told[row["kind"]] == "explicit" or row["level"] == "possible"
    assert set(told) <= {row["kind"], *row.get("also", [])}


@pytest.mark.parametrize("row", [row for row in SENTENCES if "kind" not in row], ids=lambda row: row["text"][:12])
def test_what_a_counsellor_writes_on_any_day_raises_nothing(row: dict[str, Any]) -> None:
    assert kinds(row["text"]) == {}


@pytest.mark.parametrize(("one", "other"), [("活著沒意思", "活着没意思"), ("我想著要自殺", "我想着要自杀")])
def test_both_scripts_are_read_alike(one: str, other: str) -> None:
    assert screen(one) == screen(other) != []


def measured(shared_data: Path, half: int) -> tuple[float, float, float]:
    """Recall of explicit risk at any level and said outright, and precision, on a half of the labelled utterances."""
    rows = json.loads((shared_data / "dialogue_zh/PsyGUARD/valid.json").read_text(encoding="utf-8"))
    rows = [row for row in rows if int(hashlib.sha256(row["text"].encode()).hexdigest(), 16) % 2 == half]
    found = [{k: v for k, v in kinds(row["text"]).items() if k in ("suicide", "self_harm")} for row in rows]
    at_risk = [told for row, told in zip(rows, found, strict=True) if EXPLICIT_RISK & set(row["labels"])]
    right = [bool(ANY_RISK & set(row["labels"])) for row, told in zip(rows, found, strict=True) if told]
    flagged = sum(map(bool, at_risk)) / len(at_risk)
    outright = sum("explicit" in told.values() for told in at_risk) / len(at_risk)
    return flagged, outright, sum(right) / len(right)


def test_explicit_risk_is_rarely_missed_in_the_half_that_was_never_looked_at(shared_data: Path) -> None:
    flagged, outright, precision = measured(shared_data, 1)
    assert flagged >= 0.95
    assert outright >= 0.85
    assert precision >= 0.55


NOTES = [
    json.loads(line) for line in Path(__file__).with_name("crisis_notes.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_what_is_said_outright_or_in_the_shorthand_of_the_trade_is_found(language: str) -> None:
    notes = [row["text"] for row in NOTES if row["kind"] in ("direct", "clinical") and row["language"] == language]
    assert len(notes) == 16
    assert sum(bool(screen(text)) for text in notes) >= 15


def test_hints_are_found_where_they_were_thought_of_and_mostly_missed_elsewhere() -> None:
    hints = [(row["seen"], bool(screen(row["text"]))) for row in NOTES if row["kind"] == "indirect"]
    assert sum(found for seen, found in hints if seen) == 21
    # Written by another hand and never looked at: 5 of 21, and no word list will find many more.
    assert sum(found for seen, found in hints if not seen) >= 5


def test_notes_without_danger_are_seldom_taken_for_danger_outright() -> None:
    told = [kinds(row["text"]).values() for row in NOTES if not row["danger"] and row["kind"] != "historical"]
    assert sum("explicit" in levels for levels in told) <= 0.05 * len(told)
    assert sum(map(bool, told)) <= 0.25 * len(told)


@given(st.text(max_size=200))
def test_any_text_is_screened_and_every_concern_points_into_it(text: str) -> None:
    found = screen(text)
    assert [concern.kind for concern in found] == [kind for kind in KINDS if kind in {c.kind for c in found}]
    assert all(0 <= concern.start < concern.end <= len(text) for concern in found)


@given(before=st.text(max_size=30), after=st.text(max_size=30))
def test_nothing_around_it_hides_what_is_said_outright(before: str, after: str) -> None:
    text = f"{before}\n我想自殺\n{after}"
    concern = next(c for c in screen(text) if c.kind == "suicide")
    assert concern.start < len(before) + 6


def test_a_passage_is_found_where_it_stands_in_the_text_as_it_was_given() -> None:
    text = "Ａ　今天　想 死 了"
    concern = screen(text)[0]
    assert text[concern.start : concern.end] == "想 死"


def test_help_lines_are_the_deployments_and_only_where_something_is_said_outright(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = {"*": "總機 000", "suicide": "專線 111"}
    note = help_note(screen("我不想活了"), lines)
    assert note.endswith("專線 111\n總機 000")
    assert help_note(screen("我很累"), lines) == ""
    assert help_note(screen("我沒有想死"), lines) == ""
    assert help_note(screen("我不想活了"), {}) == ""
    monkeypatch.setenv("XINHENG_HELP_LINES", json.dumps(lines))
    settings.cache_clear()
    assert help_note(screen("我不想活了")) == note
    settings.cache_clear()
    assert "safety" in help_note(screen("I want to die"), lines, language="en")
