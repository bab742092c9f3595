"""The page of two versions of one artifact: what came, went and changed, by column and label, and the next version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reports.labels import LANGUAGES, SPLITS, TABLES, Words, clean, named
from reports.render import NO_NUMBER, count, items, page, part, percent

TITLE: Final = Words("Difference of two versions", "版本差異")
MOST_ROWS: Final = 60
COLUMNS: Final[dict[str, Words]] = {
    "split": Words("Split", "子集"),
    "stratum": Words("Stratum", "分層"),
    "topic_group": Words("Topic group", "主題類別"),
    "length_group": Words("Length", "長度"),
    "topics": Words("Topic", "主題"),
    "language": Words("Language", "語言"),
    "benchmark": Words("Benchmark", "評測"),
    "form": Words("Form", "題型"),
    "subject": Words("Subject", "科目"),
    "source": Words("Source", "來源"),
    "licence": Words("Licence", "授權"),
}
LEVELS: Final[dict[str, Words]] = {
    "major": Words("major", "主要版本"),
    "minor": Words("minor", "次要版本"),
    "patch": Words("patch", "修訂"),
    "same": Words("the same version", "同一版本"),
}
FATES: Final[dict[str, Words]] = {
    "added": Words("Added", "新增"),
    "removed": Words("Removed", "移除"),
    "changed": Words("Changed", "更動"),
}
RULE_ZH: Final = (
    "主要版本：欄位消失或改變型別，或測試集的資料不同、內容有異，舊版的數據與程式因此不再適用。"
    "次要版本：新增資料或欄位，或其他子集的資料有增減、更動。修訂：只有資料在原始檔案中的位置改變。"
    "雜湊值相同即為同一版本。1.0.0 之前，原屬主要版本者只進第二位，其餘進第三位。"
)


def difference_page(facts: Mapping[str, Any]) -> str:
    """The page of `xinheng diff`.

    Args:
        facts: JSON values: before and after (name, kind, digest, rows, written), table, rows (before, after, added,
            removed, changed), columns (column, rows), schema (column, was, now), strata (column, value, before, after),
            shifts (column, values, distance), moved (was, now, rows), ids (added, removed, changed: id, columns),
            tables (table, before, after, same), causes (what, was, now), version (was, now, level, why, rule).

    Returns:
        One self-contained HTML document with ids and counts, and no text of a row; the same facts give the same text.
    """
    rows = part(facts, "rows")
    version = part(facts, "version")
    ids = part(facts, "ids")
    name = clean(part(facts, "after").get("name"))
    return page(
        "difference.html",
        title=Words(f"{name}: {TITLE.en.lower()}", f"{name}：{TITLE.zh}") if name else TITLE,
        figures=False,
        table=named(TABLES, facts.get("table")),
        versions=[(words, part(facts, side), _moment(part(facts, side))) for side, words in _SIDES.items()],
        rows=rows,
        same=bool(facts.get("same_rows")),
        same_digest=bool(facts.get("same_digest")),
        columns=[{**row, "share": percent(count(row.get("rows")), _common(rows))} for row in items(facts, "columns")],
        schema=items(facts, "schema"),
        shifts=[
            {**row, "words": named(COLUMNS, row.get("column")), "distance": percent(row.get("distance"))}
            for row in items(facts, "shifts")
        ],
        strata=[_label(row) for row in items(facts, "strata")],
        moved=[
            {"was": _split(row.get("was")), "now": _split(row.get("now")), "rows": row.get("rows")}
            for row in items(facts, "moved")
        ],
        ids=[
            (fate, words, items(ids, fate), count(rows.get(fate))) for fate, words in FATES.items() if items(ids, fate)
        ],
        tables=items(facts, "tables"),
        causes=items(facts, "causes"),
        proposal=version,
        level=LEVELS.get(str(version.get("level")), LEVELS["same"]),
        why=[clean(one) for one in version.get("why") or ()],
        rule=Words(clean(version.get("rule")), RULE_ZH),
        most_rows=MOST_ROWS,
        dash=NO_NUMBER,
    )


_SIDES: Final = {"before": Words("Before", "舊版"), "after": Words("After", "新版")}


def _moment(version: Mapping[str, Any]) -> str:
    """When a version was written, to the minute."""
    return clean(version.get("written"))[:16].replace("T", " ")


def _common(rows: Mapping[str, Any]) -> int:
    return count(rows.get("before")) - count(rows.get("removed"))


def _split(name: object) -> Words:
    return named(SPLITS, name) if name else Words("no split", "未分組")


def _label(row: Mapping[str, Any]) -> dict[str, Any]:
    column, value = row.get("column"), row.get("value")
    names = {"split": SPLITS, "language": LANGUAGES}.get(str(column), {})
    before, after = count(row.get("before")), count(row.get("after"))
    return {
        "column": named(COLUMNS, column),
        "value": Words("none", "無") if value is None else named(names, value),
        "before": before,
        "after": after,
        "change": f"{after - before:+,}".replace("-", "−"),
    }
