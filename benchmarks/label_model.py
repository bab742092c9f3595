"""A classifier that reads the label of a reply to an IMHI question: a third reader, beside the two that go by rules.

IMHI's publishers trained one per set (MentalBERT) for models that do not keep to the form. It always names a label,
also of a reply that claims none, so that its column has no unreadable answers but empty ones: compare it only with
itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.imhi_labels import LABEL_SETS, set_name
from benchmarks.measure_models import Reader, out_of_memory, quiet, reader, settings_of
from xinheng.errors import ModelError, UsageError
from xinheng.thoughts import without_thoughts

_WHO: Final = "label-model"
_MOST: Final = 512
# What the publishers' classifiers call their classes, where their files name none: numbered otherwise than the labels
# of the same publishers' evaluation in these two sets.
_NUMBERED: Final[Mapping[str, tuple[str, ...]]] = {
    "swmh": ("depression", "suicide", "anxiety", "bipolar", "none"),
    "T-SID": ("depression", "suicide", "ptsd", "control"),
}
_OTHERWISE: Final[Mapping[str, Mapping[str, str]]] = {
    "swmh": {"no mental": "none", "no mental disorders": "none", "control": "none"},
    "T-SID": {"no mental": "control", "no mental disorders": "control", "none": "control"},
    "CAMS": {"job": "jobs", "relation": "relationship", "no causes": "none", "no reason": "none"},
    "SAD": {"decision": "everyday", "decision making": "everyday", "everyday decision making": "everyday"},
}
_YES_NO: Final = {"0": "no", "1": "yes", "false": "no", "true": "yes", "negative": "no", "positive": "yes"}
_NAMELESS: Final = re.compile(r"(?:label[_ ]?)?(\d+)", re.IGNORECASE)


class LabelModel:
    """A classifier of one set.

    Args:
        dataset: The set whose labels it reads, in any spelling.
        place: A folder or a name on the hub.
        batch: Replies at once.

    Raises:
        UsageError: An unknown set.
        ModelError: The model cannot be used, or its labels are not those of the set.
    """

    def __init__(self, dataset: str, place: str, *, batch: int = 32) -> None:
        self.dataset, self._batch = set_name(dataset), batch
        self.reader: Reader = reader(place, "classifier", who=_WHO)
        self._labels = labels_of(self.dataset, self.reader.model.config.id2label)
        self._limit = min(_MOST, self.reader.limit)

    @property
    def name(self) -> str:
        """Of the model."""
        return self.reader.name

    @property
    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {**self.reader.facts, "dataset": self.dataset, "tokens": self._limit}

    def __call__(self, replies: Sequence[str]) -> list[int | None]:
        """The label of each reply, by number; None for an empty one, and for one that is a thought and no more.

        The whole reply is read, its explanation too, as far as the model reads (512 tokens); what was thought is not.

        Raises:
            ModelError: Memory ran out.
        """
        import torch

        read = self.reader
        found: list[int | None] = [None] * len(replies)
        spoken = [without_thoughts(reply) for reply in replies]
        there = sorted((i for i, reply in enumerate(spoken) if reply.strip()), key=lambda i: (len(spoken[i]), i))
        for start in range(0, len(there), self._batch):
            batch = there[start : start + self._batch]
            try:
                with torch.inference_mode(), quiet():
                    given = read.words(
                        [spoken[i] for i in batch],
                        max_length=self._limit, truncation=True, padding=True, return_tensors="pt",
                    ).to(read.device)  # fmt: skip
                    classes = read.model(**given).logits.argmax(dim=-1).tolist()
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                raise ModelError(_WHO, "not enough memory", have=f"{len(batch)} replies at once") from None
            for i, number in zip(batch, classes, strict=True):
                found[i] = self._labels[number]
        return found


def places_by_set(given: str, sets: Sequence[str]) -> dict[str, str]:
    """The place of each set's classifier; their labels are looked at, nothing is loaded.

    Args:
        given: `DR=PLACE,SAD=PLACE`; or a folder that has a folder for each set; or the place of one model, where only
            one set is scored or all sets have its labels.
        sets: Those that are scored, by their names.

    Raises:
        UsageError: A set has no classifier, or one is named that is not scored.
        ModelError: A model is not there, or its labels are not those of its set.
    """
    places = _places(given, sets)
    if lacking := [name for name in sets if name not in places]:
        raise UsageError(
            _WHO, "sets without a classifier", want=", ".join(sets), have=f"none for {', '.join(lacking)}",
            mend="Say SET=PLACE,SET=PLACE, name a folder with a folder for each set, or say --sets.",
        )  # fmt: skip
    for name in sets:
        told = settings_of(places[name], who=_WHO)
        # A file without names has two nameless classes, as transformers reads it.
        labels_of(name, told.get("id2label") or {number: f"LABEL_{number}" for number in range(2)})
    return {name: places[name] for name in sets}


def labels_of(dataset: str, id2label: Mapping[Any, Any]) -> dict[int, int]:
    """From a model's classes to the numbers of a set's labels.

    Names go before numbers. Nameless classes (`LABEL_3`) are in the order of the publishers' classifiers, which is
    another than that of their evaluation for swmh and T-SID.

    Raises:
        ModelError: Not as many classes as labels, or a class that names none of them, or two that name the same.
    """
    name = set_name(dataset)
    names = LABEL_SETS[name].names
    try:
        classes = {int(number): str(label) for number, label in id2label.items()}
    except (AttributeError, TypeError, ValueError):
        raise ModelError(_WHO, "id2label is no table of names", want="numbers to names", have="others") from None
    found = {number: _label(name, label, number) for number, label in sorted(classes.items())}
    if sorted(-1 if label is None else label for label in found.values()) != list(range(len(names))):
        have = ", ".join(classes[number] for number in sorted(classes))
        raise ModelError(
            _WHO, f"its classes are not the labels of {name}", want=", ".join(names),
            have=have if len(have) <= 300 else f"{len(classes)} classes",
            mend="Put the labels' names into id2label of its config.json, or name the set's own classifier.",
        )  # fmt: skip
    return {number: label for number, label in found.items() if label is not None}


def _label(dataset: str, name: str, number: int) -> int | None:
    names = LABEL_SETS[dataset].names
    plain = " ".join(re.sub("[^a-z0-9]+", " ", name.lower()).split())
    if _NAMELESS.fullmatch(name.strip()) and LABEL_SETS[dataset].subject is None:
        order = _NUMBERED.get(dataset, names)
        said = int(_NAMELESS.fullmatch(name.strip())[1])  # type: ignore[index]
        return names.index(order[said]) if said == number and said < len(order) else None
    if LABEL_SETS[dataset].subject is not None:
        plain = _YES_NO.get(plain.removeprefix("label "), plain)
    plain = _OTHERWISE.get(dataset, {}).get(plain, plain)
    if plain in names:
        return names.index(plain)
    topics = LABEL_SETS[dataset].topics or {}
    named = [label for label, words in topics.items() if words.search(plain)]
    return named[0] if len(named) == 1 else None


def _places(given: str, sets: Sequence[str]) -> dict[str, str]:
    if "=" in given and not Path(given).expanduser().exists():
        pairs = [part.partition("=") for part in given.split(",") if part.strip()]
        places = {set_name(name.strip()): place.strip() for name, _, place in pairs}
        if others := [name for name in places if name not in sets]:
            raise UsageError(_WHO, "sets that are not scored", want=", ".join(sets), have=", ".join(others))
        return places
    folder = Path(given).expanduser()
    if folder.is_dir() and not (folder / "config.json").is_file():
        inner = {path.name.lower().replace("-", ""): path for path in sorted(folder.iterdir()) if path.is_dir()}
        return {name: str(inner[plain]) for name in sets if (plain := name.lower().replace("-", "")) in inner}
    return dict.fromkeys(sets, given)
