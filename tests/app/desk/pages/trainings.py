"""What a training leaves, without one: a sealed adapter that the desk takes up as it takes up a real one's."""

from __future__ import annotations

import base64
import json
import secrets
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from app.desk import jobs, store
from app.desk.jobs import Job
from app.desk.training_worker import Order, keep_sealed
from app.desk.unlock import Desk
from training.base import located
from xinheng.chat.local_files import identity_of, local_files


def running(desk: Desk, client: str, **more: Any) -> tuple[Job, str]:
    """A job as it stands while its process trains, and the process's key."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    body = {
        "state": "running", "where": jobs.here(desk), "key": key, "tries": 1, "queued_at": "2026-11-21T10:00:00+00:00",
        "started_at": "2026-11-21T10:00:01+00:00", "base": "nano", "recipe": "client", "taught": ["row"],
        "limits": {"adapters": 50, "characters": 20_000, "notes": 2_000, "minutes": 120.0, "steps": 4},
        "counts": {"examples_train": 3}, **more,
    }  # fmt: skip
    return Job(client, store.save(desk, client, "job", body)), key


def trained(desk: Desk, client: str, *, samples: list[dict[str, str]] | None = None) -> Job:
    """A job whose adapter waits for a decision."""
    one, key = running(desk, client)
    sealed = desk.home / "jobs" / desk.counsellor_id / f"{one.job_id}.sealed"
    sealed.parent.mkdir(parents=True, exist_ok=True)
    base = {"name": "nano", "identity": identity_of(local_files(located("nano"), name="nano"))}
    told = {
        "base": base, "digest": "d", "steps": {"sft": 4}, "wall_s": 3.0, "held_rows": 1,
        "held_loss": {"before": 6.5, "after": 6.25}, "samples": samples or [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        (source / "manifest.json").write_text("{}")
        (source / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
        save_file({"x": np.zeros(4, np.float32)}, source / "adapter_model.safetensors")
        order = Order("", str(sealed), "", client, one.job_id, key, "nano", "client", 1, None)
        keep_sealed(order, source, told)
    jobs.tend(desk)
    return jobs.job(desk, client, one.job_id)
