"""BERTScore: how well each token of one text finds a token of like meaning, in its context, in the other.

Ours, and not the package `bert-score`: its last release is of February 2023, it pulls in matplotlib, and asks
tokenizers for things that transformers 5 has not. On the same model both give the same figures to five digits.

An empty text shares nothing with any: 0, also on the rescaled measure, where 0 is what unrelated texts have.

Source: Zhang, Kishore, Wu, Weinberger & Artzi 2020, BERTScore; layers and baselines as in the authors' package.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.measure_models import out_of_memory, quiet, reader
from xinheng.errors import InputError, ModelError, UsageError

ENGLISH: Final = "roberta-large"
CHINESE: Final = "bert-base-chinese"
# The layer whose embeddings agree best with people, by the authors' tables.
LAYERS: Final[Mapping[str, int]] = {
    "roberta-large": 17,
    "roberta-base": 10,
    "bert-base-uncased": 9,
    "bert-large-uncased": 18,
    "bert-base-chinese": 8,
    "bert-base-multilingual-cased": 9,
    "xlm-roberta-base": 9,
    "xlm-roberta-large": 17,
    "deberta-xlarge-mnli": 40,
    "deberta-large-mnli": 18,
}
_WHO: Final = "bert-score"
_PREFIXED: Final = frozenset({"roberta", "gpt2"})  # whose first word is another token than the same word later
_MOST: Final = 512


class Match(NamedTuple):
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


class BertScore:
    """A loaded encoder that compares texts.

    Args:
        place: A folder or a name on the hub.
        layer: Whose embeddings are compared, 0 for those before the first; the authors' choice for models of theirs,
            else the last.
        idf: Weigh each token by how few of the golds have it.
        baseline: A file of the authors' (`rescale_baseline/<language>/<model>.tsv`: LAYER,P,R,F): values are moved so
            that unrelated texts have about 0.
        batch: Texts at once.

    Raises:
        ModelError: The model cannot be used.
        UsageError: It has no such layer.
        InputError: The baseline file is of another kind.
    """

    name = "bert_score"
    empty = 0.0

    def __init__(
        self, place: str = ENGLISH, *, layer: int | None = None, idf: bool = False, baseline: Path | None = None,
        batch: int = 16,
    ) -> None:  # fmt: skip
        self.reader = reader(place, "encoder", who=_WHO)
        layers = int(self.reader.model.config.num_hidden_layers)
        self.layer = LAYERS.get(self.reader.name, layers) if layer is None else layer
        if not 0 <= self.layer <= layers:
            raise UsageError(_WHO, "no such layer", want=f"0 to {layers}", have=str(self.layer))
        self._idf, self._batch, self._limit = idf, batch, min(_MOST, self.reader.limit)
        self._baseline = _baseline(baseline, self.layer) if baseline is not None else None

    @property
    def facts(self) -> dict[str, Any]:
        """For the record."""
        told: dict[str, Any] = {**self.reader.facts, "layer": self.layer, "idf": self._idf, "tokens": self._limit}
        return told | ({"baseline": list(self._baseline)} if self._baseline else {})

    def __call__(self, texts: Sequence[str], golds: Sequence[str], languages: Sequence[str] = ()) -> list[float | None]:
        """Of each pair the F1 of `matches`."""
        del languages
        return [match.f1 for match in self.matches(texts, golds)]

    def matches(self, texts: Sequence[str], golds: Sequence[str]) -> list[Match]:
        """Of each pair: precision (of the text's tokens), recall (of the gold's) and F1, 0 for an empty one.

        Begin and end marks have no weight, but may be found; what is longer than the model reads is cut at its end.

        Raises:
            UsageError: Not as many golds as texts.
            ModelError: Memory ran out.
        """
        if len(texts) != len(golds):
            raise UsageError(_WHO, "texts and golds do not pair up", want=f"{len(texts)}", have=f"{len(golds)}")
        said, wanted = self._tokens(texts), self._tokens(golds)
        weights = self._weights(wanted)
        there = sorted(
            (i for i in range(len(texts)) if texts[i].strip() and golds[i].strip()),
            key=lambda i: (len(said[i]) + len(wanted[i]), i),
        )
        values: dict[int, Match] = {}
        for start in range(0, len(there), self._batch):
            batch = there[start : start + self._batch]
            try:
                embedded = self._embedded([*(said[i] for i in batch), *(wanted[i] for i in batch)])
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                raise ModelError(_WHO, "not enough memory", have=f"{2 * len(batch)} texts at once") from None
            for place, i in enumerate(batch):
                values[i] = self._match(
                    embedded[place], embedded[len(batch) + place], weights(said[i]), weights(wanted[i])
                )
        return [values.get(i, Match(0.0, 0.0, 0.0)) for i in range(len(texts))]

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        read = self.reader
        prefix = " " if read.model.config.model_type in _PREFIXED else ""
        with quiet():
            return [
                read.words(prefix + text.strip(), max_length=self._limit, truncation=True)["input_ids"]
                for text in texts
            ]

    def _weights(self, golds: Sequence[Sequence[int]]) -> Any:
        words = self.reader.words
        marks = {words.cls_token_id, words.sep_token_id, words.bos_token_id, words.eos_token_id} - {None}
        # Of texts, not of tokens: how many of the golds have the token at all.
        texts = Counter(token for gold in golds for token in set(gold)) if self._idf else Counter[int]()
        n = len(golds)

        def of(tokens: Sequence[int]) -> list[float]:
            return [
                0.0 if token in marks else math.log((n + 1) / (texts[token] + 1)) if self._idf else 1.0
                for token in tokens
            ]

        return of

    def _embedded(self, texts: list[list[int]]) -> list[Any]:
        import torch

        read = self.reader
        padding, longest = read.words.pad_token_id or 0, max(map(len, texts))
        ids = torch.full((len(texts), longest), padding, device=read.device)
        mask = torch.zeros((len(texts), longest), dtype=torch.long, device=read.device)
        for row, tokens in enumerate(texts):
            ids[row, : len(tokens)] = torch.tensor(tokens, device=read.device)
            mask[row, : len(tokens)] = 1
        with torch.inference_mode(), quiet():
            states = read.model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        chosen = torch.nn.functional.normalize(states[self.layer].float(), dim=-1)
        return [chosen[row, : len(tokens)] for row, tokens in enumerate(texts)]

    def _match(self, said: Any, wanted: Any, said_weights: list[float], wanted_weights: list[float]) -> Match:
        alike = said @ wanted.T
        precision = _weighted(alike.max(dim=1).values.tolist(), said_weights)
        recall = _weighted(alike.max(dim=0).values.tolist(), wanted_weights)
        both = precision + recall
        match = Match(precision, recall, 2 * precision * recall / both if both else 0.0)
        if self._baseline is None:
            return match
        return Match(*((value - low) / (1 - low) for value, low in zip(match, self._baseline, strict=True)))


def _weighted(values: list[float], weights: list[float]) -> float:
    whole = sum(weights)
    # All weights are 0 where all golds have all tokens: no token tells the texts apart.
    return sum(v * w for v, w in zip(values, weights, strict=True)) / whole if whole else 0.0


def _baseline(path: Path, layer: int) -> Match:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {int(row["LAYER"]): Match(*(float(row[name]) for name in "PRF")) for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), "no baseline", want="lines LAYER,P,R,F", have=f"a file of another kind ({type(error).__name__})"
        ) from None
    if layer not in rows or not all(math.isfinite(value) and value < 1 for value in rows[layer]):
        raise InputError(str(path), "no baseline for the layer", want=f"layer {layer}", have=f"{len(rows)} others")
    return rows[layer]
