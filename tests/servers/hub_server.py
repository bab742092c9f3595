"""As much of the hub's API as a push needs, and a memory of what came: repositories, large files by LFS, commits.

As on the hub, a commit changes only what it names: files of earlier commits stay until one deletes them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_" + "x" * 30  # what clients must send
GIT = ".gitattributes"


@dataclass
class Hub:
    """What the server was sent.

    Args:
        address: Of the server.
        refuse: Parts of paths that are answered with a status instead.
        repos: Name, and whether it is private.
        held: Name of a repository, and its files: name and bytes.
        heads: Name of a repository, and its last commit.
        lfs: Digest and bytes of large files.
        commits: Their summaries.
        kinds: Name, and whether it is a model or a dataset.
        sent: Digests of large files in the order in which they were sent.
        breaks_after: So many large files, then the connection breaks off, once.
        loses_reply: The next commit is made, and its answer lost.
        between: Runs just before the next commit.
    """

    address: str = ""
    refuse: dict[str, int] = field(default_factory=dict)
    repos: dict[str, bool] = field(default_factory=dict)
    held: dict[str, dict[str, bytes]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    breaks_after: int | None = None
    loses_reply: bool = False
    between: Callable[[], object] | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """What the last version of the only repository holds, without what the hub put there itself."""
        return {name: content for held in self.held.values() for name, content in held.items() if name != GIT}

    def make(self, name: str, files: Mapping[str, bytes] | None = None) -> None:
        """Make a repository, as the hub does with its own file in it, and more as somebody else put it there."""
        self.repos.setdefault(name, False)
        self.held.setdefault(name, {GIT: b""}).update(files or {})
        # Each commit has a name of its own, so that one that is built upon an older one is seen.
        self.heads[name] = f"{(int(self.heads[name][:1], 16) + 1) % 16:x}" * 40 if name in self.heads else "0" * 40


@contextmanager
def served() -> Iterator[Hub]:
    """A hub on a port of its own."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_) -> None:
            pass

        def do_GET(self) -> None:
            return self._answer(*_looked_up(hub, self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if status := next((code for part, code in hub.refuse.items() if part in self.path), 0):
                return self._answer({"error": "no"}, status)
            if self.path != "/api/validate-yaml" and self.headers.get("authorization") != f"Bearer {TOKEN}":
                return self._answer({"error": "no token"}, 401)
            answer = _answered(hub, self.path, body)
            if "/commit/" in self.path and hub.loses_reply:
                hub.loses_reply = False
                self.close_connection = True
                return self.connection.close()
            return self._answer(*answer)

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            digest = self.path.rpartition("/")[2]
            if hub.breaks_after is not None and len(hub.sent) >= hub.breaks_after:
                hub.breaks_after = None
                self.close_connection = True
                return self.connection.close()
            hub.sent.append(digest)
            if hashlib.sha256(body).hexdigest() != digest:
                return self._answer({"error": "other bytes"}, 400)
            hub.lfs[digest] = body
            return self._answer({})

        def _answer(self, value, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _answered(hub: Hub, path: str, body: bytes):
    if path.startswith("/api/validate-yaml"):
        return {"errors": [], "warnings": []}, 200
    if path == "/api/repos/create":
        told = json.loads(body)
        name = "/".join(filter(None, (told.get("organization"), told["name"])))
        if name in hub.repos:
            return {"url": f"{hub.address}/{name}", "error": "You already created this model repo"}, 409
        hub.kinds[name] = told.get("type") or "model"
        hub.make(name)
        hub.repos[name] = told.get("visibility") == "private" or bool(told.get("private"))
        return {"url": f"{hub.address}/{name}", "id": name}, 200
    if "/preupload/" in path:
        large = (".safetensors", ".gguf", ".parquet")
        files = json.loads(body)["files"]
        return {
            "files": [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(large) else "regular",
                 "shouldIgnore": False, "oid": None}
                for f in files
            ]
        }, 200  # fmt: skip
    if path.endswith("/info/lfs/objects/batch"):
        return {
            "transfer": "basic",
            "objects": [
                # What is there already needs no action: so a broken upload is taken up where it was.
                {"oid": one["oid"], "size": one["size"],
                 **({} if one["oid"] in hub.lfs else
                    {"actions": {"upload": {"href": f"{hub.address}/lfs/{one['oid']}", "header": {}}}})}
                for one in json.loads(body)["objects"]
            ],
        }, 200  # fmt: skip
    return _committed(hub, path, body)


def _committed(hub: Hub, path: str, body: bytes):
    if "/commit/" not in path:
        return {"error": path}, 404
    name = _repo(path)
    if hub.between is not None:
        now, hub.between = hub.between, None
        now()
    files = dict(hub.held[name])
    for line in body.splitlines():
        told = json.loads(line)
        value = told["value"]
        if told["key"] == "header":
            if value.get("parentCommit") not in {None, hub.heads[name]}:
                return {"error": "A commit has happened since. Please refresh and try again."}, 412
            summary = value["summary"]
        elif told["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif told["key"] == "lfsFile":
            files[value["path"]] = hub.lfs[value["oid"]]
        elif told["key"] == "deletedFile" and files.pop(value["path"], None) is None:
            return {"error": "A file with this name doesn't exist"}, 404
    hub.commits.append(summary)
    hub.held[name] = {}
    hub.make(name, files)
    return {
        "commitUrl": f"{hub.address}{_page(path)}/{hub.heads[name]}",
        "commitOid": hub.heads[name],
        "pullRequestUrl": None,
        "success": True,
    }, 200


def _looked_up(hub: Hub, path: str):
    name = _repo(path)
    if name not in hub.repos:
        return {"error": "Repository not found"}, 404
    if "/tree/" in path:
        return [
            {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for file, content in sorted(hub.held[name].items())
        ], 200
    return {"id": name, "sha": hub.heads[name], "private": hub.repos[name], "siblings": []}, 200


def _repo(path: str) -> str:
    """`OWNER/NAME` of `/api/models/OWNER/NAME/…`."""
    return "/".join(path.partition("?")[0].split("/")[3:5])


def _page(path: str) -> str:
    return path.removeprefix("/api/models").removeprefix("/api").rpartition("/")[0]
