"""A file server on this machine that answers what a test tells it, well or badly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What the server says to a request.

    Args:
        body: the file.
        status: of the answer.
        length: bytes it announces, and none where that is negative; those it sends where it is not given.
        resumes: whether it sends the rest alone where that is asked for.
        stop: it breaks off after so many bytes.
        headers: more of them.
        pause: after so many bytes it waits for an event before it sends the others.
        trickle: so many bytes at a time, and seconds between them.
    """

    body: bytes = b""
    status: int = 200
    length: int | None = None
    resumes: bool = False
    stop: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pause: tuple[int, threading.Event] | None = None
    trickle: tuple[int, float] | None = None

    def given(self, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        """Status, bytes and headers of the answer to a request with this Range header."""
        if self.status != 200 or not self.resumes or wanted is None:
            return self.status, self.body, self.headers
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.body):
            return 416, b"no such part", self.headers
        whole = len(self.body)
        return 206, self.body[start:], self.headers | {"Content-Range": f"bytes {start}-{whole - 1}/{whole}"}


@dataclass
class Server:
    """Its address, what it answers to each path (the last of several answers again and again), and what it was asked."""

    url: str
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)

    def next_answer(self, path: str) -> Answer:
        """The answer to a request now."""
        found = self.answers.get(path, Answer(status=404))
        if isinstance(found, Answer):
            return found
        return found.pop(0) if len(found) > 1 else found[0]


@contextmanager
def serving() -> Iterator[Server]:
    """A server on 127.0.0.1 for as long as this lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            state.asked.append(self.path)
            state.ranges.append(wanted)
            answer = state.next_answer(self.path)
            status, content, headers = answer.given(wanted)
            self.send_response(status)
            length = len(content) if answer.length is None else answer.length
            announced = {"Content-Length": str(length)} if length >= 0 else {}
            for name, value in (announced | headers).items():
                self.send_header(name, value)
            self.end_headers()
            content = content[: answer.stop]
            if answer.pause is not None:
                size, go_on = answer.pause
                self.wfile.write(content[:size])
                go_on.wait(10)
                content = content[size:]
            size, seconds = answer.trickle or (max(1, len(content)), 0.0)
            with suppress(ConnectionError):  # the reader may have gone away
                for start in range(0, len(content), size):
                    self.wfile.write(content[start : start + size])
                    if seconds:
                        time.sleep(seconds)

        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            http.shutdown()
            thread.join()
