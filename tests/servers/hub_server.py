"""As much of the hub's API as a push needs, and a memory of what came: repositories, large files by LFS, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_" + "x" * 30  # what clients must send


@dataclass
class Hub:
    """What the server was sent.

    Args:
        address: Of the server.
        refuse: Parts of paths that are answered with a status instead.
        repos: Name, and whether it is private.
        files: Of the last commit: name and bytes.
        lfs: Digest and bytes of large files.
        commits: Their summaries.
        kinds: Name, and whether it is a model or a dataset.
        sent: Digests of large files in the order in which they were sent.
        breaks_after: So many large files, then the connection breaks off, once.
    """

    address: str = ""
    refuse: dict[str, int] = field(default_factory=dict)
    repos: dict[str, bool] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    breaks_after: int | None = None


@contextmanager
def served() -> Iterator[Hub]:
    """A hub on a port of its own."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if status := next((code for part, code in hub.refuse.items() if part in self.path), 0):
                return self._answer({"error": "no"}, status)
            if self.path != "/api/validate-yaml" and self.headers.get("authorization") != f"Bearer {TOKEN}":
                return self._answer({"error": "no token"}, 401)
            return self._answer(*_answered(hub, self.path, body))

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
    files: dict[str, bytes] = {}
    for line in body.splitlines():
        told = json.loads(line)
        if told["key"] == "header":
            hub.commits.append(told["value"]["summary"])
        elif told["key"] == "file":
            files[told["value"]["path"]] = base64.b64decode(told["value"]["content"])
        elif told["key"] == "lfsFile":
            files[told["value"]["path"]] = hub.lfs[told["value"]["oid"]]
    hub.files = files
    return {
        "commitUrl": f"{hub.address}{_page(path)}/{'1' * 40}",
        "commitOid": "1" * 40,
        "pullRequestUrl": None,
        "success": True,
    }, 200


def _page(path: str) -> str:
    return path.removeprefix("/api/models").removeprefix("/api").rpartition("/")[0]
