"""What merging costs each adapter: the loss on rows of its own, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.adapters import folder_of, quiet, words_of
from training.merge import further, loaded, with_adapter
from training.render import Rendered


@quiet()
def losses(
    base: str, adapters: Mapping[str, Path], merged: Path, rows: Mapping[str, Sequence[Rendered]]
) -> dict[str, dict[str, float]]:
    """Loss on each adapter's rows of the base, the adapter alone and the merged adapter, in nats per answered token.

    Args:
        base: As it was merged on.
        adapters: Name and folder of each.
        merged: The merged adapter's folder.
        rows: By name of the adapter; one without rows is left out.

    Returns:
        By name: `base`, `alone`, `merged`.
    """
    where = folder_of(base)
    model, _ = loaded(where, words_of(where, merged))
    found: dict[str, dict[str, float]] = {}
    both = with_adapter(model, merged, "merged", base)
    for number, place in enumerate(adapters.values()):
        further(both, place, f"a{number}", base)
    for number, name in enumerate(adapters):
        if not rows.get(name):
            continue
        with both.disable_adapter():
            found[name] = {"base": loss(both, rows[name])}
        for variant, adapter in (("alone", f"a{number}"), ("merged", "merged")):
            both.set_adapter(adapter)
            found[name][variant] = loss(both, rows[name])
    return found


def loss(model: Any, rows: Sequence[Rendered]) -> float:
    """Mean loss over the answered tokens of rows, in nats."""
    import torch

    total, count = 0.0, 0
    model.eval()
    for row in rows:
        ids = torch.from_numpy(row.ids.astype("int64")).to(model.device)
        answered = torch.from_numpy(row.answered[1:]).to(model.device)
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0, :-1][answered].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[1:][answered], reduction="sum"))
        count += int(answered.sum())
    return total / count if count else float("nan")
