"""The lock of a published dataset: all that is needed to make it again, and making it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from app.terminal import Terminal
from curation.published import LOCK
from curation.recipe import Recipe, load, names
from curation.run import describe
from xinheng.artifacts import MANIFEST, Artifact, file_sha256, open_artifact
from xinheng.errors import CheckFailed, InputError, RecipeError, UsageError, XinhengError
from xinheng.settings import settings
from xinheng.storage import Place

Say = Callable[[str], None]

FORMAT: Final = 1
RECIPE: Final = "provenance/recipe.py"


def lock_of(artifact: Artifact, recipe: Recipe | None, recipe_file: Path | None) -> dict[str, Any]:
    """What makes an artifact again: recipe, seed, sources by digest, versions, and the digests to reach."""
    manifest = artifact.manifest
    facts, written = manifest["facts"], manifest["written"]
    told = facts.get("recipe", {})
    steps = [{key: one.get(key) for key in ("step", "keywords", "source_sha256")} for one in told.get("steps", [])]
    return {
        "format": FORMAT,
        "xinheng": written["xinheng"],
        "polars": written["polars"],
        "recipe": str(told.get("name", "")),
        "built_in": told.get("name") in names(),
        "recipe_sha256": file_sha256(recipe_file) if recipe_file else None,
        "steps": steps,
        "steps_are_those_of_the_recipe": recipe is not None and _steps(recipe) == steps,
        "seed": facts.get("seed", 0),
        "limit": facts.get("limit"),
        "table": facts.get("table"),
        "sources": manifest["parents"],
        "against": facts.get("against", {}),
        "pseudonymised": bool(facts.get("privacy")),
        "withdrawn": facts.get("withdrawn"),
        "digest": artifact.digest,
        "tables": {name: entry["digest"] for name, entry in manifest["tables"].items()},
    }


def recipe_of(artifact: Artifact, given: Path | None) -> tuple[Recipe | None, Path | None]:
    """The recipe that made an artifact and its file; None where it is not known any more.

    Raises:
        RecipeError: The file that was given has other steps than those that made it.
    """
    name = str(artifact.manifest["facts"].get("recipe", {}).get("name", ""))
    if given is None and name not in names():
        return None, None
    file = given if given is not None else _file(name)
    recipe = load(str(given) if given is not None else name)
    told = artifact.manifest["facts"].get("recipe", {}).get("steps", [])
    made_by = [{key: one.get(key) for key in ("step", "keywords", "source_sha256")} for one in told]
    if given is not None and _steps(recipe) != made_by:
        raise RecipeError(str(given), "not the recipe that made it", mend="Give the file as it was, or curate again.")
    return recipe, file


def _file(name: str) -> Path:
    from curation import recipes

    return Path(next(iter(recipes.__path__))) / f"{name}.py"


def _steps(recipe: Recipe) -> list[dict[str, Any]]:
    told = [{key: one.get(key) for key in ("step", "keywords", "source_sha256")} for one in describe(recipe.steps)]
    found: list[dict[str, Any]] = json.loads(json.dumps(told))
    return found


def remade(folder: Path, *, out: Place | None, say: Say) -> tuple[Artifact, list[str]]:
    """A published dataset made again from its sources, and on what it differs.

    Raises:
        InputError: It has no lock.
        UsageError: It cannot be made again on this machine; why.
    """
    from app.pipeline import curate_recipe

    lock = _read(folder / LOCK)
    if not lock["built_in"] or lock["recipe"] not in names():
        mend = f"Read {RECIPE} there first: it is a program. Then: xinheng curate {RECIPE} --seed {lock['seed']}."
        raise UsageError(str(folder), "its recipe is not one of Xinheng's", have=repr(lock["recipe"]), mend=mend)
    if lock["pseudonymised"]:
        mend = "Who has the vault can: xinheng curate … --vault FILE."
        raise UsageError(str(folder), "pseudonymised with a vault that is not here", mend=mend)
    if lock.get("withdrawn"):
        mend = "Who has the list can: xinheng curate … --withdraw FILE."
        raise UsageError(str(folder), "rows were withdrawn by a list that is not here", mend=mend)
    recipe = load(lock["recipe"])
    sources = [_source(one, say) for one in lock["sources"]]
    place = out or settings().runs / "reruns" / f"{lock['recipe']}-{lock['digest'][:12]}"
    made = curate_recipe(
        recipe, sources, out=place, seed=lock["seed"], limit=lock["limit"], weigh=False, draw=False, say=say
    ).artifact
    moved = [] if _steps(recipe) == lock["steps"] else ["the code of its steps is another one now"]
    for name, digest in lock["tables"].items():
        have = made.manifest["tables"].get(name, {}).get("digest")
        # Hits against benchmarks are worked out again only where these are at hand.
        if have != digest and not (have is None and name == "contamination"):
            moved.append(f"table {name}: {str(have)[:12]} instead of {digest[:12]}")
    return made, moved


def show_remade(terminal: Terminal, folder: Path, made: Artifact, moved: list[str]) -> None:
    """Whether it is the same again.

    Raises:
        CheckFailed: It is not.
    """
    for one in moved:
        terminal.line(f"DIFFERS  {one}")
    terminal.line(f"again  {made.path}  {made.digest[:12]}{'' if moved else '  the same rows'}")
    terminal.result({"publication": str(folder), "again": str(made.path), "digest": made.digest, "moved": moved})
    if moved:
        raise CheckFailed("rerun", "not everything is as it was", have="; ".join(moved))


def _source(told: Mapping[str, Any], say: Say) -> Artifact:
    """The artifact that a lock names, by its digest.

    Raises:
        UsageError: It is not here, or what is here under its name has other rows.
    """
    from app.pipeline import dataset_path, resolve_source, source_path

    name, digest = str(told["name"]), str(told["digest"])
    have = "nothing of that name"
    for place in (source_path(name), dataset_path(name)):
        if (place / MANIFEST).is_file():
            found = open_artifact(place)
            if found.digest == digest:
                return found
            have = f"other rows, digest {found.digest[:12]}"
    try:
        found = resolve_source(name, say=say)
    except XinhengError as error:
        want = f"{told['kind']} {name} with digest {digest[:12]}"
        raise UsageError("rerun", "a source is not here", want=want, have=have, mend=str(error)) from None
    if found.digest == digest:
        return found
    have = f"digest {found.digest[:12]}"
    mend = "Its publisher changed it, or the readers did; the rows of then cannot be made again from it."
    raise UsageError("rerun", f"source {name} has other rows", want=f"digest {digest[:12]}", have=have, mend=mend)


def _read(file: Path) -> dict[str, Any]:
    # A pipe would be read without an end.
    if not file.is_file():
        raise InputError(str(file), "no lock", want="that of a published dataset", have="no such file")
    try:
        lock = json.loads(file.read_text(encoding="utf-8"))
        sound = lock["format"] == FORMAT and isinstance(lock["tables"], dict) and isinstance(lock["sources"], list)
        (
            lock["recipe"],
            lock["built_in"],
            lock["seed"],
            lock["limit"],
            lock["steps"],
            lock["digest"],
            lock["pseudonymised"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        have = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise InputError(str(file), "no lock", want="that of a published dataset", have=str(have)) from error
    if not sound:
        raise InputError(str(file), "no lock", have="another format", mend="Publish it again.")
    return dict(lock)
