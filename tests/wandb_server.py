"""A W&B server on loopback: the few answers that runs and artifacts need, and what it was told.

The names and shapes are those of the GraphQL requests that wandb 0.31 sends.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CREATED = "2026-01-01T00:00:00Z"


class WandbServer(ThreadingHTTPServer):
    """Answers as W&B does, or with ``status`` to everything, or with an error to the operations in ``refused``."""

    daemon_threads = True

    def __init__(self, status: int = 200, refused: frozenset[str] = frozenset(), port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = status
        self.refused = refused
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.used: set[tuple[str, str]] = set()
        self.uploaded: set[str] = set()
        self.lock = threading.Lock()

    def __enter__(self) -> WandbServer:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no error."""

    def lineage(self) -> dict[str, tuple[set[str], set[str]]]:
        """Run name to the names of the artifacts it used and logged, tables left out."""
        names = {run["name"]: run["displayName"] for run in self.runs.values() if run["displayName"]}
        known = {key: artifact["name"] for key, artifact in self.artifacts.items() if artifact["type"] != "run_table"}
        return {
            display: (
                {known[key] for run, key in self.used if run == name},
                {known[key] for key in known if self.artifacts[key]["run"] == name},
            )
            for name, display in names.items()
        }

    def answer(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The ``data`` of a GraphQL answer."""
        with self.lock:
            data: dict[str, Any] = getattr(self, f"_{operation}")(variables)
            return data

    def _UpsertBucket(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  the names are W&B's
        self.runs.setdefault(variables["name"], variables)
        project = {"id": "P", "name": variables["project"], "entity": {"id": "E", "name": "team"}}
        bucket = {"id": "B", "name": variables["name"], "config": "{}", "historyLineCount": 0, "project": project}
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def _Viewer(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"viewer": {"id": "U", "entity": "team", "username": "someone", "flags": "{}", "teams": {"edges": []}}}

    def _ServerFeaturesQuery(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"serverInfo": {"features": []}}

    def _ArtifactType(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = self._find(variables["name"])
        return {"project": {"artifact": {"artifactType": {"name": found["type"]}} if found else None}}

    def _CreateArtifact(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        wanted = variables["input"]
        key = f"{wanted['artifactCollectionName']}@{wanted['digest']}"
        known = self.artifacts.setdefault(
            key,
            {
                "id": key,
                "name": wanted["artifactCollectionName"],
                "type": wanted["artifactTypeName"],
                "digest": wanted["digest"],
                "run": wanted["runName"],
                "aliases": [alias["alias"] for alias in wanted["aliases"]],
                "state": "PENDING",
            },
        )
        return {"createArtifact": {"artifact": {**known, "artifactSequence": {"latestArtifact": None}}}}

    def _CreateArtifactManifest(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"createArtifactManifest": {"artifactManifest": {"id": "M", "file": self._file("the manifest")}}}

    def _CreateArtifactFiles(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        files = variables["input"]["artifactFiles"]
        edges = [{"node": {**self._file(file["name"]), "artifact": {"id": file["artifactID"]}}} for file in files]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _CreateRunFiles(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        files = [self._file(name) for name in variables["files"]]
        return {"createRunFiles": {"runID": "B", "uploadHeaders": [], "files": files}}

    def _CommitArtifact(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.artifacts[variables["artifactID"]]["state"] = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": variables["artifactID"]}}}

    def _UseArtifact(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        use = variables.get("input", variables)
        self.used.add((use["runName"], use["artifactID"]))
        return {"useArtifact": {"artifact": {"id": use["artifactID"]}}}

    def _ArtifactByID(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"artifact": self._whole(self.artifacts[variables["id"]])}

    def _ArtifactMembershipByName(self, variables: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = self._find(variables["name"])
        if not found:
            return {"project": {"artifactCollectionMembership": None}}
        whole = self._whole(found)
        membership = {
            "__typename": "ArtifactCollectionMembership",
            "id": "C",
            "versionIndex": 0,
            "createdAt": CREATED,
            "aliases": whole["aliases"],
            "artifactCollection": whole["artifactSequence"],
            "artifact": whole,
        }
        return {"project": {"artifactCollectionMembership": membership}}

    def _find(self, name: str) -> dict[str, Any] | None:
        collection, _, alias = name.partition(":")
        found = [a for a in self.artifacts.values() if a["name"] == collection and alias in a["aliases"]]
        return found[-1] if found else None

    def _file(self, name: str) -> dict[str, Any]:
        url = f"{self.url}/upload/{name}"
        return {
            "id": name,
            "name": name,
            "displayName": name,
            "storagePath": name,
            "uploadUrl": url,
            "uploadHeaders": [],
        }

    def _whole(self, artifact: dict[str, Any]) -> dict[str, Any]:
        project = {"id": "P", "internalId": "UHJvamVjdEludGVybmFsSWQ6MQ==", "name": "p", "entity": {"name": "team"}}
        collection = {"__typename": "ArtifactSequence", "name": artifact["name"], "project": project}
        return {
            "__typename": "Artifact",
            "id": artifact["id"],
            "artifactSequence": collection,
            "artifactType": {"name": artifact["type"]},
            "versionIndex": 0,
            "description": None,
            "historyStep": None,
            "updatedAt": None,
            "metadata": "{}",
            "tags": [],
            "ttlDurationSeconds": -2,
            "ttlIsInherited": True,
            "state": artifact["state"],
            "size": 1,
            "digest": artifact["digest"],
            "commitHash": "0",
            "fileCount": 1,
            "createdAt": CREATED,
            "aliases": [
                {"__typename": "ArtifactAlias", "id": alias, "alias": alias, "artifactCollection": collection}
                for alias in artifact["aliases"]
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.status != 200 or self.path != "/graphql":
            return self._reply({})
        request = json.loads(body)
        named = re.search(r"(?:query|mutation)\s+(\w+)", request["query"])
        operation = named.group(1) if named else ""
        if operation in self.server.refused:
            return self._reply({"errors": [{"message": f"{operation} is refused"}]})
        return self._reply({"data": self.server.answer(operation, request.get("variables") or {})})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.uploaded.add(self.path.removeprefix("/upload/"))
        self._reply({})

    def _reply(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests read stderr."""
