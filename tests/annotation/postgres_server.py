"""A real PostgreSQL of a test's own, as a user that is not root, in a folder that goes away."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def programs() -> Path | None:
    """The folder of initdb and postgres; Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return None if path is None else Path(path).parent


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database `ratings`, whose user needs a password."""
    owner: dict[str, Any] = {}
    data = Path(tempfile.mkdtemp(prefix="xinheng-postgres-"))
    if os.geteuid() == 0:  # PostgreSQL refuses root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        owner = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        shutil.chown(data, user)
    (data / "word").write_text("p@ss word")
    (data / "word").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binaries = programs()
    assert binaries is not None, "no PostgreSQL: apt install postgresql"
    common = {"cwd": data, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **owner}
    making = [binaries / "initdb", "-D", data / "db", "-U", "ann", "-A", "scram-sha-256", f"--pwfile={data / 'word'}"]
    subprocess.run([*making, "-E", "UTF8", "--locale=C", "--no-sync"], check=True, **common)
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", str(data), "-c", "fsync=off"]
    with subprocess.Popen([binaries / "postgres", "-D", data / "db", *options], **common) as process:
        try:
            tool = {"PGPASSWORD": "p@ss word", "PATH": f"{binaries}:{os.environ['PATH']}"}
            command = ["createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "ann", "ratings"]
            for _ in range(200):
                if (
                    subprocess.run(
                        [binaries / command[0], *command[1:]], env=tool, capture_output=True, check=False
                    ).returncode
                    == 0
                ):
                    break
                time.sleep(0.05)
            else:
                raise AssertionError("PostgreSQL does not answer")
            yield f"postgresql://ann:p%40ss%20word@127.0.0.1:{port}/ratings"
        finally:
            process.send_signal(signal.SIGINT)  # at once, whoever is still connected
            process.wait()
            shutil.rmtree(data, ignore_errors=True)
