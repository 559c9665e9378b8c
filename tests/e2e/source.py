"""A Git repository of rendered manifests, served on loopback: by Git's own HTTP backend, and as archives for Flux."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

PORT = 28080
URL = f"http://127.0.0.1:{PORT}/vms.git"
_IDENTITY = {f"GIT_{who}_{what}": "vmgen" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Repository:
    """A clone that is written, and the bare repository that is served."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.served, self.archives = folder / "clone", folder / "served", folder / "archives"
        self.archives.mkdir()
        self._git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.served / "vms.git"))
        self._git(folder, "init", "--quiet", "--initial-branch=main", str(self.clone))
        self._git(self.clone, "remote", "add", "origin", str(self.served / "vms.git"))

    def vmgen(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run vmgen in the clone."""
        command = [sys.executable, "-m", "vmgen", "-C", str(self.clone), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def render(self) -> None:
        """Render, which must succeed."""
        done = self.vmgen("render")
        assert done.returncode == 0, done.stderr

    def commit(self, message: str) -> str:
        """Commit all that is there, and push it; the commit's id."""
        self._git(self.clone, "add", "--all")
        self._git(self.clone, "commit", "--quiet", "--allow-empty", "--message", message)
        self._git(self.clone, "push", "--quiet", "origin", "main")
        return self._git(self.clone, "rev-parse", "HEAD").strip()

    def archive(self, commit: str) -> tuple[str, str, int]:
        """A commit as Flux fetches it: the archive's name, its digest and its size."""
        path = self.archives / f"{commit}.tar.gz"
        self._git(self.clone, "archive", "--format=tar.gz", f"--output={path}", commit)
        content = path.read_bytes()
        return path.name, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace texts of a file, each of which stands there once."""
        path = self.clone / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def _git(self, folder: Path, *arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, env={**os.environ, **_IDENTITY}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
        return done.stdout


def serve(repository: Repository) -> ThreadingHTTPServer:
    """Serve the repository at URL, and its archives at /archives/."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/archives/"):
                content = (repository.archives / self.path.rpartition("/")[2]).read_bytes()
                self._answer(200, {"Content-Type": "application/gzip"}, content)
            else:
                self._backend(b"")

        def do_POST(self) -> None:
            self._backend(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _backend(self, body: bytes) -> None:
            asked = urlsplit(self.path)
            variables = {
                "GIT_PROJECT_ROOT": str(repository.served),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": asked.path,
                "QUERY_STRING": asked.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            command = ["git", "-c", "safe.directory=*", "http-backend"]
            done = subprocess.run(command, input=body, env={**os.environ, **variables}, capture_output=True, check=False)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
            self._answer(int(headers.pop("Status", "200").split()[0]), headers, content)

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Silence: what matters is what the engines make of it."""

    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def first_line(text: str) -> str:
    """The first line of what a program printed."""
    return text.strip().splitlines()[0]
