"""The command that is running, as a record keeps it: name and options, by which `xinheng rerun` gives it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

from typer.main import get_current_context  # type: ignore[attr-defined]  # no other place has it

# Where results go and how they are shown moves no figure, and a repetition must not write over them; an estimate
# writes none.
_NOT_RECORDED: Final = frozenset({"out", "json", "estimate", "page", "submission", "ids"})
_LOGIN: Final = re.compile(r"(?<=//)[^/@\s]+@")


def recorded_command() -> dict[str, Any] | None:
    """Name and arguments of the command of the command line that is running; None where none is.

    Keys and passwords stand in the environment and are no options; a login in an address is left out all the same.
    """
    context = get_current_context(silent=True)
    if context is None or context.parent is None:
        return None
    names: list[str] = []
    level = context
    while level.parent is not None:
        names.insert(0, str(level.info_name))
        level = level.parent
    return {"name": " ".join(names), "arguments": list(_arguments(context.command, context.params))}


def _arguments(command: Any, given: Mapping[str, Any]) -> Iterator[str]:
    """What would have to be typed again: all options, for defaults may change, then the arguments."""
    for option in command.params:
        if option.param_type_name != "option" or option.name in _NOT_RECORDED:
            continue
        value = given.get(str(option.name))
        if option.is_flag:
            # One that only switches on is left out where it is off.
            yield from [option.opts[0]] if value else option.secondary_opts[:1]
            continue
        for one in _as_list(value):
            yield from (option.opts[0], _text(one))
    places = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    values = [one for place in places for one in _as_list(given.get(str(place.name)))]
    if values:
        # What begins with a dash is no option.
        yield from ("--", *map(_text, values))


def _as_list(value: Any) -> Sequence[Any]:
    return () if value is None else value if _is_list(value) else (value,)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _text(value: Any) -> str:
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return text if isinstance(value, PurePath) else _LOGIN.sub("", text)
