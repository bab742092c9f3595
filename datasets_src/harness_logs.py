"""The logs of lm-eval and OpenCompass, as answers.

lm-eval logs a line per question and filter: `resps` is what the model said, once per request; where it weighed
continuations instead of writing, the likeliest is the answer. OpenCompass keeps a JSON object of places, and of large
sets several files, each of which counts from 0.

Source: lm-eval 0.4's evaluation tracker and OpenCompass 0.4's inferencers, as they write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from datasets_src.answer_cells import ID_NAMES, answer_frame, answer_text, clean, id_text, plain_text, prompt_text
from datasets_src.reading import Record
from datasets_src.rows import kind_of
from xinheng.errors import InputError, UsageError

_LM_EVAL_STEM: Final = re.compile(r"^samples_(.+?)(?:_\d{4}-\d{2}-\d{2}T.*)?$")
_SHARD: Final = re.compile(r"^(.*)_(\d{1,6})$")
_PLACES: Final = 10**9


def is_lm_eval(keys: set[str]) -> bool:
    """Whether objects with these keys are lines of an lm-eval log."""
    return "doc_id" in keys and bool(keys & {"resps", "filtered_resps"})


def is_opencompass(keys: set[str]) -> bool:
    """Whether objects with these keys are OpenCompass's; `_index` is the key under which one stood."""
    return "prediction" in keys and bool(keys & {"origin_prompt", "idx", "_index"})


def lm_eval_answers(
    records: Sequence[Record], path: Path, name: str, *, chosen: str | None
) -> tuple[pl.DataFrame, list[str]]:
    """What the model said, not what lm-eval read out of it; so that of several filters any one will do.

    Args:
        records: The log's lines.
        path: Of the log; its name tells the task.
        name: What to call it in messages.
        chosen: The filter whose lines are taken; `none`, or else the first, where None.

    Returns:
        ANSWER rows, and what should be known of how they were read.

    Raises:
        InputError: A line without its place, or an answer that is no text.
        UsageError: No such filter.
    """
    match = _LM_EVAL_STEM.match(path.stem)
    filters = list(dict.fromkeys(str(record.value.get("filter", "none")) for record in records))
    chosen = chosen or ("none" if "none" in filters else filters[0])
    if chosen not in filters:
        raise UsageError(name, f"no filter {chosen}", want=f"one of {', '.join(filters)}")
    rows = []
    for record in records:
        value = record.value
        if str(value.get("filter", "none")) != chosen:
            continue
        number = value.get("doc_id")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _PLACES:
            raise InputError(f"{name}:{record.line}", "no place", want="doc_id, 0 or more", have=kind_of(number))
        doc = value.get("doc") if isinstance(value.get("doc"), Mapping) else {}
        told = next((doc[key] for key in ID_NAMES if id_text(doc.get(key))), None)
        asked = _lm_eval_arguments(value.get("arguments"))
        common = {
            "origin": f"{name}:{record.line}",
            "set": match[1] if match else path.stem,
            "answer_id": id_text(told),
            "number": number,
            "prompt": prompt_text(asked[0][0]) if asked and asked[0] else None,
            "gold": plain_text(value.get("target")),
            "finish_reason": None,
            "problem": None,
        }
        for repeat, text in enumerate(_lm_eval_texts(value, asked, name, record.line), 1):
            rows.append({**common, "repeat": repeat, "text": text})
    notes = [] if len(filters) == 1 else [f"{name}: lm-eval's filter {chosen} of {', '.join(filters)}; what was said"]
    return answer_frame(rows), notes


def _lm_eval_arguments(value: Any) -> list[list[Any]]:
    """The arguments of each request: from `gen_args_0: {arg_0: …}` or, in older logs, plain lists."""
    if isinstance(value, Mapping):
        each = [value[key] for key in sorted(value, key=lambda key: (len(str(key)), str(key)))]
        return [list(one.values()) if isinstance(one, Mapping) else [one] for one in each]
    return [list(one) if isinstance(one, list) else [one] for one in value] if isinstance(value, list) else []


def _lm_eval_texts(value: Mapping[str, Any], asked: Sequence[Sequence[Any]], name: str, line: int) -> list[str | None]:
    said = value.get("resps", value.get("filtered_resps"))
    chances = [_chance(one) for one in said] if isinstance(said, list) and len(said) > 1 else []
    if chances and all(chance is not None for chance in chances):
        # Continuations were weighed, not written: the likeliest is the answer; of two as likely neither is.
        told = [float(chance) for chance in chances if chance is not None]
        if any(map(math.isnan, told)) or told.count(max(told)) > 1:
            return [None]
        best = told.index(max(told))
        written = asked[best][1] if best < len(asked) and len(asked[best]) > 1 else None
        return [written.strip() if isinstance(written, str) else None]
    texts = list(_leaves(said))
    if any(text is not None and not isinstance(text, str) for text in texts):
        raise InputError(f"{name}:{line}", "an answer that is no text", want="text in resps")
    return [None if text is None else clean(text) for text in texts] or [None]


def _chance(value: Any) -> float | None:
    """The log-probability of `[["-1.5", "False"]]`, which logs nest once or twice."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list) or len(value) != 2 or str(value[1]) not in {"True", "False"}:
        return None
    try:
        return float(value[0])
    except (TypeError, ValueError):
        return None


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def opencompass_answers(records: Sequence[Record], path: Path, name: str) -> pl.DataFrame:
    """ANSWER rows of a file, numbered as it numbers them.

    Raises:
        InputError: An object without its place, or an answer that is no text.
    """
    rows = []
    for record in records:
        value = record.value
        place = str(value.get("_index", value.get("idx", "")))
        if not (place.isascii() and place.isdecimal() and int(place[:10]) < _PLACES):
            raise InputError(f"{name}:{record.line}", "no place", want="a number as key or idx")
        said = value.get("prediction")
        several = said if isinstance(said, list) and said and all(isinstance(one, str) for one in said) else [said]
        for repeat, text in enumerate(several, 1):
            rows.append({
                "origin": f"{name}:{record.line}",
                "set": path.stem,
                "answer_id": None,
                "number": int(place),
                "repeat": repeat,
                "text": answer_text(text, name, record.line),
                "prompt": prompt_text(value.get("origin_prompt")),
                "gold": plain_text(value.get("gold")),
                "finish_reason": None,
                "problem": None,
            })  # fmt: skip
    return answer_frame(rows)


def places_of_parts(rows: pl.DataFrame, path: Path, shards: dict[str, int]) -> pl.DataFrame:
    """Parts of one set, `NAME_0.json`, `NAME_1.json` …, count from 0 each: as places of the whole set."""
    part = _SHARD.match(path.stem)
    if part is None:
        return rows
    whole = f"{path.parent}/{part[1]}"
    before = shards.get(whole, 0)
    if int(part[2]) == 0:
        before = 0
    elif whole not in shards:
        return rows  # a name that only ends in a number
    shards[whole] = before + int(rows["number"].max() or 0) + 1  # type: ignore[arg-type]
    return rows.with_columns(number=pl.col("number") + before, set=pl.lit(part[1]))
