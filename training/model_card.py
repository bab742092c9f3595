"""The card of an adapter or a model: what it is of, what it was made from, under which licence, in two languages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from training.licences import OTHER, binding, hub_name, unlicensed
from xinheng.marks import mark_line

_SMALL: Final = {"nf4": "four bits (NF4, bitsandbytes)", "int8": "eight bits (bitsandbytes)"}


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
    title = facts.get("title") or {}
    licence = licence_of(facts)
    named = hub_name(licence)
    front = {
        "license": named,
        **({"license_name": licence or "unknown"} if named == OTHER else {}),
        **({"base_model": base, "base_model_relation": _relation(kind, facts)} if base else {}),
        "library_name": "peft" if kind == "adapter" else "transformers",
        "pipeline_tag": "text-generation",
        "tags": [*(["lora"] if kind == "adapter" else []), "counselling", "not-for-advice"],
        "language": ["zh", "en"],
    }
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items())
    rows = "\n".join(f"| {name} | {value} |" for name, value in _table(facts, base))
    data = "\n".join(
        f"| {', '.join(row.get('sources', []))} | {row['licence'] or 'none'} | {row['rows']:,} |"
        for row in facts.get("licences", [])
    )
    warned = "".join(f"> **{mark_line(mark)}**\n" for mark in marks)
    known = f"## Known about its data\n\n{warned}\n" if warned else ""
    return f"""---
{head}
---

# {title.get("en") or repo or "Model"}

For research. **It is no counsellor and gives no advice: never let it answer somebody who seeks help without a person
who is responsible.**

| | |
|---|---|
{rows}

## Data and licence

| source | licence | rows |
|---|---|---:|
{data or "| not recorded | | |"}

{_bound(licence)}

{known}## Use

{_use(kind, facts, base, repo)}

# {title.get("zh") or repo or "模型"}

供研究使用。**它不是諮商師，也不提供建議：若沒有負責的專業人員在場，請勿讓它回覆求助的人。**

{_bound_zh(licence)}原始模型：{base or _last(facts) or "未記錄"}。
"""


def licence_of(facts: Mapping[str, Any]) -> str:
    """The licence that binds: the most restrictive of its rows' and its base's."""
    of_base = facts.get("base", {}).get("licence")
    return binding([*(str(row["licence"] or "") for row in facts.get("licences", [])), *([of_base] if of_base else [])])


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


def _table(facts: Mapping[str, Any], base: str | None) -> list[tuple[str, str]]:
    rows = [("base", base or f"{_last(facts) or 'not recorded'} (not on the hub)")]
    if recipe := facts.get("recipe"):
        lora = recipe.get("lora", {})
        rows.append(("recipe", f"{Path(recipe['name']).name}: LoRA r {lora.get('r')}, alpha {lora.get('alpha')}"))
    if facts.get("trial"):
        rows.append(("trial", f"{facts['trial']:.0%} of the steps only"))
    for method, told in (facts.get("trained") or {}).items():
        rows.append((method, f"{told['steps']:,} steps, {told['answered']:,} tokens bore loss"))
    rows += [("adapter", f"{one['name']}, weight {one['weight']:g}") for one in facts.get("adapters") or []]
    if facts.get("way"):
        rows.append(("merged by", str(facts["way"])))
    if small := facts.get("quantised"):
        rows.append(("made smaller", _SMALL.get(small["to"], f"GGUF, {small['type']}")))
        rows.append(("bytes", f"{small['bytes_before']:,} → {small['bytes_after']:,}"))
        if told := small.get("compared"):
            rows.append(("loss on neutral sentences", f"{told['loss_before']:.4f} → {told['loss_after']:.4f}"))
            rows.append(("same likeliest token", f"{told['agreement']:.1%}"))
    if facts.get("special_tokens"):
        rows.append(("special tokens of its own", f"{facts['special_tokens']:,}, one id each"))
    return rows


def _bound(licence: str) -> str:
    if not licence or unlicensed(licence):
        return "**No licence is known for what it was made from: nobody may rely on one.**"
    return (
        f"The most restrictive licence of its rows and its base binds it: **{licence}**. Those of the others hold too."
    )


def _bound_zh(licence: str) -> str:
    if not licence or unlicensed(licence):
        return "訓練資料沒有已知的授權條款，任何人都不應假定可自由使用。"
    return f"適用其資料與原始模型之中最嚴格的授權：**{licence}**；其他授權條款同樣有效。"


def _use(kind: str, facts: Mapping[str, Any], base: str | None, repo: str) -> str:
    here, model = repo or "FOLDER", base or "BASE"
    if (facts.get("quantised") or {}).get("to") == "gguf":
        return "```\nollama create NAME -f Modelfile\n```"
    if kind == "adapter":
        return (
            f"```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            f'words = AutoTokenizer.from_pretrained("{here}")\n'
            f'model = AutoModelForCausalLM.from_pretrained("{model}")\n'
            f"model.resize_token_embeddings(max(len(words), model.get_input_embeddings().weight.shape[0]))\n"
            f'model = PeftModel.from_pretrained(model, "{here}")\n```'
        )
    return f"```\ntransformers serve {here}\nvllm serve {here}\n```"


def _last(facts: Mapping[str, Any]) -> str:
    """The base's name without the folders of anybody's machine."""
    return Path(str(facts.get("base", {}).get("name") or "")).name
