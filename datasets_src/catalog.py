"""Every source Xinheng reads: what it is, under which terms, where it lies and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from datasets_src import (
    choices,
    counselchat,
    cped,
    cpsycoun,
    cpsyexam,
    emobench,
    emollm,
    imhi,
    notes,
    posts,
    psyguard,
    smile,
    statements,
    tagged,
)
from datasets_src.chat_exports import MESSENGERS
from datasets_src.reading import Rejected
from xinheng.errors import SourceError
from xinheng.licence_sources import SOURCE_TERMS
from xinheng.storage import Place, has_files

Reader = Callable[..., Iterator[dict[str, Any] | Rejected]]

SAMPLE: Final = Path(__file__).parent / "sample"


@dataclass(frozen=True)
class Source:
    """One source.

    Args:
        name: What the command line calls it.
        title: What its publisher calls it.
        table: The kind of rows its reader yields (see `xinheng.tables.TABLES`).
        languages: Languages of its rows.
        size: What a complete copy holds.
        folder: Its folder below the data folder; empty for files that the user names.
        read: The reader.
        note: Terms or traps worth knowing before use.
    """

    name: str
    title: str
    table: str
    languages: tuple[str, ...]
    size: str
    folder: str
    read: Reader
    note: str = ""

    @property
    def licence(self) -> str:
        """SPDX name, or `private`, or `yours` for the user's own files; see `xinheng.licence_sources`."""
        return SOURCE_TERMS[self.name].licence

    def place(self, data: Place) -> Place | None:
        """Where its files should lie below the data folder; None for files that the user names."""
        if self.folder.startswith("@"):
            return SAMPLE
        return data / self.folder if self.folder else None

    def on_disk(self, data: Place) -> bool | None:
        """Whether there is something to read; None for files that the user names."""
        place = self.place(data)
        return None if place is None else has_files(place)


def read_sample(folder: Path, *, encoding: str | None = None) -> Iterator[dict[str, Any] | Rejected]:
    """Yield the bundled dialogues: three languages, then the lines that are broken on purpose."""
    for file in (*sorted(folder.glob("dialogues.*.jsonl")), folder / "broken.jsonl"):
        yield from tagged.read(file, encoding=encoding)


def source(name: str) -> Source:
    """The source of a name.

    Raises:
        SourceError: There is none; near names are told.
    """
    if name in SOURCES:
        return SOURCES[name]
    from difflib import get_close_matches

    near = get_close_matches(name, SOURCES, n=3, cutoff=0.5)
    like = f" (near: {', '.join(near)})" if near else ""
    raise SourceError("sources", f"no source {name!r}{like}", mend="`xinheng sources` lists them all.")


_HANS, _HANT, _EN = ("zh-Hans",), ("zh-Hant",), ("en",)
_ALL: Final = ("zh-Hant", "zh-Hans", "en")

_LIST: Final = (
    Source(
        "sample",
        "Xinheng sample dialogues",
        "dialogue",
        _ALL,
        "134 dialogues and 28 broken lines",
        "@sample",
        read_sample,
        "Written for Xinheng; comes with it.",
    ),
    Source(
        "sample-choices",
        "Xinheng sample questions",
        "choice",
        _ALL,
        "60 questions",
        "@sample",
        choices.read,
        "Written for Xinheng; comes with it.",
    ),
    Source(
        "sample-statements",
        "Xinheng client statements",
        "case",
        _HANT,
        "5 statements",
        "@sample",
        statements.read,
        "Written for Xinheng; comes with it.",
    ),
    Source(
        "sample-posts",
        "Xinheng sample posts",
        "case",
        _EN,
        "180 posts",
        "@sample",
        posts.read,
        "Written for Xinheng; comes with it. Asked and answered as IMHI's Dreaddit set.",
    ),
    Source(
        "imhi",
        "IMHI (MentalLLaMA)",
        "case",
        _EN,
        "ten sets, two forms",
        "imhi",
        imhi.read,
        "MIT by its repository; the posts come from Reddit, Twitter and SMS sets with terms of their own.",
    ),
    Source(
        "counsel-chat",
        "CounselChat",
        "example",
        _EN,
        "2,129 answers to 815 questions",
        "qa_en/counsel-chat",
        counselchat.read,
    ),
    Source(
        "smile",
        "SMILECHAT",
        "dialogue",
        _HANS,
        "55,165 dialogues",
        "dialogue_zh/smile",
        smile.read,
        "Rewritten by ChatGPT from single-turn questions.",
    ),
    Source(
        "cpsycoun-d",
        "CPsyCounD",
        "dialogue",
        _HANS,
        "3,134 dialogues",
        "dialogue_zh/CPsyCounD",
        cpsycoun.read_d,
        "Reconstructed from counselling reports.",
    ),
    Source(
        "cpsycoun-e",
        "CPsyCounE",
        "dialogue",
        _HANS,
        "45 dialogues",
        "dialogue_zh/CPsyCounE",
        cpsycoun.read_e,
        "An evaluation set.",
    ),
    Source(
        "emollm",
        "EmoLLM multi-turn",
        "dialogue",
        _HANS,
        "1,596 dialogues",
        "dialogue_zh/EmoLLM",
        emollm.read,
        "Generated by language models.",
    ),
    Source(
        "emollm-self",
        "EmoLLM self-cognition",
        "example",
        _HANS,
        "85 pairs",
        "dialogue_zh/EmoLLM",
        emollm.read_self_cognition,
        "Teaches a model its name; not counselling.",
    ),
    Source(
        "cped",
        "CPED",
        "dialogue",
        _HANS,
        "12,000 dialogues",
        "dialogue_zh/CPED",
        cped.read,
        "Television dialogue with emotions and dialogue acts; the second seat is a listener, not a counsellor.",
    ),
    Source(
        "psyguard",
        "PsyGUARD (PsySUICIDE)",
        "case",
        _HANS,
        "risk-labelled utterances",
        "dialogue_zh/PsyGUARD",
        psyguard.read,
        "Talk of suicide: handle with care.",
    ),
    Source(
        "cpsyexam",
        "CPsyExam",
        "choice",
        _HANS,
        "1,097 questions (dev)",
        "mcq/CPsyExam",
        cpsyexam.read,
        "CC0 by its repository; its loader script names CC BY-NC-SA 4.0: ask before you redistribute.",
    ),
    Source("emobench", "EmoBench EA", "choice", ("en", "zh-Hans"), "400 questions", "mcq/EmoBench", emobench.read),
    Source("mmlu", "MMLU psychology", "choice", _EN, "550 questions", "mcq/MMLU", choices.read_mmlu),
    Source(
        "tmmlu",
        "TMMLU clinical psychology",
        "choice",
        _HANT,
        "259 rows",
        "mcq/TMMLU",
        choices.read_tmmlu,
        "Some rows are essays without options; they are set aside.",
    ),
    Source(
        "tagged",
        "Your tagged dialogues",
        "dialogue",
        _ALL,
        "JSON Lines",
        "",
        tagged.read,
        "Format: docs/formats.md; foreign field names by --mapping.",
    ),
    Source(
        "choices",
        "Your multiple-choice questions",
        "choice",
        _ALL,
        "CSV",
        "",
        choices.read,
        "Any shape of header; see docs/formats.md.",
    ),
    Source("statements", "Your client statements", "case", _ALL, "JSON Lines", "", statements.read),
    Source(
        "notes",
        "Your desk's notes",
        "example",
        _ALL,
        "JSON Lines",
        "",
        notes.read,
        "Of consenting clients, under other names; read them before you pass them on.",
    ),
    *(
        Source(name, f"{title} chat export", "chat", (), "your export", "", MESSENGERS[name])
        for name, title in (
            ("line", "LINE"),
            ("whatsapp", "WhatsApp"),
            ("telegram", "Telegram"),
            ("signal", "Signal"),
            ("instagram", "Instagram or Messenger"),
            ("qq", "QQ"),
            ("wechat", "WeChat"),
        )
    ),
)
SOURCES: Final[Mapping[str, Source]] = {entry.name: entry for entry in _LIST}
