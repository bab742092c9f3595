"""Models made smaller: by bitsandbytes, or as GGUF through llama.cpp's converter; with what it costs, measured."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.adapters import quiet, readable_saving
from training.gguf_file import head
from training.merge import require_room
from xinheng.chat.local_files import LocalFiles, config_of, local_files, weights
from xinheng.errors import CheckFailed, InputError, ModelError, UsageError

GGUF: Final = "gguf"
KINDS: Final = ("nf4", "int8", GGUF)
# What llama.cpp's converter writes by itself; the smaller ones want its `llama-quantize`, or Ollama's --quantize.
TYPES: Final = ("f32", "f16", "bf16", "q8_0")
CONVERTER: Final = "convert_hf_to_gguf.py"
SETTING: Final = "XINHENG_GGUF_CONVERTER"
# Written for this measurement: everyday sentences about nobody, so that they are in no benchmark and no training row.
SENTENCES: Final = (
    "The kettle clicks off, and for a moment the kitchen is quiet enough to hear the clock in the hall.",
    "She moved the plant nearer to the window, watered it, and wrote the date on a slip of paper.",
    "It is easier to begin a long walk when the first stretch leads downhill and the path is dry.",
    "If the meeting ends early, we could look at the drawings again before the library closes at six.",
    "下雨的早晨，巷口的豆漿店比平常安靜，老闆把傘架往裡面移了一點。",
    "他把舊照片按年份排好，發現有幾張背面寫著同一個日期。",
    "公車晚了十分鐘，等車的人輪流抬頭看站牌，又低頭看手機。",
    "傍晚風停了，陽台上的衣服終於乾透，摺起來還帶著一點太陽的味道。",
)
_BITS: Final[dict[str, dict[str, Any]]] = {
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
    "int8": {"load_in_8bit": True},
}


@dataclass(frozen=True)
class Compared:
    """What a smaller model says of sentences beside what it was made of.

    Args:
        tokens: Compared.
        loss_before: Of the model, mean over the tokens, in nats.
        loss_after: Of the smaller one.
        agreement: Share of places where the likeliest next token is the same.
    """

    tokens: int
    loss_before: float
    loss_after: float
    agreement: float


@dataclass(frozen=True)
class Quantised:
    """A smaller model.

    Args:
        bytes_before: Of the weights.
        bytes_after: Likewise.
        tokens: Special and added tokens, each one id as before.
        compared: None where nothing here can read it; then `why` says so.
        why: See there.
        template: Whether a Modelfile has a template; None without a Modelfile.
    """

    bytes_before: int
    bytes_after: int
    tokens: int
    compared: Compared | None
    why: str = ""
    template: bool | None = None


def source_of(model: str) -> LocalFiles:
    """The folder of a model that can be made smaller.

    Raises:
        ModelError: There is no whole model, or it is quantised already.
        UsageError: It is a base with an adapter.
    """
    files = local_files(model, name=model)
    if files.adapter is not None or files.four_bit:
        raise UsageError(
            model, "not a model of its own", want="one folder", mend="Merge the adapter first: xinheng merge."
        )
    if config_of(files.base).get("quantization_config"):
        raise ModelError(model, "the weights are quantised already", mend="Take the model that it was made of.")
    return files


@quiet()
def by_bits(model: Path, folder: Path, to: str, *, texts: Sequence[str] = SENTENCES) -> Quantised:
    """A model in four or eight bits, as transformers and vLLM load it; the output and the embeddings stay as they are.

    Args:
        model: Its folder.
        folder: Is filled.
        to: `nf4` (double quantised) or `int8`.
        texts: To compare both on.

    Raises:
        ModelError: bitsandbytes is not installed, or cannot do it here.
        CheckFailed: A special token is another now.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            "quantise", "a package is missing", have="no bitsandbytes", mend="pip install 'xinheng[local]'"
        )
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    words = AutoTokenizer.from_pretrained(model)
    half = torch.cuda.is_available()
    if not half:
        require_room(model, _bytes(weights(model)))
    given = dict(_BITS[to])
    if to == "nf4":
        given["bnb_4bit_compute_dtype"] = torch.bfloat16 if half else torch.float32
    device = {"": 0} if half else {"": "cpu"}
    before = _said(AutoModelForCausalLM.from_pretrained(model, dtype="auto", device_map=device), words, texts)
    try:
        made = AutoModelForCausalLM.from_pretrained(
            model, quantization_config=BitsAndBytesConfig(**given), device_map=device, dtype="auto"
        )
    except (ImportError, RuntimeError, NotImplementedError) as error:
        have = type(error).__name__
        mend = "See the requirements of bitsandbytes for this machine, or make a GGUF: --to gguf."
        raise ModelError("quantise", f"bitsandbytes cannot make {to} here", have=have, mend=mend) from error
    with readable_saving(folder, "the smaller model"):
        made.save_pretrained(folder)
        words.save_pretrained(folder)
    del made
    back = AutoModelForCausalLM.from_pretrained(folder, device_map=device)
    after = _said(back, AutoTokenizer.from_pretrained(folder), texts)
    tokens = _same_tokens(words, AutoTokenizer.from_pretrained(folder), folder)
    return Quantised(_bytes(weights(model)), _bytes(weights(folder)), tokens, _beside(before, after))


@quiet()
def as_gguf(
    model: Path, folder: Path, kind: str, *, name: str, converter: Path, texts: Sequence[str] = SENTENCES
) -> Quantised:
    """A model as one GGUF file for llama.cpp and Ollama, with a Modelfile beside it.

    Args:
        model: Its folder.
        folder: Is filled.
        kind: Of `TYPES`.
        name: Of the file, without its ending.
        converter: llama.cpp's script.
        texts: To compare both on, where the package `gguf` is installed.

    Raises:
        InputError: The converter fails; its last words are in the message.
        CheckFailed: A special token is missing from the file, or another.
    """
    from transformers import AutoTokenizer

    from training.modelfile import modelfile, write

    file = folder / f"{name}-{kind}.gguf"
    with readable_saving(folder, "the GGUF file"):
        folder.mkdir(parents=True, exist_ok=True)
        ran = subprocess.run(  # noqa: S603  the user's own program
            [sys.executable, str(converter), str(model), "--outfile", str(file), "--outtype", kind],
            capture_output=True, text=True, check=False, errors="replace", env={**os.environ, "TQDM_DISABLE": "1"},
        )  # fmt: skip
    if ran.returncode or not file.is_file():
        raise InputError(str(converter), "the converter failed", have=_last(ran.stderr), mend=_way_out(ran.stderr))
    words, told = AutoTokenizer.from_pretrained(model), head(file)
    lost = [token for token, at in words.get_added_vocab().items() if told.tokens[at : at + 1] != [token]]
    if lost or not told.tensors:
        have = f"{len(lost)} tokens that are missing or have another id" if lost else "no weights"
        raise CheckFailed(str(file), "the GGUF file is not the model", want="every special token as it was", have=have)
    ends = _ends(model, words)
    note = f"{name}, {kind}: made by xinheng quantise.\nollama create NAME -f Modelfile"
    text, template = modelfile(words, file.name, ends=ends, adds_begin=told.adds_begin, note=note)
    write(folder, text)
    compared, why = _compared_gguf(model, file, words, texts)
    return Quantised(_bytes(weights(model)), file.stat().st_size, len(words.get_added_vocab()), compared, why, template)


def converter_of(given: Path | None) -> Path:
    """llama.cpp's script: the one that is named, or of the setting, or on the PATH.

    Raises:
        UsageError: There is none.
    """
    named = given or (Path(os.environ[SETTING]) if os.environ.get(SETTING) else None)
    if named is not None:
        named = named.expanduser() / CONVERTER if named.expanduser().is_dir() else named.expanduser()
    else:
        found = shutil.which(CONVERTER)
        named = Path(found) if found else None
    if named is None or not named.is_file():
        raise UsageError(
            "quantise",
            "no converter to GGUF",
            want=f"llama.cpp's {CONVERTER}",
            have=f"nothing at {named}" if named else f"none by --converter, {SETTING} or the PATH",
            mend="It comes with llama.cpp's sources: git clone https://github.com/ggml-org/llama.cpp, then --converter "
            f"llama.cpp/{CONVERTER}.",
        )
    return named.resolve()


def _said(model: Any, words: Any, texts: Sequence[str]) -> tuple[float, int, list[int]]:
    """Sum of the loss, tokens, and the likeliest token at each place."""
    import torch

    total, count, likeliest = 0.0, 0, list[int]()
    model.eval()
    for text in texts:
        ids = words(text, return_tensors="pt")["input_ids"].to(model.device)
        if ids.shape[1] < 2:
            continue
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0].float()
        total += float(torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="sum"))
        count += ids.shape[1] - 1
        likeliest += logits[:-1].argmax(-1).tolist()
    if not count:
        raise UsageError("quantise", "no sentence to compare on", want="texts of some tokens")
    return total, count, likeliest


def _beside(before: tuple[float, int, list[int]], after: tuple[float, int, list[int]]) -> Compared:
    same = sum(a == b for a, b in zip(before[2], after[2], strict=True))
    return Compared(before[1], before[0] / before[1], after[0] / after[1], same / before[1])


def _compared_gguf(model: Path, file: Path, words: Any, texts: Sequence[str]) -> tuple[Compared | None, str]:
    if importlib.util.find_spec("gguf") is None:
        return None, "not compared: pip install gguf, with which transformers reads such files"
    from transformers import AutoModelForCausalLM

    try:
        back = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name)
    except Exception as error:  # noqa: BLE001 - of an architecture that it cannot read, in whatever way it says so
        return None, f"not compared: transformers cannot read GGUF of this kind ({type(error).__name__})"
    after = _said(back, words, texts)
    del back
    return _beside(_said(AutoModelForCausalLM.from_pretrained(model, dtype="auto"), words, texts), after), ""


def _same_tokens(words: Any, again: Any, folder: Path) -> int:
    added = words.get_added_vocab()
    broken = [
        token
        for token, at in added.items()
        if again.convert_tokens_to_ids(token) != at
        or again(token, add_special_tokens=False)["input_ids"] != words(token, add_special_tokens=False)["input_ids"]
    ]
    if broken:
        raise CheckFailed(str(folder), "special tokens changed", have=f"{len(broken)} of {len(added)}")
    return len(added)


def _ends(model: Path, words: Any) -> list[int]:
    from transformers import GenerationConfig

    found: Any = None
    if (model / "generation_config.json").is_file():
        found = GenerationConfig.from_pretrained(model).eos_token_id
    several = found if isinstance(found, list) else [found]
    return sorted({int(end) for end in (*several, words.eos_token_id) if end is not None})


def _bytes(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no word from it"


def _way_out(text: str) -> str:
    if "ModuleNotFoundError" in text:
        return "Install what it wants into this environment, such as: pip install gguf."
    if "not recognized" in text or "NotImplementedError" in text:
        return "It does not know this model's architecture or tokenizer: take a newer llama.cpp."
    return "Run it by hand to see all it says."
