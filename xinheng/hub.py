"""The Hugging Face Hub: what never goes there, and a commit that holds all of it or nothing.

Large files are sent first, each for itself; the commit that makes them visible is the last request. So a broken upload
is taken up where it was: the hub says which files it has already. A publication takes the place of the one before it:
rows that were withdrawn since must not be loaded from a file that the new version no longer writes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from xinheng.errors import ArtifactError, CheckFailed, ModelError, NetworkError, UsageError
from xinheng.publication import MARKER, SUMS

KINDS: Final = ("model", "dataset")
# Seconds before it is tried again.
PAUSES: Final = (1.0, 4.0, 15.0)
_BUSY: Final = {408, 409, 429, 500, 502, 503, 504}
_MOVED: Final = 412
# What the hub itself puts into a repository that is made.
_GIT: Final = ".gitattributes"
_CARD: Final = "README.md"
_HTTP: Final = {"httpx", "httpx2", "httpcore", "httpcore2"}
_STATE: Final = (
    "optimizer*", "scheduler.*", "rng_state*", "trainer_state.json", "training_args.bin", "*.ckpt", "*.pkl",
)  # fmt: skip
_SQLITE: Final = b"SQLite format 3\x00"
_VAULT: Final = b"xinheng-vault"


@dataclass(frozen=True)
class Item:
    """One file that is sent.

    Args:
        name: On the hub.
        size: In bytes.
        content: Where it lies, or what it is.
    """

    name: str
    size: int
    content: Path | bytes


def send(
    files: Sequence[Item],
    repo: str,
    *,
    kind: str,
    private: bool,
    message: str,
    whole: bool = False,
    say: Callable[[str], None] = lambda _: None,
    pauses: Sequence[float] | None = None,
) -> str:
    """The address of the commit that holds all files.

    What else a repository holds stays, and is named to `say`, unless the files are `whole`.

    Args:
        files: What goes.
        repo: `OWNER/NAME`.
        kind: `model` or `dataset`.
        private: Whether a repository that is made will be, and one that is there must be.
        message: Of the commit.
        whole: The files are a publication: the commit deletes all others of the publication that is there.
        say: Hears what is going on.
        pauses: Seconds before each further try when the hub is busy or breaks off; `PAUSES` by default.

    Raises:
        ArtifactError: Files would be lost that no publication wrote, somebody else wrote there meanwhile, or all may
            read there what was to be private.
        ModelError: There is no token, or it may not write there.
        NetworkError: The hub cannot be reached, or breaks off: nothing or all of it is there.
    """
    from huggingface_hub import get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not get_token():
        raise ModelError("push", "no token for the hub", want="HF_TOKEN, or: hf auth login")
    disable_progress_bars()
    pauses = PAUSES if pauses is None else pauses
    seen: list[set[str]] = []
    for attempt in range(len(pauses) + 1):
        try:
            return _sent(files, repo, kind=kind, private=private, message=message, whole=whole, seen=seen, say=say)
        except _Again as error:
            if attempt == len(pauses):
                raise error.told from None
            say(f"{repo}: {error.told.what} ({error.told.have}); once more in {pauses[attempt]:g} s")
            time.sleep(pauses[attempt])
    raise AssertionError


class _Again(Exception):
    """Something that may pass when it is tried again."""

    def __init__(self, told: NetworkError) -> None:
        super().__init__(str(told))
        self.told = told


def _sent(
    files: Sequence[Item], repo: str, *, kind: str, private: bool, message: str, whole: bool, seen: list[set[str]],
    say: Callable[[str], None],
) -> str:  # fmt: skip
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    additions = [CommitOperationAdd(path_in_repo=item.name, path_or_fileobj=item.content) for item in files]
    try:
        say(f"{repo}: making the repository, if there is none")
        api.create_repo(repo, private=private or None, exist_ok=True, repo_type=kind)
        known = api.repo_info(repo, repo_type=kind)
        parent = known.sha
        if private:
            _require_closed(repo, kind, private=known.private)
        seen.append({*api.list_repo_files(repo, revision=parent, repo_type=kind)} if parent else set())
        others = _others(repo, kind, {item.name for item in files}, seen, whole=whole, say=say)
        say(f"{repo}: sending {len(additions):,} files")
        for addition in additions:
            api.preupload_lfs_files(repo, [addition], repo_type=kind, free_memory=False)
        gone = [CommitOperationDelete(path_in_repo=name, is_folder=False) for name in others] if whole else []
        made = api.create_commit(
            repo, [*gone, *additions], commit_message=message, repo_type=kind, parent_commit=parent
        )
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in {401, 403}:
            mend = "Take a token that may write there: hf auth login."
            raise ModelError("push", "the hub refuses", want=f"leave to write to {repo}", mend=mend) from None
        if status == _MOVED:
            raise _meanwhile(repo) from None
        told = NetworkError("push", "the hub did not take it", have=f"status {status}")
        raise (_Again(told) if status in _BUSY else told) from None
    except OfflineModeIsEnabled:
        raise NetworkError("push", "the hub is switched off", have="HF_HUB_OFFLINE") from None
    except Exception as error:
        if _broken(error):
            raise _Again(NetworkError("push", "the hub cannot be reached", have=type(error).__name__)) from None
        raise
    return str(made.commit_url)


def _require_closed(repo: str, kind: str, *, private: bool | None) -> None:
    if private is False:
        mend = f"Close it first: hf repos settings {repo} --private --repo-type {kind}; or leave --private out."
        raise ArtifactError(repo, "is public already", want="a private repository", mend=mend)


def _others(
    repo: str, kind: str, ours: set[str], seen: Sequence[set[str]], *, whole: bool, say: Callable[[str], None]
) -> list[str]:
    """Files of a repository that are not sent, sorted.

    Args:
        repo: `OWNER/NAME`.
        kind: `model` or `dataset`.
        ours: What is sent.
        seen: What was there at each try: what came between two of them is somebody else's.
        whole: See `send`.
        say: Hears of them.

    Raises:
        ArtifactError: They must not go, or what is sent must not come to them.
    """
    there = seen[-1]
    published = {MARKER, SUMS} <= there
    if late := sorted(there - seen[0] - ours):
        raise _meanwhile(repo, _few(late))
    others = sorted(there - ours - {_GIT})
    if not whole and published:
        want, mend = (
            "a repository without one",
            f"Choose another, or: xinheng publish FOLDER --out DIR --to hub:{repo}.",
        )
        raise ArtifactError(repo, "holds a publication, whose lists would no longer be true", want=want, mend=mend)
    if whole and not published and (strange := [name for name in others if name != _CARD]):
        raise ArtifactError(
            repo,
            "holds files that no publication wrote, and nothing of them is deleted unasked",
            want="an empty repository, or a publication in it",
            have=_few(strange),
            mend=f"Choose another, or delete them yourself: hf repos delete-files {repo} NAME --repo-type {kind}.",
        )
    if others:
        will = "are deleted, and stay in its earlier commits" if whole else "stay as they are"
        say(f"{repo}: files of it that are not sent {will}: {_few(others)}")
    return others


def _meanwhile(repo: str, have: str = "") -> ArtifactError:
    mend = "Nothing was committed. Look at what is there now, then send again."
    return ArtifactError(repo, "somebody else wrote to the repository meanwhile", have=have, mend=mend)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _broken(error: BaseException | None) -> bool:
    """Whether a connection failed, be it told in another error's words."""
    while error is not None:
        if isinstance(error, OSError) or type(error).__module__.split(".")[0] in _HTTP:
            return True
        error = error.__cause__
    return False


def items_of(folder: Path, names: Sequence[str]) -> tuple[Item, ...]:
    """Files of a folder as they go."""
    return tuple(Item(name, (folder / name).stat().st_size, folder / name) for name in names)


def require_repo(repo: str, *, who: str = "push") -> None:
    """Nothing, unless a name is none of the hub's.

    Raises:
        UsageError: It is not `OWNER/NAME`.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        parts: list[str] = []
    else:
        parts = [part for part in repo.split("/") if part]
    if len(parts) != 2:
        raise UsageError(who, "no name of the hub's", want="OWNER/NAME", have=repr(repo))


def require_nothing_secret(folder: Path) -> None:
    """Raise where something lies there that must never leave, even if it would not be among what is sent.

    Raises:
        CheckFailed: A checkpoint, the state of a training, a journal or a vault is there.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found += [f"{name}/ (a checkpoint)"] if fnmatch(path.name, "checkpoint-*") else []
            continue
        if any(fnmatch(path.name, pattern) for pattern in _STATE):
            found.append(f"{name} (state of a training)")
        elif path.is_file():
            with path.open("rb") as file:
                begin = file.read(512)
            found += [f"{name} (a journal)"] if begin.startswith(_SQLITE) else []
            found += [f"{name} (a vault)"] if _VAULT in begin else []
    if found:
        raise CheckFailed(
            str(folder),
            "holds what must not leave this machine",
            have=_few(found),
            mend="Move it out of the folder.",
        )
