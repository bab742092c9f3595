"""The commands that make datasets and look at them: `xinheng curate`, `validate`, `export` and the like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, KeyFile, Limit, Out


def curate(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or the path of your own recipe.py.")],
    *,
    source: Annotated[
        list[str] | None,
        typer.Option(help="Curate this source or source artifact instead of the recipe's; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split: another seed, another division.")] = 0,
    gate: Annotated[bool, typer.Option(help="Run the validation gate and show it on the page.")] = True,
    page: Annotated[bool, typer.Option(help="Draw the page, which takes a few seconds.")] = True,
    against: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER of a benchmark's artifact that train and validation must not hold; repeatable."),
    ] = None,
    allow_test_rows: Annotated[
        bool, typer.Option("--allow-test-rows", help="Train on published test rows; the mark stays for good.")
    ] = False,
    allow_contaminated: Annotated[
        bool, typer.Option("--allow-contaminated", help="Train on hits of --against; the mark stays for good.")
    ] = False,
    vault: Annotated[
        Path | None,
        typer.Option(help="Replace names, numbers and places first; the way back goes into this encrypted file."),
    ] = None,
    key_file: KeyFile = None,
    withdraw: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ids, one a line, whose rows go for good: of rows, clients or groups."),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Where the steps run: local, processes, or ray (RAY_ADDRESS or a local cluster).")
    ] = "local",
    out: Out = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Clean, group and split: writes what was kept, what was dropped and why, and a page."""
    from contextlib import nullcontext

    from app import pipeline, show
    from app.held_out import failed_unallowed, named_benchmarks
    from app.privacy import told, vault_in_use
    from app.terminal import Terminal
    from curation.recipe import load
    from curation.withdrawal import ids_in
    from xinheng.errors import UsageError
    from xinheng.marks import CONTAMINATED, TEST_ROWS
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    chosen = load(recipe)
    allowed = {TEST_ROWS: allow_test_rows, CONTAMINATED: allow_contaminated}
    allowed_marks = [mark for mark, allow in allowed.items() if allow]
    gone = ids_in(withdraw) if withdraw is not None else []
    target = place_of(out) if out else pipeline.dataset_path(chosen.name)
    if vault is None and key_file is not None:
        raise UsageError("curate", "--key-file without --vault", mend="Name the vault that it opens.")
    with (
        vault_in_use(vault, key_file=key_file, out=target, new=True) if vault else nullcontext() as held,
        terminal.busy(f"recipe {chosen.name}"),
    ):
        artifacts = [pipeline.resolve_source(name, say=terminal.say) for name in source or chosen.sources]
        dataset = pipeline.curate_recipe(
            chosen,
            artifacts,
            out=target,
            seed=seed,
            limit=limit,
            weigh=gate,
            draw=page,
            engine=engine,
            recipe_ref=recipe,
            against=named_benchmarks(against or []),
            allow=allowed_marks,
            vault=held,
            withdraw=gone,
            say=terminal.say,
        )
    show.dataset(terminal, dataset)
    for line in told(dataset.artifact.manifest["facts"]) if vault else ():
        terminal.line(line)
    if failed_unallowed(dataset.gate, allow=allowed_marks):
        terminal.say(f"curate: {dataset.artifact.path}: written, but the gate failed")
        raise typer.Exit(1)


def validate(
    artifact: Annotated[str, typer.Argument(metavar="PLACE", help="Folder or s3:// address of an artifact.")],
    *,
    page: Annotated[Path | None, typer.Option(help="Write the result as a page to this file.")] = None,
    json: Json = False,
) -> None:
    """Weigh an artifact: its files, its digest and every expectation; exit 1 when it fails."""
    from app import pipeline, show
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.storage import local, place_of

    terminal, opened = Terminal(as_json=json), open_artifact(place_of(artifact))
    if page is not None:
        local(page, "--page")
    with terminal.busy(f"validating {artifact}"):
        weighed = pipeline.validate(opened, page=page)
    if weighed.gate is not None:
        show.gate(terminal, weighed.gate)
    elif weighed.problems:
        terminal.line(
            "The rows were not weighed: files are damaged. Restore them from a copy, or make the artifact again."
        )
    show.marks(terminal, opened)
    for problem in weighed.problems:
        terminal.line(f"FAILED  {problem}")
    terminal.result(
        {
            **(weighed.gate.to_dict() if weighed.gate is not None else {}),
            "passed": weighed.passed,
            "problems": weighed.problems,
            "marks": opened.marks,
        }
    )
    if not weighed.passed:
        terminal.say(f"validate: {artifact}: FAILED")
        raise typer.Exit(1)
    terminal.say(f"validate: {artifact}: passed")


def duplicates(
    artifact: Annotated[str, typer.Argument(metavar="PLACE", help="Folder or s3:// address of an artifact.")],
    *,
    unit: Annotated[str, typer.Option(help="What is compared: dialogue (whole rows), turn, or reply.")] = "dialogue",
    threshold: Annotated[float, typer.Option(min=0.3, max=1.0, help="Least Jaccard of 5-character runs.")] = 0.8,
    json: Json = False,
) -> None:
    """Find near-duplicates, Traditional and Simplified alike; changes nothing."""
    from app import comparing
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    with terminal.busy(f"comparing {artifact}"):
        found = comparing.duplicates(open_artifact(place_of(artifact)), unit=unit, threshold=threshold)
    comparing.show_duplicates(terminal, found)


def contamination(
    train: Annotated[
        str, typer.Argument(metavar="PLACE", help="Folder of the dataset to train on; train and validation count.")
    ],
    *,
    against: Annotated[list[str], typer.Option(help="NAME=FOLDER of a benchmark's artifact; may be repeated.")],
    allow: Annotated[bool, typer.Option("--allow-contaminated", help="Leave with 0 although rows are hit.")] = False,
    json: Json = False,
) -> None:
    """Look for benchmark cases in what you train on; exit 1 when there are some."""
    from app import comparing
    from app.terminal import Terminal
    from curation.contamination import refuse_contaminated
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    with terminal.busy(f"comparing {train}"):
        hits, summary = comparing.contamination(open_artifact(place_of(train)), against)
    comparing.show_contamination(terminal, hits, summary)
    refuse_contaminated(hits, allow=allow)


def export(
    dataset: Annotated[str, typer.Argument(metavar="PLACE", help="Folder or s3:// address of a dataset artifact.")],
    *,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="messages, sharegpt, alpaca, dpo for pairs (JSON Lines), tagged (special tokens), parquet, datasets.",
        ),
    ] = "messages",
    out: Annotated[str, typer.Option(metavar="PLACE", help="Folder or s3:// address to write.")] = "export",
    json: Json = False,
) -> None:
    """Write a dataset in a form that trainers and `datasets` read, one file per split."""
    from app import exporting, show
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal, opened = Terminal(as_json=json), open_artifact(place_of(dataset))
    with terminal.busy(f"exporting {dataset} as {form}"):
        files, notes = exporting.export(opened, form=form, out=place_of(out))
    for file in files:
        terminal.line(str(file))
    show.marks(terminal, opened)
    for note in notes:
        terminal.line(note)
    terminal.result({"files": [str(f) for f in files], "notes": notes, "marks": opened.marks})


def sweep(
    artifact: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where an artifact is or was to be: s3://…")],
    *,
    dry: Annotated[bool, typer.Option("--dry-run", help="Name what would go; delete nothing.")] = False,
    json: Json = False,
) -> None:
    """Delete what killed or unfinished writings left in an object store; nothing may be writing there."""
    from app.terminal import Terminal
    from xinheng import stored
    from xinheng.artifacts import MANIFEST
    from xinheng.errors import UsageError
    from xinheng.storage import RemotePath, place_of

    terminal, where = Terminal(as_json=json), place_of(artifact)
    if not isinstance(where, RemotePath):
        raise UsageError(
            "sweep",
            "not in an object store",
            want="an address such as s3://bucket/runs/datasets/imhi",
            have=artifact,
            mend="On a disk there is nothing to sweep: run the step that makes the artifact again, which does it.",
        )
    keys = stored.leftovers(where, name=MANIFEST)
    if not dry:
        stored.sweep(where, keys)
    for key in keys:
        terminal.line(f"{where / key}")
    terminal.line(f"{len(keys):,} files {'would be' if dry else 'were'} deleted")
    terminal.result({"deleted": not dry, "files": [str(where / key) for key in keys]})
