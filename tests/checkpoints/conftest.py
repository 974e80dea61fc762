"""A server on this machine that misbehaves on demand."""

import contextlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from napari_ivos.checkpoints import CheckpointFile, Patience, list_checkpoints

DATA = bytes(range(256)) * 4000
PAGE = """<html><body><p>Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="{action}" method="get">
<input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t">
</form></body></html>"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        count = len(server.requests)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, f"answer_{server.mood}")(count)

    def send(self, body, status=200, kind="application/octet-stream", claim=None, extra=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if claim is None else claim))
        for key, value in extra:
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def send_range(self):
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start >= len(DATA):
            self.send(b"", 416)
        elif asked:
            claim = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
            self.send(DATA[start:], 206, extra=[("Content-Range", claim)])
        else:
            self.send(DATA)

    def answer_good(self, count):
        self.send_range()

    def answer_truncated(self, count):
        if count == 1:
            self.send(DATA[:300_000], claim=len(DATA))
            self.close_connection = True
        else:
            self.send_range()

    def answer_ignores_range(self, count):
        if count == 1:
            self.send(DATA[:300_000], claim=len(DATA))
            self.close_connection = True
        else:
            self.send(DATA)

    def answer_stalls(self, count):
        if count == 1:
            self.send(DATA[:300_000], claim=len(DATA))
            self.server.leaving.wait(20)
        else:
            self.send_range()

    def answer_busy(self, count):
        if count < 3:
            self.send(b"later", 503)
        else:
            self.send_range()

    def answer_missing(self, count):
        self.send(b"<html>gone</html>", 404, "text/html")

    def answer_page(self, count):
        self.send(b"<html><body>Sign in</body></html>", kind="text/html; charset=utf-8")

    def answer_quota(self, count):
        text = b"<html>Too many users have viewed or downloaded this file recently.</html>"
        self.send(text, kind="text/html")

    def answer_confirms(self, count):
        if "confirm=t" in self.path:
            self.send_range()
        else:
            self.send(PAGE.format(action="/real").encode(), kind="text/html")

    def answer_confirms_elsewhere(self, count):
        self.send(PAGE.format(action="http://elsewhere.example/x").encode(), kind="text/html")

    def answer_confirms_forever(self, count):
        self.send(PAGE.format(action="/again").encode(), kind="text/html")

    def answer_absurd(self, count):
        self.send(b"x", claim=10**13)
        self.close_connection = True

    def answer_empty(self, count):
        self.send(b"")

    def answer_down(self, count):
        self.send(b"no", 500)


@pytest.fixture
def server():
    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    web.mood, web.requests, web.leaving = "good", [], threading.Event()
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield web
    web.leaving.set()
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.fixture
def record(server):
    url = f"http://127.0.0.1:{server.server_port}/file?id=abc"
    return replace(list_checkpoints("gis")[0], files=(CheckpointFile("weights.pth", url),))


@pytest.fixture
def patience():
    return Patience(connect=5, read=1, tries=4, pause=0.01)
