"""What `xinheng publish` does with an adapter or a model: the files that `xinheng push` sends, scores and claims."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from app import publishing_gates as gates
from app.changelog import CHANGELOG
from app.publishing import Made, target, write_evidence
from app.publishing_gates import without_places
from app.publishing_model_texts import BASE, model_texts, sent_files
from app.publishing_options import Options
from app.publishing_texts import CARD, write_json, write_text, written_by
from app.publishing_version import require_new_version, require_version
from training import hub
from training.adapters import folder_of
from training.base import located
from training.model_card import ABOUT, MANIFEST, about
from xinheng import publication
from xinheng.artifacts import MANIFEST as ARTIFACT
from xinheng.artifacts import open_artifact
from xinheng.errors import CheckFailed, UsageError
from xinheng.hub import Item
from xinheng.licence_sources import SOURCE_TERMS, YOURS
from xinheng.licence_terms import in_confidence, unlicensed
from xinheng.licences import NOTHING, refusal
from xinheng.licences import publication as terms

Say = Callable[[str], None]

_TOLD: Final = (
    "title", "base", "recipe", "rows", "trained", "trial", "allowed", "adapters", "way", "quantised", "special_tokens",
    "licences", "trainable",
)  # fmt: skip


def publish_model(
    folder: Path, out: Path | None, options: Options, *, base: str | None, with_base: bool, say: Say
) -> Made:
    """Publish an adapter or a model.

    Args:
        folder: Where it lies.
        out: The folder to make; None to try only.
        options: How; what is for rows alone is not looked at.
        base: Its base on the hub, or `none`.
        with_base: Put the base's folder into `base/`, for a small one that is on no hub.
        say: Hears what is done.

    Raises:
        CheckFailed: It is not whole, holds what must never leave, or a licence forbids it; nothing was written.
        WriteError: The disk refuses; nothing was written.
    """
    require_version(options.version)
    gates.require_known(options.accept)
    if out is not None:
        publication.require_free(out, overwrite=options.overwrite)
    say(f"checking {folder}")
    parcel = hub.parcel(folder, options.repo, base="none" if with_base and base is None else base, allow=options.allow)
    kind = "adapter" if (folder / "adapter_config.json").is_file() else "model"
    manifest = _manifest(folder, kind)
    if out is not None:
        require_new_version(out, options.version, str(manifest["digest"]))
    licences = [*manifest["facts"].get("licences", []), *_of_base(manifest["facts"])]
    _require_terms(licences, options)
    told_about = {
        **about(manifest["facts"], base=parcel.base, repo=options.repo),
        **{name: options.answers[name] for name in ("title", "title_zh") if name in options.answers},
        "version": options.version,
        "licences": licences,
        "accepted": sorted(set(options.accept)),
    }
    told = {
        "kind": kind,
        "name": manifest["name"],
        "version": options.version,
        "accepted": told_about["accepted"],
        "artifact": {name: manifest[name] for name in ("kind", "name", "digest")},
        "licence": parcel.licence or None,
    }
    with target(out, told, overwrite=options.overwrite) as place:
        say(f"writing {len(parcel.files):,} files")
        place.mkdir(exist_ok=True)
        _copy([item for item in parcel.files if item.name != CARD], place)
        if with_base:
            _copy_base(manifest["facts"], folder, place)
        write_json(place / MANIFEST, manifest)
        write_evidence(place, options.evidence)
        if options.changelog is not None:
            shutil.copyfile(options.changelog, place / CHANGELOG)
        whole = {**told_about, **written_by(options, manifest), "files": sent_files(place)}
        write_json(place / ABOUT, whole)
        texts = model_texts(place, whole, manifest)
        for name, text in texts.items():
            write_text(place / name, text)
        files = {name: (place / name).stat().st_size for name in publication.names(place)}
    notes = [f"stays here: {', '.join(parcel.stays)}"] if parcel.stays else []
    return Made(out or place, texts[CARD], told, files, notes)


def _manifest(folder: Path, kind: str) -> dict[str, Any]:
    """What is told of the artifact; of a folder that is none, its weights stand for it."""
    if not (folder / ARTIFACT).is_file():
        raise UsageError(
            "publish", f"{folder} has no manifest", want="what xinheng train, merge or quantise makes",
            mend="`xinheng push` sends weights of other programs.",
        )  # fmt: skip
    artifact = open_artifact(folder)
    facts = {name: artifact.manifest["facts"][name] for name in _TOLD if name in artifact.manifest["facts"]}
    whole = {
        "kind": kind,
        "name": str(artifact.manifest["name"]),
        "digest": artifact.digest,
        "parents": artifact.manifest["parents"],
        "marks": artifact.marks,
        "facts": facts,
        "written": {name: artifact.manifest["written"][name] for name in ("at", "xinheng", "polars")},
        "sha256": {name: entry["sha256"] for name, entry in artifact.manifest["files"].items()},
    }
    return dict(without_places(whole))


def _of_base(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    base = facts.get("base", {})
    if not base.get("licence"):
        return []
    return [{"licence": base["licence"], "sources": [f"base {Path(str(base.get('name'))).name}"], "rows": 0}]


def _require_terms(licences: list[dict[str, Any]], options: Options) -> None:
    """Nothing, unless a licence forbids it; `--allow-unlicensed` is for rows that name none, and for no others.

    Raises:
        CheckFailed: One does. Ids are no way out for a model.
    """
    allowed = hub.UNLICENSED in options.allow
    binding = [*_named(licences)] if allowed else licences
    if allowed and not binding:
        return
    verdict = terms(binding, accept=options.accept)
    if not verdict.allowed:
        have, mend = refusal(replace(verdict, instead=NOTHING))
        raise CheckFailed("publish", "what it was trained on forbids it", have=have, mend=mend)


def _named(licences: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Licences that somebody named, a publisher's where the rows name none, and all that was said in confidence."""
    for row in licences:
        if not unlicensed(row["licence"]) or in_confidence(row["licence"]):
            yield row
            continue
        for source in row.get("sources") or ():
            known = SOURCE_TERMS[source].licence if source in SOURCE_TERMS else YOURS
            if known != YOURS:
                yield {**row, "licence": known, "sources": [source]}


def _copy(items: list[Item], place: Path) -> None:
    for item in items:
        if isinstance(item.content, bytes):
            (place / item.name).write_bytes(item.content)
        else:
            shutil.copyfile(item.content, place / item.name)


def _copy_base(facts: Mapping[str, Any], folder: Path, place: Path) -> None:
    """The base's own files, as `xinheng push` would send them, beside the adapter.

    Raises:
        UsageError: It is an address, or no adapter.
    """
    told = str(open_artifact(folder).manifest["facts"].get("base", {}).get("name") or "")
    base = folder_of(located(told)) if told else Path()
    if not told or not (base / "config.json").is_file():
        raise UsageError("publish", "no folder of its base", want="a base on this machine", have=repr(Path(told).name))
    del facts
    parcel = hub.parcel(base, "", base="none", allow=[hub.UNLICENSED])
    (place / BASE).mkdir()
    _copy([item for item in parcel.files if item.name != CARD], place / BASE)
    if (base / CARD).is_file():
        shutil.copyfile(base / CARD, place / BASE / CARD)
