"""What the tests of the HTTP layer share: a server of http_tool, and clients that speak bytes.

VOXLABEL_HTTP_TOOL   the server
VOXLABEL_SANITIZE    the sanitizers that it was built with, or nothing
"""

import contextlib
import http.client
import json
import os
import pathlib
import queue
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest

TOOL = os.environ["VOXLABEL_HTTP_TOOL"]
PATIENCE = 300 if os.environ.get("VOXLABEL_SANITIZE") else 120


class Server:
    """A process of http_tool, and the lines that it prints."""

    def __init__(self, **options):
        arguments = [str(word) for pair in options.items() for word in pair]
        self.process = subprocess.Popen(
            [TOOL, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines = queue.Queue()
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2]) if self.url else None
        self.reader = threading.Thread(target=self._read, daemon=True)
        if self.port:
            self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def record(self, method, route, patience=PATIENCE):
        """The next record of that route, as a list of its words."""
        end = time.monotonic() + patience
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            words = line.split(" ")
            if words[:2] == [method, route]:
                return words

    def drain(self):
        self.process.stdin.write("d")
        self.process.stdin.flush()

    def stop(self):
        """What it said on the standard error, once it has stopped."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        status = self.process.wait(timeout=PATIENCE)
        if self.port:
            self.reader.join()
        said = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        if status != 0:
            raise AssertionError(f"http_tool ended with {status}: {said}")
        return said


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def detail(self):
        return self.json()["detail"]


class HttpCase(unittest.TestCase):
    """One server for the tests of a class, `options` from its attribute."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="http.")
        cls.root = pathlib.Path(cls.folder.name)
        cls.server = Server(uploads=cls.root, **cls.options)

    @classmethod
    def tearDownClass(cls):
        said = cls.server.stop()
        left = [path.name for path in cls.root.iterdir() if path.name.startswith("voxlabel-uploads-")]
        cls.folder.cleanup()
        assert said == "", said
        assert left == [], left

    def connect(self, timeout=PATIENCE):
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        own = connection or self.connect()
        try:
            own.request(method, path, body, headers or {})
            response = own.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if connection is None:
                own.close()

    def raw(self):
        client = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def exchange(self, data, parts=None):
        """Everything that the server sends to these bytes until it closes the connection. It has to: ask for that."""
        client = self.raw()
        client.sendall(data)
        return read_all(client)

    def state(self):
        return self.ask("GET", "/state").json()

    def wait_for(self, what):
        """Waits until what() is true; the time is for a machine that stands still."""
        end = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end, "it never came")
            time.sleep(0.02)


class ConnectionCase(unittest.TestCase):
    """A server per test, and connections to it."""

    def start(self, **options):
        folder = tempfile.TemporaryDirectory(prefix="http.")
        self.addCleanup(folder.cleanup)
        server = Server(uploads=folder.name, **options)
        self.addCleanup(server.stop)
        return server

    def connect(self, server):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.addCleanup(client.close)
        return client

    def asks(self, client, patient=True):
        """Whether the connection answers now; None: it has ended, False: not yet."""
        client.settimeout(60 if patient else 0.5)
        try:
            client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            data = client.recv(65536)
            return True if data else None
        except (BrokenPipeError, ConnectionResetError):
            return None
        except TimeoutError:
            return False


def read_all(client):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            data += piece
    return data


def read_answer(client):
    """One answer with a Content-Length of a connection: (status, head, body)."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(1)
        if not piece:
            raise AssertionError(f"the connection ended after {data!r}")
        data += piece
    length = int(re.search(rb"(?i)content-length: (\d+)", data).group(1))
    body = b""
    while len(body) < length:
        piece = client.recv(length - len(body))
        if not piece:
            raise AssertionError("the body is too short")
        body += piece
    return int(data.split(b" ")[1]), data, body


def statuses(data):
    """The status of every answer in a stream of them."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


def multipart(parts, boundary="----------lImIt_of_THE_fIle_eW_$", end="\r\n"):
    """A form as 3D Slicer encodes it: parts are (name, value) or (name, file name, bytes)."""
    body = b""
    for name, *rest in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if len(rest) == 1:
            body += b"\r\n\r\n" + rest[0].encode() + b"\r\n"
        else:
            body += f'; filename="{rest[0]}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
            body += rest[1] + b"\r\n"
    body += f"--{boundary}--\r\n{end}".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def sum_of(data):
    """As http_tool adds up a file."""
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 1000000007
    return total


__all__ = [
    "Answer", "ConnectionCase", "HttpCase", "PATIENCE", "Server", "TOOL", "multipart", "read_all", "read_answer", "statuses",
    "sum_of",
]  # fmt: skip
