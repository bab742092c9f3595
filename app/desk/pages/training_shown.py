"""What the room `training` shows: consent, what would teach, how a training stands, what came of it. Plain dicts.

Of other clients' trainings only how many there are is told. Sentences of the desk's own that a page can meet are put
into its language here; what nobody wrote a sentence for stays as it is.
"""

from __future__ import annotations

import re
from typing import Any, Final

from app.desk import adapters, jobs, memory_folder, store, teaching
from app.desk.jobs import LIMITS, OPEN, Job, Limits
from app.desk.pages.models import Models
from app.desk.pages.rooms import Call
from app.desk.store import Record
from app.desk.teaching_rows import read_note
from app.desk.unlock import Desk
from xinheng.errors import DeskError

SHOWN_PAST: Final = 10
_LONGEST_QUESTION: Final = 600
# Why notes and changes teach nothing, by how `teaching` counts them.
_LEFT_OUT: Final = {
    teaching.OLDER: "training_left_older",
    "a note without words of a person's": "training_left_wordless",
    "items that nobody accepted": "training_left_unaccepted",
    "a text taken out, with none in its place": "training_left_taken_out",
}
# Why a training ended, by what its record says; the first that fits.
_ENDED: Final = (
    ("longer than its limit", "training_why_long"),
    ("consent was taken back", "training_why_consent"),
    ("too little memory, or the machine", "training_why_killed"),
    ("too little memory", "training_why_memory"),
    ("too little room", "training_why_room"),
    ("cannot be kept", "training_why_disk"),
    ("did not come back", "training_why_elsewhere"),
    ("too few notes", "training_why_few"),
)


def shown(call: Call, models: Models, client_id: str) -> dict[str, Any]:
    """All that the room shows of a client.

    Args:
        call: Whose desk, in which language.
        models: Who answers, and whether that can be trained here.
        client_id: Who.

    Raises:
        DeskError: No such client of this counsellor.
    """
    desk, base = call.session.desk, models.trainable
    given = _consents(desk, client_id)
    every = jobs.jobs(desk)
    mine = [one for one in every if one.client_id == client_id]
    notes = {note.record_id: note for note in store.records(desk, client_id, "note")}
    done = [one for one in reversed(mine) if one.state == "trained"]
    return {
        "base": base,
        "model": models.spec,
        "memory": _memory(),
        "consent": given,
        "notes": len(notes),
        "teaches": _teaches(call, client_id, _limits(mine)) if given and given[0]["given"] else None,
        "limits": _limits_shown(every, mine, client_id),
        "running": running(call, every, client_id),
        "results": [_result(one, notes) for one in done],
        "adapter": _adapter(desk, client_id, base, mine),
        "past": [_past(call, one) for one in reversed(mine) if one.state not in (*OPEN, "trained")][:SHOWN_PAST],
    }


def running(call: Call, every: list[Job], client_id: str) -> dict[str, Any] | None:
    """How a client's queued or running training stands; None where there is none."""
    desk = call.session.desk
    one = next((one for one in every if one.client_id == client_id and one.state in OPEN), None)
    if one is None:
        return None
    status = jobs.progress(one)
    others = [other for other in every if other.client_id != client_id and other.state in OPEN]
    ahead = [o for o in others if o.state == "running" or o.record.body["queued_at"] < one.record.body["queued_at"]]
    near = one.record.body.get("where") == jobs.here(desk)
    phase = "queued" if one.state == "queued" else status.phase if status else "starting" if near else "elsewhere"
    return {
        "training": one.job_id,
        "phase": phase,
        "told": call.say(f"training_phase_{phase}"),
        "step": status.step if status else 0,
        "steps": status.steps if status else 0,
        "loss": status.loss if status else None,
        "tries": one.record.body["tries"],
        "at": one.record.body.get("started_at", one.record.body["queued_at"]),
        "ahead": len(ahead) if one.state == "queued" else 0,
        "others": len(others),
    }


_PHASES: Final = frozenset(
    {"queued", "elsewhere", "waiting", "rows", "training", "samples", "sealing", "done", "failed"}
)


def why(call: Call, one: Job) -> str:
    """Why a training ended without a result, in the page's language; empty where it has one."""
    if one.state == "cancelled" and one.problem == "cancelled":
        return ""
    return next((call.say(key) for told, key in _ENDED if told in one.problem), one.problem)


def _consents(desk: Desk, client_id: str) -> list[dict[str, Any]]:
    """What was recorded of consent, the newest first."""
    every = store.records(desk, client_id, "consent", every_version=True)
    found = [record.body for record in every if record.record_id == teaching.TRAINING]
    return [{"given": one["given"], "at": one["at"], "how": one["how"]} for one in reversed(found)]


def _teaches(call: Call, client_id: str, limits: Limits) -> dict[str, Any]:
    desk = call.session.desk
    found = teaching.gathered(desk, client_id, longest=limits.characters, most=limits.notes)
    held = adapters.current(desk, client_id)
    known = set(held.body.get("taught", ())) if held else set()
    counts = found.counts()
    return {
        "notes": found.notes,
        "changes": found.preferences.height,
        "rows": counts["examples_train"],
        "pairs": counts["preferences_train"],
        "held": counts["examples_validation"] + counts["examples_test"],
        "fresh": len(set(found.ids) - known),
        "enough": found.notes >= teaching.FEWEST,
        "fewest": teaching.FEWEST,
        "left_out": [{"why": _left_out(call, why), "count": n} for why, n in sorted(found.left_out.items()) if n],
    }


def _left_out(call: Call, why: str) -> str:
    if why in _LEFT_OUT:
        return call.say(_LEFT_OUT[why])
    longer = re.fullmatch(r"longer than ([\d,]+) characters", why)
    return call.say("training_left_long", n=longer[1]) if longer else why


def _limits(mine: list[Job]) -> Limits:
    """As this client's last training had them."""
    return Limits(**mine[-1].record.body["limits"]) if mine else LIMITS


def _limits_shown(every: list[Job], mine: list[Job], client_id: str) -> dict[str, Any]:
    chosen = _limits(mine)
    names = ("characters", "notes", "minutes")
    others = {one.client_id for one in every if one.state in (*OPEN, "trained", "accepted")} - {client_id}
    return {
        "adapters": LIMITS.adapters,
        "used": len(others),
        "most": {name: getattr(LIMITS, name) for name in names},
        "chosen": {**{name: getattr(chosen, name) for name in names}, "steps": chosen.steps},
        "recipe": mine[-1].record.body["recipe"] if mine else "client",
    }


def _result(one: Job, notes: dict[str, Record]) -> dict[str, Any]:
    told = one.record.body.get("told", {})
    return {
        "training": one.job_id,
        "at": one.record.body.get("ended_at", ""),
        "recipe": one.record.body["recipe"],
        "counts": one.record.body["counts"],
        "wall_s": told.get("wall_s"),
        "held_rows": told.get("held_rows", 0),
        "loss": dict(one.held_loss),
        "samples": [_sample(sample, notes) for sample in one.samples],
    }


def _sample(sample: dict[str, str], notes: dict[str, Record]) -> dict[str, Any]:
    """What was wanted of a held-back row and what was said, with the note it is from."""
    found = re.search(r"-note-0*(\d+)-(note|change)", sample["row"])
    note = notes.get(found[1]) if found else None
    question = read_note(note)[0] if note else ""
    return {
        "note": found[1] if found else "",
        "change": found is not None and found[2] == "change",
        "question": question[:_LONGEST_QUESTION],
        **{name: sample.get(name, "") for name in ("wanted", "before", "after")},
    }


def _adapter(desk: Desk, client_id: str, base: str | None, mine: list[Job]) -> dict[str, Any] | None:
    """The adapter in use, or the one that is kept and not used, and why."""
    kept = adapters.kept(desk, client_id)
    if kept is None:
        return None
    held, before = kept
    unused = "consent" if adapters.current(desk, client_id) is None else "elsewhere" if base is None else ""
    if not unused and base is not None and not adapters.fits(held, base):
        unused = "base"
    return {
        "at": held.body.get("trained_at", ""),
        "rows": next((one.record.body["counts"]["examples_train"] for one in mine if one.adapter == held.record_id), 0),
        "base": str(held.body.get("base", {}).get("name", "")),
        "before": before.body.get("trained_at", "") if before else None,
        "unused": unused,
    }


def _past(call: Call, one: Job) -> dict[str, Any]:
    body = one.record.body
    return {
        "state": call.say(f"training_was_{one.state.replace(' ', '_')}"),
        "at": body.get("ended_at", body["queued_at"]),
        "why": why(call, one),
        "loss": dict(one.held_loss),
    }


def _memory() -> bool:
    """Whether there is a folder in memory to train in."""
    try:
        memory_folder.root()
    except DeskError:
        return False
    return True
