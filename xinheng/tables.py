"""Row schemas: what each table's columns are called and hold.

A schema is a plain mapping of column name to Polars type. A table may carry more columns than its
schema; it may not lack one or hold another type. Columns in `NULLABLE` may be null, all others
may not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from xinheng.errors import SchemaError

Schema = Mapping[str, pl.DataType]

TAG: Final = pl.Struct({"axis": pl.String(), "value": pl.String()})
TURN: Final = pl.Struct({"role": pl.String(), "text": pl.String(), "tags": pl.List(TAG)})
MESSAGE: Final = pl.Struct({"role": pl.String(), "content": pl.String(), "tags": pl.List(TAG)})

CLIENT: Final = "client"
COUNSELLOR: Final = "counsellor"
LANGUAGES: Final = ("zh-Hant", "zh-Hans", "en")
SPLITS: Final = ("train", "validation", "test")

# `origin` is the place in the publisher's files, `path:line` or `path#item`: the way back from any
# row to what somebody wrote. `topics` is a list because a dialogue may be about several things;
# its first topic decides the stratum.
DIALOGUE: Final[Schema] = {
    "dialogue_id": pl.String(),
    "client_id": pl.String(),
    "language": pl.String(),
    "topics": pl.List(pl.String()),
    "turns": pl.List(TURN),
    "source": pl.String(),
    "licence": pl.String(),
    "origin": pl.String(),
}

# One training row for every kind of data. `group_id` names what must not straddle splits.
EXAMPLE: Final[Schema] = {
    "example_id": pl.String(),
    "group_id": pl.String(),
    "language": pl.String(),
    "topics": pl.List(pl.String()),
    "messages": pl.List(MESSAGE),
    "published_split": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "origin": pl.String(),
}

# `answers` are letters, one or more: the key of a multi-answer question is a set.
CHOICE: Final[Schema] = {
    "question_id": pl.String(),
    "subject": pl.String(),
    "language": pl.String(),
    "question": pl.String(),
    "options": pl.List(pl.String()),
    "answers": pl.List(pl.String()),
    "explanation": pl.String(),
    "published_split": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "origin": pl.String(),
}

# A benchmark case: what is asked and what is expected. `benchmark` is the set ("imhi/DR"),
# `form` the way it is asked, `reference` the gold text as published, `labels` the gold labels
# where the publisher gives them apart from the text.
CASE: Final[Schema] = {
    "case_id": pl.String(),
    "group_id": pl.String(),
    "benchmark": pl.String(),
    "form": pl.String(),
    "language": pl.String(),
    "messages": pl.List(MESSAGE),
    "reference": pl.String(),
    "labels": pl.List(pl.String()),
    "published_split": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "origin": pl.String(),
}

# Two answers to one conversation of which one is better. The prompt is what both answer to; `evidence` says in
# one line who judged by what. Scores are those of the rubric that chose, null where people chose.
PREFERENCE: Final[Schema] = {
    "pair_id": pl.String(),
    "group_id": pl.String(),
    "language": pl.String(),
    "prompt": pl.List(MESSAGE),
    "chosen": pl.String(),
    "rejected": pl.String(),
    "chosen_score": pl.Float64(),
    "rejected_score": pl.Float64(),
    "evidence": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "origin": pl.String(),
}

# What a system answered to a case. `variant` tells askings of one case apart (`rotation 1`, `repeat 2`; "" where
# there is one). `text` is what there is of the answer; `problem` says why it cannot be used (`messages.Problem`),
# null for one that can, and `detail` more of it. Tokens and times are null where nobody told them.
PREDICTION: Final[Schema] = {
    "case_id": pl.String(),
    "variant": pl.String(),
    "system": pl.String(),
    "text": pl.String(),
    "finish_reason": pl.String(),
    "problem": pl.String(),
    "detail": pl.String(),
    "input_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "latency_s": pl.Float64(),
    "first_token_s": pl.Float64(),
}

# What one scorer says of one system's answer to one case. `part` is the set or subject; `value` is null where the
# case could not be scored, and `reason` says why: nothing is scored by default.
SCORE: Final[Schema] = {
    "case_id": pl.String(),
    "group_id": pl.String(),
    "benchmark": pl.String(),
    "part": pl.String(),
    "system": pl.String(),
    "scorer": pl.String(),
    "value": pl.Float64(),
    "reason": pl.String(),
}

# A measure of a system over the cases of a part, with its interval; null where it is not defined, with the reason.
# `n` are the cases, `missing` those of them that had no value (or counted as wrong: `method` says which).
SUMMARY: Final[Schema] = {
    "benchmark": pl.String(),
    "part": pl.String(),
    "measure": pl.String(),
    "scorer": pl.String(),
    "system": pl.String(),
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "n": pl.UInt32(),
    "missing": pl.UInt32(),
    "reason": pl.String(),
    "method": pl.String(),
}

# One message of a private chat export. `position` is the place in the file (0 first): exports
# give minutes at best, and their blocks need not ascend. `sent_at` is the phone's local time.
# `sender` is null for what the messenger itself wrote.
CHAT: Final[Schema] = {
    "chat_id": pl.String(),
    "position": pl.UInt32(),
    "sent_at": pl.Datetime("ms"),
    "sender": pl.String(),
    "kind": pl.String(),
    "text": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "origin": pl.String(),
}

# What a step or reader took out. `row` is the row as JSON, so that nothing is lost.
DROPPED: Final[Schema] = {
    "row_id": pl.String(),
    "step": pl.String(),
    "reason": pl.String(),
    "origin": pl.String(),
    "row": pl.String(),
}

TABLES: Final[Mapping[str, Schema]] = {
    "dialogue": DIALOGUE,
    "example": EXAMPLE,
    "choice": CHOICE,
    "case": CASE,
    "chat": CHAT,
    "preference": PREFERENCE,
    "prediction": PREDICTION,
    "score": SCORE,
    "summary": SUMMARY,
}
KEYS: Final[Mapping[str, str]] = {
    "dialogue": "dialogue_id",
    "example": "example_id",
    "choice": "question_id",
    "case": "case_id",
    "preference": "pair_id",
}
NULLABLE: Final = frozenset(
    {
        "client_id",
        "subject",
        "explanation",
        "published_split",
        "reference",
        "labels",
        "sent_at",
        "sender",
        "chosen_score",
        "rejected_score",
        "problem",
        "detail",
        "input_tokens",
        "output_tokens",
        "latency_s",
        "first_token_s",
        "value",
        "low",
        "high",
        "reason",
    }
)


def require(frame: pl.DataFrame | pl.LazyFrame, schema: Schema, *, who: str) -> None:
    """Check that a table has the columns and types of a schema; further columns are welcome.

    Args:
        frame: Any table.
        schema: Column name to type.
        who: The caller, for the message.

    Raises:
        SchemaError: Columns are missing or of another type; all of them are named at once.
    """
    have = frame.collect_schema()
    missing = [name for name in schema if name not in have]
    other = [
        f"{name} {have[name]} (want {dtype})" for name, dtype in schema.items() if name in have and have[name] != dtype
    ]
    if missing or other:
        found = "; ".join(
            part
            for part in (
                f"no column {', '.join(missing)}" if missing else "",
                f"other types: {', '.join(other)}" if other else "",
            )
            if part
        )
        raise SchemaError(
            who,
            "table does not fit",
            want=f"columns {', '.join(schema)}",
            have=found,
            mend="Rename or cast the columns, or ingest the file again.",
        )


def table_of(frame: pl.DataFrame | pl.LazyFrame) -> str:
    """Name the kind of a table, a key of `TABLES`, by its columns.

    Raises:
        SchemaError: The columns fit no kind.
    """
    have = frame.collect_schema()
    for name, schema in TABLES.items():
        if all(column in have and have[column] == dtype for column, dtype in schema.items()):
            return name
    raise SchemaError(
        "table_of",
        "unknown kind of table",
        want=f"the columns of one of {', '.join(TABLES)}",
        have=f"columns {', '.join(have)}",
        mend="Compare with xinheng/tables.py.",
    )
