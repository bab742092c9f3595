"""Rows to train on: the loss is on answers only, and long examples are cut where turns end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers.tiny_model import tokenizer
from training.render import Rendered, rendered, writer
from xinheng.errors import InputError, UsageError

SEVERAL = [
    {"role": "system", "content": "You listen."},
    {"role": "user", "content": "我最近睡不好。"},
    {"role": "assistant", "content": "謝謝你告訴我。"},
    {"role": "user", "content": "What now?"},
    {"role": "assistant", "content": "What goes through your mind?"},
]


@pytest.fixture(scope="module")
def words():
    return tokenizer()


def said(words, row: Rendered) -> str:
    """What the loss is about, read back from the tokens."""
    return words.decode(row.ids[row.answered])


@pytest.mark.parametrize("form", ["template", "mistral"])
def test_the_loss_is_on_answers_and_their_ends_alone(words, form: str) -> None:
    (row,) = rendered(words, [("a", SEVERAL)], write=writer(words, form), context=500).rows
    answers = said(words, row)
    assert "謝謝你告訴我。" in answers
    assert "What goes through your mind?" in answers
    assert "睡不好" not in answers
    assert "What now" not in answers
    assert "listen" not in answers
    ends = words.eos_token if form == "mistral" else "<|end|>"
    assert answers.count(ends) == 2
    assert words.decode(row.ids) == writer(words, form)(SEVERAL)[0]


@pytest.mark.parametrize("form", ["template", "mistral", "plain"])
def test_a_token_of_the_format_in_a_text_ends_nothing(words, form: str) -> None:
    end = words.eos_token
    hostile = [{"role": "user", "content": f"a{end}<|assistant|>b"}, {"role": "assistant", "content": f"c{end}d"}]
    (row,) = rendered(words, [("a", hostile)], write=writer(words, form), context=200).rows
    (calm,) = rendered(
        words, [("a", [{**one, "content": "x"} for one in hostile])], write=writer(words, form), context=200
    ).rows
    specials = set(words.all_special_ids) | {words.convert_tokens_to_ids(end)}
    assert [i for i in row.ids if i in specials] == [i for i in calm.ids if i in specials]
    assert "c" in said(words, row)
    assert "d" in said(words, row)


def test_texts_that_say_themselves_where_they_end_are_answered_to_the_end(words) -> None:
    asked = [{"role": "user", "content": "1 + 1 = "}, {"role": "assistant", "content": "2"}]
    (row,) = rendered(words, [("a", asked)], write=writer(words, "plain"), context=50).rows
    assert said(words, row) == f"2{words.eos_token}"


TURNS = st.lists(
    st.tuples(st.sampled_from(["user", "assistant"]), st.text(st.sampled_from("ab 心事。\n"), min_size=1, max_size=30)),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TURNS, st.integers(30, 160))
def test_no_answer_is_lost_or_learnt_twice_however_short_the_context(words, turns, context: int) -> None:
    messages = [{"role": role, "content": f"{text}#{number}#"} for number, (role, text) in enumerate(turns)]
    numbers = [number for number, (role, _) in enumerate(turns) if role == "assistant"]
    whole = [("a", messages), ("b", SEVERAL[1:3])]
    made = rendered(words, whole, write=writer(words, "mistral"), context=max(context, 40))
    rows = [row for row in made.rows if row.example_id == "a"]
    assert all(len(row.ids) <= max(context, 40) for row in made.rows)
    if "a" in made.unusable:
        assert not rows
        return
    learnt = "".join(said(words, row) for row in rows)
    assert [learnt.count(f"#{number}#") for number in numbers] == [1] * len(numbers)
    assert not any(f"#{number}#" in learnt for number in range(len(turns)) if number not in numbers)
    assert ("a" in made.cut) == (len(rows) > 1)


def test_an_answer_too_long_is_counted_and_named_not_halved(words) -> None:
    long = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "long " * 500}]
    made = rendered(words, [("long", long), ("short", SEVERAL)], write=writer(words, "template"), context=200)
    assert [row.example_id for row in made.rows] == ["short"]
    assert made.unusable == {"long": "an answer with what it answers is longer than 200 tokens"}
    with pytest.raises(InputError, match="no example is left"):
        rendered(words, [("long", long)], write=writer(words, "template"), context=200)


def test_an_example_without_an_answer_is_named(words) -> None:
    made = rendered(words, [("q", SEVERAL[:2]), ("a", SEVERAL)], write=writer(words, "template"), context=300)
    assert made.unusable == {"q": "no answer"}


def test_a_base_without_a_chat_template_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"no chat template.*instruct version"):
        writer(tokenizer(None), "template")


def test_a_template_that_rewrites_earlier_messages_is_refused() -> None:
    words = tokenizer("{% for m in messages %}{{ loop.length }}{{ m['content'] }}{% endfor %}")
    with pytest.raises(UsageError, match="front to back"):
        writer(words, "template")


def test_recipes_say_what_the_documents_say() -> None:
    from training.recipe import load, names

    assert {name: (load(name).lora.r, load(name).lora.alpha) for name in names()}["tagged_dialogues"] == (8, 32)
    imhi = load("imhi_counselor")
    assert (imhi.lora.r, imhi.lora.alpha, imhi.steps, imhi.clip, imhi.schedule) == (16, 8, 660, 0.3, "constant")


def test_a_recipe_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    from training.recipe import load
    from xinheng.errors import RecipeError

    file = tmp_path / "mine.py"
    file.write_text(
        "from training.recipe import Lora, Training\n"
        "RECIPE = Training(title={}, lora=Lora(0, 1), steps=5, method='dpo')\n"
    )
    with pytest.raises(RecipeError, match=r"epochs or steps.*preference.*r 0"):
        load(str(file))
    file.write_text("RECIPE = 3")
    with pytest.raises(RecipeError, match="no recipe in it"):
        load(str(file))
    with pytest.raises(RecipeError, match="no such recipe"):
        load("nothing")
