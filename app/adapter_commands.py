"""The commands for what training made: `xinheng merge`, `xinheng quantise`, `xinheng push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json

_AllowUnlicensed = Annotated[
    bool, typer.Option("--allow-unlicensed", help="Send what was trained on rows without a licence; the card says so.")
]


def merge(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The model that they were trained for.")],
    adapters: Annotated[list[str], typer.Argument(metavar="ADAPTER…", help="Folders of adapters.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A merged model or adapter there is replaced.")],
    weights: Annotated[
        str | None, typer.Option(metavar="W,W", help="One for each; by default equal shares that add up to 1.")
    ] = None,
    way: Annotated[
        str,
        typer.Option(
            help="Of several: cat is their exact weighted sum; peft's linear, svd, ties, dare_ties … are not."
        ),
    ] = "cat",
    density: Annotated[float, typer.Option(min=0.01, max=1.0, help="What ties, dare and magnitude ways keep.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Of dare ways, which draw what they keep.")] = 0,
    into: Annotated[
        str | None, typer.Option(metavar="model|adapter", help="By default a model of one, an adapter of several.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="DATASET", help="Measure the loss on held-out rows; one for all, or one for each."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Measure on so many rows of each.")] = None,
    json: Json = False,
) -> None:
    """Merge an adapter into its base as a model of its own, or several adapters into one; read back and compared."""
    from app import merging
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from xinheng.errors import UsageError

    terminal = Terminal(as_json=json)
    try:
        given = [float(weight) for weight in weights.split(",")] if weights is not None else None
    except ValueError:
        raise UsageError("merge", "weights that are no numbers", want="such as 0.5,0.5", have=repr(weights)) from None
    if into not in {None, merging.MODEL, merging.ADAPTER}:
        raise UsageError("merge", "no such kind", want="model or adapter", have=repr(into))
    datasets = [resolve_source(one, say=terminal.say) for one in data or []]
    options = merging.Options(given, way, density, seed, into, limit)
    made = merging.merged(base, adapters, out=out, options=options, data=datasets, terminal=terminal)
    merging.show(terminal, made, base)


def quantise(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a model, such as xinheng merge makes.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A model there is replaced.")],
    to: Annotated[str, typer.Option(metavar="nf4|int8|gguf", help="bitsandbytes in 4 or 8 bits, or llama.cpp's GGUF.")],
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Of a GGUF: q8_0 (the default), f16, bf16, f32.")
    ] = None,
    converter: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="llama.cpp's convert_hf_to_gguf.py; or XINHENG_GGUF_CONVERTER, or the PATH."),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare on these sentences, one a line, instead of ours.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a model smaller, and say how much smaller and what it costs: loss and likeliest tokens before and after."""
    from app import quantising
    from app.terminal import Terminal

    terminal = Terminal(as_json=json)
    made = quantising.quantised(model, out=out, to=to, kind=kind, converter=converter, text=text, terminal=terminal)
    quantising.show(terminal, made)


def push(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of an adapter or a model.")],
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Where on the hub.")],
    *,
    base: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME|none", help="Its base on the hub, where that was a folder here.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="A repository that is made is private.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show all that would be sent; no network, no token.")
    ] = False,
    allow_contaminated: Annotated[
        bool, typer.Option("--allow-contaminated", help="Send what saw a benchmark's cases; the card says so.")
    ] = False,
    allow_test_rows: Annotated[
        bool, typer.Option("--allow-test-rows", help="Send what saw a published test set; the card says so.")
    ] = False,
    allow_unlicensed: _AllowUnlicensed = False,
    json: Json = False,
) -> None:
    """Send an adapter or a model to the Hugging Face Hub, with a card: weights, tokenizer, settings, nothing else."""
    from app import pushing
    from app.terminal import Terminal
    from training.hub import UNLICENSED
    from xinheng.marks import CONTAMINATED, TEST_ROWS

    named = {CONTAMINATED: allow_contaminated, TEST_ROWS: allow_test_rows, UNLICENSED: allow_unlicensed}
    allow = {name for name, yes in named.items() if yes}
    pushing.pushed(folder, repo, base=base, private=private, allow=allow, dry=dry_run, terminal=Terminal(as_json=json))
