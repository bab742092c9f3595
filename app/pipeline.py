"""The main job: sources read into artifacts, recipes run over them, datasets weighed by the gate."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

import datasets_src
from app.facts import READ_STEP, dataset_facts
from app.held_out import held_out
from app.protection import inherited, protected
from app.withdrawing import certificate_of, withdrawn_of
from curation.coverage import coverage
from curation.engine import curate_shards
from curation.expectations import Gate, gate
from curation.privacy.vault import Vault
from curation.recipe import Recipe
from curation.split import split
from datasets_src.catalog import Source, source
from datasets_src.ingest import Tally, dropped_frame, frames
from reports.run import gate_page, run_page
from xinheng.artifacts import MANIFEST, Artifact, file_sha256, open_artifact, readable_write_errors, verify, write
from xinheng.errors import InputError, SourceError, UsageError
from xinheng.licences import PRIVATE, YOURS
from xinheng.marks import counts_line, mark_line, united
from xinheng.settings import settings
from xinheng.staging import Fetched, fetched, stamps_of
from xinheng.storage import Place, RemotePath, place_of
from xinheng.tables import KEYS, TABLES

Say = Callable[[str], None]

PAGE: Final = "report.html"


@dataclass(frozen=True)
class Dataset:
    """A curated dataset on disk and what the gate said of it (None when it was not asked)."""

    artifact: Artifact
    gate: Gate | None


def source_path(name: str) -> Place:
    """Where the artifact of a source lies."""
    return settings().runs / "sources" / name


def dataset_path(name: str) -> Place:
    """Where the dataset of a recipe lies."""
    return settings().runs / "datasets" / name


def ingest_source(
    entry: Source, *, place: Place, out: Place, options: Mapping[str, Any] | None = None, limit: int | None = None
) -> Artifact:
    """Read a source's files into an artifact with its rows and what could not be read.

    Readers want files of this disk: objects of a store are fetched below TMPDIR while they are read.

    Args:
        entry: What to read.
        place: The folder or file in which it lies.
        out: The artifact's folder.
        options: Keywords of the reader: encoding, mapping, date_order …
        limit: Stop after so many rows, for a first look.

    Raises:
        InputError: A file cannot be read, or changed while it was read.
        StoreError: A store refuses or does not answer.
    """
    if isinstance(place, Path):
        return _ingest(entry, place=place, out=out, options=options, limit=limit)
    with fetched(place) as objects:
        try:
            return _ingest(entry, place=objects.path, out=out, options=options, limit=limit, objects=objects)
        except InputError as error:
            # The reader knows the copy only; who asked knows the store.
            who = error.who.replace(str(objects.path), str(place))
            raise type(error)(who, error.what, want=error.want, have=error.have, mend=error.mend) from None


def _ingest(
    entry: Source,
    *,
    place: Path,
    out: Place,
    options: Mapping[str, Any] | None,
    limit: int | None,
    objects: Fetched | None = None,
) -> Artifact:
    given = {k: v for k, v in (options or {}).items() if v is not None}
    takes = inspect.signature(entry.read).parameters
    strange = [name for name in given if name not in takes]
    if strange:
        raise UsageError(
            entry.name,
            f"takes no {' or '.join(strange)}",
            want=f"{', '.join(list(takes)[1:])}",
            mend="Leave the option out.",
        )
    if not place.exists():
        raise InputError(str(place), "no such file or folder", mend="Give the publisher's folder or one of its files.")
    before = _files(place)
    tally = Tally()
    rows: Iterable[Any] = entry.read(place, **given)
    if limit is not None:
        rows = _first(rows, limit)
    tables: dict[str, Any] = {
        entry.table: frames(
            rows, entry.table, tally, source=entry.name, licence=entry.licence, batch_rows=settings().batch_rows
        ),
        # Written after the rows, when the tally is complete.
        "dropped": _later(lambda: dropped_frame(tally.rejected, step=READ_STEP)),
    }
    facts: dict[str, Any] = {
        "source": {k: getattr(entry, k) for k in ("name", "title", "licence", "languages", "note")},
        "options": {k: str(v) for k, v in given.items()},
        "limit": limit,
        "files": len(before),
        "read_with": _read_with(entry, objects.stamps() if objects else before, given),
    }

    def finish() -> Mapping[str, Any]:
        changed = sorted({name for name, _ in set(before) ^ set(_files(place))})
        if changed:
            raise InputError(
                entry.name,
                "files changed while they were read",
                have=", ".join(changed[:5]),
                mend="Wait until they are complete and run again; nothing was written.",
            )
        if objects is not None:
            objects.require_unchanged()
        if not tally.rows:
            raise _nothing_read(entry, place, tally)
        return {"rows": tally.rows, "rejected": len(tally.rejected), "repaired": dict(sorted(tally.repaired.items()))}

    return write(
        out,
        kind="source",
        name=entry.name,
        tables=tables,
        facts=facts,
        finish=finish,
        texts={"files.sha256": _checksums(before)},
    )


def _nothing_read(entry: Source, place: Path, tally: Tally) -> InputError:
    """Why an artifact without rows is not written: it would take the place of a good one and pass for data."""
    first = "; ".join(f"{r.origin}: {r.reason}" for r in tally.rejected[:3])
    have = f"{len(tally.rejected):,} that cannot be read ({first})" if tally.rejected else "none"
    return InputError(
        str(place),
        "no row could be read",
        want=f"{entry.table} rows of {entry.name}",
        have=have,
        mend="Check that it is a file of this source, whole, in its encoding; nothing was written.",
    )


def source_artifact(entry: Source, *, data: Place, say: Say) -> Artifact:
    """The artifact of a source; read from the data folder now if there is none or its files changed.

    Raises:
        SourceError: Its files are not there.
    """
    place = entry.place(data)
    out = source_path(entry.name)
    known = open_artifact(out) if (out / MANIFEST).is_file() else None
    if place is None or not entry.on_disk(data):
        if known is not None:
            return known
        raise SourceError(
            entry.name,
            "not on this machine",
            want=f"its files in {place}" if place else f"artifact {out}",
            mend=f"`xinheng fetch {entry.name}`, or set XINHENG_DATA to the folder that holds it."
            if place
            else f"`xinheng ingest {entry.name} --from FILE` first.",
        )
    stamps = _files(place) if isinstance(place, Path) else stamps_of(place)
    read_with = _read_with(entry, stamps, {})
    facts = known.manifest["facts"] if known is not None else {}
    if known is not None and facts.get("limit") is None and facts.get("read_with") == read_with:
        return known
    say(f"reading {entry.name} from {place}")
    return ingest_source(entry, place=place, out=out)


def curate_recipe(
    recipe: Recipe,
    sources: Sequence[Artifact],
    *,
    out: Place,
    seed: int = 0,
    limit: int | None = None,
    weigh: bool = True,
    draw: bool = True,
    engine: str = "local",
    recipe_ref: str | None = None,
    against: Mapping[str, Artifact] | None = None,
    allow: Collection[str] = (),
    vault: Vault | None = None,
    withdraw: Collection[str] = (),
    say: Say = lambda _: None,
) -> Dataset:
    """Run a recipe over source artifacts and write the dataset with its page and certificate.

    Args:
        recipe: What to do.
        sources: Artifacts that hold a table of the recipe's kind.
        out: The dataset's folder.
        seed: Of the split.
        limit: Take only so many rows of each source (those with the smallest ids), for a first look.
        weigh: Run the gate and show it on the page.
        draw: Write the page, which takes a few seconds whatever the rows.
        engine: `local`, `processes` or `ray`: where the steps run; the result is the same.
        recipe_ref: The recipe as the user named it, so that workers can load a recipe file.
        against: Benchmarks, by name, of which no row of train and validation may hold a case.
        allow: Names of marks (`xinheng.marks`) with which to go on all the same.
        vault: An open vault: rows are pseudonymised with it before any step sees them.
        withdraw: Ids whose rows go for good; those withdrawn from what lies at `out` go again without being named.
        say: Hears what is going on.

    Raises:
        CheckFailed: Rows of a test set would be trained on, and nobody allowed it; nothing is written.
    """
    tables = whole = [artifact.scan(recipe.table) for artifact in sources]
    if limit is not None:
        tables = [table.sort(recipe.key).head(limit) for table in tables]
    table = pl.concat([t.select(list(TABLES[recipe.table])) for t in tables])
    read = table.select(pl.len()).collect().item()
    guard = None
    if vault is not None:
        guard = protected(table, whole, sources, vault=vault, engine=engine, say=say)
        table, whole = guard.table, guard.whole
    say(f"{len(recipe.steps)} steps over {read:,} rows")
    curated = curate_shards(table, recipe.steps, key=recipe.key, engine=engine, recipe_ref=recipe_ref, say=say)
    groups = [g for g in recipe.groups if g in curated.kept.columns]
    kept, certificate = split(
        curated.kept,
        key=recipe.key,
        stratum=recipe.stratum,
        groups=groups,
        labels=recipe.labels,
        published=recipe.published,
        seed=seed,
    )
    unread = [a.scan("dropped").collect() for a in sources if a.kind == "source" and a.rows("dropped")]
    unread = guard.unread(unread) if guard else unread
    dropped = pl.concat([*unread, curated.dropped])
    forms = guard.forms if guard else lambda name: [name]
    known_by = guard.vault_id if guard else None
    taken = withdrawn_of(kept, dropped, withdraw, key=recipe.key, out=out, forms=forms, vault=known_by, say=say)
    if taken.facts:
        kept, certificate = taken.kept, certificate_of(taken.kept, recipe, groups=groups, seed=seed)
    if against:
        say(f"comparing with {', '.join(against)}")
    checked = held_out(kept, published=recipe.published, read=whole, against=against or {}, allow=allow)
    weighed = None
    if weigh:
        say(f"gate over {kept.height:,} rows")
        weighed = gate(kept, kind=recipe.table, declared_licences=_declared(sources))
    covered = coverage(kept) if recipe.table == "dialogue" else {}
    facts = {
        **dataset_facts(recipe, sources, curated, read=read, kept=kept, dropped=taken.dropped, certificate=certificate),
        "seed": seed,
        "limit": limit,
        **({"coverage": covered} if covered else {}),
        **({"gate": weighed.to_dict()} if weighed else {}),
        **checked.facts,
        **taken.facts,
        **(guard.facts(kept) if guard else inherited(sources)),
    }
    told = [mark_line(mark) for mark in united(*(a.marks for a in sources))]
    told += [f"{mark['mark']}: {counts_line(mark['what'])}; allowed here" for mark in checked.marks]
    texts = {
        "certificate.json": _json(certificate),
        "coverage.json": _json(covered),
        "gate.json": _json(weighed.to_dict() if weighed else {}),
        **taken.texts,
    }
    say(f"writing {out}")
    artifact = write(
        out,
        kind="dataset",
        name=recipe.name,
        tables={recipe.table: kept, "dropped": taken.dropped, "steps": curated.steps, **checked.tables, **taken.tables},
        facts=facts,
        parents=sources,
        texts=texts,
        page=(lambda digest: {PAGE: run_page({**facts, "digest": digest, "marks": told})}) if draw else None,
        marks=checked.marks,
    )
    return Dataset(artifact, weighed)


@dataclass(frozen=True)
class Weighed:
    """What `validate` found: faults of the files, and the gate's result over the rows.

    There is no gate where files are damaged, and none for tables of answers, scores or weights.
    """

    problems: list[str]
    gate: Gate | None

    @property
    def passed(self) -> bool:
        """Whether files and rows are as they should be."""
        return not self.problems and (self.gate is None or self.gate.passed)


def resolve_source(name: str, *, say: Say) -> Artifact:
    """A source by its name, or any artifact by its folder."""
    where = place_of(name)
    if isinstance(where, RemotePath) or (where / MANIFEST).is_file():
        return open_artifact(where)
    return source_artifact(source(name), data=settings().data, say=say)


def validate(artifact: Artifact, *, page: Path | None = None) -> Weighed:
    """Check an artifact's bytes and digest, and run the gate over its rows.

    Args:
        artifact: A dataset or source.
        page: Where to write the result as a page.

    Raises:
        UsageError: It is a chat export.
    """
    table = next((name for name in artifact.manifest["tables"] if name in TABLES), None)
    if table == "chat":
        raise UsageError(
            "validate",
            f"no gate for a {table} table",
            want=f"one of {', '.join(KEYS)}",
            mend="A chat export is raw material: make dialogues of it first.",
        )
    problems = verify(artifact)
    weighed = gate(artifact.scan(table), kind=table) if table is not None and table in KEYS and not problems else None
    if page is not None:
        name = str(artifact.manifest["name"])
        text = gate_page(
            {**(weighed.to_dict() if weighed else {}), "problems": problems}, title={"en": name, "zh": name}
        )
        with readable_write_errors(page):
            page.parent.mkdir(parents=True, exist_ok=True)
            part = page.with_name(f".{page.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(page)
    return Weighed(problems, weighed)


def _declared(sources: Sequence[Artifact]) -> set[str] | None:
    """The licences of the sources; None where rows bring their own."""
    if any("source" not in a.manifest["facts"] for a in sources):  # a dataset curated again
        return None
    licences = {str(a.manifest["facts"]["source"]["licence"]) for a in sources}
    return None if licences & {YOURS, PRIVATE} else licences


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _first(rows: Iterable[Any], limit: int) -> Iterator[Any]:
    from itertools import islice

    return islice(rows, limit)


def _later(make: Callable[[], pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield make()


def _files(place: Path) -> list[tuple[str, str]]:
    """Relative path and SHA-256 of each of a source's files: what was read, and whether it changed."""
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    root = place.parent if place.is_file() else place
    named = [(p, p.relative_to(root)) for p in files]
    try:
        return [(n.as_posix(), file_sha256(p)) for p, n in named if not any(x.startswith(".") for x in n.parts)]
    except OSError as error:
        raise InputError(str(place), "cannot be read", have=error.strerror or type(error).__name__) from error


def _checksums(files: Sequence[tuple[str, str]]) -> str:
    """The files in the format of `sha256sum`, so that `sha256sum -c` checks them."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in files)


def _read_with(entry: Source, files: Sequence[tuple[str, str]], options: Mapping[str, Any]) -> str:
    """A digest of all that decides what reading gives: files, options and the readers' code."""
    code = Path(datasets_src.__file__).parent.rglob("*.py")
    parts = [entry.name, _checksums(files), repr(sorted(options.items())), *(file_sha256(p) for p in sorted(code))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
