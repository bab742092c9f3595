"""The embedded Argilla's own virtual environment, made once from its lock.

Argilla's server wants older versions of what the project itself uses, so it lives apart: in the user's cache, one
folder for each lock and Python, shared by every home. A folder without its mark is an interrupted installation and is
made again; whoever comes second waits.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xinheng.errors import NetworkError, UsageError, WriteError
from xinheng.settings import settings

SERVER: Final = Path(__file__).parent / "server"
LOCK: Final = SERVER / "requirements.lock"
_WHO: Final = "annotate serve"
# argilla-server's pydantic and greenlet have wheels for these.
_PYTHONS: Final = ((3, 11), (3, 12), (3, 13))
_MARK: Final = ".whole"
_NEEDED_BYTES: Final = 400 * 2**20
# What would send an installation elsewhere, or mix somebody's packages in.
_STRAYS: Final = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_CONSTRAINT",
    "PIP_REQUIRE_HASHES",
)
_OFFLINE: Final = (
    "connection",
    "resolve host",
    "name resolution",
    "dns error",
    "timed out",
    "network",
    "error sending request",
    "could not find a version",
    "no matching distribution",
    "no solution found",
)


def environment(say: Callable[[str], None]) -> Path:
    """The environment's Python; it is made first where it is absent, which takes half a minute and the network.

    Args:
        say: Told how far it has come.

    Raises:
        UsageError: No Python that Argilla's server runs on, or a system without file locks.
        NetworkError: The packages cannot be had.
        WriteError: The disk refuses.
    """
    interpreter, version = _interpreter()
    room = _room()
    key = hashlib.sha256(LOCK.read_bytes() + (SERVER / "pages.py").read_bytes() + version.encode()).hexdigest()[:12]
    folder = room / f"argilla-{key}"
    python = folder / "bin" / "python"
    if _whole(folder, python):
        return python
    with _alone(room, key, say) as held:
        if not _whole(folder, python):
            _make(folder, interpreter, say, held)
    return python


def pins() -> list[str]:
    """The lock's lines, `name==version`."""
    return [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def _whole(folder: Path, python: Path) -> bool:
    """Whether an installation was finished, and the Python it was made with is still there."""
    return (folder / _MARK).is_file() and python.exists()


def _room() -> Path:
    given = settings().argilla_venv
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xinheng"
    room = (given.expanduser() if given else cache).absolute()
    try:
        room.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(room).free
    except OSError as error:
        mend = "Name a folder of yours in XINHENG_ARGILLA_VENV."
        raise WriteError(_WHO, f"the folder of the server's environment cannot be made: {room}", mend=mend) from error
    if free < _NEEDED_BYTES and not any(room.glob(f"argilla-*/{_MARK}")):
        want, have = f"{_NEEDED_BYTES >> 20} MB in {room}", f"{free >> 20} MB"
        mend = "Make room, or name another folder in XINHENG_ARGILLA_VENV."
        raise WriteError(_WHO, "no room for the server's environment", want=want, have=have, mend=mend)
    return room


def _interpreter() -> tuple[str, str]:
    """A Python that Argilla's server runs on, this one before others, and its version."""
    if sys.version_info[:2] in _PYTHONS:
        return sys.executable, f"{sys.version_info[0]}.{sys.version_info[1]}"
    for major, minor in reversed(_PYTHONS):
        if found := shutil.which(f"python{major}.{minor}"):
            return found, f"{major}.{minor}"
    want = "Python 3.11, 3.12 or 3.13 for Argilla's server"
    have = f"Python {sys.version_info[0]}.{sys.version_info[1]} and no other on the path"
    raise UsageError(_WHO, "no Python that fits", want=want, have=have, mend="Install one of them beside this one.")


@contextmanager
def _alone(room: Path, key: str, say: Callable[[str], None]) -> Iterator[int]:
    """Keep a second maker waiting; the installer holds the lock too, so it counts even if this process is killed."""
    try:
        import fcntl
    except ImportError as error:
        raise UsageError(_WHO, "the embedded server needs Linux or macOS", mend="On Windows use WSL.") from error
    held = os.open(room / f"argilla-{key}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is making the server's environment; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield held
    finally:
        os.close(held)


def _make(folder: Path, interpreter: str, say: Callable[[str], None], held: int) -> None:
    wanted = pins()
    say(f"making the server's environment, once: {len(wanted)} packages, about 200 MB, in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv")
    lines: list[str] = []
    if uv:
        making = [uv, "venv", "--quiet", "--python", interpreter, str(folder)]
        filling = [uv, "pip", "install", "--python", python, "--no-deps", "--compile-bytecode", "-r", str(LOCK)]
        done = _run(making, held, lines.append) and _run(filling, held, lines.append)
        if not done:
            say("uv could not; trying pip")
            shutil.rmtree(folder, ignore_errors=True)
    if not uv or not done:
        # This Python's own pip fills the environment; one inside would cost seconds and be used once.
        lends = _run([interpreter, "-m", "pip", "--version"], held, lambda _: None)
        making = [interpreter, "-m", "venv", *(["--without-pip"] if lends else []), str(folder)]
        if not _run(making, held, lines.append):
            _fail(
                folder, lines, "a virtual environment cannot be made", "On Debian and Ubuntu: apt install python3-venv"
            )
        pip = [interpreter, "-m", "pip", "--python", python] if lends else [python, "-m", "pip"]
        options = ["--no-deps", "--retries", "2", "--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
        told = _counted(len(wanted), say, lines)
        if not _run([*pip, "install", *options, "-r", str(LOCK)], held, told):
            _fail(folder, lines, "the server's packages cannot be installed", "See the network, and pip's settings.")
    if not _run([python, "-I", str(SERVER / "pages.py")], held, lines.append):
        _fail(folder, lines, "the server's pages cannot be prepared", "Run the command again.")
    (folder / _MARK).touch()
    say("the server's environment is made")


def _counted(total: int, say: Callable[[str], None], lines: list[str]) -> Callable[[str], None]:
    """Tell every tenth package that pip turns to; keep its last words for a message."""
    seen = 0

    def told(line: str) -> None:
        nonlocal seen
        lines.append(line)
        if line.startswith(("Collecting ", "Processing ")):
            seen += 1
            if seen % 10 == 0 or seen == total:
                say(f"{seen} of {total} packages")
        elif line.startswith("Installing collected"):
            say("unpacking them")

    return told


def _run(command: list[str], held: int, told: Callable[[str], None]) -> bool:
    """Run an installer, line by line; whether it ended well."""
    surroundings = {name: value for name, value in os.environ.items() if name not in _STRAYS}
    with subprocess.Popen(  # noqa: S603 commands of ours
        command,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=(held,),
    ) as process:
        try:
            for line in process.stdout or ():
                told(line.rstrip())
            return process.wait() == 0
        except BaseException:
            process.kill()
            raise


def _fail(folder: Path, lines: list[str], what: str, mend: str) -> None:
    """Say in one message why; nothing half made is left behind."""
    shutil.rmtree(folder, ignore_errors=True)
    words = "\n".join(lines[-60:]).lower()
    errors = [line for line in lines if line.lower().startswith("error")]
    have = (errors or [line for line in lines if line] or ["nothing said"])[-1][:200]
    if "no space left" in words or "disk quota" in words:
        raise WriteError(_WHO, what, have="no space left on the device", mend="Make room and run the command again.")
    if any(sign in words for sign in _OFFLINE):
        mend = "Connect this machine, or name a mirror in PIP_INDEX_URL; what was downloaded is kept."
        raise NetworkError(_WHO, what, want=f"{len(pins())} packages from the registry", have=have, mend=mend)
    raise WriteError(_WHO, what, have=have, mend=mend)
