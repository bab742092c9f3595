"""What the commands do about privacy: vaults opened, texts revealed, clients forgotten, datasets looked through."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from app.facts import dataset_table
from app.protection import record_of
from app.terminal import Terminal
from curation.privacy import vault as vaults
from curation.privacy.vault import Vault
from xinheng.artifacts import Artifact, open_artifact, verify
from xinheng.errors import ArtifactError, InputError, UsageError
from xinheng.settings import settings
from xinheng.storage import Place

if TYPE_CHECKING:
    from curation.privacy.release import Release

PASSPHRASE: Final = "XINHENG_VAULT_PASSPHRASE"  # noqa: S105  (the name of a variable)
SHORTEST: Final = 8
_NO_WAY: Final = f"Set {PASSPHRASE}, or give --key-file FILE."


@contextmanager
def vault_in_use(path: Path, *, key_file: Path | None, out: Place | None = None, new: bool = False) -> Iterator[Vault]:
    """The vault in a file, held against other processes; the passphrase is asked for where it is needed.

    Args:
        path: Its file.
        key_file: What opens it, instead of a passphrase.
        out: The folder that is going to be written, in which no vault may lie.
        new: Whether to make a vault where there is none.

    Raises:
        UsageError: It lies in an artifact, or there is no way to ask.
        InputError: It does not open.
        WriteError: Another process holds it.
    """
    for file in (path, *([key_file] if key_file else [])):
        require_apart(file, out)
    there = path.exists() or path.is_symlink()
    if not new or path.is_dir():
        _require_file(path)
    with vaults.in_use(path):
        secret = secrets(path, key_file=key_file, new=not there)
        yield vaults.open_vault(path, **secret) if there else vaults.create_vault(path, **secret)


def opened(path: Path, *, key_file: Path | None) -> Vault:
    """A vault to read in only."""
    _require_file(path)
    return vaults.open_vault(path, **secrets(path, key_file=key_file, new=False))


def _require_file(path: Path) -> None:
    mend = "Give the file that `xinheng curate --vault FILE` made."
    if path.is_dir():
        raise InputError("vault", f"{path} is a folder", want="the vault's file", mend=mend)
    if not path.exists() and not path.is_symlink():
        raise InputError("vault", f"no file {path}", mend=mend)


def secrets(path: Path, *, key_file: Path | None, new: bool) -> dict[str, Any]:
    """What opens a vault: the key file, else the passphrase of the environment, else one that is typed in.

    A new vault's passphrase is asked for twice and has eight characters or more: whoever gets hold of the file may
    try as many as they like.

    Raises:
        UsageError: There is nobody to ask, the two differ, or it is too short.
        InputError: The vault was made with the other kind of secret.
    """
    if not new and (made_with := vaults.made_with(path)) != ("file" if key_file else "passphrase"):
        wanted = "its key file" if made_with == "file" else "its passphrase"
        have = "a passphrase" if made_with == "file" else "a key file"
        raise InputError("vault", f"{path} opens otherwise", want=wanted, have=have, mend="See --key-file.")
    if key_file:
        return {"key_file": key_file}
    passphrase = os.environ.get(PASSPHRASE) or _asked(f"Passphrase of {'the new vault ' if new else ''}{path}: ")
    if new and len(passphrase) < SHORTEST:
        raise UsageError("vault", "passphrase too short", want=f"{SHORTEST} characters or more")
    if new and not os.environ.get(PASSPHRASE) and _asked("Once more: ") != passphrase:
        raise UsageError("vault", "the two passphrases differ", mend="Nothing was made; run it again.")
    return {"passphrase": passphrase}


def _asked(prompt: str) -> str:
    import getpass

    try:
        # Texts may come from standard input: the terminal itself is asked.
        with Path("/dev/tty").open("rb"):
            pass
    except OSError:
        if not sys.stdin.isatty():
            raise UsageError("vault", "no terminal to ask for the passphrase at", mend=_NO_WAY) from None
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise UsageError("vault", "no passphrase was typed in", mend=_NO_WAY) from None


def require_apart(file: Path, out: Place | None) -> None:
    """Refuse a vault or key inside an artifact or the folder of runs: who gets the data must not get them as well."""
    whole = file.resolve()
    forbidden = {p.resolve() for p in (out, settings().runs) if isinstance(p, Path)}
    for folder in whole.parents:
        if folder in forbidden or _is_artifact(folder):
            raise UsageError(
                "vault",
                f"{file} would lie in {folder}",
                want="a place outside of artifacts and runs",
                mend="Choose one that is not passed on with the data, such as ~/vaults/study.vault.",
            )


def _is_artifact(folder: Path) -> bool:
    try:
        open_artifact(folder)
    except ArtifactError:
        return False
    return True


def reveal(terminal: Terminal, *, vault: Path, client: str, file: Path | None, key_file: Path | None) -> None:
    """Print a text with a client's surrogates turned back; standard input where no file is given."""
    from curation.privacy.pseudonyms import reveal as back

    opened_vault = opened(vault, key_file=key_file)
    try:
        body = file.read_bytes() if file else sys.stdin.buffer.read()
        text = body.decode()
    except OSError as error:
        raise InputError(
            "reveal",
            f"cannot read {file}",
            want="a text file in UTF-8",
            have="a folder" if file and file.is_dir() else error.strerror or "an error",
            mend="Name the file, or give the text on standard input.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("reveal", f"{file or 'standard input'} is not UTF-8", mend="Convert it first.") from error
    shown = back(text, client, opened_vault)
    if shown == text:
        terminal.say(f"reveal: no surrogate of client {client} in this text")
    if terminal.as_json:
        terminal.result({"client": client, "text": shown})
    else:
        sys.stdout.write(shown)


def forget(terminal: Terminal, *, vault: Path, client: str, key_file: Path | None, yes: bool) -> None:
    """Delete a client's key and map from a vault, after asking."""
    from curation.privacy.rows import scopes_of

    with vault_in_use(vault, key_file=key_file) as held:
        known = [scope for scope in scopes_of(client, held) if vaults.client_map(held, scope) is not None]
        if not known:
            raise InputError(
                "forget", f"client {client} is not in the vault", mend="Check the id; a client forgotten stays so."
            )
        if not yes and not _confirmed(client):
            terminal.say("forget: nothing was changed")
            return
        for scope in known:
            vaults.forget_client(held, scope)
    terminal.line(f"client {client} is forgotten: nobody can turn the surrogates back with {vault}")
    terminal.line("Copies and backups of the vault still can: delete them too.")
    terminal.result({"client": client, "forgotten": True})


def _confirmed(client: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("forget", "nobody to ask", mend="Say --yes if you mean it; it cannot be undone.")
    answer = input(f"Forget client {client} for good? It cannot be undone. Type yes: ")
    return answer.strip().lower() == "yes"


def check(artifact: Artifact, *, vault: Vault | None, k: int, quasi: Sequence[str] | None) -> Release:
    """Whether an artifact's rows may go out; what its manifest records is believed only of unchanged files.

    Raises:
        ArtifactError: Its files are not those of its manifest.
    """
    from curation.privacy.release import release_check

    if problems := verify(artifact):
        raise ArtifactError(
            str(artifact.path), "changed since it was written", have="; ".join(problems[:3]), mend="Curate it again."
        )
    record = record_of(artifact.manifest, dataset_table(artifact))
    return release_check(artifact.scan(dataset_table(artifact)), vault=vault, k=k, quasi=quasi, record=record)


def show_check(terminal: Terminal, found: Release) -> None:
    """Classes still found, persons who stand out, and whether the table may be published."""
    terminal.line(_JUDGED[found.judged_by])
    if found.residual.height:
        terminal.table(
            ["class", "found", "rows", "ids"],
            [[kind, n, rows, ", ".join(ids)] for kind, n, rows, ids in found.residual.iter_rows()],
            right=(1, 2),
        )
    else:
        terminal.line("identifiers: none found")
    who, names = found.anonymity, ", ".join(found.quasi)
    few = who.riskiest.filter(pl.col("group_size") < found.k)
    if not who.groups:
        terminal.line(f"k-anonymity over {names}: of nobody is any of it known")
    else:
        terminal.line(f"k-anonymity over {names}: k = {who.k} (wanted {found.k}), {who.unique:,} persons are alone")
        for row_id, size in few.head(10).iter_rows():
            terminal.line(f"  {row_id}: one of {size}")
    terminal.line("may be published" if found.passed else "must not be published yet")
    terminal.result(
        {
            "passed": found.passed,
            "judged_by": found.judged_by,
            "residual": found.residual.to_dicts(),
            "quasi": list(found.quasi),
            "wanted_k": found.k,
            "k": who.k if who.groups else None,
            "groups": who.groups,
            "alone": who.unique,
            "riskiest": few.to_dicts(),
        }
    )


_JUDGED: Final[Mapping[str, str]] = {
    "vault": "Surrogates are told from originals by the vault.",
    "record": "Surrogates are told from originals by the record of the manifest; --vault FILE would know each.",
    "nothing": "No vault and no record that fits: every name counts, surrogates too. Give --vault FILE if you can.",
}


def told(facts: Mapping[str, Any]) -> list[str]:
    """What curating with a vault did, in lines for a terminal."""
    record = facts.get("privacy") or {}
    if not record:
        return []
    replaced = ", ".join(f"{kind} {n:,}" for kind, n in record["classes"].items()) or "nothing found"
    left = ", ".join(f"{kind} {n:,}" for kind, n in record["residual"].items())
    return [
        f"replaced: {replaced}",
        *([f"STILL FOUND: {left}; see xinheng privacy with --vault"] if left else []),
        "ids, file names and unread lines are replaced or left out; back up the vault, and keep it apart from the data",
    ]
