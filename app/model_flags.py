"""The flags of every command that asks a model, and what they say once they are given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_type_hints

import typer

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="SPEC",
        help="ollama:NAME, openai:NAME[@URL] or local:PATH[+ADAPTER]; staged:, oneshot:, reflect: … before it "
        "for a way of answering.",
    ),
]
BareModel = Annotated[
    str, typer.Option("--model", metavar="SPEC", help="ollama:NAME, openai:NAME[@URL] or local:PATH[+ADAPTER].")
]
Estimate = Annotated[
    bool, typer.Option("--estimate", help="Try ten rows, print requests, tokens, money and time of the rest, and stop.")
]


@dataclass(frozen=True)
class Flags:
    """What the command line says about models.

    Args:
        max_cost: US dollars.
        max_tokens: Of prompts and answers.
        max_requests: Sent.
        at_once: Requests at once; None for as many as the server keeps up with.
        allow_remote: Texts may go to models on other machines.
        as_is: And with no surrogates: the user says that they are public.
        vault: Holds what the surrogates stand for.
        key_file: Opens it.
    """

    max_cost: float | None = None
    max_tokens: int | None = None
    max_requests: int | None = None
    at_once: int | None = None
    allow_remote: bool = False
    as_is: bool = False
    vault: Path | None = None
    key_file: Path | None = None

    @property
    def concurrency(self) -> int | Literal["adaptive"]:
        """As `batch.ask_all` takes it."""
        return self.at_once or "adaptive"


_OPTIONS: Final[dict[str, Any]] = {
    "max_cost": typer.Option(min=0.0, help="Stop at so many US dollars; run again to go on."),
    "max_tokens": typer.Option(min=0, help="Stop at so many tokens, prompts and answers together."),
    "max_requests": typer.Option(min=0, help="Stop at so many requests."),
    "at_once": typer.Option(min=1, help="Requests at once; by default as many as the server takes."),
    "allow_remote": typer.Option(
        "--allow-remote",
        help="Personal texts may go to a model on another machine: as surrogates, which --vault makes unless the data "
        "was curated with them.",
    ),
    "as_is": typer.Option("--as-is", help="With --allow-remote: send texts as they are, for they are public."),
    "vault": typer.Option(help="Vault for texts that go out: names, numbers and places are replaced, and put back."),
    "key_file": typer.Option(help="Opens the vault instead of a passphrase."),
}


def with_model_flags(command: Callable[..., None]) -> Callable[..., None]:
    """A command in whose place of `flags: Flags` the command line has a flag for each of them.

    So that no command can lack one, and none is written down twice.
    """
    hints = get_type_hints(command, include_extras=True)
    kinds = get_type_hints(Flags)
    of_flags = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=Annotated[kinds[one.name], _OPTIONS[one.name]],
        )
        for one in fields(Flags)
    ]
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        parameters += of_flags if hints[name] is Flags else [parameter.replace(annotation=hints[name])]

    @wraps(command)
    def with_flags(*args: Any, **given: Any) -> None:
        flags = Flags(**{one.name: given.pop(one.name) for one in fields(Flags)})
        command(*args, flags=flags, **given)

    shown: Any = with_flags
    shown.__signature__ = inspect.Signature(parameters)
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_flags
