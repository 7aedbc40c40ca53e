"""A Hugging Face Hub on loopback: the answers that creating a repository and uploading a folder need.

The paths and shapes are those that huggingface_hub 2.4 asks for, recorded from it, with HF_HUB_DISABLE_XET: large files
go by Git LFS, since Xet's storage speaks a protocol of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_goodtoken"
MODELS = "/api/models/"


class HubServer(ThreadingHTTPServer):
    """Keeps what is uploaded, for the holder of :data:`TOKEN`, who is ``me``.

    ``refused`` are beginnings of paths that are answered with a status instead.
    """

    daemon_threads = True

    def __init__(self, refused: dict[str, int] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refused = refused or {}
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.visibility: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}

    def __enter__(self) -> HubServer:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no error."""

    def lacks(self, path: str) -> bool:
        """Whether a model is asked for that is not there."""
        name = path.removeprefix(MODELS)
        return path.startswith(MODELS) and name.count("/") == 1 and name not in self.visibility

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """What the hub says to an authorised request."""
        if path == "/api/whoami-v2":
            return {"type": "user", "name": "me", "orgs": []}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if path.endswith("/tree/main"):
            return [{"type": "file", "path": name, "size": 0, "oid": "0"} for name in self.files]
        if "/preupload/" in path:
            return self._modes(json.loads(body))
        if path.endswith("/info/lfs/objects/batch"):
            return self._places(json.loads(body))
        if method == "PUT":
            self.stored[path.rpartition("/")[2]] = body
            return {}
        if "/commit/" in path:
            return self._commit(body)
        name = path.removeprefix(MODELS)
        return {"id": name, "private": self.visibility[name] == "private"}

    def _create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        name = f"{wanted['organization'] or 'me'}/{wanted['name']}"
        self.visibility.setdefault(name, wanted["visibility"])
        return {"url": f"{self.url}/{name}", "name": name}

    def _modes(self, wanted: dict[str, Any]) -> dict[str, Any]:
        large = (".safetensors", ".png", ".parquet")
        modes = {file["path"]: "lfs" if file["path"].endswith(large) else "regular" for file in wanted["files"]}
        return {"files": [{"path": path, "uploadMode": modes[path], "shouldIgnore": False} for path in modes]}

    def _places(self, wanted: dict[str, Any]) -> dict[str, Any]:
        objects = [
            {**item, "actions": {"upload": {"href": f"{self.url}/storage/{item['oid']}"}}} for item in wanted["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def _commit(self, body: bytes) -> dict[str, Any]:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                content = self.stored[value["oid"]]
                assert hashlib.sha256(content).hexdigest() == value["oid"]
                self.files[value["path"]] = content
            elif entry["key"] == "deletedFile":
                del self.files[value["path"]]
        repository = next(iter(self.visibility))
        return {"commitUrl": f"{self.url}/{repository}/commit/0", "commitOid": "0", "success": True}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        refused = [status for beginning, status in self.server.refused.items() if path.startswith(beginning)]
        is_storage = path.startswith("/storage/")
        if refused:
            self._reply(refused[0], {"error": "refused by the test"})
        elif not is_storage and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._reply(401, {"error": "Invalid user token."})
        elif self.server.lacks(path):
            self._reply(404, {"error": "Repository not found"})
        else:
            self._reply(200, self.server.answer(self.command, path, body))

    do_GET = do_POST = do_PUT = _handle  # noqa: N815  the names are the library's

    def _reply(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests read stderr."""
