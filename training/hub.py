"""What goes to the Hugging Face Hub, and what never does: shown before it is sent, sent as one commit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from training.adapters import readable_saving
from training.model_card import card, licence_of
from xinheng.artifacts import MANIFEST, Artifact, open_artifact, verify
from xinheng.errors import CheckFailed, InputError, UsageError, WriteError
from xinheng.hub import Item, require_nothing_secret, require_repo
from xinheng.hub import send as upload
from xinheng.licence_terms import in_confidence, unlicensed
from xinheng.marks import refuse_marked

CARD: Final = "README.md"
UNLICENSED: Final = "unlicensed"
# Nothing else is ever sent: tables, pages and samples may hold what people wrote.
_SENT: Final = (
    "adapter_config.json", "*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json",
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "chat_template.jinja", "chat_template.json", "*.gguf",
    "Modelfile", "LICENSE", "LICENSE.*", "NOTICE",
)  # fmt: skip
_PATHS: Final = {"_name_or_path", "name_or_path"}


@dataclass(frozen=True)
class Parcel:
    """All that is sent.

    Args:
        folder: Where it was made.
        repo: Where it goes.
        private: Whether a repository that is made will be.
        files: What goes, by name.
        card: Text of the card among them.
        stays: Files that are not sent.
        licence: That binds it; empty where none is known.
        base: Its base's name on the hub; None where it is not there.
    """

    folder: Path
    repo: str
    private: bool
    files: tuple[Item, ...]
    card: str
    stays: tuple[str, ...]
    licence: str
    base: str | None = None


def parcel(
    folder: Path, repo: str, *, base: str | None = None, private: bool = False, allow: Collection[str] = ()
) -> Parcel:
    """What would be sent of a folder; nothing is written or sent.

    Args:
        folder: Of an adapter or a model.
        repo: `OWNER/NAME`; empty for a folder that goes nowhere.
        base: The base's name on the hub, `none` where it is not there; by default as the folder names it.
        private: See `Parcel`.
        allow: What is sent all the same: `unlicensed`, and names of marks.

    Raises:
        UsageError: A name is none of the hub's, or the base's is not known.
        InputError: The folder holds neither.
        CheckFailed: It holds what must never be sent, is not whole, is marked or has no licence.
    """
    if repo:
        require_repo(repo)
    if not (folder / "adapter_config.json").is_file() and not (
        (folder / "config.json").is_file() or any(folder.glob("*.gguf"))
    ):
        have = "no such folder" if not folder.is_dir() else "neither in it"
        raise InputError(str(folder), "neither an adapter nor a model", have=have)
    kind = "adapter" if (folder / "adapter_config.json").is_file() else "model"
    require_nothing_secret(folder)
    artifact = open_artifact(folder) if (folder / MANIFEST).is_file() else None
    facts: Mapping[str, Any] = artifact.manifest["facts"] if artifact is not None else {}
    licence = _require_leave(folder, artifact, facts, allow)
    named = _base_on_hub(folder, facts, base)
    text = card(kind, facts, base=named, marks=artifact.marks if artifact is not None else (), repo=repo)
    items = [Item(CARD, len(text.encode()), text.encode())]
    stays = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name == CARD:
            continue
        if path.is_symlink() or "/" in name or not any(fnmatch(name, pattern) for pattern in _SENT):
            stays.append(name)
            continue
        content = _without_paths(path, named)
        items.append(Item(name, len(content) if isinstance(content, bytes) else path.stat().st_size, content))
    return Parcel(
        folder, repo, private, tuple(sorted(items, key=lambda item: item.name)), text, tuple(stays), licence, named
    )


def laid_out(parcel: Parcel, folder: Path) -> Path:
    """All that would be sent, in a folder of its own: what it links to is not copied.

    Raises:
        WriteError: Something else lies there, or the disk refuses.
    """
    if folder.exists() and not (folder.is_dir() and {path.name for path in folder.iterdir()} <= _names(parcel)):
        raise WriteError(str(folder), "in the way", want="no folder", mend="Move it away.")
    with readable_saving(folder, "what is to be sent"):
        folder.mkdir(parents=True, exist_ok=True)
        for item in parcel.files:
            target = folder / item.name
            target.unlink(missing_ok=True)
            if isinstance(item.content, bytes):
                target.write_bytes(item.content)
            else:
                _linked(item.content, target)
    return folder


def send(parcel: Parcel, *, message: str, say: Callable[[str], None] = lambda _: None) -> str:
    """The address of the commit that holds all of it (see `xinheng.hub.send`)."""
    return upload(parcel.files, parcel.repo, kind="model", private=parcel.private, message=message, say=say)


def _require_leave(folder: Path, artifact: Artifact | None, facts: Mapping[str, Any], allow: Collection[str]) -> str:
    """The licence that binds it.

    Raises:
        CheckFailed: It is not whole, is marked, or has none, and nobody named that; or it learnt what was said in
            confidence, whatever is named.
    """
    if artifact is not None:
        if problems := verify(artifact):
            raise CheckFailed(str(folder), "not as it was written", have="; ".join(problems[:3]), mend="Make it again.")
        refuse_marked(artifact, allow=allow)
    licences = [str(row["licence"] or "") for row in facts.get("licences", [])]
    if any(in_confidence(row["licence"], row.get("sources") or ()) for row in facts.get("licences", [])):
        raise CheckFailed(
            str(folder),
            "trained on what was said in confidence",
            have="rows of private conversations",
            mend="It stays on this machine; train without these rows to pass a model on.",
        )
    licence = licence_of(facts)
    bad = sorted({one for one in licences if unlicensed(one)})
    if (bad or not licences) and UNLICENSED not in allow:
        have = ", ".join(map(repr, bad)) if bad else "no record of the rows it was trained on"
        raise CheckFailed(
            str(folder),
            "nobody may rely on a licence of its data",
            have=have,
            mend="Leave these sources out of the training, or say --allow-unlicensed: the card will say so.",
        )
    return "" if unlicensed(licence) else licence


def _base_on_hub(folder: Path, facts: Mapping[str, Any], given: str | None) -> str | None:
    """The base's name on the hub, as it is named or told."""
    if given == "none":
        return None
    if given is not None:
        require_repo(given)
        return given
    told = str(facts.get("base", {}).get("name") or "")
    if not told and (folder / "adapter_config.json").is_file():
        settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        told = str(settings.get("base_model_name_or_path") or "")
    if told.count("/") == 1 and not told.startswith((".", "/", "~")) and not Path(told).exists():
        return told
    raise UsageError(
        str(folder),
        "which model of the hub is its base?",
        want="--base OWNER/NAME, or --base none where it is not there",
        have=f"a folder of this machine, {Path(told).name}" if told else "no record of it",
        mend="`xinheng publish --with-base` puts a small base beside the adapter.",
    )


def _without_paths(path: Path, base: str | None) -> Path | bytes:
    """The file, or what it says without folders of this machine."""
    if path.name not in {"adapter_config.json", "config.json", "tokenizer_config.json", "generation_config.json"}:
        return path
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(str(path), "cannot be read", want="a JSON object", have=type(error).__name__) from error
    clean = {key: value for key, value in told.items() if key not in _PATHS}
    if "base_model_name_or_path" in clean:
        clean["base_model_name_or_path"] = base
    return (json.dumps(clean, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _names(parcel: Parcel) -> set[str]:
    return {item.name for item in parcel.files}


def _linked(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
