"""What `xinheng publish` does with a dataset: gates first, then a folder that others load, check, cite and repeat."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import changelog as log
from app import publishing_gates as gates
from app.changelog import CHANGELOG
from app.facts import dataset_table
from app.publishing_facts import require_facts, split_certificate
from app.publishing_ids import id_files, unrebuildable
from app.publishing_lock import RECIPE, lock_of, recipe_of
from app.publishing_options import Options
from app.publishing_texts import write_json, write_text, write_texts
from app.publishing_version import require_new_version, require_version
from app.publishing_views import views_of
from curation import datasheet as sheet
from curation import published as card
from curation.published_rows import split_rows, write_rows
from xinheng import publication
from xinheng.artifacts import Artifact, require_place, verify
from xinheng.errors import ArtifactError, UsageError
from xinheng.hub import require_nothing_secret
from xinheng.marks import refuse_marked
from xinheng.staging import on_disk, staging
from xinheng.tables import KEYS

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """What was published: its folder (gone again after a dry run), what is open, and sentences for the terminal."""

    folder: Path
    card: str
    told: Mapping[str, Any]
    files: Mapping[str, int]
    notes: Sequence[str]


@contextmanager
def target(out: Path | None, told: Mapping[str, Any], *, overwrite: bool) -> Iterator[Path]:
    """The folder to fill: one that takes its place at the end, or one that is thrown away (a dry run)."""
    with ExitStack() as stack:
        if out is None:
            yield stack.enter_context(staging()) / "publication"
        else:
            yield stack.enter_context(publication.writing(out, told, overwrite=overwrite))


def publish_dataset(artifact: Artifact, out: Path | None, options: Options, *, say: Say) -> Made:
    """Publish a dataset.

    Args:
        artifact: A curated dataset.
        out: The folder to make; None to try only.
        options: How.
        say: Hears what is done.

    Raises:
        CheckFailed: A gate refuses; nothing was written.
        UsageError: Another digest is published there under this version.
        ArtifactError: Its files are not those of its manifest, or something lies in the way.
        WriteError: The disk refuses; nothing was written.
    """
    require_version(options.version)
    gates.require_known(options.accept)
    if out is not None:
        publication.require_free(out, overwrite=options.overwrite)
        require_place(out) if not out.exists() else None
    table = dataset_table(artifact)
    if table not in KEYS:
        raise UsageError("publish", f"not for a {table} table", want=f"one of {', '.join(KEYS)}")
    if out is not None:
        require_new_version(out, options.version, artifact.digest, table=table, rows=artifact.scan(table))
    counts = split_rows(artifact.scan(table))
    say(f"checking {artifact.path}")
    require_whole(artifact)
    facts = require_facts(artifact, table, counts)
    for name in ("gate", "coverage"):
        if f"{name}.json" not in artifact.manifest["files"]:
            facts.pop(name, None)
    # What follows believes no fact that was not looked at.
    artifact = Artifact(artifact.path, {**artifact.manifest, "facts": facts})
    refuse_marked(artifact, allow=options.allow)
    if isinstance(artifact.path, Path):
        require_nothing_secret(artifact.path)
    lost = unrebuildable(artifact.scan(table), artifact.manifest["facts"])
    verdict = gates.licence_gate(artifact.scan(table), accept=options.accept, ids_only=options.ids_only, lost=lost)
    private = gates.privacy_gate(
        artifact, vault=options.vault, k=options.k, quasi=options.quasi, accept=options.accept,
        ids_only=options.ids_only,
    )  # fmt: skip
    recipe, recipe_file = recipe_of(artifact, options.recipe)
    manifest = clean({**artifact.manifest, "facts": facts}, ids_only=options.ids_only)
    gates.require_no_paths(manifest)
    about = _about(artifact, options, table=table, stratum=recipe.stratum if recipe else None)
    told = {**_marker(artifact, about), "licence": verdict.licence or None}
    earlier = log.read(out / CHANGELOG) if out is not None else ""
    with target(out, told, overwrite=options.overwrite) as folder:
        say(f"writing {sum(counts.values()):,} rows")
        notes = _write_rows(artifact, table, counts, folder, options)
        if options.ids_only and lost:
            notes.append(f"nobody else can make these rows again: {'; '.join(lost)}")
        notes += [] if recipe_file or options.ids_only else ["the recipe is not known here: it cannot be made again"]
        _write_facts(artifact, folder, about, manifest, private, options, earlier=earlier)
        lock = lock_of(artifact, recipe, recipe_file)
        if not lock["steps_are_those_of_the_recipe"]:
            notes.append("the steps have been changed since it was made: making it again may give other rows")
        write_json(folder / card.LOCK, lock)
        if recipe_file is not None:
            shutil.copyfile(recipe_file, folder / RECIPE)
        write_json(folder / card.ABOUT, {**about, "notes": notes})
        text = write_texts(folder, about, notes, options)
        files = {name: (folder / name).stat().st_size for name in publication.names(folder)}
    return Made(out or folder, text, {**told, "open": sheet.as_json_facts(options.answers)["open"]}, files, notes)


def require_whole(artifact: Artifact) -> None:
    """Nothing, unless an artifact's files are not those of its manifest.

    Raises:
        ArtifactError: They are not.
    """
    if problems := verify(artifact):
        mend = "Restore it, or make it again."
        raise ArtifactError(str(artifact.path), "damaged or changed", have="; ".join(problems[:3]), mend=mend)


def clean(manifest: Mapping[str, Any], *, ids_only: bool = False) -> dict[str, Any]:
    """What a publication tells of a manifest: no times, and no reasons, which may quote what was left out."""
    hidden = {"seconds", "reasons", "read_with", "options", *(("topics", "coverage") if ids_only else ())}
    facts = {name: value for name, value in manifest["facts"].items() if name not in hidden}
    kept = {name: manifest[name] for name in ("format", "kind", "name", "digest", "parents", "marks")}
    tables = {
        name: {"digest": entry["digest"], "columns": entry["columns"], "rows": sum(f["rows"] for f in entry["files"])}
        for name, entry in manifest["tables"].items()
    }
    written = {name: manifest["written"][name] for name in ("at", "xinheng", "polars")}
    return {**kept, "tables": tables, "facts": facts, "written": written}


def _about(artifact: Artifact, options: Options, *, table: str, stratum: str | None) -> dict[str, Any]:
    title = artifact.manifest["facts"].get("title") or {}
    name = str(artifact.manifest["name"])
    columns = artifact.manifest["tables"][table]["columns"]
    return {
        "title": str(options.answers.get("title") or title.get("en") or name),
        "title_zh": str(options.answers.get("title_zh") or title.get("zh") or title.get("en") or name),
        "version": options.version,
        "repo": options.repo,
        "table": table,
        "stratum": stratum if stratum in columns else None,
        "accepted": sorted(set(options.accept)),
        "ids_only": options.ids_only,
    }


def _marker(artifact: Artifact, about: Mapping[str, Any]) -> dict[str, Any]:
    told = ("version", "table", "accepted", "ids_only")
    return {
        "kind": artifact.kind,
        "name": str(artifact.manifest["name"]),
        **{key: about[key] for key in told},
        "artifact": artifact.link(),
    }


def _write_rows(artifact: Artifact, table: str, counts: Mapping[str, int], folder: Path, options: Options) -> list[str]:
    """Write rows with their views, or ids; what the reader must know of that."""
    folder.mkdir(exist_ok=True)
    names = [entry["name"] for entry in artifact.manifest["tables"][table]["files"]]
    with ExitStack() as stack:
        files = [stack.enter_context(on_disk(artifact.file(name))) for name in names]
        if options.ids_only:
            id_files(files, counts, folder, key=KEYS[table])
            return ["it holds ids and no rows"]
        return write_rows(files, counts, folder, views=views_of(table))[1]


def _write_facts(
    artifact: Artifact,
    folder: Path,
    about: Mapping[str, Any],
    manifest: Mapping[str, Any],
    private: Mapping[str, Any],
    options: Options,
    *,
    earlier: str,
) -> None:
    for name in ("provenance", "certificates"):
        (folder / name).mkdir()
    write_json(folder / card.ABOUT, about)
    write_json(folder / card.MANIFEST, manifest)
    write_json(folder / card.PRIVACY, private)
    write_json(folder / card.SPLIT, split_certificate(artifact, str(about["table"]), about["stratum"]))
    # The values of tags are what people wrote: they do not go with ids.
    certificates = {"gate.json": card.GATE, **({} if options.ids_only else {"coverage.json": card.COVERAGE})}
    for name, to in certificates.items():
        if name in artifact.manifest["files"]:
            with on_disk(artifact.file(name)) as file:
                shutil.copyfile(file, folder / to)
    facts = manifest["facts"]
    if "contamination" in facts:
        told = {"against": facts.get("against", {}), "summary": facts["contamination"]}
        write_json(folder / card.CONTAMINATION, told)
    write_evidence(folder, options.evidence)
    write_json(folder / sheet.ANSWERS, sheet.as_json_facts(options.answers))
    if options.changelog is not None:
        shutil.copyfile(options.changelog, folder / CHANGELOG)
    elif CHANGELOG in artifact.manifest["files"]:
        with on_disk(artifact.file(CHANGELOG)) as file:
            write_text(folder / CHANGELOG, log.released(log.read(file), options.version, earlier))


def write_evidence(folder: Path, evidence: Mapping[str, Artifact]) -> None:
    """The summaries of scores or agreement, as JSON beside the card, without folders of this machine.

    Raises:
        CheckFailed: One names a folder all the same.
    """
    for name, artifact in evidence.items():
        require_whole(artifact)
        if "summary" not in artifact.manifest["tables"]:
            raise UsageError("publish", f"no figures in {artifact.path}", want="an artifact with a table summary")
        (folder / "evidence").mkdir(exist_ok=True)
        rows = artifact.scan("summary").collect()
        title = artifact.manifest["facts"].get("title")
        told = title.get("en") if isinstance(title, Mapping) else title
        known = {"title": str(told or artifact.manifest["name"]), **artifact.link(), "rows": rows.to_dicts()}
        shown = gates.without_places(known)
        gates.require_no_paths(shown, of=f"evidence {name}")
        write_json(folder / "evidence" / f"{name}.json", shown)
