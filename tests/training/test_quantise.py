"""Smaller models: they still answer, every special token is what it was, and the cost is measured and told."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import textwrap
from pathlib import Path

import pytest

from tests.servers.tiny_model import tokenizer, write, write_adapter
from training.gguf_file import head
from training.modelfile import blocks_of, modelfile
from training.quantise import CONVERTER, as_gguf, by_bits, converter_of, source_of
from xinheng.errors import CheckFailed, InputError, ModelError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
LLAMA = os.environ.get("XINHENG_LLAMA", "")
# Writes GGUF as a converter would: the tokens, one tensor's name, no weights worth the name.
_WRITER = """
import argparse, json, struct
from pathlib import Path
a = argparse.ArgumentParser()
a.add_argument("model"); a.add_argument("--outfile"); a.add_argument("--outtype")
a = a.parse_args()
told = json.loads((Path(a.model) / "tokenizer.json").read_text())
tokens = {**told["model"]["vocab"], **{t["content"]: t["id"] for t in told["added_tokens"]}}
names = sorted(tokens, key=tokens.get)
text = lambda s: struct.pack("<Q", len(s.encode())) + s.encode()
names = CHANGE(names)
body = text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(names)) + b"".join(map(text, names))
body += text("tokenizer.ggml.add_bos_token") + struct.pack("<I?", 7, True)
Path(a.outfile).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + body)
"""
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are kind.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %}{{ m['content'] }}{{ eos_token }}"
    "{% else %}{{ raise_exception('no system') }}{% endif %}{% endfor %}"
)
HEADED = (
    "{{ bos_token }}{% for m in messages %}{{ '<|head|>' + m['role'] + '<|tail|>\\n\\n' + m['content'] | trim }}"
    "{{ '<|over|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|head|>assistant<|tail|>\\n\\n' }}{% endif %}"
)
# Counts its questions: no block between two fixed texts can say that.
COUNTING = "{% for m in messages %}{{ loop.index }}. {{ m['content'] }}\n{% endfor %}"

# Looks like blocks until a conversation is long.
LATER = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% if loop.index > 3 %}!{% endif %}{% endfor %}"


def converter(folder: Path, change: str = "names") -> Path:
    file = folder / CONVERTER
    file.write_text(_WRITER.replace("CHANGE(names)", change))
    return file


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "tiny")


@pytest.mark.parametrize("to", ["nf4", "int8"])
def test_a_quantised_model_is_smaller_answers_and_says_what_it_cost(to: str, base: Path, tmp_path: Path) -> None:
    import asyncio

    from xinheng.chat.connect import connect
    from xinheng.messages import Message, Want

    told = by_bits(base, tmp_path / "small", to)
    assert told.bytes_after < told.bytes_before
    assert told.tokens == 4
    assert told.compared is not None
    assert 0.3 < told.compared.agreement <= 1.0
    assert told.compared.loss_before > 0
    config = json.loads((tmp_path / "small" / "config.json").read_text())
    assert config["quantization_config"]["load_in_4bit" if to == "nf4" else "load_in_8bit"]
    with pytest.raises(ModelError, match="quantised already"):
        source_of(str(tmp_path / "small"))

    async def said() -> str:
        chat = connect(f"local:{tmp_path / 'small'}")
        try:
            return (await chat([Message("user", "睡不好")], want=Want(max_tokens=8, temperature=0.0))).text
        finally:
            await chat.close()

    assert asyncio.run(said())


def test_gguf_has_every_special_token_and_a_modelfile(base: Path, tmp_path: Path) -> None:
    told = as_gguf(base, tmp_path / "out", "q8_0", name="mine", converter=converter(tmp_path))
    file = tmp_path / "out" / "mine-q8_0.gguf"
    assert told.bytes_after == file.stat().st_size
    assert head(file).tokens[0] == "<|begin|>"
    assert told.template
    text = (tmp_path / "out" / "Modelfile").read_text()
    assert "FROM ./mine-q8_0.gguf" in text
    # The server puts the beginning in front by itself, as the file says.
    assert 'TEMPLATE """{{ range .Messages }}{{ if eq .Role "system" }}<|start|>system\n{{ .Content }}<|end|>' in text
    assert 'PARAMETER stop "<|end|>"' in text
    assert "SYSTEM" not in text


@pytest.mark.parametrize(
    ("change", "match"),
    [("[n for n in names if n != '<|start|>']", "not the model"), ("names[:5][::-1]", "not the model")],
)
def test_a_lost_token_is_found(change: str, match: str, base: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=match):
        as_gguf(base, tmp_path / "out", "q8_0", name="mine", converter=converter(tmp_path, change))


def test_a_converter_that_fails_or_is_not_there_is_one_message(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XINHENG_GGUF_CONVERTER", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="no converter to GGUF"):
        converter_of(None)
    with pytest.raises(UsageError, match="nothing at"):
        converter_of(tmp_path / "away.py")
    monkeypatch.setenv("XINHENG_GGUF_CONVERTER", str(tmp_path))
    broken = tmp_path / CONVERTER
    broken.write_text("raise NotImplementedError('BPE pre-tokenizer was not recognized')")
    assert converter_of(None) == broken.resolve()
    with pytest.raises(InputError, match=r"the converter failed.*take a newer llama.cpp"):
        as_gguf(base, tmp_path / "out", "f16", name="mine", converter=broken)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + struct.pack("<IQQ", 3, 1, 9), b"PK\x03\x04" + bytes(99)])
def test_what_is_no_gguf_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(InputError, match="not a GGUF file"):
        head(tmp_path / "x.gguf")


def test_an_adapter_is_no_model_of_its_own(base: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", base)
    with pytest.raises(UsageError, match="Merge the adapter first"):
        source_of(f"{base}+{adapter}")


@pytest.mark.parametrize("template", [CHATML, MISTRAL, HEADED])
def test_a_template_in_blocks_writes_what_jinja_writes(template: str) -> None:
    words = tokenizer(template)
    blocks = blocks_of(words)
    assert blocks is not None
    said = [("user", "多說一點"), ("assistant", "好"), ("user", "x")]
    messages = [{"role": role, "content": text} for role, text in said]
    assert blocks.write(said) == words.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert ("system" in blocks.around) == (template != MISTRAL)
    text, _ = modelfile(words, "x.gguf", ends=[1], adds_begin=False)
    assert ("takes no system message" in text) == (template == MISTRAL)
    if template == CHATML:
        assert blocks.around["assistant"] == ("<|im_start|>assistant\n", "<|im_end|>\n")
        assert "{{ if not .System }}<|im_start|>system\nYou are kind.<|im_end|>\n{{ end }}" in text


@pytest.mark.parametrize(
    "template", [COUNTING, LATER, "{{ '{{' }}{% for m in messages %}{{ m['content'] }}|{% endfor %}", None]
)
def test_a_template_that_blocks_cannot_say_is_left_out_and_named(template: str | None) -> None:
    text, has = modelfile(tokenizer(template), "x.gguf", ends=[1], adds_begin=True)
    assert not has
    assert 'TEMPLATE "' not in text
    assert "# The chat template says more than Ollama's can" in text


@pytest.mark.skipif(not LLAMA, reason="make test-llama")
def test_llama_cpps_own_converter_makes_a_file_that_answers_nearly_the_same(base: Path, tmp_path: Path) -> None:
    from tests.servers.llama_server import source

    code = source(Path(LLAMA))
    wrapped = tmp_path / CONVERTER
    # It knows tokenizers by what they make of a sample text; the tiny one splits as GPT-2's and is on no list.
    wrapped.write_text(
        textwrap.dedent(f"""
        import runpy, sys
        sys.path[:0] = [{str(code)!r}, {str(code / "gguf-py")!r}]
        import conversion.base, conversion.llama
        conversion.base.TextModel.get_vocab_base_pre = lambda *_: "gpt-2"
        conversion.llama.LlamaModel.set_vocab = conversion.base.TextModel._set_vocab_gpt2
        runpy.run_path({str(code / CONVERTER)!r}, run_name="__main__")
        """)
    )
    told = as_gguf(base, tmp_path / "out", "f16", name="tiny", converter=wrapped)
    assert told.tokens == 4
    if importlib.util.find_spec("gguf"):
        assert told.compared is not None, told.why
        assert told.compared.agreement > 0.98
        assert told.compared.loss_after == pytest.approx(told.compared.loss_before, rel=1e-2)
