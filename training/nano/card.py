"""Nano's model card: every figure from the record of its making."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(record: Mapping[str, Any]) -> str:
    """The card as Markdown with the hub's metadata block.

    Args:
        record: As `app.nano` writes it into `nano.json`: shape, parameters, tokens, steps, curve, wall_s, documents
            (source, licence, language, documents, characters), left_out, against, datasets.
    """
    shape, curve = record["shape"], record["curve"]
    licences = sorted({row["licence"] for row in record["documents"]})
    data = "\n".join(
        f"| {row['source']} | {row['licence']} | {row['language']} | {row['documents']:,} | {row['characters']:,} |"
        for row in record["documents"]
    )
    against = ", ".join(f"{name} ({rows:,} rows)" for name, rows in record["against"].items())
    left_out = ", ".join(f"{name} {rows:,}" for name, rows in record["left_out"].items())
    losses = "\n".join(f"| {step:,} | {seen:.3f} | {held:.3f} |" for step, seen, held in curve)
    steps = f"{record['steps']:,} steps of {shape['rows'] * shape['context']:,} tokens"
    return f"""---
language: [zh, en]
license: other
license_name: mixed
pipeline_tag: text-generation
tags: [counselling, tiny, not-for-advice]
---

# Nano

A language model of the Llama architecture, small enough to run anywhere, made from scratch so that Xinheng can be tried
from end to end without a download. **For trying the software, not for advice: it writes nonsense in the manner of a
counsellor. Never show it to somebody who seeks help.**

| | |
|---|---|
| weights | {record["parameters"]:,}: {shape["layers"]} layers of {shape["hidden"]}, input and output shared; bf16 |
| tokens | {shape["vocabulary"]:,}: byte-level BPE of Chinese in both scripts and English |
| context | {shape["context"]:,} tokens |
| read | {record["tokens"]:,} tokens, {shape["epochs"]} times: {steps} |
| time | {record["wall_s"] / 60:.0f} minutes of a processor, threads: {record["threads"]} |
| seed | {shape["seed"]} |

## Data

Training and validation parts only. Each Chinese document is read in both scripts.

| source | licence | language | documents | characters |
|---|---|---|---:|---:|
{data}

The licences of the texts ({", ".join(licences)}) and what their platforms ask hold beside that of the weights. Posts of
IMHI come from Reddit, Twitter and SMS collections; nano reads them without questions and answers.

Compared with {against}.
What holds a case of one, wholly, nearly or by a fifth of its five-character runs, is left out: {left_out} rows.

## Loss

Nats per token, of training since the row before and of documents held back.

| step | training | held back |
|---:|---:|---:|
{losses}

`local:nano` is this model wherever a model is named; `xinheng train nano --base nano --data DATASET` trains an adapter
for it; `make nano` made it.

## Limits

It knows a few megabytes of text, mostly written by other models, and next to nothing of the world. It repeats itself,
invents facts, mixes scripts and does not follow instructions. It has had no safety training. Its training texts speak
of distress and suicide, and so does it. Scores of it show that the software works.
"""
