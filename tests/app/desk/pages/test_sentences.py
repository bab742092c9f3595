"""Whatever goes wrong is told in the page's language; and the sentences keep to one way of speaking."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from app.desk import pages
from app.desk.pages.words import LANGUAGES, reason, sentences

HERE = Path(pages.__file__).parent
# What a room works with; what is raised there can come to a page.
WORKS = ("store", "talks", "intake", "items", "practice", "chatting", "corpus", "attachments", "erasure")
# Told by the frame's and the entry's own tables, or named with what differs from one time to the next.
OWN_TABLES = {
    *("empty", "no_code", "differ", "bad_key", "not_read", "passphrase too short", "cannot listen there"),
    *("no client code was given", "another client has this code", "the counsellor's own file is no client's"),
}


def raised(path: Path) -> dict[str, int]:
    """The short names that a file's errors are told by, and their lines."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else None
        if not isinstance(call, ast.Call) or len(call.args) < 2 or not isinstance(call.func, ast.Name):
            continue
        if call.func.id in {"UsageError", "DeskError"} and isinstance(call.args[1], ast.Constant):
            found[str(call.args[1].value)] = node.lineno
    return found


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_error_that_comes_to_a_room_is_told_in_its_language(language):
    files = [*sorted(HERE.glob("*.py")), *(HERE.parent / f"{name}.py" for name in WORKS)]
    untold = {
        f"{path.name}:{line}: {what}"
        for path in files
        for what, line in raised(path).items()
        if what not in OWN_TABLES and not reason(language, what)
    }
    assert untold == set()
    assert any("no such client here" in raised(path) for path in files)


def test_chinese_sentences_say_you_politely_and_pause_with_a_whole_ellipsis():
    for language in ("zh-Hant", "zh-Hans"):
        told = sentences(language)
        assert [key for key, words in told.items() if "你" in words] == []
        assert [key for key, words in told.items() if re.search(r"(?<!…)…(?!…)", words)] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-Hant", "匿名化|轉接器|調適|藏書|停下|上鎖|所裡|登錄|信息|文檔|保存步驟"),
        ("zh-Hans", "匿名化|停下|上锁|重新载入|訓|紀錄|檔|個案"),
    ],
)
def test_one_thing_has_one_name(language, words):
    assert [key for key, told in sentences(language).items() if re.search(words, told)] == []
