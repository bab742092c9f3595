"""`python -m tests.perf.mcq_peers [FOLDER]`: multiple choice by likelihood, questions per second beside lm-eval's.

Both score the same questions, five solved examples before each, with the same model in single precision on the CPU: the
likeliest of ` A` to ` D` behind the answer cue. lm-eval is used through its `hf` backend, which computes the four
letters of a question in one pass; its batch size is the better of those tried. Each run is a process of its own, and
tools take turns. In the loop: from the prompts to the values. Whole process: with start, imports and loading.

The model is made here, with random weights of the Llama architecture, about 9 million parameters. Its choices are
counted: were they all one letter, agreement would prove nothing. FOLDER (perf/peers) is for lm-eval's virtual
environment, made there with pip if it is not yet; it is no dependency of the project.
"""

from __future__ import annotations

import collections
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.perf import chat
from tests.perf.__main__ import SHARED
from tests.perf.peers import environment

QUESTIONS = int(os.environ.get("XINHENG_PERF_PEER_QUESTIONS", "545"))
RUNS = int(os.environ.get("XINHENG_PERF_RUNS", "3"))
BATCHES = os.environ.get("XINHENG_PERF_PEER_BATCHES", "1,16").split(",")
SHOTS = 5
WANTED_LOOP, WANTED_WHOLE = 6, 4
_LEAST_SHARE = 0.05  # of the questions, that each letter must be the choice of

_OURS = """
import json, sys, time
folder, items, out, all_spellings = sys.argv[1:5]
from xinheng.chat.local_files import local_files
from xinheng.chat.local_likelihood import Asked, Scale
from xinheng.chat.local_model import load
rows = [json.loads(line) for line in open(items, encoding="utf-8")]
loaded = load(local_files(folder, name="model"), name="model")
ways = (lambda c: (c, " " + c, chr(ord(c) + 0xFEE0))) if all_spellings == "all" else (lambda c: (" " + c,))
start, cpu = time.perf_counter(), time.process_time()
asked = [Asked(row["head"], row["body"], tuple(ways(c) for c in "ABCD")) for row in rows]
scale = Scale(loaded)
found = dict(scale.weigh(asked))
loop_s, loop_cpu_s = time.perf_counter() - start, time.process_time() - cpu
values = [found[i].values for i in range(len(rows))]
json.dump({"loop_s": loop_s, "loop_cpu_s": loop_cpu_s, "values": values, "shares": scale.shares}, open(out, "w"))
"""
_PEER = """
import json, os, sys, time
folder, items, out, batch = sys.argv[1:5]
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
rows = [json.loads(line) for line in open(items, encoding="utf-8")]
model = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=int(batch))
start, cpu = time.perf_counter(), time.process_time()
asked = [
    Instance("loglikelihood", row, (row["head"] + row["body"], " " + c), i, ("mcq", number, 1))
    for number, row in enumerate(rows) for i, c in enumerate("ABCD")
]
told = model.loglikelihood(asked, disable_tqdm=True)
loop_s, loop_cpu_s = time.perf_counter() - start, time.process_time() - cpu
values = [[value for value, _ in told[4 * i : 4 * i + 4]] for i in range(len(rows))]
json.dump({"loop_s": loop_s, "loop_cpu_s": loop_cpu_s, "values": values}, open(out, "w"))
"""


def main() -> None:
    """Measure both in turn and print a row for each, the ratios and the agreement."""
    environments = Path(sys.argv[1] if len(sys.argv) > 1 else chat.ROOT / "perf" / "peers").absolute()
    environments.mkdir(parents=True, exist_ok=True)
    # The same versions on both sides.
    peer = environment(
        environments,
        "lm-eval",
        ["-c", str(chat.ROOT / "constraints.txt"), "lm-eval", "torch", "transformers", "accelerate"],
    )
    if peer is None:
        sys.exit("lm-eval could not be installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = folder / "items.jsonl"
        rows = questions(QUESTIONS)
        items.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        size = write_model(folder / "model", [row["head"] + row["body"] for row in rows])
        tools = {"ours": (sys.executable, _OURS, "one"), "ours, all spellings": (sys.executable, _OURS, "all")}
        tools |= {f"lm-eval, batch {batch}": (peer, _PEER, batch) for batch in BATCHES}
        taken: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
        for turn in range(RUNS):
            for tool, (python, code, option) in tools.items():
                taken[tool].append(run(python, code, folder, items, option))
                one = taken[tool][-1]
                print(
                    f"run {turn + 1}  {tool:<22} loop {one['loop_s']:.2f} s, whole {one['whole_s']:.2f} s", flush=True
                )
    report(taken, size)


def run(python: str, code: str, folder: Path, items: Path, option: str) -> dict[str, Any]:
    """One run of a tool: seconds in the loop and of the whole process, and what it found."""
    out = folder / "out.json"
    out.unlink(missing_ok=True)
    path = {"PYTHONPATH": str(chat.ROOT)} if python == sys.executable else {}
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [python, "-c", code, str(folder / "model"), str(items), str(out), option]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **path}, check=False)
    whole_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{python} failed: {done.stderr[-2000:]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(out.read_text("utf-8")), "whole_s": whole_s, "whole_cpu_s": cpu_s}


def ratios(slow: list[dict[str, Any]], quick: list[dict[str, Any]], name: str) -> str:
    """How many times as long one takes as the other, turn by turn: median and range, by the clock and by CPU time."""
    told = []
    for column, what in ((f"{name}_s", "by the clock"), (f"{name}_cpu_s", "in CPU time")):
        each = sorted(a[column] / b[column] for a, b in zip(slow, quick, strict=True))
        told.append(f"{statistics.median(each):.1f} ({each[0]:.1f} to {each[-1]:.1f}) {what}")
    return ", ".join(told)


def report(taken: dict[str, list[dict[str, Any]]], size: int) -> None:
    """Print medians, ratios, agreement and conditions."""
    first = {tool: runs[0]["values"] for tool, runs in taken.items()}
    choices = {tool: ["ABCD"[max(range(4), key=row.__getitem__)] for row in rows] for tool, rows in first.items()}
    spread = collections.Counter(choices["ours"])
    n = len(choices["ours"])
    print(
        f"\n{n} questions, {SHOTS} shots, {size / 1e6:.1f} M parameters, single precision, {RUNS} runs in turn, medians"
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}")
    print(f"{'':<24}{'questions/s':>12}{'loop':>10}{'whole':>10}")
    loop = {tool: statistics.median(one["loop_s"] for one in runs) for tool, runs in taken.items()}
    whole = {tool: statistics.median(one["whole_s"] for one in runs) for tool, runs in taken.items()}
    for tool in taken:
        print(f"{tool:<24}{n / loop[tool]:>12.1f}{loop[tool]:>8.2f} s{whole[tool]:>8.2f} s")
    peers = [tool for tool in taken if tool.startswith("lm-eval")]
    best, quick = min(peers, key=loop.__getitem__), min(peers, key=whole.__getitem__)
    print(f"times lm-eval's, in the loop    {ratios(taken[best], taken['ours'], 'loop')}; wanted {WANTED_LOOP}")
    print(f"times lm-eval's, whole process  {ratios(taken[quick], taken['ours'], 'whole')}; wanted {WANTED_WHOLE}")
    same = sum(a == b for a, b in zip(choices["ours"], choices[best], strict=True))
    off = max(abs(a - b) for x, y in zip(first["ours"], first[best], strict=True) for a, b in zip(x, y, strict=True))
    gap = min(max(row) - sorted(row)[-2] for row in first["ours"])
    print(f"same choice on {same} of {n} questions; values differ by {off:.1e} at most, best and second by {gap:.1e}")
    shares = ", ".join(f"{letter} {spread[letter] / n:.0%}" for letter in "ABCD")
    least = min(spread[letter] for letter in "ABCD") / n
    print(f"choices: {shares}" + ("" if least >= _LEAST_SHARE else "  TOO UNEVEN: agreement proves little"))
    if same < n:
        sys.exit(1)


def questions(n: int) -> list[dict[str, str]]:
    """MMLU's high-school psychology with its five examples; where it is not at hand, made-up words as long."""
    real = SHARED / "mcq" / "MMLU"
    rows = from_mmlu(real) if real.is_dir() else made_up(n)
    return rows[:n]


def from_mmlu(folder: Path) -> list[dict[str, str]]:
    """Prompts of the test split, as `xinheng bench mcq` puts them."""
    import polars as pl

    from benchmarks.mcq_prompts import prompts, shot_pool
    from datasets_src.choices import read_mmlu
    from xinheng.tables import CHOICE

    whole = pl.DataFrame([{**row, "source": "mmlu", "licence": "MIT"} for row in read_mmlu(folder)], schema=CHOICE)
    asked = prompts(whole.filter(published_split="test"), shot_pool(whole, n=SHOTS), "letters")
    return [{"head": prompt.head, "body": prompt.body} for _, prompt in asked]


def made_up(n: int) -> list[dict[str, str]]:
    """Questions that nobody can answer, with examples before them."""
    rng = random.Random(7)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "ist", "ion", "al")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 3))) for _ in range(1500)]

    def text(least: int, most: int) -> str:
        return " ".join(rng.choices(words, k=rng.randint(least, most)))

    def body(longest: int) -> str:
        options = "\n".join(f"{letter}. {text(1, longest // 4)}" for letter in "ABCD")
        return f"Question: {text(10, longest).capitalize()}?\n{options}\nAnswer:"

    head = "Each question below has exactly one correct option.\n\n"
    head += "".join(f"{body(60)} {rng.choice('ABCD')}\n\n" for _ in range(SHOTS))
    return [{"head": head, "body": body(34)} for _ in range(n)]


def write_model(folder: Path, texts: list[str]) -> int:
    """A model with random weights and a tokenizer of such texts; how many parameters it has."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|begin|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=8000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    letters = [f"Answer: {letter}\n" for letter in "ABCD"] * 50
    made.train_from_iterator([*texts[:200], *letters], trainer)
    words = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<|begin|>", eos_token="<|end|>", model_max_length=4096
    )
    config = LlamaConfig(
        vocab_size=8000,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        # Far from even odds, so that what is likeliest does not hang on the last digits of floats.
        initializer_range=0.12,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return sum(weight.numel() for weight in model.parameters())


if __name__ == "__main__":
    main()
