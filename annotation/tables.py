"""What a rating task and its ratings hold.

A task is an artifact of the kind `rating_task` with the tables `item`, `assignment` and `gold`; its facts hold the
template (`annotation.templates`), the seed, the raters and what was drawn from what. Ratings are an artifact of the
kind `ratings` with the table `rating`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from xinheng.tables import Schema

TASK: Final = "rating_task"
RATINGS: Final = "ratings"

PLAIN: Final = "plain"
GOLD_ROLE: Final = "gold"
REPEAT: Final = "repeat"
ROLES: Final = (PLAIN, GOLD_ROLE, REPEAT)

SUBMITTED: Final = "submitted"
DRAFT: Final = "draft"
DISCARDED: Final = "discarded"

FIELD: Final = pl.Struct({"field": pl.String(), "text": pl.String()})

# One row per thing to be rated. `item_id` is what raters and servers see: drawn from the seed, it says nothing of the
# case, the system or the role. `system` is null for dialogues and pairs; of a pair the two sides' systems stand in
# `left_system` and `right_system`. `role`: plain, gold (planted, the answer is in `gold`) or repeat (`repeats` names
# the item that it shows again). `shown` is what the rater reads, field by field in order; `hidden` is JSON that no
# rater may ever see (a judge's scores).
ITEM: Final[Schema] = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "system": pl.String(),
    "left_system": pl.String(),
    "right_system": pl.String(),
    "stratum": pl.String(),
    "language": pl.String(),
    "role": pl.String(),
    "repeats": pl.String(),
    "shown": pl.List(FIELD),
    "hidden": pl.String(),
}

# Who rates what, and in which order (0 first).
ASSIGNMENT: Final[Schema] = {"rater_id": pl.String(), "item_id": pl.String(), "position": pl.UInt32()}

# The expected answer to a question about a gold item, as JSON.
GOLD: Final[Schema] = {"item_id": pl.String(), "question": pl.String(), "answer": pl.String()}

# One answer of one rater to one question about one item. `value` is the grade of a rating question, null for every
# other kind; `answer` is the answer as JSON: a number, a label, a list of labels, a text, or a list of spans
# {field, start, end, label}. `status`: submitted, draft or discarded. `seconds` is null where nobody measured.
RATING: Final[Schema] = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "system": pl.String(),
    "left_system": pl.String(),
    "right_system": pl.String(),
    "language": pl.String(),
    "role": pl.String(),
    "repeats": pl.String(),
    "rater_id": pl.String(),
    "question": pl.String(),
    "value": pl.Float64(),
    "answer": pl.String(),
    "status": pl.String(),
    "submitted_at": pl.Datetime("ms", "UTC"),
    "seconds": pl.Float64(),
}
