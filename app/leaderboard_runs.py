"""Scores artifacts found in folders of many machines: each run once, whole, and with what a table has to know of it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from xinheng.artifacts import MANIFEST, Artifact, file_sha256, open_artifact
from xinheng.errors import ArtifactError, InputError, XinhengError
from xinheng.storage import Place, RemotePath, listing
from xinheng.tables import SCORE, SUMMARY, require

SCORES: Final = "scores"
PREDICTIONS: Final = "predictions"
_MOST_NAMED: Final = 5
# A path tells the name of somebody's machine, a login more than that: neither belongs on a page for all.
_LOGIN: Final = re.compile(r"(?<=//)[^/@\s]+@")
_FOLDERS: Final = re.compile(
    r"(?:(?<=^)|(?<=[\s:=,+'\"\[(]))(?:~|[A-Za-z]:)?(?:[/\\][^/\\\s:,+'\"]+)*[/\\](?=[^/\\\s])(?!/)"
)


@dataclass(frozen=True)
class Run:
    """A scores artifact, opened.

    Args:
        artifact: Where it lies.
        data_digest: Of the cases; only runs of the same one share a table.
        summary: SUMMARY rows, with NaN and infinite values turned into reasons.
        copies: How often it was found.
    """

    artifact: Artifact
    data_digest: str
    summary: pl.DataFrame
    copies: int = 1

    @property
    def digest(self) -> str:
        """The digest of all its rows: what makes it this run and no other."""
        return self.artifact.digest

    @property
    def facts(self) -> Mapping[str, Any]:
        """What its manifest records."""
        return mapping(self.artifact.manifest.get("facts"))

    @property
    def record(self) -> Mapping[str, Any]:
        """On what, by what and where it was made; empty where nobody recorded it."""
        return mapping(self.facts.get("record"))

    @property
    def predictions(self) -> str | None:
        """The digest of the predictions that were scored."""
        parents = self.artifact.manifest.get("parents")
        links = [link for link in parents if isinstance(link, Mapping)] if isinstance(parents, list) else []
        return next((str(link.get("digest")) for link in links if link.get("kind") == PREDICTIONS), None)


@dataclass(frozen=True)
class Found:
    """What was found below the places that were named.

    Args:
        runs: Each once, in the order of their digests.
        predictions: Digest to artifact, for samples.
        unfinished: Folders that a writing has not finished, or never will.
        others: Artifacts of other kinds.
    """

    runs: Sequence[Run]
    predictions: Mapping[str, Artifact]
    unfinished: int = 0
    others: int = 0


def find(places: Sequence[Place]) -> Found:
    """All runs below some places, each once however often it was copied.

    A folder that is still being written, or was left half written, has no manifest under its own name: it is counted
    and left out. A folder that has one is read, or the whole is refused: a run that silently stayed away would be a
    wrong table.

    Raises:
        ArtifactError: A place holds no run, or runs cannot be read; all of them are named.
        InputError: No place was named, or what a run says of its data does not fit.
    """
    if not places:
        raise InputError("leaderboard", "no runs", want="scores artifacts, or folders with some", have="none")
    opened: list[Artifact] = []
    unfinished, problems = 0, list[str]()
    for place in places:
        folders, waiting = _below(place)
        unfinished += waiting
        if not folders:
            there = isinstance(place, RemotePath) or place.is_dir()
            why = "only half-written folders" if waiting else "no artifact below it" if there else "no such folder"
            problems.append(f"{place}: {why}")
        for folder in folders:
            try:
                opened.append(open_artifact(folder))
            except XinhengError as error:
                problems.append(str(error))
    _refuse(problems, "runs cannot be read")
    scores = _once(artifact for artifact in opened if artifact.kind == SCORES)
    runs = []
    for copies in scores.values():
        try:
            runs.append(_opened(copies[0], len(copies)))
        except XinhengError as error:
            problems.append(str(error))
    _refuse(problems, "runs do not fit")
    if not runs:
        raise ArtifactError(
            ", ".join(map(str, places[:_MOST_NAMED])),
            "no run among the artifacts",
            want=f"artifacts of kind {SCORES}",
            have=", ".join(sorted({artifact.kind for artifact in opened})),
            mend="Score predictions first: xinheng score, or xinheng bench.",
        )
    predictions = {d: copies[0] for d, copies in _once(a for a in opened if a.kind == PREDICTIONS).items()}
    others = sum(artifact.kind not in {SCORES, PREDICTIONS} for artifact in opened)
    return Found(runs, predictions, unfinished, others)


def _below(place: Place) -> tuple[list[Place], int]:
    """Folders with a manifest at or below a place, and how many are being written."""
    if isinstance(place, RemotePath):
        keys = [key for key in listing(place) if key.split("/")[-1] == MANIFEST]
        remote = [key.removesuffix(MANIFEST).strip("/") for key in keys]
        return [place / key if key else place for key in remote if not _hidden(key)], 0
    if (place / MANIFEST).is_file():
        return [place], 0
    if not place.is_dir():
        return [], 0
    folders, waiting = list[Place](), 0
    for file in sorted(place.rglob("*")):
        parts = file.relative_to(place).parts
        if file.is_dir() and ".writing-" in file.name and file.name.startswith("."):
            waiting += 1
        elif file.name == MANIFEST and file.is_file() and not _hidden("/".join(parts)):
            folders.append(file.parent)
    return folders, waiting


def _hidden(key: str) -> bool:
    return any(part.startswith(".") for part in key.split("/"))


def _once(artifacts: Iterable[Artifact]) -> dict[str, list[Artifact]]:
    """Artifacts by their digest, in its order; of copies the same one stands first whatever order they are in."""
    found: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        found.setdefault(artifact.digest, []).append(artifact)

    def told(artifact: Artifact) -> str:
        # Not the time of writing nor the place: the best record of equal rows is the fullest.
        facts = json.dumps(artifact.manifest.get("facts"), ensure_ascii=True, sort_keys=True, default=str)
        return f"{10**9 - len(facts):010} {facts}"

    return {digest: sorted(found[digest], key=told) for digest in sorted(found)}


def _refuse(problems: Sequence[str], what: str) -> None:
    if problems:
        what = (
            what if len(problems) > 1 else {"runs cannot be read": "run cannot be read"}.get(what, "run does not fit")
        )
        more = f"\n… and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
        named = "\n".join(problems[:_MOST_NAMED])
        raise ArtifactError("leaderboard", f"{len(problems)} {what}", have=f"\n{named}{more}\n",
                            mend="Mend or leave them out; nothing was written.")  # fmt: skip


def _opened(artifact: Artifact, copies: int) -> Run:
    who = str(artifact.path)
    tables = artifact.manifest["tables"]
    if lacking := {"score", "summary"} - set(tables):
        raise ArtifactError(who, "not whole", want="tables score and summary", have=f"no {', '.join(sorted(lacking))}")
    for name in ("score", "summary"):
        _require_bytes(artifact, name)
        require(artifact.scan(name), SCORE if name == "score" else SUMMARY, who=f"{who}: {name}")
    facts = mapping(artifact.manifest.get("facts"))
    data = mapping(mapping(facts.get("record")).get("data"))
    digest = facts.get("data_digest") or data.get("digest")
    if not isinstance(digest, str) or not digest.strip():
        raise InputError(who, "no digest of the data", want="data_digest among the facts", have="none",
                         mend="Nothing says what it was asked about; score the predictions again.")  # fmt: skip
    if (recorded := data.get("digest")) is not None and recorded != digest:
        raise InputError(who, "two digests of the data", want="the record's", have="another in data_digest",
                         mend="Score the predictions again.")  # fmt: skip
    summary = artifact.scan("summary").select(list(SUMMARY)).collect()
    names = ["benchmark", "part", "measure", "scorer", "system"]
    if lost := sum(summary[name].null_count() for name in names):
        raise InputError(who, "figures without a name", want=", ".join(names), have=f"{lost} nulls")
    if twice := summary.height - summary.select(names).unique().height:
        raise InputError(who, "figures given twice", want="each part, measure, scorer and system once", have=str(twice))
    if not summary.height:
        raise InputError(who, "no figures", want="rows in summary", have="none")
    return Run(artifact, digest, _finite(summary), copies)


def _require_bytes(artifact: Artifact, table: str) -> None:
    for entry in artifact.manifest["tables"][table]["files"]:
        file = artifact.file(entry["name"])
        if isinstance(file, Path) and (not file.is_file() or file_sha256(file) != entry["sha256"]):
            what = "bytes changed since it was written" if file.is_file() else "a file is missing"
            raise ArtifactError(str(artifact.path), what, have=entry["name"], mend="Copy or score it again.")


def _finite(summary: pl.DataFrame) -> pl.DataFrame:
    """The figures without NaN and infinities, which no table can order: null, with the reason."""
    odd = pl.any_horizontal(~pl.col(name).is_finite().fill_null(value=True) for name in ("value", "low", "high"))
    infinite = pl.any_horizontal(pl.col(name).is_infinite().fill_null(value=False) for name in ("value", "low", "high"))
    said = pl.when(infinite).then(pl.lit("infinite")).when(odd).then(pl.lit("no number")).otherwise("reason")
    ends = [pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in ("value", "low", "high")]
    return summary.with_columns(*ends, said.alias("reason"))


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one for what is none: a manifest may hold anything."""
    return value if isinstance(value, Mapping) else {}


def counted(value: Any) -> float | None:
    """A finite number that a manifest holds; None for anything else."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if good else None


def public(value: Any) -> Any:
    """What a manifest says, fit for all to see: logins in addresses go, and the folders of paths.

    >>> public("local:/home/ann/models/phi4"), public("openai:m@http://ann:pw@host:80/v1"), public("org/model")
    ('local:…/phi4', 'openai:m@http://host:80/v1', 'org/model')
    """
    if isinstance(value, str):
        return _FOLDERS.sub("…/", _LOGIN.sub("", value))
    if isinstance(value, Mapping):
        return {public(str(key)): public(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [public(inner) for inner in value]
    return value if counted(value) is not None or isinstance(value, bool) or value is None else str(value)


def slug(name: str, *, of: str | None = None) -> str:
    """A name for a file: letters and digits of the given one, and twelve digits of a digest that keep it apart.

    Args:
        name: Anything at all, 10 KB of `../` included.
        of: What is to be kept apart; the name itself by default.

    >>> slug("Qwen 3/8B"), slug("../../etc/passwd")[:10]
    ('qwen-3-8b-e4d2f9f28913', 'etc-passwd')
    """
    plain = re.sub("[^a-z0-9]+", "-", name[:200].lower()).strip("-")[:40].strip("-") or "x"
    told = (name if of is None else of).encode("utf-8", errors="surrogatepass")
    return f"{plain}-{hashlib.sha256(told).hexdigest()[:12]}"


def scores(runs: Sequence[Run], benchmark: str) -> Iterator[pl.LazyFrame]:
    """The score rows of each run, with its place in the list."""
    for place, run in enumerate(runs):
        rows = run.artifact.scan("score").filter(pl.col("benchmark") == benchmark)
        yield rows.select(
            pl.lit(place, pl.UInt32).alias("run"), "case_id", "group_id", "part", "system", "scorer", "value", "reason"
        )
