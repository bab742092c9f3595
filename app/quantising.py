"""What `xinheng quantise` does: a model made smaller, compared with what it was, and all of it an artifact."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from app.merging import MODEL
from app.model_files import artifact_in, file_table, files_of, require_place
from app.terminal import Terminal
from training import quantise
from training.model_card import card, licence_in
from xinheng.artifacts import Artifact, write
from xinheng.chat.local_files import LocalFiles, identity_of
from xinheng.errors import InputError, UsageError
from xinheng.progress import duration


def quantised(
    model: str, *, out: Path, to: str, kind: str | None, converter: Path | None, text: Path | None, terminal: Terminal
) -> Artifact:
    """A smaller model as an artifact, beside the digest and the licence of what it was made of.

    Args:
        model: Folder of a model of its own.
        out: The artifact's folder; it is made in a hidden one beside it.
        to: Of `quantise.KINDS`.
        kind: Of the values in a GGUF file; None for q8_0.
        converter: llama.cpp's script; None to look for it.
        text: A file of sentences to compare on, one a line; None for those that come with Xinheng.
        terminal: Hears what is going on.
    """
    if to not in quantise.KINDS:
        raise UsageError("quantise", "no such kind", want=", ".join(quantise.KINDS), have=to)
    if kind is not None and (to != quantise.GGUF or kind not in quantise.TYPES):
        mend = "For smaller ones make f16, then: ollama create --quantize, or llama.cpp's llama-quantize."
        want = f"--to gguf with one of {', '.join(quantise.TYPES)}"
        raise UsageError("quantise", "no such type", want=want, have=kind, mend=mend)
    texts = _sentences(text)
    script = quantise.converter_of(converter) if to == quantise.GGUF else None
    source = quantise.source_of(model).base
    require_place(out, besides=[source])
    work = out.with_name(f".{out.name}.making")
    shutil.rmtree(work, ignore_errors=True)
    began = time.perf_counter()
    try:
        with terminal.busy(f"making {to} of {source.name}"):
            if script is not None:
                told = quantise.as_gguf(source, work, kind or "q8_0", name=out.name, converter=script, texts=texts)
            else:
                told = quantise.by_bits(source, work, to, texts=texts)
        return _written(
            source, work, told, out=out, to=to, kind=kind, own=text is None, wall_s=time.perf_counter() - began
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sentences(text: Path | None) -> Sequence[str]:
    if text is None:
        return quantise.SENTENCES
    try:
        found = [line.strip() for line in text.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        have = type(error).__name__
        raise InputError(str(text), "cannot be read", want="UTF-8 text, a sentence a line", have=have) from None
    if not found:
        raise InputError(str(text), "no sentence in it", want="UTF-8 text, a sentence a line")
    return found


def _written(
    source: Path, folder: Path, told: quantise.Quantised, *, out: Path, to: str, kind: str | None, own: bool,
    wall_s: float,
) -> Artifact:  # fmt: skip
    made_of = artifact_in(source)
    before: dict[str, Any] = made_of.manifest["facts"] if made_of is not None else {}
    plain = {"name": source.name, "licence": licence_in(source)}
    facts: dict[str, Any] = {
        "title": before.get("title") or {"en": source.name, "zh": source.name},
        "base": before.get("base") or plain,
        "of": {"name": source.name, "identity": identity_of(LocalFiles(source))},
        "adapters": before.get("adapters", []),
        "way": before.get("way"),
        "special_tokens": before.get("special_tokens", 0),
        "licences": before.get("licences", []),
        "quantised": {
            "to": to,
            "type": (kind or "q8_0") if to == quantise.GGUF else None,
            "sentences": "own" if own else "given",
            **asdict(told),
        },
        "wall_s": round(wall_s, 3),
    }
    files = files_of(folder)
    marks = made_of.marks if made_of is not None else []
    return write(
        out,
        kind=MODEL,
        name=out.name,
        tables={"file": file_table(files), "compared": _compared(told)},
        facts=facts,
        parents=[made_of] if made_of is not None else [],
        texts={"README.md": card(MODEL, facts, base=None, marks=marks)},
        copies={name: path for name, path in files.items() if name != "README.md"},
        linked=True,
    )


def _compared(told: quantise.Quantised) -> pl.DataFrame:
    schema = {
        "tokens": pl.Int64(), "loss_before": pl.Float64(), "loss_after": pl.Float64(), "agreement": pl.Float64(),
    }  # fmt: skip
    return pl.DataFrame([asdict(told.compared)] if told.compared else [], schema=schema)


def show(terminal: Terminal, made: Artifact) -> None:
    """How much smaller it is, what that costs, and how to use it."""
    facts = made.manifest["facts"]
    told = facts["quantised"]
    share = told["bytes_after"] / told["bytes_before"]
    terminal.line(f"{told['to']}: {told['bytes_before']:,} → {told['bytes_after']:,} bytes of weights ({share:.0%})")
    if one := told["compared"]:
        terminal.line(
            f"loss {one['loss_before']:.4f} → {one['loss_after']:.4f} nats, same likeliest token "
            f"{one['agreement']:.1%}, on {one['tokens']:,} tokens of neutral sentences"
        )
    else:
        terminal.line(told["why"])
    terminal.line(f"{told['tokens']:,} special and added tokens as before")
    terminal.line(f"model    {made.path}  {made.digest[:12]}  {duration(facts['wall_s'])}")
    if told["to"] == quantise.GGUF:
        if not told["template"]:
            terminal.line("the Modelfile has no TEMPLATE: blocks cannot say what the chat template does")
        terminal.line(f"next     cd {made.path} && ollama create NAME -f Modelfile")
    else:
        terminal.line(f"next     xinheng predict CASES --model local:{made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts})
