"""The card of an adapter or a model: what it is of, what it was made from, under which licence, in two languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from xinheng.claims import Ledger
from xinheng.figures import Book, in_derived, in_file, key_in_file
from xinheng.licences import CONDITIONS, OTHER, binding, hub_name, publication, unlicensed
from xinheng.marks import mark_line
from xinheng.printing import scalar

ABOUT: Final = "provenance/about.json"
MANIFEST: Final = "provenance/manifest.json"
_JOINED: Final = " AND "
_SMALL: Final = {"nf4": "four bits (normal float, bitsandbytes)", "int8": "eight bits (bitsandbytes)"}


def card(
    kind: str, facts: Mapping[str, Any], *, base: str | None, marks: Sequence[Mapping[str, Any]] = (), repo: str = ""
) -> str:
    """Markdown with the hub's metadata block.

    Args:
        kind: `adapter` or `model`.
        facts: Of the artifact: title, base, licences, and what it was made by, as far as it is told.
        base: The base's name on the hub; None where it is not there.
        marks: Of the artifact: what must be known before its scores are believed.
        repo: Where it will lie on the hub; left out of the card where empty.
    """
    documents = {ABOUT: about(facts, base=base, repo=repo), MANIFEST: {"facts": facts, "marks": list(marks)}}
    ledger = Ledger(book(Path(), documents), "")
    return ledger.bare(claimed(kind, ledger))


def about(facts: Mapping[str, Any], *, base: str | None, repo: str) -> dict[str, Any]:
    """What a card tells beside the manifest, as `provenance/about.json` holds it."""
    title = facts.get("title") or {}
    licence = licence_of(facts)
    return {
        "title": str(title.get("en") or repo or "Model"),
        "title_zh": str(title.get("zh") or repo or "模型"),
        "licence": licence,
        "licence_hub": hub_name(licence),
        "base": base or _last(facts),
        "base_on_hub": base is not None,
        "repo": repo,
        "recipe": Path(str((facts.get("recipe") or {}).get("name") or "")).name,
    }


def book(folder: Path, documents: Mapping[str, Any] | None = None) -> Book:
    """What the figures of a model's card are worked out from."""
    found = Book(folder, documents=documents or {})
    marks = found.value(in_file(MANIFEST, "marks"))
    return Book(folder, derived={"marks": lambda: [mark_line(mark) for mark in marks]}, documents=documents or {})


def claimed(kind: str, ledger: Ledger, *, more: str = "", with_base: bool = False) -> str:
    """The card for `Ledger.finish`.

    Args:
        kind: `adapter` or `model`.
        ledger: Over `book`.
        more: A part that stands before how to use it.
        with_base: Whether the base lies in `base/` beside it.
    """
    told, manifest = ledger.book.value(in_file(ABOUT)), ledger.book.value(in_file(MANIFEST))
    facts = manifest["facts"]
    rows = "\n".join(f"| {name} | {value} |" for name, value in _table(facts, told, ledger))
    warned = "".join(
        f"> **{ledger.say(in_derived('marks', at), 'text')}**\n" for at in range(len(manifest.get("marks", [])))
    )
    said_zh = _used_zh(facts, ledger)
    known = f"## Known about its data\n\n{warned}\n" if warned else ""
    return f"""---
{_front(kind, facts, told, ledger)}
---

# {_told(ledger, "title")}

For research. **It is no counsellor and gives no advice: never let it answer somebody who seeks help without a person
who is responsible.**

| | |
|---|---|
{rows}

## Data and licence

| source | licence | rows of its data |
|---|---|---:|
{_data(facts, ledger) or "| not recorded | | |"}

{_used(facts, ledger)}{_bound(told["licence"], ledger)}

{known}{more}## Use

{_use(kind, facts, told, ledger, with_base=with_base)}

# {_told(ledger, "title_zh")}

供研究使用。**它不是諮商師，也不提供建議：若沒有負責的專業人員在場，請勿讓它回覆求助的人。**

{_bound_zh(told["licence"], ledger)}原始模型：{_told(ledger, "base") if told["base"] else "未記錄"}。{said_zh}
"""


def _told(ledger: Ledger, name: str, form: str = "text") -> str:
    return ledger.say(in_file(ABOUT, name), form)


def _fact(ledger: Ledger, *at: Any, form: str = "count") -> str:
    return ledger.say(in_file(MANIFEST, "facts", *at), form)


def _front(kind: str, facts: Mapping[str, Any], told: Mapping[str, Any], ledger: Ledger) -> str:
    lines = [f"license: {_told(ledger, 'licence_hub', 'scalar')}"]
    if told["licence_hub"] == OTHER:
        lines.append(f"license_name: {_told(ledger, 'licence', 'scalar') if told['licence'] else scalar('unknown')}")
    if told["base_on_hub"]:
        lines += [f"base_model: {_told(ledger, 'base', 'scalar')}", f"base_model_relation: {_relation(kind, facts)}"]
    tags = [*(["lora"] if kind == "adapter" else []), "counselling", "not-for-advice"]
    return "\n".join(
        [
            *lines,
            f"library_name: {'peft' if kind == 'adapter' else 'transformers'}",
            "pipeline_tag: text-generation",
            f"tags: [{', '.join(tags)}]",
            "language: [zh, en]",
        ]
    )


def _data(facts: Mapping[str, Any], ledger: Ledger) -> str:
    lines = []
    for at, row in enumerate(facts.get("licences", [])):
        sources = ", ".join(
            _fact(ledger, "licences", at, "sources", place, form="text") for place in range(len(row.get("sources", [])))
        )
        licence = _fact(ledger, "licences", at, "licence", form="text") if row["licence"] else "none"
        lines.append(f"| {sources} | {licence} | {_fact(ledger, 'licences', at, 'rows')} |")
    return "\n".join(lines)


def _used(facts: Mapping[str, Any], ledger: Ledger) -> str:
    """How many of those rows were trained on, and what became of the others, as far as the manifest tells."""
    rows = facts.get("rows") or {}
    if "rows" not in rows.get("train", {}):
        return ""
    said = [
        f"Trained on **{_fact(ledger, 'rows', 'train', 'rows')} rows**, those of the train split that could be used."
    ]
    if why := [*(rows["train"].get("unusable") or {})]:
        at = ("rows", "train", "unusable")
        left = (
            f"{_fact(ledger, *at, one)} ({ledger.say(key_in_file(one, MANIFEST, 'facts', *at), 'text')})" for one in why
        )
        said.append(f"Left out of that split: {', '.join(left)}.")
    if "rows" in rows.get("validation", {}):
        measured = _fact(ledger, "rows", "validation", "rows")
        said.append(f"{measured} rows of the validation split were only measured on, never trained on.")
    return " ".join([*said, "The table counts all rows of the data, those of its test split too."]) + "\n\n"


def licence_of(facts: Mapping[str, Any]) -> str:
    """The licence that it may bear: the most open one into which all of it may go, or several joined by AND.

    Where one of its rows' or its base's allows no publication at all, the strictest of them is named: a rank alone
    would take BY-NC for the licence of a mixture with BY-SA, which neither can hold.
    """
    rows = [dict(row) for row in facts.get("licences", [])]
    if of_base := facts.get("base", {}).get("licence"):
        rows.append({"licence": of_base, "sources": ["base"], "rows": 0})
    strict = binding(str(row["licence"] or "") for row in rows)
    return strict if unlicensed(strict) else publication(rows, accept=CONDITIONS).licence or strict


def licence_in(folder: Path) -> str | None:
    """The licence that a model's own card states; None where it states none."""
    card_file = folder / "README.md"
    if not card_file.is_file():
        return None
    lines = card_file.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or lines[0].strip() != "---":
        return None
    found: dict[str, str] = {}
    for line in lines[1:]:
        if line.strip() == "---":
            break
        key, _, value = line.partition(":")
        if key in {"license", "license_name"}:
            found[key] = value.strip().strip("\"'")
    named = found.get("license")
    return found.get("license_name", named) if named == OTHER else named


def _relation(kind: str, facts: Mapping[str, Any]) -> str:
    if kind == "adapter":
        return "adapter"
    return "quantized" if facts.get("quantised") else "finetune"


def _table(facts: Mapping[str, Any], told: Mapping[str, Any], ledger: Ledger) -> Iterator[tuple[str, str]]:
    base = _told(ledger, "base") if told["base"] else "not recorded"
    yield "base", base if told["base_on_hub"] else f"{base} (not on the hub)"
    if recipe := facts.get("recipe"):
        lora = [
            _fact(ledger, "recipe", "lora", name, form="plain")
            for name in ("r", "alpha")
            if name in recipe.get("lora", {})
        ]
        said = f": LoRA r {lora[0]}, alpha {lora[1]}" if len(lora) == 2 else ""
        yield "recipe", f"{_told(ledger, 'recipe')}{said}"
    if facts.get("trial"):
        yield "trial", f"{_fact(ledger, 'trial', form='share')} of the steps only"
    for method in facts.get("trained") or {}:
        steps, answered = (_fact(ledger, "trained", method, name) for name in ("steps", "answered"))
        yield (
            ledger.say(key_in_file(method, MANIFEST, "facts", "trained"), "text"),
            f"{steps} steps, {answered} tokens bore loss",
        )
    for at, _ in enumerate(facts.get("adapters") or []):
        name, weight = (
            _fact(ledger, "adapters", at, what, form=form) for what, form in (("name", "text"), ("weight", "figure"))
        )
        yield "adapter", f"{name}, weight {weight}"
    if facts.get("way"):
        yield "merged by", _fact(ledger, "way", form="text")
    yield from _smaller(facts, ledger)
    if facts.get("special_tokens"):
        yield "special tokens of its own", f"{_fact(ledger, 'special_tokens')}, one id each"


def _smaller(facts: Mapping[str, Any], ledger: Ledger) -> Iterator[tuple[str, str]]:
    small = facts.get("quantised")
    if not small:
        return
    yield "made smaller", _SMALL.get(small["to"]) or f"GGUF, {_fact(ledger, 'quantised', 'type', form='text')}"
    before, after = (_fact(ledger, "quantised", name) for name in ("bytes_before", "bytes_after"))
    yield "bytes", f"{before} → {after}"
    if small.get("compared"):
        at = ("quantised", "compared")
        before, after = (_fact(ledger, *at, name, form="loss") for name in ("loss_before", "loss_after"))
        yield "loss on neutral sentences", f"{before} → {after}"
        yield "same likeliest token", _fact(ledger, *at, "agreement", form="percent")


def _bound(licence: str, ledger: Ledger) -> str:
    if not licence or unlicensed(licence):
        return "**No licence is known for what it was made from: nobody may rely on one.**"
    said = _told(ledger, "licence")
    if _JOINED in licence:
        return f"No single licence can hold all that it was made of: **{said}** hold beside each other."
    return f"It may be used under **{said}**, into which all that it was made of may go. The terms of each hold too."


def _bound_zh(licence: str, ledger: Ledger) -> str:
    if not licence or unlicensed(licence):
        return "訓練資料沒有已知的授權條款，任何人都不應假定可自由使用。"
    said = _told(ledger, "licence")
    if _JOINED in licence:
        return f"沒有單一授權能涵蓋其資料與原始模型，須同時遵守：**{said}**。"
    return f"依其資料與原始模型的授權，可採用 **{said}**；各來源的條款同樣有效。"


def _used_zh(facts: Mapping[str, Any], ledger: Ledger) -> str:
    rows = facts.get("rows") or {}
    if "rows" not in rows.get("train", {}):
        return ""
    measured = (
        f"，另以 {_fact(ledger, 'rows', 'validation', 'rows')} 筆驗證" if "rows" in rows.get("validation", {}) else ""
    )
    return f"實際用於訓練的有 {_fact(ledger, 'rows', 'train', 'rows')} 筆{measured}。"


def _use(kind: str, facts: Mapping[str, Any], told: Mapping[str, Any], ledger: Ledger, *, with_base: bool) -> str:
    here = _told(ledger, "repo", "plain") if told["repo"] else "FOLDER"
    if (facts.get("quantised") or {}).get("to") == "gguf":
        return "```\nollama create NAME -f Modelfile\n```"
    if kind == "adapter":
        model = _told(ledger, "base", "plain") if told["base_on_hub"] else f"{here}/base" if with_base else "BASE"
        return (
            f"```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            f'words = AutoTokenizer.from_pretrained("{here}")\n'
            f'model = AutoModelForCausalLM.from_pretrained("{model}")\n'
            f"rows = model.get_input_embeddings().num_embeddings\n"
            f"model.resize_token_embeddings(max(len(words), rows))\n"
            f'model = PeftModel.from_pretrained(model, "{here}")\n```'
        )
    return f"```\ntransformers serve {here}\nvllm serve {here}\n```"


def _last(facts: Mapping[str, Any]) -> str:
    """The base's name without the folders of anybody's machine."""
    return Path(str(facts.get("base", {}).get("name") or "")).name
