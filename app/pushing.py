"""What `xinheng push` does: it shows all that would be sent, and sends that as one commit or leaves it ready."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from shlex import quote

from app.terminal import Terminal
from training import hub
from xinheng.errors import ModelError, NetworkError


def pushed(
    folder: Path, repo: str, *, base: str | None, private: bool, allow: Collection[str], dry: bool, terminal: Terminal
) -> None:
    """Send a folder's adapter or model to the hub, or show what would be sent.

    Args:
        folder: Of an adapter or a model.
        repo: `OWNER/NAME`.
        base: The base's name on the hub, or `none`; None for what the folder names.
        private: Whether a repository that is made will be.
        allow: What is sent all the same.
        dry: Send nothing, write nothing.
        terminal: Hears of it.

    Raises:
        ArtifactError: The repository holds a publication.
        ModelError: No token; what is to be sent lies ready beside the folder.
        NetworkError: The hub is away; likewise.
    """
    parcel = hub.parcel(folder, repo, base=base, private=private, allow=allow)
    told = {
        "repo": repo,
        "private": private,
        "licence": parcel.licence or None,
        "files": [{"name": item.name, "bytes": item.size} for item in parcel.files],
        "bytes": sum(item.size for item in parcel.files),
        "stays": list(parcel.stays),
    }
    terminal.table(["file", "bytes"], [[item.name, item.size] for item in parcel.files], right=(1,))
    terminal.line(f"{told['bytes']:,} bytes to {repo}{' (private)' if private else ''}")
    if parcel.stays:
        terminal.line(f"stays here: {', '.join(parcel.stays)}")
    if dry:
        terminal.line()
        terminal.line(parcel.card)
        terminal.line("nothing was sent; next: the same without --dry-run, with HF_TOKEN or after hf auth login")
        terminal.result({**told, "dry_run": True, "card": parcel.card})
        return
    try:
        address = hub.send(parcel, message="Sent by xinheng push", say=terminal.say)
    except (ModelError, NetworkError) as error:
        ready = hub.laid_out(parcel, folder.with_name(f"{folder.name}-to-push"))
        flag = " --private" if private else ""
        mend = f"All of it lies ready in {ready}. Later: hf upload {repo} {quote(str(ready))} .{flag}"
        raise type(error)(
            error.who, error.what, want=error.want, have=error.have, mend=f"{error.mend} {mend}".strip()
        ) from None
    terminal.line(f"sent     {address}")
    terminal.result({**told, "commit": address})
