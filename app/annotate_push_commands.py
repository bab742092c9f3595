"""`xinheng annotate push`, `status`, `pull`, `adjudicate` and `final`: a task to Argilla and its ratings back."""

from __future__ import annotations

from typing import Annotated

import typer

from app.flags import Json, Out

_Task = Annotated[str, typer.Argument(metavar="TASK", help="What `xinheng annotate plan` made.")]
_Ratings = Annotated[str, typer.Argument(metavar="RATINGS", help="What `xinheng annotate pull` or `collect` made.")]
_Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="HOME|URL",
        help="The folder of `annotate serve`, or an address (its owner's key in XINHENG_ARGILLA_KEY). [runs/argilla]",
    ),
]
_PlainHttp = Annotated[
    bool, typer.Option("--allow-plain-http", help="Send dialogues and the key without TLS to another machine.")
]
_Spread = Annotated[
    int | None, typer.Option("--spread", min=1, help="Grades so far apart are in dispute, whatever the majority. [2]")
]
_Unanimous = Annotated[bool, typer.Option("--unanimous", help="Any difference at all is a dispute.")]


def push(
    task: _Task,
    *,
    server: _Server = None,
    create_raters: Annotated[
        bool, typer.Option("--create-raters", help="Make missing accounts on a foreign server; ours makes them anyway.")
    ] = False,
    allow_plain_http: _PlainHttp = False,
    json: Json = False,
) -> None:
    """Send a task to Argilla, a dataset for each rater; run again, it sends only what is missing."""
    from app import annotating_push
    from app.terminal import Terminal

    where = annotating_push.server_of(server, allow_plain_http=allow_plain_http)
    flags = annotating_push.again(server, allow_plain_http=allow_plain_http)
    annotating_push.push(
        annotating_push.as_place(task), where, Terminal(as_json=json), create_raters=create_raters, flags=flags
    )


def status(
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="A task that was sent; without it, the server's own state.")
    ] = None,
    *,
    server: _Server = None,
    allow_plain_http: _PlainHttp = False,
    json: Json = False,
) -> None:
    """Tell how far each rater is: done, pending, pace and time left; without a task, whether the server runs."""
    from app import annotating_push
    from app.terminal import Terminal

    terminal = Terminal(as_json=json)
    if task is None:
        from app import annotating_server

        annotating_server.show_status(terminal, server)
        return
    where = annotating_push.server_of(server, allow_plain_http=allow_plain_http)
    flags = annotating_push.again(server, allow_plain_http=allow_plain_http)
    annotating_push.status(annotating_push.as_place(task), where, terminal, flags=flags)


def pull(
    task: _Task,
    *,
    server: _Server = None,
    despite_changes: Annotated[
        bool, typer.Option("--despite-changes", help="Read also what somebody changed on the server; it is recorded.")
    ] = False,
    allow_plain_http: _PlainHttp = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Bring submitted answers back as ratings; drafts, discards and what cannot be read are counted."""
    from app import annotating_push
    from app.terminal import Terminal

    where = annotating_push.server_of(server, allow_plain_http=allow_plain_http)
    annotating_push.pull(
        annotating_push.as_place(task),
        where,
        Terminal(as_json=json),
        out=annotating_push.as_place(out),
        despite_changes=despite_changes,
        flags=annotating_push.again(server, allow_plain_http=allow_plain_http),
    )


def adjudicate(
    ratings: _Ratings,
    *,
    raters: Annotated[str, typer.Option("--raters", metavar="NAME,NAME", help="Who decides; each sees every item.")],
    task: Annotated[
        str | None, typer.Option("--task", metavar="PLACE", help="The task that was rated, if it was moved.")
    ] = None,
    spread: _Spread = None,
    unanimous: _Unanimous = False,
    seed: Annotated[int, typer.Option(help="Of letters and orders.")] = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Make a second task of what raters disagree on, with each rater's answers and reasons, raters as letters."""
    from annotation.adjudicate import Rule
    from app import annotating_final, annotating_push
    from app.terminal import Terminal

    annotating_final.adjudicate(
        annotating_push.as_place(ratings),
        annotating_push.told_raters(raters),
        Terminal(as_json=json),
        rule=Rule(spread=2 if spread is None else spread, unanimous=unanimous),
        task_place=annotating_push.as_place(task),
        out=annotating_push.as_place(out),
        seed=seed,
    )


def final(
    ratings: _Ratings,
    *,
    adjudicated: Annotated[
        str | None, typer.Option("--adjudicated", metavar="RATINGS", help="The ratings of the second task.")
    ] = None,
    spread: _Spread = None,
    unanimous: _Unanimous = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Write final labels: agreed, by majority, or adjudicated and by whom; the rest stays undecided."""
    from annotation.adjudicate import Rule
    from app import annotating_final, annotating_push
    from app.terminal import Terminal

    given = spread is not None or unanimous
    annotating_final.final(
        annotating_push.as_place(ratings),
        annotating_push.as_place(adjudicated),
        Terminal(as_json=json),
        rule=Rule(spread=2 if spread is None else spread, unanimous=unanimous) if given else None,
        out=annotating_push.as_place(out),
    )
