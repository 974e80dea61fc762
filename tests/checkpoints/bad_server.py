"""A server on this machine that behaves as badly as a test asks it to."""

import dataclasses
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

DATA = bytes(range(256)) * 40  # 10 240 bytes


class Server(ThreadingHTTPServer):
    """Answers request number n with `answers[n]`, and the last one from then on."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = []
        self.requests = []
        self.leaving = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Clients that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        answers = server.answers
        answers[min(len(server.requests), len(answers)) - 1](self)

    def log_message(self, *args):
        pass

    def reply(self, body, status=200, length=None, **headers):
        """Send a body; `length` is what the header claims, False for no header."""
        self.send_response(status)
        if length is not False:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def give(data=DATA, **options):
    """The whole file, whatever part was asked for."""
    return lambda handler: handler.reply(data, **options)


def give_ranges(data=DATA, tag='"one"', cut=None, total=None):
    """The part that was asked for; at most `cut` bytes of it come."""

    def answer(handler):
        wanted = handler.headers.get("Range")
        condition = handler.headers.get("If-Range")
        start = int(wanted[6:-1]) if wanted and condition in (None, tag) else 0
        headers = {"Accept_Ranges": "bytes", "ETag": tag}
        if start:
            size = len(data) if total is None else total
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{size}"
        body = data[start:]
        sent = body if cut is None else body[:cut]
        handler.reply(sent, 206 if start else 200, len(body), **headers)

    return answer


def page(text, status=200):
    return lambda handler: handler.reply(
        text.encode(), status, Content_Type="text/html; charset=utf-8"
    )


def status(code, **headers):
    return lambda handler: handler.reply(b"{}", code, **headers)


def trickle(handler):
    """A byte now and then, for as long as anybody listens."""
    handler.reply(b"", length=len(DATA), Accept_Ranges="bytes")
    for byte in DATA:
        if handler.server.leaving.wait(0.01):
            return
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()


def silence(after=0):
    """`after` bytes, then nothing, with the line open."""

    def answer(handler):
        handler.reply(DATA[:after], length=len(DATA), Accept_Ranges="bytes")
        handler.server.leaving.wait(20)

    return answer


def no_answer(handler):
    handler.server.leaving.wait(20)


@contextmanager
def serving():
    """A server in a thread, for as long as the block lasts."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.leaving.set()
        server.shutdown()
        thread.join()
        server.server_close()


def changed(checkpoint, **values):
    """The same checkpoint with another value in the record of its file."""
    return dataclasses.replace(
        checkpoint, files=(dataclasses.replace(checkpoint.files[0], **values),)
    )


@contextmanager
def naps():
    """Seconds that `time.sleep` was asked for; nobody sleeps."""
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", asked.append)
        yield asked
