"""Supervised training: the loss is that of the answers, and an interrupted run ends where an uninterrupted one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.tiny_model import write
from training.recipe import Lora, Training
from xinheng.errors import CheckFailed, UsageError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

RECIPE = Training(
    title={"en": "t"}, lora=Lora(r=4, alpha=8, dropout=0.1, targets=("q_proj", "v_proj")), context=128, batch=2,
    accumulation=2, epochs=3, rate=5e-3, seed=3,
)  # fmt: skip
SAID = [
    (
        f"e{n}",
        [{"role": "user", "content": f"{n} 我睡不好" * (1 + n % 4)}, {"role": "assistant", "content": f"我在聽 {n}"}],
    )
    for n in range(22)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "tiny")


def prepared(base: Path, recipe: Training = RECIPE):
    from training.load import ready
    from training.render import rendered, writer

    made = ready(str(base), recipe)
    rows = rendered(made.words, SAID, write=writer(made.words, "template"), context=recipe.context).rows
    return made, rows


def weights(model) -> bytes:
    return b"".join(w.detach().numpy().tobytes() for name, w in sorted(model.named_parameters()) if w.requires_grad)


def test_the_loss_is_that_of_the_whole_model_on_the_answers(base: Path) -> None:
    import torch

    from training.answer_loss import answer_loss, answering
    from training.packing import padded

    made, rows = prepared(base)
    made.model.eval()
    batch = padded(made.words.pad_token_id)(rows[:5])
    with answering(made.model):
        total, count = answer_loss(made.model, batch)
    logits = made.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    labels = batch["labels"][:, 1:].flatten()
    whole = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels, ignore_index=-100, reduction="sum")
    assert int(count) == sum(int(row.answered.sum()) for row in rows[:5])
    assert float(total) == pytest.approx(float(whole), rel=1e-4)


def test_training_lowers_the_loss_and_touches_the_adapters_alone(base: Path, tmp_path: Path) -> None:
    from training.sft import train

    made, rows = prepared(base)
    frozen = {name: w.clone() for name, w in made.model.named_parameters() if not w.requires_grad}
    told = train(made, rows[4:], rows[:4], RECIPE, tmp_path / "run")
    assert told.curve[-1][1] < told.curve[0][1]
    assert told.steps == 15
    assert told.validation
    assert told.best is not None
    assert all((w == frozen[name]).all() for name, w in made.model.named_parameters() if name in frozen)


PROGRAM = textwrap.dedent(
    """
    import hashlib, sys
    from pathlib import Path
    from tests.training.test_sft import RECIPE, prepared, weights
    from training.sft import train
    from training.watching import events, samples, watchers
    made, rows = prepared(Path(sys.argv[1]))
    say = lambda line: print(line, flush=True)
    told = train(made, rows[4:], rows[:4], RECIPE, Path(sys.argv[2]), resume=True, say=say,
                 watchers=watchers(made, rows[:2], Path(sys.argv[2])))
    said = repr(samples(Path(sys.argv[2]), "sft").rows())
    assert said != "[]" and events(Path(sys.argv[2]), "sft")
    print("DONE", told.resumed_from, hashlib.sha256(weights(made.model) + said.encode()).hexdigest(), flush=True)
    """
)


def run(base: Path, folder: Path, *, kill_at: int | None = None) -> str:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(base), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=env,
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if kill_at is not None and line.startswith(f"step {kill_at} "):
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    return "".join(lines)


def test_killed_and_resumed_the_adapter_and_what_it_said_are_the_same_to_the_bit(base: Path, tmp_path: Path) -> None:
    whole = run(base, tmp_path / "whole").rsplit("DONE", 1)[1].split()
    assert whole[0] == "0"
    for step in (5, 11):
        folder = tmp_path / str(step)
        run(base, folder, kill_at=step)
        ended = run(base, folder).rsplit("DONE", 1)[1].split()
        assert 0 < int(ended[0]) <= step
        assert ended[1] == whole[1]


def test_a_loss_that_is_no_number_stops_it_and_the_last_good_checkpoint_stays(base: Path, tmp_path: Path) -> None:
    import torch

    from training.sft import train

    made, rows = prepared(base)
    seen = Counter(token for row in rows for token in set(row.ids.tolist()))
    with torch.no_grad():  # one row that no model could read
        made.model.get_input_embeddings().weight[min(seen, key=lambda token: (seen[token], token))] = float("nan")
    with pytest.raises(CheckFailed, match=r"no number at step.*last good checkpoint"):
        train(made, rows, [], RECIPE, tmp_path / "run")


def test_another_training_s_checkpoints_are_not_gone_on_from(base: Path, tmp_path: Path) -> None:
    from training.sft import train

    made, rows = prepared(base)
    train(made, rows, [], replace(RECIPE, epochs=1), tmp_path / "run")
    with pytest.raises(UsageError, match="--resume"):
        train(made, rows, [], replace(RECIPE, epochs=1), tmp_path / "run")
    with pytest.raises(UsageError, match="of another training"):
        train(made, rows[1:], [], replace(RECIPE, epochs=1), tmp_path / "run", resume=True)
