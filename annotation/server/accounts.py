"""Accounts of the embedded server: one owner, raters, and passwords that are told once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from telling import Failed

OWNER: Final = "owner"
# Without what reads alike: 0 o, 1 l i.
_SIGNS: Final = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True)
class Made:
    """An account just made or given a new password; the password is nowhere else."""

    username: str
    role: str
    password: str


def new_password() -> str:
    """Twelve signs in three groups that can be read out over a telephone; 59 bits."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(3))


async def ensure(db: Any, username: str, role: str) -> Made | None:
    """Make the account where it is absent; None where it is there, whatever its password."""
    from argilla_server.contexts import accounts
    from argilla_server.models import User

    if await User.get_by(db, username=username) is not None:
        return None
    password = new_password()
    wanted = {"username": username, "first_name": username, "last_name": None, "role": role, "password": password}
    await accounts.create_user(db, wanted)
    return Made(username, role, password)


async def require_free(db: Any, username: str) -> None:
    """Refuse a rater's name that is the owner's or an administrator's.

    Raises:
        Failed: It is.
    """
    from argilla_server.models import User

    found = await User.get_by(db, username=username)
    if username == OWNER or (found is not None and found.role != "annotator"):
        raise Failed(f"{username} is no rater's name", have="the owner or an administrator of this server")


async def renew(db: Any, usernames: list[str]) -> list[Made]:
    """Give accounts new passwords, all or none; the old ones end at once.

    Raises:
        Failed: There is no such account.
    """
    from argilla_server.contexts import accounts
    from argilla_server.models import User

    users = {name: await User.get_by(db, username=name) for name in usernames}
    if absent := [name for name, user in users.items() if user is None]:
        raise Failed(f"no account {', '.join(absent)}", mend="See them: xinheng annotate users")
    made = []
    for name, user in users.items():
        password = new_password()
        await accounts.update_user(db, user, {"password": password})
        made.append(Made(name, str(user.role), password))
    return made


async def everybody(db: Any) -> list[dict[str, Any]]:
    """Every account: username, role, the workspaces it is in."""
    from argilla_server.contexts import accounts

    return [
        {"username": user.username, "role": str(user.role), "workspaces": sorted(w.name for w in user.workspaces)}
        for user in await accounts.list_users(db)
    ]


async def owner_key(db: Any) -> str:
    """The owner's API key."""
    from argilla_server.models import User

    owner = await User.get_by(db, username=OWNER)
    return str(owner.api_key)
