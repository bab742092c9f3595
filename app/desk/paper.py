"""What stands on paper: a note, or all that is kept of a client, as blocks that every form of export shows alike.

Texts are texts here. What a form would take for markup is escaped by that form; what a model wrote and nobody accepted
says so on every sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from app.desk import search, store
from app.desk.attachments import attached
from app.desk.draft_json import draft_from_json
from app.desk.items import PARTS, Draft
from app.desk.store import Record
from app.desk.unlock import Desk
from xinheng.errors import DeskError, UsageError
from xinheng.tables import LANGUAGES

Style = Literal["title", "heading", "subheading", "text", "item", "small"]
Form = Literal["markdown", "html", "docx", "pdf"]
FORMS: Final[Mapping[Form, str]] = {"markdown": "md", "html": "html", "docx": "docx", "pdf": "pdf"}

WORDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "note": ("紀錄 {}", "记录 {}", "Note {}"),
    "client": ("個案 {}", "来访者 {}", "Client {}"),
    "version": ("第 {} 版", "第 {} 版", "version {}"),
    "printed": ("匯出於 {}", "导出于 {}", "Exported on {}"),
    "question": ("問題", "问题", "Question"),
    "symptom": ("症狀類型", "症状类型", "Symptom type"),
    "reason": ("原因", "原因", "Reasons"),
    "advice": ("建議", "建议", "Advice"),
    "text": ("內容", "内容", "Text"),
    "comment": ("批註：{}", "批注：{}", "Comment: {}"),
    "sources": ("引用", "引用", "Sources"),
    "counsellor": ("諮商師", "咨询师", "Counsellor"),
    "model": ("模型", "模型", "Model"),
    "generated": (
        "〔由模型產生，尚未經人確認〕",
        "〔由模型生成，尚未经人确认〕",
        "[written by a model, not accepted by a person]",
    ),
    "info": ("基本資料", "基本资料", "Basic information"),
    "poured": ("整理前的原文", "整理前的原文", "The text that this was sorted from"),
    "consent": ("同意", "同意", "Consent"),
    "notes": ("紀錄", "记录", "Notes"),
    "attachments": ("附件", "附件", "Attachments"),
    "adapters": ("模型轉接器：{} 個", "模型适配器：{} 个", "Adapters: {}"),
    "given": ("已同意", "已同意", "given"),
    "withdrawn": ("未同意或已撤回", "未同意或已撤回", "not given, or taken back"),
    "name": ("姓名", "姓名", "Name"),
    "code": ("代號", "代号", "Code"),
    "demographic": ("人口學資料", "人口学资料", "Demographic data"),
    "developmental": ("發展史", "发展史", "Developmental history"),
    "mental": ("精神狀態", "精神状态", "Mental state"),
    "physical": ("身體狀況", "身体状况", "Physical condition"),
    "social": ("社會功能", "社会功能", "Social functioning"),
    "free": ("其他", "其他", "Other"),
    "training": ("訓練", "训练", "training"),
    "corpus": ("語料", "语料", "corpus"),
}
# Keys of a record that say how it is kept and nothing to a reader.
_INNER: Final = frozenset({"file", "key", "start", "end", "next_id", "rejections", "item_id", "sources"})


@dataclass(frozen=True)
class Block:
    """A paragraph of a sheet.

    Args:
        style: How it is set.
        text: What it says; line breaks stay.
        generated: Whether a model wrote it and nobody has accepted it.
    """

    style: Style
    text: str
    generated: bool = False

    def __repr__(self) -> str:
        return f"Block({self.style}, {len(self.text)} characters)"


def word(name: str, language: str, *values: object) -> str:
    """A word of ours in a language; what is no word of ours stays as it is.

    >>> word("note", "zh-Hans", 3), word("hobbies", "en")
    ('记录 3', 'hobbies')
    """
    if language not in LANGUAGES:
        raise UsageError("paper", "unknown language", want=", ".join(LANGUAGES), have=language[:10])
    column = ("zh-Hant", "zh-Hans", "en").index(language)
    return WORDS[name][column].format(*values) if name in WORDS else name


def note_blocks(note: Record, language: str, *, code: str = "", comments: bool = False) -> list[Block]:
    """A note as blocks.

    Args:
        note: A record of kind `note`.
        language: Of the headings; the note's own words stay as they are.
        code: The client's; empty to leave it out.
        comments: Whether comments on items are shown.
    """
    body = note.body
    facts = [word("client", language, code) if code else "", _day(body), word("version", language, note.version)]
    blocks = [
        Block("title", word("note", language, note.record_id)),
        Block("small", "  ·  ".join(fact for fact in facts if fact)),
    ]
    return blocks + list(_content(body, language, comments=comments))


def _content(body: Mapping[str, Any], language: str, *, comments: bool) -> Iterator[Block]:
    draft = note_draft(body)
    question = str(body.get("question") or (draft.question if draft else ""))
    if question.strip():
        yield Block("heading", word("question", language))
        yield Block("text", question)
    for part in PARTS if draft else ():
        items = [item for item in draft.of(part) if item.text.strip()] if draft else []
        if items:
            yield Block("heading", word(part, language))
        for item in items:
            yield Block("item", item.text, generated=item.marked)
            if comments and item.comment.strip():
                yield Block("small", word("comment", language, item.comment))
    text = body.get("text")
    if isinstance(text, str) and text.strip():
        if question.strip() or (draft and draft.items):
            yield Block("heading", word("text", language))
        yield Block("text", text, generated=body.get("generated") is True)
    yield from _turns(body.get("turns"), language)
    cited = [str(one.get("where")) for one in body.get("cited") or () if isinstance(one, dict) and one.get("where")]
    if cited:
        yield Block("heading", word("sources", language))
        yield from (Block("item", where) for where in cited)


def _turns(turns: Any, language: str) -> Iterator[Block]:
    """A conversation with a model that was kept as a note."""
    for turn in turns if isinstance(turns, list) else ():
        if isinstance(turn, dict) and str(turn.get("text") or "").strip():
            model = turn.get("speaker") == "model"
            yield Block("subheading", word("model" if model else "counsellor", language))
            yield Block("text", str(turn["text"]), generated=model and turn.get("state") != "accepted")


def note_draft(body: Mapping[str, Any]) -> Draft | None:
    """The draft that a note was saved from; None where it holds none that can be read."""
    held = body.get("draft", body if "items" in body else None)
    if held is None:
        return None
    try:
        return draft_from_json(held)
    except DeskError:
        return None


def note_text(note: Record) -> str:
    """A note's words as they stand now, without what was taken out or replaced."""
    return search.note_text(note.body)


def client_blocks(desk: Desk, client_id: str, language: str) -> list[Block]:
    """All that is kept of a client, as one sheet: information, consent, notes, what lies beside."""
    info = store.records(desk, client_id, "info")
    blocks = [
        Block("title", word("client", language, client_code(info))),
        Block("small", word("printed", language, datetime.now(UTC).date().isoformat())),
        Block("heading", word("info", language)),
    ]
    for record in info:
        blocks += _facts(record.body, language)
    for one in [one for record in info for one in record.body.get("sources") or ()]:
        blocks += [Block("subheading", word("poured", language)), Block("text", str(one["text"]))]
    consents = store.records(desk, client_id, "consent")
    blocks += [Block("heading", word("consent", language))] if consents else []
    for record in consents:
        said = word("given" if record.body.get("given") is True else "withdrawn", language)
        parts = (word(record.record_id, language), said, str(record.body.get("how") or ""), _day(record.body))
        blocks.append(Block("item", (", " if language == "en" else "，").join(part for part in parts if part)))
    notes = store.records(desk, client_id, "note")
    blocks += [Block("heading", word("notes", language))] if notes else []
    for note in notes:
        title, small, *rest = note_blocks(note, language, comments=True)
        blocks += [Block("heading", title.text), small]
        blocks += [Block("subheading", b.text) if b.style == "heading" else b for b in rest]
    beside = attached(desk, client_id)
    blocks += [Block("heading", word("attachments", language))] if beside else []
    blocks += [Block("item", str(record.body.get("name") or record.record_id[:8])) for record in beside]
    adapters = len(store.records(desk, client_id, "adapter"))
    return blocks + ([Block("small", word("adapters", language, adapters))] if adapters else [])


def client_code(info: Iterable[Record]) -> str:
    """The client's code among the records of his information; empty where there is none."""
    return next((str(record.body["code"]) for record in info if "code" in record.body), "")


def _facts(value: Any, language: str, name: str = "") -> Iterator[Block]:
    """Fields and what stands in them, whatever their shape."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key not in _INNER:
                yield from _facts(part, language, word(str(key), language))
    elif isinstance(value, list):
        for part in value:
            yield from _facts(part, language, name)
    elif value not in (None, ""):
        yield Block("item", f"{name}{': ' if language == 'en' else '：'}{value}" if name else str(value))


def _day(body: Mapping[str, Any]) -> str:
    return next((str(body[key])[:10] for key in ("date", "at", "saved_at") if body.get(key)), "")


def paper(blocks: list[Block], form: Form, language: str) -> bytes:
    """A sheet as a file of a form.

    Raises:
        UsageError: There is no such form.
    """
    from app.desk import paper_office, paper_text

    makers = {
        "markdown": paper_text.markdown,
        "html": paper_text.html,
        "docx": paper_office.docx_bytes,
        "pdf": paper_office.pdf_bytes,
    }
    if form not in makers:
        raise UsageError("paper", "no such form", want=", ".join(FORMS), have=str(form)[:10])
    return makers[form](blocks, language)


def export_note(desk: Desk, client_id: str, record_id: str, form: Form, language: str) -> bytes:
    """A note's newest version as a file; the log says that it went out.

    It is not encrypted any more: where it is put is the counsellor's business.

    Raises:
        DeskError: There is no such note.
    """
    note = next((one for one in store.records(desk, client_id, "note") if one.record_id == record_id), None)
    if note is None:
        raise DeskError("desk", "no such note", have=f"note {record_id[:8]}")
    code = client_code(store.records(desk, client_id, "info"))
    made = paper(note_blocks(note, language, code=code), form, language)
    store.log(desk, "exported", client=client_id, what="note", note=record_id, form=form)
    return made


def export_client(desk: Desk, client_id: str, form: Form, language: str) -> bytes:
    """A client's whole file as one document; the log says that it went out."""
    made = paper(client_blocks(desk, client_id, language), form, language)
    store.log(desk, "exported", client=client_id, what="file", form=form)
    return made
