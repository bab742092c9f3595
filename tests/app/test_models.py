"""Opening models: what is refused, what goes out, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app import models
from app.model_flags import Flags
from app.models import Models, bare_model, in_language, kind_of_texts, opened
from app.privacy import PASSPHRASE
from counselling.connect import way_of
from curation.privacy.find import find
from xinheng.artifacts import Artifact
from xinheng.budget import asks
from xinheng.errors import UsageError
from xinheng.messages import Chat, Message, Reply, Usage, Want
from xinheng.settings import settings
from xinheng.tables import DIALOGUE

NAME, PHONE = "王小明", "0912-345-678"
TEXT = f"我叫{NAME}，電話{PHONE}，我睡不好。"


class Elsewhere:
    """A model on another machine that repeats what it hears, and remembers it."""

    def __init__(self, spec: str) -> None:
        self.name, self.remote, self.heard = spec, True, []  # type: ignore[var-annotated]

    async def identity(self) -> str:
        return self.name

    async def close(self) -> None:
        return None

    async def __call__(
        self, messages: Sequence[Message], /, *, want: Want = Want(), tell: Callable[[str], None] | None = None
    ) -> Reply:
        self.heard.append("\n".join(m.content for m in messages))
        said = messages[-1].content
        return Reply(f"你說：{said}", data={"said": [said]}, usage=Usage(1, 1, requests=1))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Elsewhere:
    made = Elsewhere("openai:far@http://model.example/v1")
    monkeypatch.setattr(models, "connect", lambda _: made)
    monkeypatch.setenv("XINHENG_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv(PASSPHRASE, "correct horse battery")
    settings.cache_clear()
    return made


def rows(licence: str = "yours") -> pl.DataFrame:
    turns = [{"role": "client", "text": TEXT, "tags": []}]
    row = {"dialogue_id": "d1", "client_id": "c1", "language": "zh-Hant", "topics": [], "turns": turns}
    return pl.DataFrame([{**row, "source": "s", "licence": licence, "origin": "f:1"}], schema=DIALOGUE)


def artifact(**facts: Any) -> Artifact:
    return Artifact(Path("x"), {"kind": "dataset", "name": "x", "digest": "0", "tables": {}, "facts": facts})


def asked(flags: Flags, licence: str = "yours", spec: str = "openai:far", **facts: Any) -> tuple[Reply, dict[str, Any]]:
    async def ask(found: Models) -> Reply:
        with asks("d1@0"):
            return await found.chat(spec)([Message("user", TEXT)])

    with opened(rows(licence), key="dialogue_id", artifact=artifact(**facts), flags=flags) as found:
        return asyncio.run(ask(found)), found.went_out()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (Flags(), "personal and the model is on another machine.*--allow-remote --vault"),
        (Flags(allow_remote=True), "would go out as they are.*--vault FILE.*--as-is"),
        (Flags(as_is=True), "the model is on another machine"),
        (Flags(allow_remote=True, as_is=True, vault=Path("v")), "--as-is and --vault"),
        (Flags(key_file=Path("k")), "--key-file without --vault"),
    ],
)
def test_personal_texts_stay_unless_allowed(elsewhere: Elsewhere, flags: Flags, says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        asked(flags)
    assert elsewhere.heard == []
    assert NAME not in str(error.value)


def test_with_a_vault_surrogates_go_out_and_originals_come_back(elsewhere: Elsewhere, tmp_path: Path) -> None:
    reply, told = asked(Flags(allow_remote=True, vault=tmp_path / "vaults" / "v"))
    (heard,) = elsewhere.heard
    assert NAME not in heard
    assert PHONE not in heard
    assert "我睡不好" in heard
    assert reply.text == f"你說：{TEXT}"
    assert reply.data == {"said": [TEXT]}
    assert told["texts"] == "replaced"
    assert told["places"]["person"] == 1
    files = [p for p in (tmp_path / "runs").glob("journal*") if p.is_file()]
    assert files
    assert all(NAME.encode() not in p.read_bytes() for p in files), "the journal holds what went out"


def test_a_way_of_answering_hides_the_drafts_it_sends_again(elsewhere: Elsewhere, tmp_path: Path) -> None:
    reply, _ = asked(Flags(allow_remote=True, vault=tmp_path / "vaults" / "v"), spec="staged:openai:far")
    assert len(elsewhere.heard) >= 4
    assert all(NAME not in heard and PHONE not in heard for heard in elsewhere.heard)
    assert NAME in reply.text


def test_the_same_request_is_not_sent_again_in_another_run(elsewhere: Elsewhere, tmp_path: Path) -> None:
    flags = Flags(allow_remote=True, vault=tmp_path / "vaults" / "v")
    assert asked(flags)[0].text == asked(flags)[0].text
    assert len(elsewhere.heard) == 1


@pytest.mark.parametrize(
    ("flags", "licence", "facts", "texts"),
    [
        (Flags(), "CC0-1.0", {}, "public"),
        (Flags(allow_remote=True, as_is=True), "yours", {}, "sent as they are"),
        (Flags(allow_remote=True), "yours", {"privacy": {"vault": "x"}}, "pseudonymised"),
    ],
)
def test_the_manifest_says_how_texts_went_out(
    elsewhere: Elsewhere, flags: Flags, licence: str, facts: dict[str, Any], texts: str
) -> None:
    assert asked(flags, licence, **facts)[1] == {"remote": [elsewhere.name], "texts": texts}
    assert TEXT in elsewhere.heard[0]


def test_pseudonymised_rows_too_need_leave_to_go_out(elsewhere: Elsewhere) -> None:
    with pytest.raises(UsageError, match="--allow-remote, or use a model of this machine"):
        asked(Flags(), privacy={"vault": "x"})
    assert elsewhere.heard == []


def test_texts_under_a_licence_that_no_published_source_has_are_personal() -> None:
    assert kind_of_texts(rows("MIT"), artifact()) == "public"
    assert kind_of_texts(rows("private"), artifact()) == "personal"
    assert kind_of_texts(rows("study 12"), artifact()) == "personal"
    assert kind_of_texts(pl.concat([rows("MIT"), rows("yours")]), artifact()) == "personal"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("ollama:phi4", "ollama:phi4"),
        ("staged:ollama:phi4", "staged:ollama:phi4?language=en"),
        ("reflect:ollama:phi4?limit=50", "reflect:ollama:phi4?limit=50&language=en"),
        ("staged:ollama:phi4?language=zh-Hans", "staged:ollama:phi4?language=zh-Hans"),
        ("staged:local:P?4bit", "staged:local:P?4bit?language=en"),
    ],
)
def test_a_way_gets_the_language_unless_it_names_one(spec: str, told: str) -> None:
    assert in_language(spec, "en") == told
    assert bare_model(told) == bare_model(spec)
    found = way_of(told)
    assert found is None or found[2]["language"] in {"en", "zh-Hans"}


def test_no_prompt_of_ours_looks_like_an_identifier() -> None:
    from counselling.prompts import LANGUAGES, prompts

    texts = [text for language in LANGUAGES for text in prompts(language).texts.values()]
    assert find(pl.Series(texts)).list.len().sum() == 0


def test_chats_that_may_send_nothing_say_so(elsewhere: Elsewhere) -> None:
    async def ask(found: Models, *, kept_only: bool) -> Reply:
        chat: Chat = found.chat("openai:far", kept_only=kept_only)
        return await chat([Message("user", "x")])

    with opened(rows("MIT"), key="dialogue_id", artifact=artifact(), flags=Flags()) as found:
        with pytest.raises(models.NotKeptError):
            asyncio.run(ask(found, kept_only=True))
        assert elsewhere.heard == []
        asyncio.run(ask(found, kept_only=False))
        assert asyncio.run(ask(found, kept_only=True)).text == "你說：x"
        assert len(elsewhere.heard) == 1
