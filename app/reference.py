"""The reference of the documents: every command by its own `--help`, every table by its schema, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import polars as pl

_EXAMPLE: Final = "Example: "
_TABLE: Final = re.compile(r"^([A-Z_]+): Final\[Schema\] = \{")


def commands() -> str:
    """Markdown of every command: what it does, how it is called, arguments, options, an example.

    It asks what `--help` asks, so that the two cannot differ.
    """
    return "\n".join(line for name, command in walk() for line in _command(name, command))


def walk() -> Iterator[tuple[str, Any]]:
    """Every command that does something, as (its name with its groups, the command), groups after the single ones."""
    import typer

    from app.cli import app

    root = typer.main.get_command(app)
    groups = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            groups.append((name, command))
        else:
            yield name, command
    for name, group in groups:
        for inner, command in group.commands.items():
            yield f"{name} {inner}", command


def schemas() -> str:
    """Markdown of every table: what one row is, its columns, their types, and which may be null."""
    from annotation import tables as annotation
    from xinheng import tables as kernel

    lines = [
        "## Data and scores",
        "",
        *_schemas(kernel, kernel.NULLABLE),
        "## Human rating",
        "",
        *_schemas(annotation, None),
    ]
    return "\n".join(lines)


def _command(name: str, command: Any) -> list[str]:
    with command.context_class(command, info_name=f"xinheng {name}") as context:
        usage = " ".join([f"xinheng {name}", *command.collect_usage_pieces(context)])
        records = [(p.param_type_name, p.get_help_record(context)) for p in command.get_params(context)]
    lines = [f"## {name}", "", _text(command.help or ""), "", "```text", usage, "```", ""]
    for kind in ("argument", "option"):
        for what, record in records:
            if what == kind and record and record[0] not in ("--help", "--json"):
                lines += [f"`{record[0]}`", f": {_text(' '.join(record[1].split()))}", ""]
    if command.epilog:
        example = command.epilog.removeprefix(_EXAMPLE)
        lines += ["Example:", "", "```sh", example, "```", ""]
    return lines


def _text(words: str) -> str:
    """Words as Markdown shows them letter for letter; what stands between backticks is code already."""
    parts = re.split(r"(`[^`]*`)", words)
    return "".join(p if i % 2 else re.sub(r"([\\*_\[\]<>{}|~#$])", r"\\\1", p) for i, p in enumerate(parts))


def _schemas(module: ModuleType, nullable: Collection[str] | None) -> list[str]:
    lines: list[str] = []
    for name, remark in _remarks(module).items():
        if not isinstance(held := getattr(module, name), dict):
            continue
        head, rule = (
            ("| column | type |", "|---|---|") if nullable is None else ("| column | type | null |", "|---|---|---|")
        )
        lines += [f"### {name.lower()}", "", _text(remark), "", head, rule]
        for column, dtype in held.items():
            may = "" if nullable is None else f" {'may be' if column in nullable else ''} |"
            lines.append(f"| `{column}` | {type_name(dtype)} |{may}")
        lines.append("")
    return lines


def _remarks(module: ModuleType) -> dict[str, str]:
    """What the comment above each table's definition says; "" where there is none."""
    remarks: dict[str, str] = {}
    above: list[str] = []
    for line in Path(str(module.__file__)).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            above.append(line.removeprefix("#").strip())
            continue
        if found := _TABLE.match(line):
            remarks[found.group(1)] = " ".join(above)
        above = []
    return remarks


def type_name(dtype: pl.DataType) -> str:
    """A column's type in words.

    >>> type_name(pl.List(pl.Struct({"axis": pl.String(), "value": pl.Float64()})))
    'list of {axis: string, value: float 64}'
    """
    if isinstance(dtype, pl.List):
        return f"list of {type_name(dtype.inner)}"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return "{" + ", ".join(f"{f.name}: {type_name(f.dtype)}" for f in dtype.fields) + "}"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Datetime):
        return f"time in {dtype.time_unit}, {dtype.time_zone or 'local'}"
    return re.sub(r"(?<=[a-z])(?=\d)", " ", str(dtype).lower().replace("uint", "unsigned int"))
