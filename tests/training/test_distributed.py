"""Several processes: the end is that of one, the first alone writes, and the end of one is the end of all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.tiny_model import write
from tests.training.test_sft import RECIPE
from training.distributed import accumulation_of
from xinheng.errors import UsageError

ROOT = Path(__file__).parents[2]
STEADY = replace(RECIPE, lora=replace(RECIPE.lora, dropout=0.0))
PROGRAM = textwrap.dedent(
    """
    import json, os, sys
    from pathlib import Path
    import torch
    from tests.training.test_distributed import STEADY
    from tests.training.test_sft import prepared
    from training.distributed import rank
    from training.sft import train
    from xinheng.errors import XinhengError
    base, folder, out = map(Path, sys.argv[1:4])
    print("PID", rank(), os.getpid(), flush=True)
    made, rows = prepared(base, STEADY)
    say = lambda line: print("SAID", rank(), line, flush=True)
    try:
        told = train(made, rows[4:], rows[:4], STEADY, folder, resume=True, say=say)
    except XinhengError as error:
        print("ERROR", rank(), error, flush=True)
        sys.exit(error.exit_code)
    weights = {n: w.detach().clone() for n, w in made.model.named_parameters() if w.requires_grad}
    torch.save({"weights": weights, "told": told}, out / f"{rank()}.pt")
    """
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "tiny")


def started(base: Path, folder: Path, out: Path, processes: int) -> subprocess.Popen[str]:
    out.mkdir(parents=True)
    program = out / "program.py"
    program.write_text(PROGRAM)
    # The launcher looks so seldom (seconds) that a process can tell of another's end before it is ended as well.
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    launcher += ["--monitor-interval", "3"]
    command = [sys.executable, *(launcher if processes > 1 else []), str(program), str(base), str(folder), str(out)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def ended(base: Path, folder: Path, out: Path, processes: int) -> list[str]:
    process = started(base, folder, out, processes)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text[-3000:]
    return text.splitlines()


def test_two_processes_end_where_one_does_and_the_first_alone_tells(base: Path, tmp_path: Path) -> None:
    import torch

    said = ended(base, tmp_path / "two", tmp_path / "out2", 2)
    ended(base, tmp_path / "one", tmp_path / "out1", 1)
    a, b = (torch.load(tmp_path / "out2" / f"{rank}.pt", weights_only=False) for rank in (0, 1))
    one = torch.load(tmp_path / "out1" / "0.pt", weights_only=False)
    assert all((weight == b["weights"][name]).all() for name, weight in a["weights"].items())
    assert all(torch.allclose(weight, one["weights"][name], atol=2e-3) for name, weight in a["weights"].items())
    assert a["told"].steps == one["told"].steps
    assert [loss for _, loss in a["told"].curve] == pytest.approx([loss for _, loss in one["told"].curve], rel=1e-2)
    assert {line.split()[1] for line in said if line.startswith("SAID")} == {"0"}
    # Beside what the first wrote, the second keeps its random numbers, which resuming needs.
    made = sorted(path.name for path in (tmp_path / "two").rglob("*") if path.is_file())
    alone = sorted(path.name for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert {name for name in made if name not in alone} == {"rng_state_0.pth", "rng_state_1.pth"}


def test_one_process_killed_ends_all_with_a_message_and_leaves_the_last_checkpoint_whole(
    base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    lines, victim = [], 0
    with started(base, folder, tmp_path / "out", 2) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if line.startswith("PID 1 "):
                victim = int(line.split()[2])
            if line.startswith("SAID 0 step 7 "):
                os.kill(victim, signal.SIGKILL)
    assert process.returncode != 0
    text = "".join(lines)
    assert "another of the 2 processes has ended" in text
    assert "go on with --resume" in text
    (last,) = sorted(folder.glob("checkpoint-*/whole.json"))[-1:]
    assert json.loads(last.read_text())["step"] in {3, 6}
    assert (last.parent / "adapter_model.safetensors").is_file()
    ended(base, folder, tmp_path / "again", 2)
    assert not (tmp_path / "out" / "0.pt").exists()
    assert (tmp_path / "again" / "0.pt").exists()


def test_processes_that_cannot_share_a_step_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UsageError, match="3 processes cannot share a step of 4 batches"):
        accumulation_of(replace(RECIPE, accumulation=4))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert accumulation_of(replace(RECIPE, accumulation=4)) == 2
