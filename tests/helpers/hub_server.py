"""A server of models in this process, as far as unbraid asks one: repositories, commits, files.

It takes all files within the commit, where the Hub takes large ones by another way.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_known"


class Hub(ThreadingHTTPServer):
    """Repositories by name, each its files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.hidden: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        if self.path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            asked = json.loads(content)
            name = f"{asked['organization']}/{asked['name']}"
            known = name in self.server.repositories
            self.server.repositories.setdefault(name, {})
            if asked.get("private") or asked.get("visibility") == "private":
                self.server.hidden.add(name)
            return self._answer(409 if known else 200, {"url": f"{self.server.address}/{name}"})
        if found := re.fullmatch(r"/api/models/(.+)/preupload/main", self.path):
            modes = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in json.loads(content)["files"]
            ]
            return self._answer(200, {"files": modes})
        if found := re.fullmatch(r"/api/models/(.+)/commit/main", self.path):
            files = self.server.repositories[found[1]]
            for line in map(json.loads, content.decode().splitlines()):
                if line["key"] == "file":
                    files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            revision = _revision(files)
            address = f"{self.server.address}/{found[1]}/commit/{revision}"
            return self._answer(200, {"success": True, "commitUrl": address, "commitOid": revision})
        return self._answer(404, {})

    def do_GET(self) -> None:
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/[^/?]+", self.path):
            files = self._files(found[1])
            if files is None:
                return self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            known = {"id": found[1], "modelId": found[1], "sha": _revision(files), "tags": [], "private": False}
            return self._answer(200, {**known, "siblings": [{"rfilename": name} for name in files]})
        if found := re.match(r"/api/models/([^/]+/[^/]+)/tree/", self.path):
            listed = [
                {"type": "file", "path": name, "size": len(content), "oid": _digest(content)}
                for name, content in (self._files(found[1]) or {}).items()
            ]
            return self._answer(200, listed)
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path):
            files = self._files(found[1]) or {}
            if found[3] not in files:
                return self._answer(404, {}, {"X-Error-Code": "EntryNotFound"})
            content = files[found[3]]
            return self._answer(200, content, {"ETag": f'"{_digest(content)}"', "X-Repo-Commit": _revision(files)})
        return self._answer(404, {})

    do_HEAD = do_GET  # noqa: N815 - the name is the library's

    def _files(self, name: str) -> dict[str, bytes] | None:
        if name in self.server.hidden and self.headers.get("authorization") != f"Bearer {TOKEN}":
            return None
        return self.server.repositories.get(name)

    def _answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _revision(files: dict[str, bytes]) -> str:
    return _digest(b"".join(name.encode() + content for name, content in sorted(files.items())))


@contextmanager
def hub() -> Iterator[Hub]:
    """A server for as long as it is needed."""
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
