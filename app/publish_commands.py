"""`xinheng publish`: a dataset, adapter or model as a folder, or on the hub, that others can cite, check and load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, KeyFile


def publish(
    artifact: Annotated[
        str | None, typer.Argument(metavar="ARTIFACT", help="Folder of a dataset, an adapter or a model.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to make; an earlier version there is replaced.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="hub:OWNER/NAME", help="Also send it there, as one commit.")] = None,
    private: Annotated[bool, typer.Option("--private", help="A repository that is made is private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try all of it and show the card; write nothing.")] = False,
    check: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Work out every figure of a publication again instead, and look through it."),
    ] = None,
    version: Annotated[
        str, typer.Option(metavar="1.2.3", help="Of the publication; `xinheng diff` proposes one.")
    ] = "1.0.0",
    answers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML: answers to the datasheet's open questions, authors, title."),
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="`Family, Given`, or the name of a group; repeatable.")
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the open questions here, one by one.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Say yes to a condition that a refusal names; repeatable."),
    ] = None,
    allow_contaminated: Annotated[
        bool, typer.Option("--allow-contaminated", help="Publish what saw a benchmark's cases; the card says so.")
    ] = False,
    allow_test_rows: Annotated[
        bool, typer.Option("--allow-test-rows", help="Publish what saw a published test set; the card says so.")
    ] = False,
    allow_unlicensed: Annotated[
        bool, typer.Option("--allow-unlicensed", help="A model trained on rows without a licence; the card says so.")
    ] = False,
    ids_only: Annotated[
        bool,
        typer.Option("--ids-only", help="Ids and a script that gets the rows from their publishers, instead of rows."),
    ] = False,
    evidence: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER", help="Scores or agreement that the card shows, with intervals; repeatable."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME|none", help="Of a model: its base on the hub, where that was a folder."),
    ] = None,
    with_base: Annotated[bool, typer.Option("--with-base", help="Of an adapter: put its base into DIR/base.")] = False,
    vault: Annotated[Path | None, typer.Option(help="The vault, by which surrogates are told from names.")] = None,
    key_file: KeyFile = None,
    k: Annotated[
        int | None, typer.Option("--k", min=1, help="How many persons at least are to be alike; 5 where nobody says.")
    ] = None,
    quasi: Annotated[str | None, typer.Option(help="In what: age,sex,job,place,diagnosis (all), or columns.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The recipe's file, where it is not one of Xinheng's.")
    ] = None,
    changelog: Annotated[Path | None, typer.Option(metavar="FILE", help="Goes along as CHANGELOG.md.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a publication that was changed by hand since.")
    ] = False,
    json: Json = False,
) -> None:
    """Publish a dataset, adapter or model: licence and privacy checked, every number of its card a claim."""
    from app import publishing_run
    from app.terminal import Terminal
    from xinheng.errors import UsageError
    from xinheng.marks import CONTAMINATED, TEST_ROWS

    terminal = Terminal(as_json=json)
    if check is not None:
        publishing_run.check(check, artifact, vault=vault, key_file=key_file, k=k, quasi=quasi, terminal=terminal)
        return
    if artifact is None:
        raise UsageError("publish", "nothing to publish", want="an artifact, or --check DIR")
    named = {CONTAMINATED: allow_contaminated, TEST_ROWS: allow_test_rows, "unlicensed": allow_unlicensed}
    asked = publishing_run.Asked(
        artifact=artifact, out=out, to=to, private=private, dry_run=dry_run, version=version, answers=answers,
        authors=tuple(author or ()), ask=ask, accept=tuple(accept or ()),
        allow=tuple(name for name, yes in named.items() if yes), ids_only=ids_only, evidence=tuple(evidence or ()),
        base=base, with_base=with_base, vault=vault, key_file=key_file, k=k, quasi=quasi, recipe=recipe,
        changelog=changelog, overwrite=overwrite,
    )  # fmt: skip
    publishing_run.run(asked, terminal=terminal)
