"""`python -m tests.perf.train_peers`: supervised training of adapters, tokens with loss per second beside TRL's.

Both train the same adapters of the same small model on the same token ids with loss on the same tokens, with batches,
epochs, rate and precision of the recipe below; all else is TRL's default (`SFTTrainer`: shuffled batches, padding,
checkpointing). Each run is a process of its own with one thread, and tools take turns. Counted is the training alone,
without imports, loading and rendering; memory is the process's peak. Both adapters are then asked for the loss on
the same held-back rows: it must be alike.

The model is made here, with random weights of the Llama architecture, about 9 million parameters. Rows are published
dialogues and questions with answers, as long as they are; where they are not at hand, made-up words as long.
"""

from __future__ import annotations

import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.perf import chat
from tests.perf.__main__ import SHARED
from tests.perf.mcq_peers import ratios, write_model

ROWS = int(os.environ.get("XINHENG_PERF_TRAIN_ROWS", "240"))
HELD_BACK = 32
RUNS = int(os.environ.get("XINHENG_PERF_RUNS", "3"))
# "ours, packed" and "TRL, packed" (its bfd) beside these.
TOOLS = os.environ.get("XINHENG_PERF_TRAIN_TOOLS", "ours,TRL").split(",")
WANTED_SPEED, MOST_MEMORY = 1.4, 1.3
_ALIKE = 0.02  # of the loss

_SHARED = """
import json, resource, sys, time, warnings
from dataclasses import replace
warnings.simplefilter("ignore")
import numpy as np, torch
from tests.perf.train_peers import RECIPE
from training.render import Rendered
folder, file, out, tool = sys.argv[1:5]
recipe = replace(RECIPE, packing=tool.endswith("packed"))
made = json.load(open(file, encoding="utf-8"))
rows, held = (
    [Rendered(str(i), np.array(ids, dtype=np.int32), np.array(own, dtype=bool)) for i, (ids, own) in enumerate(said)]
    for said in (made["rows"], made["held"])
)
def loss_of(model):
    model.eval()
    total = count = 0
    with torch.no_grad():
        for row in held:
            ids = torch.tensor(row.ids, dtype=torch.long)[None]
            own = torch.tensor(row.answered)[1:]
            logits = model(input_ids=ids).logits[0, :-1].float()
            total += float(torch.nn.functional.cross_entropy(logits[own], ids[0, 1:][own], reduction="sum"))
            count += int(own.sum())
    return total / count
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def told(**found):
    json.dump(found, open(out, "w"))
"""
_OURS = f"""{_SHARED}
from pathlib import Path
from training import sft
from training.load import ready
made = ready(folder, recipe)
loaded = peak()
began, cpu = time.perf_counter(), time.process_time()
done = sft.train(made, rows, (), recipe, Path(out).with_suffix(""))
loop_s, loop_cpu_s, most = time.perf_counter() - began, time.process_time() - cpu, peak()
told(loop_s=loop_s, loop_cpu_s=loop_cpu_s, peak=most, loaded=loaded, padding=done.padding, steps=done.steps,
     train=done.curve[-1][1], loss=loss_of(made.model))
"""
_PEER = f"""{_SHARED}
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
from training.running import sixteen_bits
model, words = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
words.pad_token = words.eos_token
data = Dataset.from_list([
    {{"input_ids": r.ids.tolist(), "labels": np.where(r.answered, r.ids, -100).tolist()}} for r in rows
])
lora = recipe.lora
torch.manual_seed(recipe.seed)
trainer = SFTTrainer(
    model=model, train_dataset=data, processing_class=words,
    peft_config=LoraConfig(r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout,
                           target_modules=list(lora.targets), task_type="CAUSAL_LM"),
    args=SFTConfig(
        output_dir=out + ".folder", per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulation, num_train_epochs=recipe.epochs, learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule, warmup_steps=recipe.warm_up, seed=recipe.seed, max_length=recipe.context,
        use_cpu=True, bf16=sixteen_bits(half=False), report_to="none", disable_tqdm=True, packing=recipe.packing,
    ),
)
loaded, filled, real = peak(), 0, 0
for batch in trainer.get_train_dataloader():
    filled += batch["input_ids"].numel()
    real += int(batch["attention_mask"].sum()) if "attention_mask" in batch else batch["input_ids"].numel()
torch.manual_seed(recipe.seed)
began, cpu = time.perf_counter(), time.process_time()
done = trainer.train()
loop_s, loop_cpu_s, most = time.perf_counter() - began, time.process_time() - cpu, peak()
history = [h["loss"] for h in trainer.state.log_history if "loss" in h]
told(loop_s=loop_s, loop_cpu_s=loop_cpu_s, peak=most, loaded=loaded, padding=1 - real / filled,
     steps=trainer.state.global_step, train=history[-1], loss=loss_of(trainer.accelerator.unwrap_model(trainer.model)))
"""


def _recipe() -> Any:
    from training.recipe import Lora, Training

    return Training(
        title={"en": "Measured"},
        lora=Lora(r=8, alpha=16, targets=("q_proj", "k_proj", "v_proj", "o_proj")),
        context=1024,
        rate=2e-3,
        schedule="cosine",
        warm_up=0.03,
        batch=8,
        accumulation=1,
        epochs=1,
    )


RECIPE = _recipe()


def main() -> None:
    """Measure both in turn and print a row for each, the ratios and the losses."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = examples(ROWS + HELD_BACK)
        size = write_model(folder / "model", [m["content"] for _, messages in said for m in messages])
        tokens = write_rows(folder, said)
        taken: dict[str, list[dict[str, Any]]] = {tool: [] for tool in TOOLS}
        for turn in range(RUNS):
            for tool in TOOLS:
                taken[tool].append(run(folder, f"{tool}-{turn}", tool))
                one = taken[tool][-1]
                print(f"run {turn + 1}  {tool:<14} {one['loop_s']:.1f} s, {one['loop_cpu_s']:.1f} s of CPU", flush=True)
    report(taken, tokens, size)


def run(folder: Path, name: str, tool: str) -> dict[str, Any]:
    """One training by a tool: its seconds, memory, padding and losses."""
    out = folder / f"{name.replace(' ', '-').replace(',', '')}.json"
    code = _OURS if tool.startswith("ours") else _PEER
    command = [sys.executable, "-c", code, str(folder / "model"), str(folder / "rows.json"), str(out), tool]
    env = {**os.environ, "PYTHONPATH": str(chat.ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False)
    if done.returncode:
        sys.exit(f"{tool} failed: {done.stderr[-2000:]}")
    return dict(json.loads(out.read_text("utf-8")))


def report(taken: dict[str, list[dict[str, Any]]], tokens: dict[str, Any], size: int) -> None:
    """Print medians, ratios, losses and conditions; exit 1 where the losses are not alike."""
    lengths = tokens["lengths"]
    print(
        f"\n{len(lengths)} rows of {lengths[0]} to {lengths[-1]} tokens, median {lengths[len(lengths) // 2]}, "
        f"{sum(lengths):,} tokens, {tokens['answered']:,} with loss; batches of {RECIPE.batch}; "
        f"{size / 1e6:.1f} M parameters; {RUNS} runs in turn, medians"
    )
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, one thread each; load of the machine {load:.1f} at the end")
    print(f"{'':<16}{'loss tokens/s':>14}{'of CPU time':>13}{'peak':>10}{'padding':>9}{'loss held back':>16}")
    for tool, runs in taken.items():
        middle = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        done = tokens["answered"] * RECIPE.epochs
        print(
            f"{tool:<16}{done / middle['loop_s']:>14,.0f}{done / middle['loop_cpu_s']:>13,.0f}"
            f"{middle['peak'] / 1e6:>7,.0f} MB{middle['padding']:>9.1%}{middle['loss']:>16.4f}"
        )
    ours, peer = taken["ours"], taken["TRL"]
    print(f"times TRL's speed   {ratios(peer, ours, 'loop')}; wanted {WANTED_SPEED}")
    memory = [a["peak"] / b["peak"] for a, b in zip(ours, peer, strict=True)]
    print(f"times TRL's memory  {statistics.median(memory):.2f}; at most {MOST_MEMORY}")
    off = abs(ours[0]["loss"] - peer[0]["loss"])
    print(f"losses differ by {off:.4f}, {off / peer[0]['loss']:.2%}; before training {tokens['before']:.4f}")
    if off > _ALIKE * peer[0]["loss"]:
        sys.exit(1)


def write_rows(folder: Path, said: list[tuple[str, list[dict[str, str]]]]) -> dict[str, Any]:
    """`rows.json`: ids and answered tokens of the rows to train on and of those held back."""
    import torch
    from transformers import AutoModelForCausalLM

    from training.load import tokenizer_of
    from training.render import rendered, writer

    words, _ = tokenizer_of(str(folder / "model"), {})
    rows = list(rendered(words, said, write=writer(words, "mistral"), context=RECIPE.context).rows)
    random.Random(3).shuffle(rows)
    held, rows = rows[:HELD_BACK], rows[HELD_BACK : HELD_BACK + ROWS]
    told = {"rows": rows, "held": held}
    made = {name: [(row.ids.tolist(), row.answered.tolist()) for row in some] for name, some in told.items()}
    (folder / "rows.json").write_text(json.dumps(made), encoding="utf-8")
    model, total, count = AutoModelForCausalLM.from_pretrained(folder / "model"), 0.0, 0
    with torch.no_grad():
        for row in held:
            ids, own = torch.tensor(row.ids, dtype=torch.long), torch.tensor(row.answered)[1:]
            logits = model(input_ids=ids[None]).logits[0, :-1]
            total += float(torch.nn.functional.cross_entropy(logits[own], ids[1:][own], reduction="sum"))
            count += int(own.sum())
    return {
        "lengths": sorted(len(row.ids) for row in rows),
        "answered": int(sum(int(row.answered.sum()) for row in rows)),
        "before": total / count,
    }


def examples(n: int) -> list[tuple[str, list[dict[str, str]]]]:
    """Published dialogues in Chinese and answered questions in English, in turn; made-up ones where there are none."""
    if not SHARED.is_dir():
        return _made_up(n)
    from datasets_src import counselchat, emollm, smile

    roles = {"client": "user", "counsellor": "assistant"}
    kinds = []
    for read, place in ((smile.read, "dialogue_zh/smile"), (emollm.read, "dialogue_zh/EmoLLM")):
        rows = [row for row in read(SHARED / place) if isinstance(row, dict)]
        kinds.append([[{"role": roles[t["role"]], "content": t["text"]} for t in row["turns"]] for row in rows])
    rows = [row for row in counselchat.read(SHARED / "qa_en" / "counsel-chat") if isinstance(row, dict)]
    kinds.append([[{"role": m["role"], "content": m["content"]} for m in row["messages"]] for row in rows])
    for kind in kinds:
        random.Random(5).shuffle(kind)
    return [(str(i), kinds[i % len(kinds)][i // len(kinds)]) for i in range(n)]


def _made_up(n: int) -> list[tuple[str, list[dict[str, str]]]]:
    chance = random.Random(7)
    words = ["".join(chance.choices("aeioubdgklmnrst", k=chance.randint(2, 8))) for _ in range(1500)]
    made = []
    for i in range(n):
        turns = max(1, round(chance.lognormvariate(0.8, 0.8)))
        said = [
            {"role": role, "content": " ".join(chance.choices(words, k=chance.randint(8, 60)))}
            for _ in range(min(turns, 8))
            for role in ("user", "assistant")
        ]
        made.append((str(i), said))
    return made


if __name__ == "__main__":
    main()
