"""What `xinheng annotate push`, `status` and `pull` do with a task and an Argilla server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annotation.argilla import Argilla
from annotation.argilla_place import Server, find_server
from annotation.progress import progress
from annotation.pull import Pulled
from annotation.pull import pull as pulled
from annotation.push import Pushed
from annotation.push import push as pushed
from annotation.tables import RATINGS
from annotation.task import Task, few, read_task
from app.terminal import Terminal
from xinheng.artifacts import Artifact, open_artifact, require_place, write
from xinheng.errors import ArgillaError, CheckFailed, UsageError
from xinheng.progress import duration
from xinheng.settings import settings
from xinheng.storage import Place, place_of


def server_of(given: str | None, *, allow_plain_http: bool = False) -> Server:
    """The server that is meant, as `annotation.argilla_place.find_server` finds it with this machine's settings."""
    runs = settings().runs
    home = (runs if isinstance(runs, Path) else Path("runs")) / "argilla"
    key = settings().argilla_key
    secret = key.get_secret_value().strip() if key is not None else None
    return find_server(given, home=home, key=secret, allow_plain_http=allow_plain_http)


def again(given: str | None, *, allow_plain_http: bool = False) -> str:
    """The flags that a command for later has to repeat, so that it reaches the same server.

    >>> again(None), again("my home"), again("http://argilla.example", allow_plain_http=True)
    ('', " --server 'my home'", ' --server http://argilla.example --allow-plain-http')
    """
    named = "" if given is None else f" --server {shlex.quote(given)}"
    return named + (" --allow-plain-http" if allow_plain_http else "")


def push(place: Place, server: Server, terminal: Terminal, *, create_raters: bool, flags: str = "") -> None:
    """Send a task; tell what every rater has and where he works.

    Args:
        place: The task.
        server: Where it goes.
        terminal: Where it is told.
        create_raters: Make missing accounts on a foreign server too.
        flags: What `again` gives, for the next command; likewise below.

    Raises:
        CheckFailed: The server did not take some records; all others are there.
    """
    artifact = open_artifact(place)
    task = read_task(artifact)
    require_blind(task)

    def on_password(rater: str, password: str) -> None:
        terminal.say(f"{rater}: one-time password {password} (shown once; give it to nobody else)")

    # No spinner: a password that moves away is lost.
    terminal.say(f"sending {task.name} to {server.url}")
    with Argilla(server) as client:
        if client.note:
            terminal.say(client.note)
        made = pushed(
            task,
            client,
            create_raters=create_raters or server.embedded,
            on_password=on_password,
            on_progress=lambda rater, n, whole: terminal.say(f"{rater}: {n:,} of {whole:,} items there"),
        )
    rows = [[one.rater_id, one.sent + one.there, one.sent, len(one.bad)] for one in made]
    terminal.table(["rater", "items there", "sent now", "not taken"], rows, right=(1, 2, 3))
    terminal.line("\nEach rater signs in by name and password at an address of his own:")
    for one in made:
        terminal.line(f"{one.rater_id}  {one.url}")
    terminal.line()
    terminal.line(f"next    xinheng annotate status {place}{flags}  (and `annotate pull`, when all is done)")
    terminal.result({"task": task.name, "server": server.url, "raters": [asdict(one) for one in made]})
    _require_all(made)


def require_blind(task: Task) -> None:
    """Raise when what every rater sees, the task's name, tells a system's."""
    columns = ("system", "left_system", "right_system")
    systems = {name for column in columns for name in task.items[column].drop_nulls()}
    plain = re.sub(r"[^a-z0-9]", "", task.name.lower())
    told = [name for name in sorted(systems) if (bare := re.sub(r"[^a-z0-9]", "", name.lower())) and bare in plain]
    if told:
        raise UsageError(
            "annotate push", f"the task's name {task.name} tells raters which system it is about", want="a blind name",
            have=few(told), mend="Plan it again with --name.",
        )  # fmt: skip


def _require_all(made: Sequence[Pushed]) -> None:
    bad = [(one.rater_id, *fault) for one in made for fault in one.bad]
    if bad:
        shown = "; ".join(f"{item} of {rater}: {why}" for rater, item, why in bad[:5])
        raise CheckFailed(
            "annotate push", f"{len(bad):,} records were not taken", want="all of them there",
            have=shown + (" …" if len(bad) > 5 else ""), mend="All others are; mend these in the task's source.",
        )  # fmt: skip


def status(place: Place, server: Server, terminal: Terminal, *, flags: str = "") -> None:
    """Tell how far each rater is."""
    task = read_task(open_artifact(place))
    named = f"{place}{flags}"
    with terminal.busy(f"asking {server.url}"), Argilla(server) as client:
        found = pulled(task, client, despite_changes=True)
    rows = progress(found.states)
    terminal.table(
        ["rater", "items", "done", "pending", "draft", "discarded", "median time", "per hour", "time left"],
        [
            [
                row["rater_id"],
                row["given"],
                row["done"],
                row["pending"],
                row["draft"],
                row["discarded"],
                "" if row["median_s"] is None else duration(row["median_s"]),
                "" if row["pace"] is None else f"{row['pace']:,.0f}",
                "" if row["left_h"] is None else duration(3600 * row["left_h"]),
            ]
            for row in rows.iter_rows(named=True)
        ],
        right=tuple(range(1, 9)),
    )
    _tell(found, terminal, named)
    counts = found.counts()
    whole = counts["pending"] + counts["draft"]
    terminal.line(f"left    {whole:,} items" if whole else "all is done")
    if counts["submitted"]:
        terminal.line(f"next    xinheng annotate pull {named}" + ("  (what is submitted so far)" if whole else ""))
    terminal.result({"task": task.name, "server": server.url, "counts": counts, "raters": rows.to_dicts(),
                     "without": found.without, "changed": found.changed})  # fmt: skip


def _tell(found: Pulled, terminal: Terminal, named: str) -> None:
    """What a person should know of what was read."""
    if found.without:
        terminal.line(f"not sent to {few(found.without)}: run again: xinheng annotate push {named}")
    for change in found.changed:
        terminal.line(f"changed on the server: {change}")
    reasons = found.dropped.group_by("reason").len().sort("len", "reason", descending=[True, False])
    for reason, n in reasons.iter_rows():
        terminal.line(f"left out: {n:,} × {reason}")


def pull(
    place: Place, server: Server, terminal: Terminal, *, out: Place | None, despite_changes: bool, flags: str = ""
) -> Artifact:
    """Bring the submitted answers back as a `ratings` artifact.

    Raises:
        ArgillaError: Nobody submitted anything yet.
    """
    artifact = open_artifact(place)
    task = read_task(artifact)
    out = out or settings().runs / "ratings" / task.name
    require_place(out)
    with terminal.busy(f"reading from {server.url}"), Argilla(server) as client:
        found = pulled(task, client, despite_changes=despite_changes)
        version = client.version
    counts = found.counts()
    if not found.ratings.height:
        raise ArgillaError(
            server.url, f"nobody has submitted an answer to {task.name}", want="submitted answers",
            have=f"{counts['draft']:,} drafts, {counts['discarded']:,} discarded, {counts['pending']:,} pending",
            mend=f"How far each rater is: xinheng annotate status {place}{flags}",
        )  # fmt: skip
    told = artifact.manifest["facts"]
    raters = {row["rater_id"]: row for row in progress(found.states).drop("last_at").to_dicts()}
    facts = {
        **{name: told[name] for name in ("title", "template", "adjudicates") if name in told},
        "language": task.language,
        "task": {"name": task.name, "place": str(artifact.path), "digest": artifact.digest},
        "counts": counts,
        "raters": raters,
        "without": list(found.without),
        "changed": list(found.changed),
        "from": f"Argilla {version}",
    }
    copied = {table: artifact.scan(table).collect() for table in ("item", "assignment", "gold")}
    tables = {"rating": found.ratings, "dropped": found.dropped, "state": found.states, **copied}
    made = write(out, kind=RATINGS, name=task.name, tables=tables, facts=facts, parents=[artifact])
    header = ["rater", "items", "submitted", "draft", "discarded", "pending"]
    rows = [[name, r["given"], r["done"], r["draft"], r["discarded"], r["pending"]] for name, r in raters.items()]
    terminal.table(header, rows, right=tuple(range(1, 6)))
    _tell(found, terminal, f"{place}{flags}")
    terminal.line(f"ratings {made.path}  {made.digest[:12]}  {counts['ratings']:,} answers")
    terminal.line(f"next    xinheng annotate agreement {made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts})
    return made


def told_raters(text: str) -> list[str]:
    """Names out of a flag.

    >>> told_raters("wang, li,")
    ['wang', 'li']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def as_place(text: str | None) -> Any:
    """A place, or None where none was given."""
    return None if text is None else place_of(text)
