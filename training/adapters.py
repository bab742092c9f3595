"""Adapters in folders: saved with the tokenizer they were trained with, proven by reading them back."""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.load import Ready, make_room
from training.running import ALONE
from xinheng.artifacts import open_artifact
from xinheng.chat.local_files import LocalFiles, identity_of
from xinheng.errors import ArtifactError, CheckFailed, InputError, UsageError, WriteError


@dataclass(frozen=True)
class Proof:
    """That what was saved is what was trained.

    Args:
        tokens: Special tokens that were added, each one id before and after.
        largest: Largest difference of a logit, between the model in memory and the one read back.
        merged: The same of the merged model.
    """

    tokens: int
    largest: float
    merged: float


def save(ready: Ready, folder: Path, *, base: str) -> None:
    """Write adapter and tokenizer beside each other; an older adapter stays until the new one is whole.

    Args:
        ready: The trained model.
        folder: Of the adapter.
        base: As the adapter will name it.

    Raises:
        WriteError: The disk is full or refuses.
    """
    with readable_saving(folder, "the adapter"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        old = folder.with_name(f".{folder.name}-old")
        if old.is_dir() and not folder.exists():
            old.rename(folder)  # a killed run left it between two renames
        making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # A folder's whole name, so that the adapter can be served from anywhere.
                named = str(Path(base).resolve()) if Path(base).is_dir() else base
                ready.model.peft_config["default"].base_model_name_or_path = named
                ready.model.save_pretrained(making, **ALONE)
            ready.words.save_pretrained(making)
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            try:
                making.rename(folder)
            except BaseException:
                if old.is_dir():
                    old.rename(folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(making, ignore_errors=True)


def answers(ready: Ready) -> Any:
    """The logits that a saved adapter has to give again; of several processes all must ask, each may hold a part."""
    import torch

    ids = _asked(ready.words, ready.new_tokens)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        ready.model.eval()
        return ready.model(input_ids=ids.to(ready.model.device)).logits.float().cpu()


def prove(ready: Ready, folder: Path, base: str, *, want: Any = None) -> Proof:
    """Read an adapter back, and merge it; the answers must be those of the model in memory.

    Args:
        ready: The trained model.
        folder: Of the adapter.
        base: Its base, as one process reads it.
        want: From `answers`; asked for here by default.

    Raises:
        CheckFailed: They are not, or a special token is no single id any more.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    want = answers(ready) if want is None else want
    words = AutoTokenizer.from_pretrained(folder)
    tokens = ready.words.convert_ids_to_tokens(list(ready.new_tokens))
    split = [t for t in tokens if words(t, add_special_tokens=False)["input_ids"] != [words.convert_tokens_to_ids(t)]]
    ids = _asked(ready.words, ready.new_tokens)
    plain = with_rows_for(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), words)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        back = PeftModel.from_pretrained(plain, folder).eval()
        have = back(input_ids=ids).logits
        whole = back.merge_and_unload()(input_ids=ids).logits
    largest, of_merged = (float((want - other).abs().max()) for other in (have, whole))
    # A quantised base is not read back as such here; its answers are near, not equal.
    quantised = getattr(ready.model.get_base_model(), "is_quantized", False) or ready.half
    most = (0.5 if quantised else 1e-3) * max(1.0, float(want.abs().max()))
    if split or not max(largest, of_merged) <= most:  # a difference that is no number is one
        raise CheckFailed(
            str(folder),
            "what was saved is not what was trained",
            want="equal answers, one id for each special token",
            have=f"logits differ by {max(largest, of_merged):.3g}; {len(split)} tokens split",
        )
    return Proof(len(tokens), largest, of_merged)


def _asked(words: Any, new_tokens: Sequence[int]) -> Any:
    """Every new token once, and a sentence in two languages."""
    import torch

    text = "".join(words.convert_ids_to_tokens(list(new_tokens))) + "我最近睡不好。 I cannot sleep."
    return torch.tensor([words(text, add_special_tokens=False)["input_ids"]])


def words_of(base: Path, adapter: Path) -> Any:
    """The tokenizer that an adapter was trained with: its own where it brings one, else the base's."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(LocalFiles(base, adapter).tokenizer)


def with_rows_for(model: Any, words: Any) -> Any:
    """The model, with as many rows as its tokenizer has tokens: an adapter brings what stands in new ones."""
    make_room(model, words)
    return model


def folder_of(base: str) -> Path:
    """Where a base lies on this machine: its folder, or the hub's cache.

    Raises:
        UsageError: It does not.
    """
    folder = Path(base).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UsageError(
            base,
            "no such model on this machine",
            want="a folder, or a model of the hub that was fetched",
            mend=f"Name its folder, or fetch it: hf download {base}",
        ) from error


def settings_of(adapter: Path) -> dict[str, Any]:
    """What adapter_config.json says.

    Raises:
        InputError: There is none that can be read.
    """
    try:
        told = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        have = type(error).__name__
        raise InputError(str(adapter), "no adapter", want="a folder with adapter_config.json", have=have) from error
    if not isinstance(told, dict):
        raise InputError(str(adapter), "no adapter", want="a JSON object in adapter_config.json")
    return told


def require_base(base: str, adapter: Path) -> None:
    """Raise when an adapter was trained on another base.

    What it was trained on is known by the digest of its files where the adapter comes from `xinheng train`; else by
    the folder that it names, where that is still there; else by name alone, in which the hub's names are compared
    whole and of folders the last part.
    """
    told = settings_of(adapter)
    named = str(told.get("base_model_name_or_path") or "")
    here = Path(base).expanduser()
    same = not named or named == base
    by = "its name"
    if here.is_dir():
        trained_on, digest = _identity_in(adapter), ""
        there = Path(named).expanduser()
        if trained_on:
            digest, by = identity_of(LocalFiles(here)), "the digest of its files"
        elif named and there.is_dir() and there.resolve() != here.resolve():
            trained_on, digest, by = (
                identity_of(LocalFiles(there)),
                identity_of(LocalFiles(here)),
                "the digest of its files",
            )
        same = trained_on == digest if trained_on else same or Path(named).name == here.name or there.is_dir()
    elif Path(named).is_absolute():
        same = Path(named).name == here.name
    if not same:
        raise InputError(
            str(adapter),
            "an adapter for another base",
            want=f"{named or 'the one it was trained on'}, by {by}",
            have=base,
            mend="Name the base that it was trained on.",
        )


def _identity_in(adapter: Path) -> str:
    """The digest of the base in the record of a training; empty where there is none."""
    try:
        return str(open_artifact(adapter).manifest["facts"]["base"]["identity"] or "")
    except (ArtifactError, KeyError, TypeError):
        return ""


# What torch says where a file could not be written; it has no class for it.
_UNWRITTEN: Final = re.compile(r"iostream error|unexpected pos|PytorchStreamWriter|file write failed|No space left")


@contextmanager
def readable_saving(place: Path, what: str) -> Iterator[None]:
    """Turn what the disk refuses into one `WriteError`; safetensors' and torch's own errors are no `OSError`."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        torn = isinstance(error, RuntimeError) and _UNWRITTEN.search(text)
        if isinstance(error, RuntimeError) and not torn:
            raise
        full = torn or "No space left" in text or "os error 28" in text
        raise WriteError(
            str(place),
            f"{what} cannot be written",
            have="a full disk" if full else text.rpartition(": ")[2],
            mend="Free space or choose another folder; what was there is as it was.",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries from warning of what is checked here, and from drawing bars of their own."""
    import transformers.utils.logging as told

    level, bars = told.get_verbosity(), told.is_progress_bar_enabled()
    others = {name: logging.getLogger(name).level for name in ("bitsandbytes", "peft", "accelerate")}
    told.set_verbosity_error()
    told.disable_progress_bar()
    for other in others:
        logging.getLogger(other).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        told.set_verbosity(level)
        if bars:
            told.enable_progress_bar()
        for other, before in others.items():
            logging.getLogger(other).setLevel(before)
