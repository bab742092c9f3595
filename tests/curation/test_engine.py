"""The same recipe gives the same dataset on every engine, whatever the shards, and whoever is killed."""

from __future__ import annotations

import functools
import importlib
import itertools
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import dialogue_steps, groups, steps
from curation.engine import curate_shards, curated_in_shards
from curation.pieces import ADDRESS, Pieces
from curation.recipe import load
from curation.run import (
    SEGMENT_OF,
    Curated,
    Step,
    curate,
    drop_when,
    is_row_wise,
    row_wise,
    step_name,
    together,
)
from curation.split import divide, split, with_split
from datasets_src.catalog import source
from datasets_src.ingest import Tally, frames
from tests.perf.corpus import dialogues
from xinheng.artifacts import write
from xinheng.digests import digest
from xinheng.errors import RecipeError, UsageError, XinhengError
from xinheng.tables import CASE, DIALOGUE

KEY = "dialogue_id"
TAGGED = load("tagged_dialogues").steps


def same(one: Curated, other: Curated) -> bool:
    """Not only equal digests: equal tables, in equal order."""
    tables = [(one.kept, other.kept), (one.dropped, other.dropped), (one.steps, other.steps)]
    return all(digest(a) == digest(b) and a.equals(b) and a.schema == b.schema for a, b in tables)


def run(table: pl.DataFrame, recipe: Any, engine: str = "inline", **options: Any) -> Curated:
    heard: list[str] = []
    options = {"key": KEY, "rows_per_shard": 3, **options}
    result = curate_shards(table.lazy(), recipe, engine=engine, say=heard.append, **options)
    assert not heard, heard  # nothing had to be done over the whole table
    return result


@pytest.fixture(scope="module")
def sample() -> pl.DataFrame:
    entry = source("sample")
    place = entry.place(Path())
    assert place is not None
    tally = Tally()
    return pl.concat(list(frames(entry.read(place), "dialogue", tally, source="sample", licence=entry.licence)))


@pytest.fixture(scope="module")
def made() -> pl.DataFrame:
    return dialogues(5_000)


# Bad input first.


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(UsageError, match="no engine 'spark': want one of local, processes, ray"):
        run(dialogues(10), TAGGED, engine="spark")


def test_a_shard_has_rows() -> None:
    with pytest.raises(UsageError, match="no rows per shard"):
        run(dialogues(10), TAGGED, rows_per_shard=0)


@pytest.mark.parametrize("engine", ["local", "inline", "processes"])
def test_a_table_without_ids_is_refused_before_anything_starts(engine: str) -> None:
    with pytest.raises(RecipeError, match="no id column"):
        run(dialogues(10).drop(KEY), TAGGED, engine=engine)


def test_a_marked_step_that_no_worker_can_import_is_named() -> None:
    with pytest.raises(RecipeError, match="a step cannot be sent to a worker"):
        run(dialogues(10), [row_wise(lambda frame: frame)])


@row_wise
def no_frame(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.collect()  # type: ignore[return-value]


@row_wise
def no_key(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.drop(KEY)


@row_wise
def from_nowhere(frame: pl.LazyFrame) -> pl.LazyFrame:
    return pl.concat([frame, frame.with_columns(pl.col(KEY) + "x")])


@row_wise
def doubles(frame: pl.LazyFrame) -> pl.LazyFrame:
    return pl.concat([frame, frame])


@row_wise
def no_such_column(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.with_columns(pl.col("absent"))


BREAKERS = [no_frame, no_key, from_nowhere, doubles, no_such_column]


@pytest.mark.parametrize("breaker", BREAKERS, ids=step_name)
def test_a_broken_promise_is_told_as_over_the_whole_table(breaker: Step) -> None:
    table, recipe = dialogues(20), [steps.mask_links, breaker]
    with pytest.raises(RecipeError) as local:
        curate(table.lazy(), recipe, key=KEY)
    with pytest.raises(RecipeError) as spread:
        curate_shards(table.lazy(), recipe, key=KEY, engine="inline", rows_per_shard=7)
    assert str(spread.value) == str(local.value)


CUTS_IN_TWO = '''
import polars as pl
from curation.run import SEGMENT_OF, row_wise
TABLE, SOURCES = "dialogue", ("sample",)

@row_wise
def cut(frame):
    """Cuts rows in two."""
    halves = [
        frame.with_columns(pl.col("dialogue_id").alias(SEGMENT_OF), dialogue_id=pl.col("dialogue_id") + f"#{n}")
        for n in (1, 2)
    ]
    return pl.concat(halves)

@row_wise
def cut_first(frame):
    """Cuts the first row."""
    first = pl.col("dialogue_id") == "d00000000"
    return pl.concat([frame.filter(~first).with_columns(pl.lit(None, dtype=pl.String).alias(SEGMENT_OF)),
                      cut(frame.filter(first))])

STEPS = [cut]
'''


def recipe_file(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_an_id_made_in_one_shard_that_another_has_is_found(tmp_path: Path) -> None:
    ref = recipe_file(tmp_path, CUTS_IN_TWO + "STEPS = [cut_first]\n")
    table = dialogues(10, dirt=0).with_columns(pl.col(KEY).replace("d00000009", "d00000000#1"))
    recipe = load(ref).steps
    with pytest.raises(RecipeError) as local:
        curate(table.lazy(), recipe, key=KEY)
    with pytest.raises(RecipeError) as spread:
        curate_shards(table.lazy(), recipe, key=KEY, engine="inline", recipe_ref=ref, rows_per_shard=1)
    assert str(spread.value) == str(local.value)
    assert "1 doubled" in str(local.value)


def test_segments_of_segments_keep_their_root_on_shards(tmp_path: Path) -> None:
    ref = recipe_file(tmp_path, CUTS_IN_TWO + "STEPS = [cut, cut]\n")
    table, recipe = dialogues(10, dirt=0), load(ref).steps
    spread = curate_shards(table.lazy(), recipe, key=KEY, engine="inline", recipe_ref=ref, rows_per_shard=3)
    assert same(spread, curate(table.lazy(), recipe, key=KEY))
    assert spread.kept[SEGMENT_OF].n_unique() == 10


def test_a_recipe_that_changes_while_it_runs_is_not_mixed(tmp_path: Path) -> None:
    ref = recipe_file(tmp_path, CUTS_IN_TWO)
    recipe = load(ref).steps
    Path(ref).write_text(CUTS_IN_TWO.replace("def cut(", "def other(").replace("[cut]", "[other]"), encoding="utf-8")
    heard: list[str] = []
    table = dialogues(10, dirt=0)
    spread = curate_shards(table.lazy(), recipe, key=KEY, engine="inline", recipe_ref=ref, say=heard.append)
    assert heard == ["over the whole table, for its shards cannot give the same: cut"]
    assert same(spread, curate(table.lazy(), recipe, key=KEY))


# What the marks promise.


def marked(module: ModuleType) -> list[Step]:
    return [step for step in vars(module).values() if callable(step) and is_row_wise(step)]


ROW_WISE = list(dict.fromkeys(step for module in (steps, dialogue_steps, groups) for step in marked(module)))

TAGS = [("intent", "share_feeling"), ("intent", "Share Feeling"), ("emotion", "?"), ("emotion", "anxious")]
tags = st.sampled_from(TAGS)
texts = st.sampled_from(
    [
        "",
        " ",
        "我很累,真的.",
        "你好嗎??",
        "I feel lost",
        "我们应该说什么",
        "http://a.example/x",
        "ＡＢＣ１",
        "「好」",
        "好" * 9,
    ]
)
turns = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["client", "counsellor"]),
        "text": texts,
        "tags": st.lists(tags.map(lambda t: {"axis": t[0], "value": t[1]}), max_size=2),
    }
)
rows = st.fixed_dictionaries(
    {
        "language": st.sampled_from(["zh-Hant", "zh-Hans", "en"]),
        "topics": st.lists(st.sampled_from(["anxiety", "Anxiety", "stress", "no such"]), max_size=2),
        "turns": st.lists(turns, max_size=5),
    }
)


def frame_of(found: list[dict[str, Any]]) -> pl.DataFrame:
    named = [{**dict.fromkeys(DIALOGUE), **row, KEY: f"d{n:03}"} for n, row in enumerate(found)]
    return pl.DataFrame(named, schema=dict(DIALOGUE))


tables = st.lists(rows, max_size=8).map(frame_of)


def test_the_row_wise_steps_are_these() -> None:
    assert set(ROW_WISE) == {
        steps.normalise_characters,
        steps.unify_punctuation,
        steps.mask_links,
        steps.drop_links,
        steps.drop_question_runs,
        steps.drop_overlong,
        steps.correct_language,
        dialogue_steps.drop_empty_turns,
        dialogue_steps.merge_consecutive_turns,
        dialogue_steps.begin_with_client,
        dialogue_steps.drop_without_exchange,
        dialogue_steps.drop_many_exchanges,
        dialogue_steps.cut_overlong,
        dialogue_steps.segment_overlong,
        dialogue_steps.repair_tags,
        dialogue_steps.set_aside_tags,
        groups.add_strata,
    }


@pytest.mark.parametrize("step", ROW_WISE, ids=step_name)
@settings(max_examples=25)
@given(table=tables, ends=st.lists(st.integers(0, 8), max_size=3))
def test_a_row_wise_step_gives_for_parts_what_it_gives_for_the_whole(
    step: Step, table: pl.DataFrame, ends: list[int]
) -> None:
    if step_name(step) in ("cut_overlong", "segment_overlong"):
        step = functools.partial(step, characters=12, characters_en=20)
    bounds = [0, *sorted(min(end, table.height) for end in ends), table.height]
    parts = [step(table.slice(a, b - a).lazy()).collect() for a, b in itertools.pairwise(bounds)]
    whole = step(table.lazy()).collect()
    assert pl.concat(parts).sort(KEY).equals(whole.sort(KEY))


cases = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["train", "validation", "test", "expert", None]),
        st.sampled_from(["累", "累。", "怕", ""]),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(found=cases, shard=st.integers(1, 5))
def test_steps_that_compare_rows_decide_on_signatures_as_on_the_whole(found: list[Any], shard: int) -> None:
    table = pl.DataFrame(
        [
            {"case_id": f"c{n:02}", "group_id": a, "other": b, "published_split": split, "question": text}
            for n, (a, b, split, text) in enumerate(found)
        ],
        schema=dict.fromkeys(("case_id", "group_id", "other", "published_split", "question"), pl.String),
    )
    recipe = [
        functools.partial(steps.drop_published_leaks, groups=("group_id", "other")),
        steps.drop_exact_duplicates,
        steps.mask_links,
        steps.drop_published_leaks,
    ]
    whole = curate(table.lazy(), recipe, key="case_id")
    assert same(run(table, recipe, key="case_id", rows_per_shard=shard), whole)


@settings(max_examples=25)
@given(table=tables, shard=st.integers(1, 9), random=st.randoms(use_true_random=False))
def test_no_shard_size_and_no_order_changes_anything(table: pl.DataFrame, shard: int, random: Any) -> None:
    order = list(range(table.height))
    random.shuffle(order)
    assert same(run(table[order], TAGGED, rows_per_shard=shard), curate(table.lazy(), TAGGED, key=KEY))


def test_steps_without_a_mark_see_the_whole_table_between_others() -> None:
    table = dialogues(100)

    def above_the_mean(frame: pl.LazyFrame) -> pl.LazyFrame:
        size = pl.col("turns").list.eval(pl.element().struct.field("text").str.len_chars()).list.sum()
        return drop_when(frame, size > size.mean(), pl.format("of {} rows", pl.len()))

    recipe = [above_the_mean, steps.drop_exact_duplicates, above_the_mean, groups.add_strata]
    whole = curate(table.lazy(), recipe, key=KEY)
    assert whole.dropped.height > 10
    assert same(run(table, recipe, rows_per_shard=7), whole)


def ids(frame: pl.LazyFrame, *, word: str) -> pl.LazyFrame:
    return frame.select(KEY, word=pl.lit(word))


def last(frame: pl.LazyFrame, *, word: str) -> pl.LazyFrame:
    return frame.filter((pl.col(KEY) == pl.col(KEY).max()) & (pl.col("word") == word)).select(KEY, _why=pl.lit(word))


@together(signature=ids, decide=last)
def drop_last(frame: pl.LazyFrame, *, word: str) -> pl.LazyFrame:
    """The last row, or so it says: in truth all, to tell the step from its plan."""
    return frame.filter(pl.lit(value=word == ""))


def test_shards_follow_the_plan_of_a_step_with_its_keywords() -> None:
    table = dialogues(9, dirt=0)
    recipe = [functools.partial(drop_last, word="last"), functools.partial(drop_last, word="next")]
    spread = run(table, recipe)
    assert spread.dropped.select("row_id", "step", "reason").rows() == [
        ("d00000007", "drop_last", "next"),
        ("d00000008", "drop_last", "last"),
    ]
    assert curate(table.lazy(), recipe, key=KEY).kept.is_empty()


def words(pieces: Pieces, *, word: str) -> pl.LazyFrame:
    """Of the rows in one place that with the greatest id, in three rounds."""
    shared = pieces.share(pl.DataFrame({"word": [word]}))
    counted = pieces.gather(functools.partial(count, shared))["rows"].sum()
    found = pieces.regroup(functools.partial(send, shared), greatest)
    return found.lazy().select(KEY, _why=pl.format("{} of {} rows: {}", "place", pl.lit(counted), "word"))


def count(shared: str, rows: pl.LazyFrame, signatures: pl.DataFrame) -> pl.DataFrame:
    assert rows.select(KEY).collect().equals(signatures.select(KEY))
    return pl.read_ipc(shared).with_columns(rows=pl.lit(signatures.height))


def send(shared: str, rows: pl.LazyFrame, signatures: pl.DataFrame) -> pl.DataFrame:
    places = rows.select(KEY, pl.col(KEY).str.slice(-1).cast(pl.UInt64).alias(ADDRESS)).collect()
    return places.with_columns(place=pl.col(ADDRESS), word=pl.lit(pl.read_ipc(shared)["word"].item()))


def greatest(rows: pl.DataFrame) -> pl.DataFrame:
    """Only two addresses come to a part: theirs are together."""
    return rows.filter(pl.col(KEY) == pl.col(KEY).max().over("place"))


@together(signature=ids, ask=words)
def drop_by_rounds(frame: pl.LazyFrame, *, word: str) -> pl.LazyFrame:
    """Each row with the greatest id of those that end in the same digit."""
    last = pl.col(KEY) == pl.col(KEY).max().over(pl.col(KEY).str.slice(-1))
    return drop_when(frame, last, pl.format("{} of {} rows: {}", pl.col(KEY).str.slice(-1), pl.len(), pl.lit(word)))


@pytest.mark.parametrize("shard", [1, 9, 40, 100])
def test_a_plan_may_have_several_rounds(shard: int) -> None:
    table, recipe = dialogues(80, dirt=0), [functools.partial(drop_by_rounds, word="out")] * 2
    whole = curate(table.lazy(), recipe, key=KEY)
    assert whole.dropped.height == 20
    assert same(run(table, recipe, rows_per_shard=shard), whole)


def refuses(rows: pl.LazyFrame, signatures: pl.DataFrame) -> pl.DataFrame:
    raise ValueError


def asks_in_vain(pieces: Pieces) -> pl.LazyFrame:
    return pieces.gather(refuses).lazy()


@together(signature=functools.partial(ids, word=""), ask=asks_in_vain)
def drop_in_vain(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The first row; its plan fails."""
    return frame.slice(1)


def test_where_a_plan_fails_the_whole_table_is_looked_at() -> None:
    heard: list[str] = []
    table = dialogues(20)
    spread = curate_shards(table.lazy(), [drop_in_vain], key=KEY, engine="inline", rows_per_shard=4, say=heard.append)
    assert heard == ["over the whole table, for its shards cannot give the same: drop_in_vain"]
    assert same(spread, curate(table.lazy(), [drop_in_vain], key=KEY))


def test_a_step_is_marked_with_a_plan_or_not_at_all() -> None:
    with pytest.raises(TypeError, match="want decide or ask, have neither"):
        together(signature=ids)


@pytest.mark.parametrize("engine", ["local", "inline"])
def test_a_dataset_is_divided_and_written_shard_by_shard(engine: str, tmp_path: Path) -> None:
    recipe = load("tagged_dialogues")
    options: dict[str, Any] = {"stratum": recipe.stratum, "groups": recipe.groups, "labels": recipe.labels, "seed": 3}
    table = dialogues(300).with_columns(client_id=pl.format("c{}", pl.int_range(pl.len()) // 3))
    whole = curate(table.lazy(), TAGGED, key=KEY)
    kept, certificate = split(whole.kept, key=KEY, **options)
    with curated_in_shards(table.lazy(), TAGGED, key=KEY, engine=engine, rows_per_shard=40) as result:
        where, told = divide(pl.concat(result.kept), key=KEY, **options)
        artifact = write(
            tmp_path / "dataset",
            kind="dataset",
            name="made",
            tables={
                "dialogue": (with_split(shard.collect(), where, key=KEY) for shard in result.kept),
                "dropped": (shard.collect() for shard in result.dropped),
            },
        )
    assert told == certificate
    assert artifact.manifest["tables"]["dialogue"]["digest"] == digest(kept)
    assert artifact.manifest["tables"]["dropped"]["digest"] == digest(whole.dropped)
    assert len(artifact.manifest["tables"]["dialogue"]["files"]) == (1 if engine == "local" else 8)


def test_an_empty_table_and_an_empty_recipe() -> None:
    empty = dialogues(10).head(0)
    assert same(run(empty, TAGGED), curate(empty.lazy(), TAGGED, key=KEY))
    assert same(run(dialogues(10), []), curate(dialogues(10).lazy(), [], key=KEY))


# Other processes.


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_the_sample_and_a_made_corpus_come_out_the_same(engine: str, sample: pl.DataFrame, made: pl.DataFrame) -> None:
    for table, shard in ((sample, 20), (made.sample(fraction=1, shuffle=True, seed=3), 1_700)):
        assert same(run(table, TAGGED, engine, rows_per_shard=shard), curate(table.lazy(), TAGGED, key=KEY))


MINE = '''
import os, signal
from pathlib import Path
import polars as pl
from curation.run import drop_when, row_wise
from curation.steps import drop_exact_duplicates
TABLE, SOURCES = "dialogue", ("sample",)
HERE = Path(__file__).parent

@row_wise
def write_down(frame):
    """Notes who worked on it."""
    (HERE / f"worker-{os.getpid()}").touch()
    return frame

@row_wise
def drop_sevens(frame):
    """Rows whose id ends in seven."""
    return frame.filter(~pl.col("dialogue_id").str.ends_with("7"))

@row_wise
def killed_once(frame):
    """Its worker is killed, once."""
    if (HERE / "kill").exists() and "d00000042" in frame.select("dialogue_id").collect()["dialogue_id"]:
        if not (HERE / "always").exists():
            (HERE / "kill").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return frame

STEPS = [write_down, drop_sevens, killed_once, drop_exact_duplicates]
'''


def workers(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("worker-*")}


def test_a_killed_worker_changes_nothing(tmp_path: Path) -> None:
    ref = recipe_file(tmp_path, MINE)
    table, recipe = dialogues(400), load(ref).steps
    whole = curate(table.lazy(), recipe, key=KEY)
    here = workers(tmp_path)
    (tmp_path / "kill").touch()
    assert same(run(table, recipe, "processes", recipe_ref=ref, rows_per_shard=50), whole)
    assert not (tmp_path / "kill").exists(), "nobody was killed"
    assert len(workers(tmp_path) - here) >= 2, "the steps of the user's file did not run in workers"


def test_a_shard_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    ref = recipe_file(tmp_path, MINE)
    for name in ("kill", "always"):
        (tmp_path / name).touch()
    with pytest.raises(XinhengError, match="the worker of a shard was killed again and again: have 4 times"):
        run(dialogues(100), load(ref).steps, "processes", recipe_ref=ref, rows_per_shard=50)


REGROUPS = """
import os, signal
from pathlib import Path
import polars as pl
from curation.pieces import ADDRESS
from curation.run import drop_when, together
HERE, KEY = Path(__file__).parent, "dialogue_id"
DIGIT = pl.col(KEY).str.slice(-1)

def ids(frame):
    return frame.select(KEY)

def killed_once(where):
    # The file is gone before the worker is, so that the next to do this piece lives.
    if (HERE / where).exists() and str(os.getpid()) != (HERE / "asking").read_text():
        (HERE / where).unlink(missing_ok=True)
        (HERE / f"{where}-done").touch()
        os.kill(os.getpid(), signal.SIGKILL)

def send(rows, signatures):
    killed_once("send")
    return signatures.with_columns(DIGIT.cast(pl.UInt64).alias(ADDRESS), place=DIGIT)

def greatest(rows):
    killed_once("reduce")
    return rows.filter(pl.col(KEY) == pl.col(KEY).max().over("place")).select(KEY)

def ask(pieces):
    return pieces.regroup(send, greatest).lazy().with_columns(_why=pl.lit("greatest"))

@together(signature=ids, ask=ask)
def drop_greatest(frame):
    return drop_when(frame, pl.col(KEY) == pl.col(KEY).max().over(DIGIT), pl.lit("greatest"))
"""


@pytest.mark.parametrize("moment", ["send", "reduce"])
def test_a_worker_killed_while_rows_are_regrouped_changes_nothing(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"regroups_{moment}"
    (tmp_path / f"{name}.py").write_text(REGROUPS, encoding="utf-8")
    (tmp_path / "asking").write_text(str(os.getpid()), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))  # workers are given the same path
    recipe = [importlib.import_module(name).drop_greatest]
    table = dialogues(200, dirt=0)
    whole = curate(table.lazy(), recipe, key=KEY)
    assert whole.dropped.height == 10
    (tmp_path / moment).touch()
    assert same(run(table, recipe, "processes", rows_per_shard=40), whole)
    assert (tmp_path / f"{moment}-done").exists(), "nobody was killed"


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(dialogues(50), TAGGED)
    assert not list(tmp_path.iterdir())


def test_cases_with_published_splits_come_out_the_same() -> None:
    split = ["train", "validation", "test", "train", "expert"] * 4
    table = pl.DataFrame(
        [
            {**dict.fromkeys(CASE), "case_id": f"c{n:02}", "group_id": f"g{n % 7}", "published_split": name}
            for n, name in enumerate(split)
        ],
        schema=dict(CASE),
    )
    recipe = load("imhi").steps
    whole = curate(table.lazy(), recipe, key="case_id")
    assert whole.dropped.height
    assert same(run(table, recipe, key="case_id"), whole)
