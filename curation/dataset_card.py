"""The card of a published dataset: what it is, for what, under which terms; every number in it is a claim."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from curation.dataset_card_checks import checks, coverage, strata
from curation.published import ABOUT, LOCK, MANIFEST, PRIVACY, SPLIT, Published
from xinheng.card_tables import measures, table
from xinheng.claims import Ledger
from xinheng.figures import in_derived, in_file, named, rows
from xinheng.printing import scalar

_TASKS: Final[Mapping[str, Sequence[str]]] = {
    "dialogue": ("text-generation",),
    "example": ("text-generation",),
    "choice": ("question-answering", "multiple-choice"),
    "case": ("text-classification", "text-generation"),
    "preference": ("text-generation",),
}
_WHAT: Final[Mapping[str, tuple[str, str]]] = {
    "dialogue": ("multi-turn dialogues between a client and a counsellor", "個案與諮商師的多輪對話"),
    "example": ("conversations to train on", "訓練用對話"),
    "choice": ("multiple-choice questions", "選擇題"),
    "case": ("cases: what is asked, and what is expected", "測驗案例（題目與標準答案）"),
    "preference": ("pairs of answers of which one is better", "成對回答，其中一則較佳"),
}


def card(told: Published, ledger: Ledger) -> str:
    """Markdown with the hub's metadata block, for `Ledger.finish`."""
    parts = [
        _front(told, ledger),
        _head(told, ledger),
        _load(told, ledger),
        _splits(told, ledger),
        _terms(told, ledger),
        _making(told, ledger),
        strata(told, ledger),
        coverage(told, ledger),
        checks(told, ledger),
        _evidence(told, ledger),
        _limits(told, ledger),
        _USES,
        _HELP,
        _again(told, ledger),
        _chinese(told, ledger),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _front(told: Published, ledger: Ledger) -> str:
    languages = sorted({_language(name) for name in told.facts.get("languages", {})})
    other = told.licence["hub"] == "other" and told.licence["licence"]
    lines = [
        "---",
        f"pretty_name: {ledger.say(in_file(ABOUT, 'title'), 'scalar')}",
        f"license: {ledger.say(in_derived('licence', 'hub'), 'scalar')}",
        *([f"license_name: {ledger.say(in_derived('licence', 'licence'), 'scalar')}"] if other else []),
        *(["license_link: LICENCES.md"] if other else []),
        "language:",
        *(f"- {name}" for name in languages),
        "task_categories:",
        *(f"- {name}" for name in _TASKS[told.table]),
        "tags:",
        *(f"- {name}" for name in ("counselling", "mental-health", "not-for-advice", "croissant")),
        "size_categories:",
        f"- {ledger.say(rows(told.table), 'size')}",
        "configs:",
        "- config_name: default",
        "  default: true",
        "  data_files:",
    ]
    for split in told.splits:
        lines += [f"  - split: {split}", f'    path: "data/{split}-*.parquet"']
    return "\n".join([*lines, "---"])


def _language(name: str) -> str:
    found = re.match(r"[a-z]{2,3}(?=-|$)", name)
    return scalar(found.group()) if found else "und"


def _head(told: Published, ledger: Ledger) -> str:
    return f"""# {ledger.say(in_file(ABOUT, "title"), "text")}

{ledger.say(rows(told.table))} rows: {_WHAT[told.table][0]}. Version {ledger.say(in_file(ABOUT, "version"), "text")},
made from the artifact with digest `{ledger.say(in_file(MANIFEST, "digest"), "plain")}`.

> **For research only. {_WRITTEN.get(told.table, _OF_PEOPLE)} Nothing here is advice, and no
> model trained on it is a counsellor.**"""


_OF_PEOPLE: Final = "Many of these texts were written by, or about, people in distress."
_WRITTEN: Final[Mapping[str, str]] = {"choice": "Knowing the answers to such questions is not the same as counselling."}


def _load(told: Published, ledger: Ledger) -> str:
    place = ledger.say(in_file(ABOUT, "repo"), "plain") if told.repo else "FOLDER"
    first = told.splits[0]
    lines = [f'rows = load_dataset("{place}", split="{first}")']
    for view, splits in told.views.items():
        lines.append(f'{view} = load_dataset("{place}", data_dir="jsonl/{view}", split="{splits[0]}")')
    code = "\n".join(lines)
    return f"""## Load

```python
from datasets import load_dataset

{code}
```

{_HELD[told.ids_only]} `croissant.json` describes all of it for machines,
[DATASHEET.md](DATASHEET.md) answers what a careful user asks."""


_HELD: Final[Mapping[bool, str]] = {
    False: "Parquet holds every column; the views are JSON Lines for trainers.",
    True: "It holds the id of each row, what is no text of it, and the digest by which the row is known again.",
}


def _splits(told: Published, ledger: Ledger) -> str:
    languages = [*told.facts.get("languages", {})]
    body = [
        [split, ledger.say(rows(told.table, split=split))]
        + [ledger.say(rows(told.table, split=split, language=language)) for language in languages]
        for split in told.splits
    ]
    body.append(
        ["all", ledger.say(rows(told.table))]
        + [ledger.say(rows(told.table, language=language)) for language in languages]
    )
    right = range(1, len(languages) + 2)
    heads = [ledger.say(named(told.table, "language", one), "text") for one in languages]
    spread = table(["split", "rows", *heads], body, right=right)
    return f"""## Splits and languages

{spread}

{_size(told, ledger)}
Rows that share a group (a client, a question, a post, a segment, a near-duplicate) are in one split; the proof is in
[{SPLIT}]({SPLIT}) and is checked below."""


def _size(told: Published, ledger: Ledger) -> str:
    if told.table == "dialogue" and not told.ids_only:
        turns = ledger.say({"items": ["dialogue", "turns"]})
        return f"{turns} turns in all; {ledger.say({'bytes': 'data/*.parquet'}, 'bytes')} of Parquet.\n"
    return f"{ledger.say({'bytes': 'data/*.parquet'}, 'bytes')} of Parquet.\n"


def _terms(told: Published, ledger: Ledger) -> str:
    findings = told.licence["findings"]
    body = []
    for at in range(len(findings)):
        # Not counted by name again: blanks around a name in a row make no other source or licence of it.
        count = ledger.say(in_derived("licence", "findings", at, "rows"))
        said = [ledger.say(in_derived("licence", "findings", at, name), "text") for name in ("source", "licence")]
        body.append([*said, count, *_why(ledger, at)])
    lines = "\n".join(
        f"- {ledger.say(in_derived('licence', name, at), 'text')}"
        for name in ("explained", "duties")
        for at in range(len(told.licence[name]))
    )
    accepted = ", ".join(ledger.say(in_file(ABOUT, "accepted", at), "text") for at in range(len(told.accepted)))
    by_name = f"\n\nAccepted by name when it was published: {accepted}." if accepted else ""
    if told.ids_only:
        first = "The rows are not here: only ids, and [rebuild.py](rebuild.py), which makes them from their publishers."
    else:
        first = f"It may be used under **{ledger.say(in_derived('licence', 'licence'), 'text')}**."
    return f"""## Sources and licence

{first}

{table(["source", "licence", "rows", "may be passed on", "why"], body, right=(2,))}

{lines}{by_name}"""


def _why(ledger: Ledger, at: int) -> list[str]:
    forms = (("allowed", "yes"), ("why", "text"))
    return [ledger.say(in_derived("licence", "findings", at, name), form) for name, form in forms]


def _making(told: Published, ledger: Ledger) -> str:
    body = []
    for at, step in enumerate(told.facts.get("steps", [])):
        where = ("facts", "steps", at)
        said = [ledger.say(in_file(MANIFEST, *where, name)) for name in ("rows", "dropped", "changed")]
        what = ledger.say(in_file(MANIFEST, *where, "what"), "text") if step.get("what") else ""
        body.append([ledger.say(in_file(MANIFEST, *where, "step"), "text"), what, *said])
    if not body or "rows" not in told.facts:
        return ""
    read, kept, dropped = (ledger.say(in_file(MANIFEST, "facts", "rows", name)) for name in ("read", "kept", "dropped"))
    return f"""## How it was made

Read {read} rows, kept {kept}, took out {dropped}; what was taken out is not published.

{table(["step", "what it does", "rows", "taken out", "changed"], body, right=(2, 3, 4))}"""


def _evidence(told: Published, ledger: Ledger) -> str:
    parts = []
    for name, count in told.evidence.items():
        parts.append(measures(name, count, ledger))
    return "\n\n".join(["## Agreement and scores", *parts]) if parts else ""


def _limits(told: Published, ledger: Ledger) -> str:
    lines = [f"- **{ledger.say(in_derived('marks', at), 'text')}**" for at in range(len(told.marks))]
    lines += [f"- {ledger.say(in_file(ABOUT, 'notes', at), 'text')}" for at in range(len(told.notes))]
    if told.facts.get("limit"):
        lines.append(f"- Of each source only {ledger.say(in_file(MANIFEST, 'facts', 'limit'))} rows were read.")
    for at, one in enumerate(told.facts.get("sources", [])):
        if one.get("rejected"):
            name = ledger.say(in_file(MANIFEST, "facts", "sources", at, "name"), "text")
            lines.append(
                f"- {name}: {ledger.say(in_file(MANIFEST, 'facts', 'sources', at, 'rejected'))} rows could not be read."
            )
    lines += [
        "- Tags, labels and answers are those of their sources, mended where a step above says so; they may be wrong.",
        "- It shows some people, places and ways of speaking, not all: how a model does on it says little of others.",
    ]
    if told.table != "choice":
        lines.append("- The finder of names and numbers misses some; what it did not find may still be there.")
    return "## Known limits\n\n" + "\n".join(lines)


_USES: Final = """## Intended and forbidden uses

Intended: research on counselling dialogue and its evaluation, teaching, and the comparison of models under supervision.

Forbidden, whatever the licence allows: answering people who seek help without a responsible professional; diagnosis;
decisions on insurance, employment, custody, education or policing; advertising; finding out who wrote a text, or
linking it with other data on a person; imitating a real person."""
_HELP: Final = """## If you or somebody near you needs help

This is data, not help. In danger call your local emergency number; helplines of most countries are listed at
findahelpline.com. Reading such texts for long is a burden: take turns, take breaks, talk to somebody."""


def _again(told: Published, ledger: Ledger) -> str:
    cite = "Cite it by [CITATION.cff](CITATION.cff). " if told.citation else ""
    return f"""## Check it, make it again, cite it

```
sha256sum -c SHA256SUMS
xinheng publish --check FOLDER
xinheng rerun FOLDER
```

The first checks the files. The second works out every number of this card again from the data
([claims.json](claims.json) says how each is made), and the certificates too. The third makes the dataset again by
[the recipe and the lock](provenance/) and compares the digest. {cite}Published with Xinheng
{ledger.say(in_file(LOCK, "xinheng"), "text")}."""


def _chinese(told: Published, ledger: Ledger) -> str:
    languages = "、".join(
        f"{_ZH.get(name) or ledger.say(named(told.table, 'language', name), 'text')} "
        f"{ledger.say(rows(told.table, language=name))} 筆"
        for name in told.facts.get("languages", {})
    )
    spread = "、".join(f"{_ZH[split]} {ledger.say(rows(told.table, split=split))} 筆" for split in told.splits)
    return f"""# {ledger.say(in_file(ABOUT, "title_zh"), "text")}

共 {ledger.say(rows(told.table))} 筆：{_WHAT[told.table][1]}。{spread}。語言：{languages}。{_bound_zh(told, ledger)}

**僅供研究。** 其中許多文字出自身處困境的人。請勿用於診斷、廣告，或保險、僱用、監護、教育、執法等決定；
請勿追查作者身分；若沒有負責的專業人員在場，請勿讓以此訓練的模型回覆求助者。如有立即危險，請撥打當地緊急電話；各國求助專線可於
findahelpline.com 查詢。{_recognised_zh(told, ledger)}"""


def _recognised_zh(told: Published, ledger: Ledger) -> str:
    """What nobody may miss who reads the Chinese alone: people may be recognised, and it was published all the same."""
    found = ledger.book.value(in_file(PRIVACY))
    if told.ids_only and not found["passed"]:
        why = "此處只發布識別碼，不含任何文字；以 rebuild.py 重建內容後，請勿追查作者身分。"
        return f"\n\n**隱私檢查未通過。** 原始內容可能含有足以辨識個人的資訊；{why}"
    if not found["accepted"]:
        return ""
    why = "由於所有文字先前已由他人公開，發布者確認後仍予發布。"
    return f"\n\n**隱私檢查未通過。** 內容可能仍有足以辨識個人的資訊；{why}"


def _bound_zh(told: Published, ledger: Ledger) -> str:
    if told.ids_only:
        return "此處只有識別碼，不含內容；請用 rebuild.py 自原出處重建。"
    return f"授權：\n**{ledger.say(in_derived('licence', 'licence'), 'text')}**（各來源的條款見上表，同樣有效）。"


_ZH: Final[Mapping[str, str]] = {
    "train": "訓練集",
    "validation": "驗證集",
    "test": "測試集",
    "en": "英文",
    "zh-Hant": "繁體中文",
    "zh-Hans": "簡體中文",
}
