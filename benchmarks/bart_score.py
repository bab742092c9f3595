"""BARTScore: how likely a model of language holds the gold answer to be, given the answer that was generated.

The value is the mean log-probability of the gold's tokens, at most 0; closer to 0 is better. It has no lowest value, so
that an empty answer has none either: it is missing, with its reason, where others turn it into the text "nan".

Source: Yuan, Neubig & Liu 2021, BARTScore. IMHI's publishers use facebook/bart-large-cnn with the authors' weights that
were trained on ParaBank2 as well (`bart_score.pth`), and texts of up to 1,024 tokens; so do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.measure_models import Reader, out_of_memory, quiet, reader
from xinheng.errors import ModelError, UsageError

MODEL: Final = "facebook/bart-large-cnn"
_MOST: Final = 1024
_WHO: Final = "bart-score"


class BartScore:
    """A loaded model that gives values to pairs of texts.

    Args:
        place: A folder or a name on the hub.
        weights: A file with other weights for the same model, such as the authors' `bart_score.pth`.
        batch: Pairs at once; it changes the time taken, and no digit that is printed.

    Raises:
        ModelError: Model or weights cannot be used.
    """

    name = "bart_score"
    empty = None

    def __init__(self, place: str = MODEL, *, weights: Path | None = None, batch: int = 4) -> None:
        read = reader(place, "writer", who=_WHO)
        self.reader = read if weights is None else _with_weights(read, weights)
        self._batch = batch
        self._limit = min(_MOST, self.reader.limit)

    @property
    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {**self.reader.facts, "tokens": self._limit}

    def __call__(self, texts: Sequence[str], golds: Sequence[str], languages: Sequence[str] = ()) -> list[float | None]:
        """Of each pair the mean log-probability of the gold's tokens, those of begin and end among them.

        What is longer than the model reads is cut at its end, on either side.

        Args:
            texts: What was generated.
            golds: What was expected.
            languages: Not looked at: the model knows one vocabulary.

        Returns:
            In order; None for an empty text or gold.

        Raises:
            UsageError: Not as many golds as texts.
            ModelError: Memory ran out.
        """
        del languages
        if len(texts) != len(golds):
            raise UsageError(_WHO, "texts and golds do not pair up", want=f"{len(texts)}", have=f"{len(golds)}")
        found: list[float | None] = [None] * len(texts)
        there = [i for i, (text, gold) in enumerate(zip(texts, golds, strict=True)) if text.strip() and gold.strip()]
        there.sort(key=lambda i: (len(texts[i]), len(golds[i]), i))  # alike in length, so that little is padding
        for start in range(0, len(there), self._batch):
            batch = there[start : start + self._batch]
            try:
                values = self._values([texts[i] for i in batch], [golds[i] for i in batch])
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                raise ModelError(_WHO, "not enough memory", have=f"{len(batch)} pairs at once") from None
            for i, value in zip(batch, values, strict=True):
                found[i] = value
        return found

    def _values(self, texts: list[str], golds: list[str]) -> list[float]:
        import torch

        read = self.reader

        def encoded(batch: list[str]) -> Any:
            return read.words(batch, max_length=self._limit, truncation=True, padding=True, return_tensors="pt").to(
                read.device
            )

        with torch.inference_mode(), quiet():
            asked, said = encoded(texts), encoded(golds)
            wanted, mask = said["input_ids"], said["attention_mask"].bool()
            logits = read.model(
                input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], labels=wanted
            ).logits
            told = torch.log_softmax(logits.float(), dim=-1).gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
            means = told.masked_fill(~mask, 0.0).sum(dim=1) / mask.sum(dim=1)
        return [float(value) for value in means.cpu()]


def _with_weights(read: Reader, path: Path) -> Reader:
    """The model with the weights of a file; only numbers are read from it, never a program."""
    import hashlib
    import pickle

    import torch

    try:
        told: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise ModelError(
            _WHO, "the weights cannot be read", want="a file of torch weights", have=f"{path} ({type(error).__name__})"
        ) from None
    for nested in ("model", "state_dict"):
        if isinstance(told, dict) and isinstance(told.get(nested), dict):
            told = told[nested]
    if not isinstance(told, dict) or not all(isinstance(value, torch.Tensor) for value in told.values()):
        raise ModelError(_WHO, "the weights cannot be read", want="tensors by name", have=f"others ({path})")
    tensors = {str(name).removeprefix("module."): value for name, value in told.items()}
    try:
        missing, unknown = read.model.load_state_dict(tensors, strict=False)
    except RuntimeError:
        raise ModelError(_WHO, "the weights are for a model of another size", have=str(path)) from None
    # Of tied weights a file may hold any one; they share their memory with what was loaded.
    owned = {value.data_ptr() for name, value in read.model.state_dict(keep_vars=True).items() if name in tensors}
    state = read.model.state_dict(keep_vars=True)
    lacking = [name for name in missing if name in state and state[name].data_ptr() not in owned]
    if lacking or unknown:
        raise ModelError(
            _WHO, "the weights are for another model", want=f"all tensors of {read.name}",
            have=f"{len(lacking)} missing, {len(unknown)} unknown ({path})",
        )  # fmt: skip
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return replace(read, name=f"{read.name}+{path.stem}", identity=f"{read.identity}+sha256:{digest}")
