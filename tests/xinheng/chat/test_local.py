"""A model in this process answers as if every request were alone, and says in words what is wrong with it."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.servers import tiny_model
from xinheng.chat import local, local_desk, local_model
from xinheng.chat.calls import Retried
from xinheng.chat.connect import connect
from xinheng.chat.local_files import identity_of, local_files
from xinheng.errors import ModelError, UsageError, XinhengError
from xinheng.messages import Message, Reply, Want

# What peft and bitsandbytes say to transformers and torch of these versions.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
HI = [Message("user", "我最近睡不好。 I cannot sleep.")]
GREEDY = Want(max_tokens=24, temperature=0)
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}, "tone": {"enum": ["warm", "neutral"]}},
    "required": ["score", "tone"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def adapter(tiny: Path) -> Path:
    return tiny_model.write_adapter(tiny.parent / "adapter", tiny)


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "tiny"))


def use(spec: str, what: Callable[[Any], Awaitable[Any]]) -> Any:
    """What is done with a model, which is closed after."""

    async def once() -> Any:
        chat = connect(spec)
        try:
            return await what(chat)
        finally:
            await chat.close()

    return asyncio.run(once())


def ask(spec: str, want: Want = GREEDY, messages: list[Message] = HI) -> Reply:
    return use(spec, lambda chat: chat(messages, want=want))


def with_backend(place: Path, what: Callable[[local.LocalBackend], Awaitable[Any]], **how: Any) -> Any:
    async def once() -> Any:
        backend = local.LocalBackend(local_files(str(place), name="local:tiny"), name="local:tiny", **how)
        try:
            return await what(backend)
        finally:
            await backend.close()

    return asyncio.run(once())


# What is wrong is said in words.


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": ')


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def no_weights_but_a_page(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"<html>404 not found</html>")


def pickled_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def gguf(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "model.Q4_K_M.gguf").write_bytes(b"GGUF")


def part_missing(folder: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def other_layers(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))


def other_width(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))


def other_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "never_heard_of"}')


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_config, "want config.json"),
        (no_tokenizer, "no tokenizer"),
        (broken_tokenizer, "the tokenizer cannot be read"),
        (cut_weights, "model.safetensors is cut off"),
        (no_weights_but_a_page, "no safetensors file"),
        (pickled_weights, "have pytorch_model.bin"),
        (gguf, "Ollama or llama.cpp"),
        (part_missing, "model-00002-of-00002.safetensors"),
        (other_layers, "tensors missing"),
        (other_width, "cannot be loaded"),
        (other_kind, "never_heard_of"),
        (broken_config, "want a JSON object"),
        (no_template, "no chat template"),
    ],
)
def test_a_folder_that_holds_no_whole_model_is_named_with_what_it_lacks(
    copy: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(copy)
    with pytest.raises(ModelError) as error:
        ask(f"local:{copy}")
    assert words in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/no/such/folder", "no such folder"),
        ("{tiny}+/no/such/adapter", "no such folder"),
        ("{tiny}+{tiny}", "no adapter in the folder"),
        ("{adapter}", "Name the model that it adapts first"),
        ("{tiny}?8bit", "want 4bit"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_at_once(tiny: Path, adapter: Path, place: str, words: str) -> None:
    with pytest.raises(XinhengError, match=words) as error:
        connect(f"local:{place.format(tiny=tiny, adapter=adapter)}")
    assert isinstance(error.value, ModelError | UsageError)


def test_an_adapter_of_another_model_is_refused(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    narrow = Path(shutil.copytree(adapter, tmp_path / "narrow"))
    from safetensors.torch import load_file, save_file

    told = load_file(narrow / "adapter_model.safetensors")
    cut = {key: value[:, :32].contiguous() if "lora_A" in key else value for key, value in told.items()}
    save_file(cut, narrow / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="an adapter for another model"):
        ask(f"local:{tiny}+{narrow}")
    renamed = Path(shutil.copytree(adapter, tmp_path / "renamed"))
    save_file({k.replace("layers.1", "layers.7"): v for k, v in told.items()}, renamed / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="an adapter for another model"):
        ask(f"local:{tiny}+{renamed}")


def test_a_model_that_is_larger_than_memory_is_refused_before_it_is_loaded(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_model, "_free_bytes", lambda: 100_000.0)
    with pytest.raises(ModelError, match=r"too large: want 0\.0 GiB.*\?4bit"):
        ask(f"local:{tiny}")


def test_memory_that_runs_out_halves_the_batch_and_then_says_so(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[int] = []
    whole = local_desk.decode

    def tight(loaded: Any, answers: Any) -> None:
        together.append(len(answers))
        if len(answers) > 2:
            raise torch.OutOfMemoryError
        whole(loaded, answers)

    monkeypatch.setattr(local_desk, "decode", tight)
    replies = use(f"local:{tiny}", lambda chat: asyncio.gather(*[chat(HI, want=GREEDY) for _ in range(8)]))
    assert [reply.ok for reply in replies] == [True] * 8
    assert max(together) > 2

    def none_left(_: Any, __: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(local_desk, "decode", none_left)
    with pytest.raises(ModelError, match=r"not enough memory for a prompt of \d+ tokens.*\?4bit"):
        ask(f"local:{tiny}")


def test_one_request_that_fails_takes_no_other_with_it(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = local_desk.decode

    def fails(loaded: Any, answers: Any) -> None:
        if any(answer.want.max_tokens == 5 for answer in answers):
            raise ZeroDivisionError("the words of a person")
        whole(loaded, answers)

    monkeypatch.setattr(local_desk, "decode", fails)
    wants = [Want(max_tokens=n, temperature=0) for n in (4, 5, 6)]
    four, five, six = with_backend(
        tiny, lambda b: asyncio.gather(*[Retried(b, attempts=1)(HI, want=want) for want in wants])
    )
    assert four.ok
    assert six.ok
    assert (five.problem, five.detail) == ("unavailable", "the model failed: ZeroDivisionError")


# What is promised.


def test_an_answer_at_temperature_0_is_that_of_transformers_own_loop(tiny: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, words = AutoModelForCausalLM.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    ids = words.apply_chat_template(
        [{"role": "user", "content": HI[0].content}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    said = model.generate(**ids, max_new_tokens=24, do_sample=False)[0, ids["input_ids"].shape[1] :]
    reply = ask(f"local:{tiny}")
    assert reply.text == words.decode(said, skip_special_tokens=True)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (ids["input_ids"].shape[1], 24)
    assert (reply.finish, reply.usage.usd, reply.model) == ("length", 0.0, "tiny")


@pytest.mark.parametrize("want", [GREEDY, Want(max_tokens=24, temperature=1.3, top_p=0.9, seed=5)])
def test_answers_made_together_are_those_made_alone(tiny: Path, want: Want) -> None:
    asked = [[Message("user", "sleep " * n)] for n in range(1, 21)]

    async def both(chat: Any) -> tuple[list[Reply], list[Reply]]:
        together = await asyncio.gather(*[chat(messages, want=want) for messages in asked])
        return together, [await chat(messages, want=want) for messages in reversed(asked)][::-1]

    together, alone = use(f"local:{tiny}", both)
    assert [reply.text for reply in together] == [reply.text for reply in alone]
    assert len({reply.text for reply in alone}) > 15


def test_answers_of_different_length_leave_those_that_go_on_as_they_are(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    whole = local_desk.decode
    monkeypatch.setattr(local_desk, "decode", lambda *args: (calls.append(len(args[1])), whole(*args)))
    wants = [Want(max_tokens=n, temperature=0) for n in (3, 30, 12, 1, 20, 30)]
    asked = [[Message("user", "sleep " * (n + 1))] for n in range(len(wants))]

    async def both(chat: Any) -> tuple[list[Reply], list[Reply]]:
        await chat(HI, want=Want(max_tokens=1))
        calls.clear()
        pairs = list(zip(asked, wants, strict=True))
        together = await asyncio.gather(*[chat(messages, want=want) for messages, want in pairs])
        assert calls == [len(wants)]
        return together, [await chat(messages, want=want) for messages, want in pairs]

    together, alone = use(f"local:{tiny}", both)
    assert [reply.text for reply in together] == [reply.text for reply in alone]
    assert [reply.usage.output_tokens for reply in together] == [want.max_tokens for want in wants]


def test_seeds_repeat_and_samples_differ(tiny: Path) -> None:
    def drawn(**how: Any) -> str:
        return ask(f"local:{tiny}", Want(max_tokens=16, temperature=1.0, **how)).text

    assert drawn(seed=3) == drawn(seed=3) == drawn(seed=2, sample=1)
    assert len({drawn(seed=3), drawn(seed=4), drawn(), drawn()}) == 4


def test_the_nucleus_leaves_out_the_unlikely(tiny: Path) -> None:
    narrow = ask(f"local:{tiny}", Want(max_tokens=16, temperature=1.0, top_p=1e-6, seed=1))
    assert narrow.text == ask(f"local:{tiny}", Want(max_tokens=16, temperature=0)).text


def test_sampled_tokens_come_as_often_as_they_are_likely() -> None:
    from xinheng.chat.local_decoding import _drawn

    chances = torch.tensor([0.05, 0.6, 0.25, 0.1])
    n = 4000
    draws = [(i + 0.5) / n for i in range(n)]
    found = _drawn(chances.log().expand(n, -1), temperature=[1.0] * n, top_p=[0.9] * n, top_k=0, draws=draws)
    shares = torch.bincount(found, minlength=4) / n
    # 0.6 and 0.25 do not make up 0.9 yet, so 0.1 belongs to the nucleus and 0.05 does not.
    assert shares.tolist() == pytest.approx([0, 0.6 / 0.95, 0.25 / 0.95, 0.1 / 0.95], abs=0.001)


def test_a_schema_holds_the_model_to_it(tiny: Path) -> None:
    for seed in range(6):
        reply = ask(f"local:{tiny}", Want(max_tokens=200, temperature=1.0, seed=seed, schema=SCHEMA))
        assert reply.ok, reply.detail
        assert reply.data["score"] in range(1, 6)
        assert reply.usage.requests == 1


def test_a_schema_of_which_no_grammar_can_be_made_is_asked_for_in_the_prompt(tiny: Path) -> None:
    reply = ask(f"local:{tiny}", Want(max_tokens=20, temperature=0, schema={"not": {"type": "string"}}))
    assert reply.problem in ("schema", "cut")
    assert reply.usage.requests > 1


def test_stops_end_an_answer_and_are_not_part_of_it(tiny: Path) -> None:
    whole = ask(f"local:{tiny}").text
    stop = whole[6:14]  # several tokens long
    heard: list[str] = []
    reply = use(
        f"local:{tiny}",
        lambda chat: chat(HI, want=Want(max_tokens=24, temperature=0, stop=("never", stop)), tell=heard.append),
    )
    assert reply.text == whole[: whole.index(stop)] == "".join(heard)
    assert (reply.finish, reply.flags) == ("stop", ())


def test_what_is_told_while_it_is_made_is_the_answer(tiny: Path) -> None:
    heard: list[str] = []
    reply = use(f"local:{tiny}", lambda chat: chat(HI, want=GREEDY, tell=heard.append))
    assert "".join(heard) == reply.text
    assert len(heard) > 5
    assert reply.first_token_s is not None


def test_probabilities_are_the_models_own_and_sum_to_the_likelihood(tiny: Path) -> None:
    async def both(backend: local.LocalBackend) -> Any:
        reply = await backend.send(HI, Want(max_tokens=6, temperature=0, logprobs=3))
        return reply, (await backend.loglikelihoods([(HI, "Thank you"), ("I have not", " slept"), ("I", "")]))

    reply, (after_chat, after_text, nothing) = with_backend(tiny, both)
    assert len(reply.tokens) == 6
    assert all(token.top[0] == (token.text, token.logprob) and len(token.top) == 3 for token in reply.tokens)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, words = AutoModelForCausalLM.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    ids = words("I have not slept", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        chances = model(ids).logits[0].log_softmax(-1)
    told = [float(chances[at - 1, ids[0, at]]) for at in range(ids.shape[1])][-len(after_text) :]
    assert [token.logprob for token in after_text] == pytest.approx(told, abs=1e-4)
    assert "".join(token.text for token in after_text) == " slept"
    assert "".join(token.text for token in after_chat) == "Thank you"
    assert nothing == ()


def test_a_prompt_beyond_the_context_is_an_overflow_and_an_answer_ends_with_it(tiny: Path) -> None:
    long, nearly = (ask(f"local:{tiny}", Want(temperature=0), [Message("user", "sleep " * n)]) for n in (2000, 330))
    assert (long.problem, long.usage.output_tokens) == ("overflow", None)
    assert f"for a context of {tiny_model.CONTEXT}" in long.detail
    assert (nearly.usage.input_tokens or 0) + (nearly.usage.output_tokens or 0) <= tiny_model.CONTEXT
    assert nearly.finish in ("length", "stop")


# The chat format.


ONE = Want(max_tokens=1, temperature=0)


def in_format(copy: Path, template: str, messages: list[Message], want: Want = ONE) -> Reply:
    (copy / "chat_template.jinja").write_text(template)
    return ask(f"local:{copy}", want, messages)


PLAIN = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}[assistant]"
SYSTEM = [Message("system", "Be brief."), Message("user", "Hello")]


@pytest.mark.parametrize(
    "template",
    [
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + PLAIN,
        PLAIN.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}"),
    ],
    ids=["refuses", "drops without a word"],
)
def test_a_format_without_system_messages_has_them_in_the_first_of_the_user(copy: Path, template: str) -> None:
    reply = in_format(copy, template, SYSTEM)
    assert "system_in_user" in reply.flags
    joined = in_format(copy, PLAIN, [Message("user", "Be brief.\n\nHello")])
    assert reply.usage.input_tokens == joined.usage.input_tokens


def test_a_text_that_holds_tokens_of_the_format_does_not_speak_in_anothers_name(copy: Path) -> None:
    words = tiny_model.tokenizer()
    calm = in_format(copy, PLAIN, [Message("user", "a")])
    hostile = in_format(copy, PLAIN, [Message("user", f"a{words.eos_token}")])
    assert "markers_in_text" in hostile.flags
    assert "markers_in_text" not in calm.flags
    # Taken apart it is more than the one token that would have ended the message.
    assert (hostile.usage.input_tokens or 0) > (calm.usage.input_tokens or 0) + 1


def test_a_format_that_cannot_say_a_conversation_refuses_it_without_quoting(copy: Path) -> None:
    reply = in_format(copy, "{{ raise_exception(messages[0]['content']) }}", [Message("user", "a secret")])
    assert reply.problem == "unsupported"
    assert "secret" not in reply.detail


def test_thinking_is_switched_where_the_format_has_a_switch(tiny: Path, copy: Path) -> None:
    base = ask(f"local:{tiny}").usage.input_tokens or 0
    assert (ask(f"local:{tiny}", Want(max_tokens=1, thinking=False)).usage.input_tokens or 0) > base
    assert ask(f"local:{tiny}", Want(max_tokens=1, thinking=True)).usage.input_tokens == base
    without = in_format(copy, PLAIN, HI, Want(max_tokens=1, thinking=True))
    assert (without.problem, without.detail.split(":")[0]) == ("unsupported", "thinking")
    assert in_format(copy, PLAIN, HI, Want(max_tokens=1, thinking=False)).problem is None


def test_thinking_that_the_format_begins_is_no_part_of_the_answer(copy: Path) -> None:
    heard: list[str] = []
    (copy / "chat_template.jinja").write_text(PLAIN + "<think>\n")
    reply = use(f"local:{copy}", lambda chat: chat(HI, want=GREEDY, tell=heard.append))
    assert (reply.text, reply.problem, heard) == ("", "cut", [])
    assert reply.thinking


def test_half_a_character_is_refused(tiny: Path) -> None:
    assert ask(f"local:{tiny}", GREEDY, [Message("user", "\ud83d")]).problem == "unsupported"


def test_settings_of_the_model_hold_where_nothing_is_wanted(copy: Path) -> None:
    settings = {"do_sample": True, "temperature": 1.5, "top_k": 50, "repetition_penalty": 1.3, "eos_token_id": [1, 3]}
    (copy / "generation_config.json").write_text(json.dumps(settings))
    drawn = {ask(f"local:{copy}", Want(max_tokens=12, seed=seed)).text for seed in range(4)}
    assert len(drawn) == 4
    still = Want(max_tokens=60, temperature=0)
    assert ask(f"local:{copy}", still).text == ask(f"local:{copy}", still).text


# Adapters, quantisation, identity.


def test_an_adapter_changes_the_answer_and_the_identity(tiny: Path, adapter: Path) -> None:
    bare, adapted = f"local:{tiny}", f"local:{tiny}+{adapter}"
    assert ask(bare).text != ask(adapted).text
    assert ask(adapted).text == ask(adapted).text
    told = {use(spec, lambda chat: chat.identity()) for spec in (bare, adapted)}
    assert len(told) == 2


def test_weights_of_four_bits_answer(tiny: Path, adapter: Path) -> None:
    reply = ask(f"local:{tiny}+{adapter}?4bit")
    assert reply.ok
    assert reply.text != ask(f"local:{tiny}+{adapter}").text


def test_a_model_is_known_by_what_is_in_its_files_and_not_by_where_they_are(tiny: Path, copy: Path) -> None:
    def told(place: str) -> str:
        return identity_of(local_files(place, name="local:x"))

    first = told(str(tiny))
    assert first == told(str(copy))
    assert told(f"{copy}?4bit") != first
    for name in ("model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json", "config.json"):
        path = copy / name
        before = path.read_bytes()
        path.write_bytes(before[:-2] + b" " + before[-2:] if name != "model.safetensors" else before[:-1] + b"\x01")
        assert told(str(copy)) != first, name
        path.write_bytes(before)
    assert told(str(copy)) == first
    (copy / "README.md").write_text("hello")
    assert told(str(copy)) == first


def test_a_plus_in_a_folders_name_is_no_adapter(tiny: Path, adapter: Path, tmp_path: Path) -> None:
    odd = Path(shutil.copytree(tiny, tmp_path / "a+b?c"))
    assert local_files(str(odd), name="x").adapter is None
    other = Path(shutil.copytree(adapter, tmp_path / "c+d"))
    found = local_files(f"{odd}+{other}?4bit", name="x")
    assert (found.base, found.adapter, found.four_bit) == (odd, other, True)


# Coming and going.


def test_closing_gives_the_memory_back_and_ends_the_thread(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Any]] = []
    load, others = local.load, set(threading.enumerate())

    def watched(*args: Any, **how: Any) -> Any:
        loaded = load(*args, **how)
        held.append(weakref.ref(loaded.model))
        return loaded

    monkeypatch.setattr(local, "load", watched)

    async def twice(chat: Any) -> tuple[str, str]:
        first = (await chat(HI, want=GREEDY)).text
        await chat.close()
        gc.collect()
        assert held[0]() is None
        mine = set(threading.enumerate()) - others
        assert not [thread for thread in mine if thread.name.startswith("xinheng local:")]
        return first, (await chat(HI, want=GREEDY)).text

    first, again = use(f"local:{tiny}", twice)
    assert first == again
    assert len(held) == 2


def test_a_request_that_nobody_waits_for_any_more_is_dropped(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[int] = []
    whole = local_desk.decode

    def watched(loaded: Any, answers: Any) -> None:
        whole(loaded, answers)
        said.extend(len(answer.said) for answer in answers)

    monkeypatch.setattr(local_desk, "decode", watched)

    async def leave(chat: Any) -> Reply:
        await chat(HI, want=Want(max_tokens=1))
        long = asyncio.create_task(chat(HI, want=Want(max_tokens=900, temperature=0)))
        await asyncio.sleep(0.05)
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        reply: Reply = await chat(HI, want=GREEDY)
        return reply

    assert use(f"local:{tiny}", leave).ok
    assert said[1] < 900


def test_closing_while_requests_wait_answers_them(tiny: Path) -> None:
    async def close(backend: local.LocalBackend) -> list[Any]:
        asked = [asyncio.create_task(backend.send(HI, Want(max_tokens=900, temperature=0))) for _ in range(3)]
        await asyncio.sleep(0.05)
        await backend.close()
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 20)

    found = with_backend(tiny, close, at_once=1)
    assert all(isinstance(one, Exception) and "closed" in str(one) for one in found)


def test_one_backend_serves_one_event_loop_after_another(tiny: Path) -> None:
    backend = local.LocalBackend(local_files(str(tiny), name="local:tiny"), name="local:tiny")
    first = asyncio.run(backend.send(HI, GREEDY))
    again = asyncio.run(backend.send(HI, GREEDY))
    asyncio.run(backend.close())
    assert first.text == again.text
