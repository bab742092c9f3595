"""A draft of items: every change touches what it names and nothing else, and can be taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.desk import items
from app.desk.comparing import compared, pieces
from app.desk.draft_json import draft_from_json, draft_to_json, note_of, timeline_from_json, timeline_to_json
from app.desk.items import PARTS, Draft, Part, Timeline
from xinheng.errors import DeskError, UsageError

FIRST = items.proposed(
    items.asked(Draft(), "怎麼幫他？"),
    {"advice": ["先談睡眠", "約母親談"], "symptom": ["焦慮"], "reason": ["換了工作"]},
)


def test_items_stand_part_by_part_and_keep_their_ids() -> None:
    assert [item.part for item in FIRST.items] == ["symptom", "reason", "advice", "advice"]
    later = items.moved(items.removed(items.added(FIRST, "reason", "失眠"), "i1"), "i4", 0)
    assert [(i.item_id, i.text) for i in later.items] == [
        ("i2", "換了工作"), ("i5", "失眠"), ("i4", "約母親談"), ("i3", "先談睡眠"),
    ]  # fmt: skip


def test_a_models_text_is_marked_until_a_person_accepts_it() -> None:
    assert len(FIRST.marked) == 4
    mine = items.edited(FIRST, "i3", "先談睡眠與作息")
    assert (mine.item("i3").state, mine.item("i3").marked) == ("edited", True)
    assert items.edited(mine, "i3", "先談睡眠").item("i3").state == "generated"
    assert items.all_accepted(mine).marked == ()
    assert items.edited(items.accepted(mine, "i3"), "i3", "別的").item("i3").marked
    own = items.added(FIRST, "advice", "寫信")
    assert not items.edited(own, "i5", "打電話").item("i5").marked


def test_what_a_person_changed_is_told_with_what_the_model_had_said() -> None:
    draft = items.commented(items.edited(FIRST, "i3", "先談作息"), "i4", "母親住國外")
    draft = items.removed(items.regenerated(draft, "i4", "和父親談"), "i2")
    assert draft.item("i4").comment == ""
    told = [(c.kind, c.before, c.after, c.comment) for c in items.changes(draft)]
    assert told == [("removed", "換了工作", None, ""), ("edited", "先談睡眠", "先談作息", "")]
    told = [(c.kind, c.before, c.after, c.comment) for c in items.changes(items.accepted(draft, "i4"))]
    assert ("regenerated", "約母親談", "和父親談", "母親住國外") in told
    own = items.regenerated(items.added(Draft(), "advice", "我寫的"), "i1", "模型寫的")
    assert items.changes(items.accepted(own, "i1")) == []


def test_a_word_that_is_typed_on_is_one_step_and_typed_back_none() -> None:
    start = Timeline(items.asked(Draft(), "他"))
    typed = items.done(start, items.asked(start.now, "他最"))
    for text in ("他最近", "他最近好"):
        typed = items.amended(typed, items.asked(typed.now, text))
    assert (typed.now.question, typed.past) == ("他最近好", (start.now,))
    assert items.amended(typed, start.now) == start
    assert items.amended(typed, typed.now) is typed


def test_words_typed_into_an_item_that_is_gone_keep_its_id() -> None:
    draft = items.removed(items.proposed(Draft(), {"reason": ["換了工作"]}), "i1")
    again = items.restored(draft, "i1", "reason", "還在打")
    assert [(one.item_id, one.text, one.state) for one in again.items] == [("i1", "還在打", "added")]
    assert again.next_id == draft.next_id
    for never in ("i2", "x1", "i" + "9" * 5000, ""):
        with pytest.raises(UsageError):
            items.restored(draft, never, "reason", "還在打")


def test_an_item_that_is_not_there_is_a_readable_error() -> None:
    for change in (items.accepted, items.removed, lambda d, i: items.moved(d, i, 0)):
        with pytest.raises(UsageError, match="no such item"):
            change(FIRST, "i99")


def test_versions_are_compared_item_by_item() -> None:
    later = items.edited(
        items.moved(items.removed(items.added(FIRST, "advice", "寫信"), "i2"), "i5", 0), "i1", "焦慮症狀"
    )
    told = {(d.new or d.old).item_id: d for d in compared(FIRST, later)}  # type: ignore[union-attr]  # one of both is there
    assert told["i1"].pieces == (("same", "焦慮"), ("new", "症狀"))
    assert (told["i2"].new, told["i5"].old) == (None, None)
    assert told["i3"].same
    assert told["i4"].same
    swapped = [d.moved for d in compared(FIRST, items.moved(FIRST, "i4", 0))]
    assert sum(swapped) == 1


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_pieces_of_two_texts_make_up_both(old: str, new: str) -> None:
    told = pieces(old, new)
    assert "".join(text for kind, text in told if kind != "new") == old
    assert "".join(text for kind, text in told if kind != "old") == new


def test_a_pasted_book_is_compared_all_the_same() -> None:
    book = "很長的一段話。" * 100_000
    told = pieces(book, book + "完")
    assert "".join(text for kind, text in told if kind != "old") == book + "完"


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda v: v["items"][0].update(part="diagnosis"), "items/0/part"),
        (lambda v: v["items"][1].update(state="true"), "items/1/state"),
        (lambda v: v["items"][1].update(text=None), "items/1/text"),
        (lambda v: v["items"][1].update(item_id="i1"), "an id twice"),
        (lambda v: v["items"][1].update(item_id="x"), "items/1/item_id"),
        (lambda v: v["items"].reverse(), "parts out of their order"),
        (lambda v: v.update(next_id=2), "next_id"),
        (lambda v: v.update(next_id=True), "next_id"),
        (lambda v: v.pop("items"), "items"),
        (lambda v: v.update(question=["私密的話"]), "question"),
    ],
)
def test_what_is_no_draft_is_refused_without_quoting_it(spoil: Any, where: str) -> None:
    value = json.loads(json.dumps(draft_to_json(FIRST)))
    spoil(value)
    with pytest.raises(DeskError, match=where) as caught:
        draft_from_json(value)
    assert "私密" not in str(caught.value)
    assert "焦慮" not in str(caught.value)


def test_a_saved_note_opens_as_the_draft_it_was() -> None:
    body = json.loads(json.dumps(note_of(FIRST, date="2026-03-01", model="nano", given={"given": []})))
    assert draft_from_json(body) == FIRST
    assert body["date"] == "2026-03-01"


class Steps(RuleBasedStateMachine):
    """Any changes in any order: what was undone comes back as it was, and no id is ever given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.drafts = Timeline(), [Draft()]
        self.at, self.texts = 0, dict[str, str]()

    def step(self, draft: Draft) -> None:
        if draft != self.line.now:
            self.drafts = [*self.drafts[: self.at + 1], draft]
            self.at += 1
        self.line = items.done(self.line, draft)

    def some_id(self, data: st.DataObject) -> str:
        return str(data.draw(st.sampled_from([item.item_id for item in self.line.now.items])))

    @rule(part=st.sampled_from(PARTS), text=st.text(max_size=6), own=st.booleans())
    def put(self, part: Part, text: str, own: bool) -> None:
        before = {item.item_id for draft in self.drafts for item in draft.items} | set(self.texts)
        now = self.line.now
        self.step(items.added(now, part, text) if own else items.proposed(now, {part: [text]}))
        fresh = {item.item_id for item in self.line.now.items} - {item.item_id for item in now.items}
        assert len(fresh) == 1
        assert not fresh & before
        self.texts.update(dict.fromkeys(fresh, text))

    @precondition(lambda self: self.line.now.items)
    @rule(data=st.data(), text=st.text(max_size=6), how=st.integers(0, 5))
    def change(self, data: st.DataObject, text: str, how: int) -> None:
        one, now = self.some_id(data), self.line.now
        if how == 0:
            after = items.edited(now, one, text)
        elif how == 1:
            after = items.removed(now, one)
        elif how == 2:
            after = items.moved(now, one, data.draw(st.integers(-2, 9)))
        elif how == 3:
            after = items.commented(now, one, text)
        elif how == 4:
            after = items.regenerated(now, one, text)
        else:
            after = items.accepted(now, one)
        untouched = [item for item in now.items if item.item_id != one]
        assert sorted((i for i in after.items if i.item_id != one), key=repr) == sorted(untouched, key=repr)
        self.step(after)

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo(self) -> None:
        self.line = items.undone(self.line)
        self.at -= 1

    @precondition(lambda self: self.at < len(self.drafts) - 1)
    @rule()
    def redo(self) -> None:
        self.line = items.redone(self.line)
        self.at += 1

    @invariant()
    def it_is_what_it_was(self) -> None:
        expected = self.drafts[self.at]
        assert (self.line.now.items, self.line.now.rejections) == (expected.items, expected.rejections)
        assert draft_from_json(json.loads(json.dumps(draft_to_json(self.line.now)))) == self.line.now
        assert timeline_from_json(json.loads(json.dumps(timeline_to_json(self.line)))) == self.line
        order = [PARTS.index(item.part) for item in self.line.now.items]
        assert order == sorted(order)


TestSteps = Steps.TestCase
TestSteps.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_undo_goes_back_a_hundred_steps_and_no_further() -> None:
    line = Timeline()
    for n in range(300):
        line = items.done(line, items.asked(line.now, str(n)))
    for _ in range(300):
        line = items.undone(line)
    assert line.now.question == "199"
    assert items.undone(Timeline()) == items.redone(Timeline()) == Timeline()
