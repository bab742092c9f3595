"""A base spread over processes: each holds a share, the adapter is that of one process, killed and resumed as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.tiny_model import write
from tests.training.test_distributed import ROOT, STEADY
from tests.training.test_sft import SAID
from training.base import config_of, empty
from training.distributed import sharded
from training.load import ready
from training.spreading import layers, share
from xinheng.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
NEW = {"<|ask|>": "asks a question", "<|mirror|>": "reflects a feeling"}
LAUNCH = ("accelerate.commands.launch", "--use_fsdp", "--fsdp_version", "2", "--num_processes", "2", "--num_machines",
          "1", "--mixed_precision", "no", "--dynamo_backend", "no")  # fmt: skip
PROGRAM = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    import torch
    from tests.training.test_spreading import end
    from training.distributed import rank
    from xinheng.errors import XinhengError
    base, folder, out = map(Path, sys.argv[1:4])
    print("PID", rank(), os.getpid(), flush=True)
    try:
        end(base, folder, out)
    except XinhengError as error:
        print("ERROR", rank(), error, flush=True)
        sys.exit(error.exit_code)
    """
)


def end(base: Path, folder: Path, out: Path) -> None:
    """Train in this process, and write what came of it."""
    import torch

    from training.adapters import answers, save
    from training.distributed import first, rank
    from training.render import rendered, writer
    from training.sft import train
    from training.watching import watchers

    made = ready(str(base), STEADY, new=NEW)
    said = [(i, [asked, {**told, "content": told["content"] + "".join(NEW)}]) for i, (asked, told) in SAID]
    rows = rendered(made.words, said, write=writer(made.words, "template"), context=STEADY.context).rows
    held = sum(getattr(weight, "_local_tensor", weight).numel() for weight in made.model.parameters())
    say = lambda line: print("SAID", rank(), line, flush=True)  # noqa: E731  short and used once
    told = train(
        made, rows[4:], rows[:4], STEADY, folder, resume=True, say=say, watchers=watchers(made, rows[:1], folder)
    )
    weights = {name: w.detach().clone() for name, w in made.model.named_parameters() if w.requires_grad}
    logits = answers(made)
    if first():
        save(made, out / "adapter", base=str(base))
    torch.save({"weights": weights, "told": told, "held": held, "logits": logits}, out / f"{rank()}.pt")


def started(base: Path, folder: Path, out: Path) -> subprocess.Popen[str]:
    out.mkdir()
    (out / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", *LAUNCH, str(out / "program.py"), str(base), str(folder), str(out)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def test_spread_killed_and_resumed_the_adapter_is_that_of_one_process(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    base, folder = write(tmp_path / "tiny"), tmp_path / "run"
    victim = 0
    with started(base, folder, tmp_path / "killed") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("PID 1 "):
                victim = int(line.split()[2])
            if line.startswith("SAID 0 step 7 "):
                os.kill(victim, signal.SIGKILL)
    assert process.returncode != 0
    assert not (tmp_path / "killed" / "0.pt").exists()

    with started(base, folder, tmp_path / "two") as process:
        text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text[-3000:]
    a, b = (torch.load(tmp_path / "two" / f"{rank}.pt", weights_only=False) for rank in (0, 1))
    (tmp_path / "one").mkdir()
    end(base, tmp_path / "alone", tmp_path / "one")
    one = torch.load(tmp_path / "one" / "0.pt", weights_only=False)

    assert a["told"].resumed_from in {3, 6}
    assert a["told"].steps == one["told"].steps
    for other in (b, one):
        assert a["weights"].keys() == other["weights"].keys()
        assert all(torch.allclose(w, other["weights"][name], atol=1e-6) for name, w in a["weights"].items())
        assert torch.allclose(a["logits"], other["logits"], atol=1e-3)
    saved, alone = (load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("two", "one"))
    assert any("trainable_tokens" in name or "embed" in name for name in saved)
    assert saved.keys() == alone.keys()
    assert all(torch.allclose(w, alone[name], atol=1e-6) for name, w in saved.items())
    # Half of the base in each, and the adapters whole in both.
    adapters = sum(weight.numel() for weight in one["weights"].values())
    assert a["held"] - adapters < 0.52 * (one["held"] - adapters)
    # The samples are what one process says; a checkpoint holds adapters alone.
    assert (folder / "samples.jsonl").read_bytes() == (tmp_path / "alone" / "samples.jsonl").read_bytes()
    last = load_file(folder / f"checkpoint-{a['told'].steps}" / "adapter_model.safetensors")
    assert sum(weight.numel() for weight in last.values()) == adapters


def test_a_quantised_base_is_not_spread_and_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert not sharded()  # one process alone spreads nothing
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("training.load.start", lambda **_: None)
    assert sharded()
    with pytest.raises(UsageError, match=r"nf4 cannot be spread over processes.*Launch without FSDP"):
        ready(str(tmp_path), replace(STEADY, quantisation="nf4"))


def test_a_process_holds_less_of_a_base_the_more_there_are_but_never_less_than_what_is_in_no_layer() -> None:
    model = empty(config_of("Qwen/Qwen2.5-7B-Instruct"))
    assert len(layers(model)) == 28
    shares = [share(model, n) for n in (1, 2, 4, 8, 1000)]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    outside = 2 * 152_064 * 3584 / 7_615_616_512
    assert outside < shares[-1] < outside + 0.08
