"""Options weighed with their common beginning computed once: the values are those that each prompt gets by itself."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.servers import tiny_model  # noqa: E402
from xinheng.chat.local_files import local_files  # noqa: E402
from xinheng.chat.local_likelihood import Asked, Scale, Weighed  # noqa: E402
from xinheng.chat.local_model import Loaded, load  # noqa: E402

FULL_WIDTH = 0xFEE0
HEAD = "Each question has one correct option.\n\n" + "".join(
    f"Question: what is {i} and {i}?\nA. {i}\nB. {2 * i}\nAnswer: B\n\n" for i in range(5)
)


def letters(n: int) -> tuple[tuple[str, ...], ...]:
    return tuple((c, f" {c}", chr(ord(c) + FULL_WIDTH)) for c in "ABCDEFGHIJ"[:n])


def question(i: int, n: int = 4, gap: str = "") -> str:
    lines = "\n".join(f"{c}. 選項 {i * 7 % 11}{c}{gap}" for c in "ABCDEFGHIJ"[:n])
    return f"Question: which one is {i * i}?{'?' * (i % 5)}\n{lines}\nAnswer:"


def asked(n: int = 12, options: int = 4) -> list[Asked]:
    return [Asked(HEAD, question(i, options), letters(options)) for i in range(n)]


def weigh(loaded: Loaded, items: list[Asked], **how: object) -> list[Weighed]:
    scale = Scale(loaded, **how)  # type: ignore[arg-type]
    found = dict(scale.weigh(items))
    # It did what it was asked to do, and did not fall back on computing each prompt by itself.
    assert scale.shares is how.get("share", True)
    assert sorted(found) == list(range(len(items)))
    return [found[i] for i in range(len(items))]


def assert_same(a: list[Weighed], b: list[Weighed]) -> None:
    for one, other in zip(a, b, strict=True):
        assert (one.problem, one.tokens) == (other.problem, other.tokens)
        assert one.values == pytest.approx(other.values, abs=2e-4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    return load(local_files(str(folder), name="tiny"), name="tiny")


def test_what_does_not_fit_the_context_is_said_and_the_rest_is_weighed(loaded: Loaded) -> None:
    long = "very " * 600
    items = [
        Asked(HEAD, question(1), ((" yes",), (" " + long,))),  # an option
        Asked(long * 2, question(2), letters(4)),  # the beginning
        Asked(HEAD, long + question(3), letters(4)),  # the question
        Asked(HEAD, question(4), letters(4)),
        Asked(HEAD, question(5), letters(4)),
    ]
    found = weigh(loaded, items)
    assert [one.problem for one in found] == ["overflow", "overflow", "overflow", None, None]
    assert found[0].values == ()
    assert_same(found, weigh(loaded, items, share=False))


def test_options_without_a_text_have_no_value(loaded: Loaded) -> None:
    assert [one.problem for one in weigh(loaded, [Asked(HEAD, question(1), (("",), ("B",))), Asked("", "", ())])] == [
        "not_a_number",
        "not_a_number",
    ]


def test_a_model_that_gives_no_numbers_gives_no_values(folder: Path) -> None:
    broken = load(local_files(str(folder), name="tiny"), name="tiny")
    with torch.no_grad():
        broken.model.lm_head.weight.fill_(float("nan"))
    for share in (True, False):
        assert {(one.problem, one.values) for one in weigh(broken, asked(3), share=share)} == {("not_a_number", ())}


@pytest.mark.parametrize("options", [2, 4, 5, 10])
def test_letters_are_as_likely_as_without_the_cache(loaded: Loaded, options: int) -> None:
    items = asked(options=options)
    plain = weigh(loaded, items, share=False)
    assert all(len(one.values) == options for one in plain)
    for together in (1, 150, 100_000):
        assert_same(weigh(loaded, items, together=together), plain)
    assert len({one.values.index(max(one.values)) for one in plain}) > 1 or options == 2


def test_texts_of_several_tokens_and_equal_ones_are_too(loaded: Loaded) -> None:
    texts = (" I have not slept well.", " I have", " 夜裡醒著", " I have")
    items = [Asked(HEAD, question(i), tuple((text,) for text in texts)) for i in range(6)]
    found = weigh(loaded, items)
    assert_same(found, weigh(loaded, items, share=False))
    assert all(one.values[1] == one.values[3] > one.values[0] for one in found)


def test_all_spellings_count_and_each_once(loaded: Loaded) -> None:
    def total(*spellings: str) -> float:
        (found,) = weigh(loaded, [Asked("", question(3), (spellings,))])
        return float(torch.tensor(found.values[0]).exp())

    assert total("B", " B", "B") == pytest.approx(total("B") + total(" B"), rel=1e-4)


def test_values_are_those_of_the_words_alone(loaded: Loaded) -> None:
    """Against a forward pass written out here."""
    one = Asked(HEAD, question(2), ((" I have not slept",),))
    (found,) = weigh(loaded, [one, Asked(HEAD, question(3), letters(2))])[:1]
    ids = loaded.words(one.head + one.body, add_special_tokens=False)["input_ids"]
    more = loaded.words(" I have not slept", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        chances = loaded.model(torch.tensor([ids + more])).logits[0].log_softmax(-1)
    expected = sum(chances[len(ids) - 1 + i, token].item() for i, token in enumerate(more))
    assert found.values[0] == pytest.approx(expected, abs=2e-4)


def test_heads_may_differ_be_empty_or_be_all_there_is(loaded: Loaded) -> None:
    items = [
        Asked("", question(1), letters(4)),
        Asked(HEAD, question(1), letters(4)),
        Asked("", question(1), letters(4)),
        Asked(HEAD + question(1), "", letters(4)),
        Asked("Other.\n", question(2), letters(4)),
    ]
    found = weigh(loaded, items)
    assert_same(found, weigh(loaded, items, share=False))
    assert found[0].values == pytest.approx(found[2].values, abs=2e-4)
    assert found[1].values == pytest.approx(found[3].values, abs=2e-4)


def test_a_tokenizer_without_padding_or_letters_does(folder: Path, tmp_path: Path) -> None:
    """Letters in full width are three bytes each, which this tokenizer does not join; and nothing is ever padded."""
    other = tmp_path / "model"
    shutil.copytree(folder, other)
    told = json.loads((other / "tokenizer_config.json").read_text("utf-8"))
    told.pop("pad_token", None)
    (other / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")
    unpadded = load(local_files(str(other), name="tiny"), name="tiny")
    assert unpadded.words.pad_token_id is None
    items = [Asked(HEAD, question(i), tuple((chr(ord(c) + FULL_WIDTH),) for c in "ABCD")) for i in range(5)]
    assert len(unpadded.words("Ａ", add_special_tokens=False)["input_ids"]) > 1
    assert_same(weigh(unpadded, items), weigh(unpadded, items, share=False))


def others() -> Iterator[object]:
    import transformers as t

    size = {"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.35}
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    yield t.GPT2LMHeadModel(t.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=1024, **size))
    yield t.Qwen2ForCausalLM(t.Qwen2Config(num_key_value_heads=2, **small, **size))
    yield t.MistralForCausalLM(t.MistralConfig(num_key_value_heads=2, sliding_window=64, **small, **size))
    yield t.BloomForCausalLM(t.BloomConfig(hidden_size=32, n_layer=2, n_head=4, **size))


@pytest.mark.parametrize(("which", "shares"), [(0, True), (1, True), (2, False), (3, False)])
def test_models_of_other_kinds_share_where_they_can_and_are_right_anyway(
    loaded: Loaded,
    which: int,
    shares: bool,
) -> None:
    torch.manual_seed(3)
    model = next(itertools.islice(others(), which, None)).eval()  # type: ignore[attr-defined]
    import inspect

    other = replace(loaded, model=model, takes=frozenset(inspect.signature(model.forward).parameters))
    scale = Scale(other)
    found = dict(scale.weigh(asked(6)))
    assert scale.shares is shares
    assert_same([found[i] for i in range(6)], weigh(other, asked(6), share=False))
