"""What the tests of the server share: starting it on a folder of studies, asking it, stopping it.

VOXLABEL_PROGRAM     the program
VOXLABEL_CHECKPOINT  a checkpoint with formula weights for VOXLABEL_CONFIG
VOXLABEL_CONFIG      a configuration, the smaller the better
VOXLABEL_SANITIZE    the sanitizers that the program was built with, or nothing
VOXLABEL_WHOLE       set where the test may take minutes
"""

import collections
import http.client
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import nibabel
import numpy

PROGRAM = os.environ["VOXLABEL_PROGRAM"]
CHECKPOINT = os.environ.get("VOXLABEL_CHECKPOINT", "")
CONFIG = os.environ.get("VOXLABEL_CONFIG", "")
SANITIZE = os.environ.get("VOXLABEL_SANITIZE", "")
WHOLE = bool(os.environ.get("VOXLABEL_WHOLE"))
PATIENCE = 600 if SANITIZE else 180  # seconds after which nothing comes any more, on a busy machine
TURN = numpy.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])
AFFINE = numpy.eye(4)
AFFINE[:3, :3] = TURN @ numpy.diag([-0.75, 0.75, 5.0])
AFFINE[:3, 3] = 12.25, -33.5, 101.0

for name in [name for name in os.environ if name.startswith("MONAI_")]:
    os.environ.pop(name)  # tests say what they mean
for name in ("VOXLABEL_MODEL", "VOXLABEL_MODELS", "VOXLABEL_STUDIES", "VOXLABEL_MODEL_MIRROR", "VOXLABEL_CONFIG"):
    os.environ.pop(name, None)


def few(whole, default, sanitized=None):
    """A count for runs of minutes, for runs of seconds, and for those under a sanitizer."""
    if SANITIZE and sanitized is not None:
        return sanitized
    return whole if WHOLE else default


def voxels(seed=0, size=(24, 20, 6)):
    """A CT-like int16 volume, another one for each seed."""
    i, j, k = numpy.meshgrid(*map(numpy.arange, size), indexing="ij")
    return ((41 * i + 23 * j + 190 * k + ((i * j) >> 3) + 388 + 13 * seed) % 1900 - 1000).astype(numpy.int16)


def write_image(path, seed=0, size=(24, 20, 6)):
    nibabel.save(nibabel.Nifti1Image(voxels(seed, size), AFFINE), path)
    return path


def write_label(path, value=1, size=(24, 20, 6), seed=0):
    """A label whose bytes differ for each seed."""
    mask = numpy.zeros(size, numpy.uint8)
    mask[3:9, 4:11, 1:4] = value
    mask.reshape(-1)[: 32] = [seed >> bit & 1 for bit in range(32)]
    nibabel.save(nibabel.Nifti1Image(mask, AFFINE), path)
    return path


class Answer(collections.namedtuple("Answer", "status headers body")):
    def json(self):
        def refuse(constant):
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(self.body.decode("utf-8"), parse_constant=refuse)


def request(port, method, path, body=None, headers=None, timeout=PATIENCE):
    """One request on a connection of its own, redirects not followed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.msg, response.read())
    finally:
        connection.close()


def multipart(fields=(), files=()):
    """A form as browsers send it: (body, headers). Files are (name, file name, bytes)."""
    limit = "voxlabel-test-7c1f0a93"
    body = b""
    for name, value in dict(fields).items():
        body += f'--{limit}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, file_name, data in files:
        head = f'--{limit}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        body += head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"
    body += f"--{limit}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={limit}"}


class Server:
    """One process of `voxlabel serve`."""

    def __init__(self, arguments, environment, before=(), cwd=None):
        self.said = []
        self.lines = queue.Queue()
        self.process = subprocess.Popen(
            [*before, PROGRAM, *map(str, arguments)],
            cwd=cwd,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.port = None

    def read(self):
        for line in self.process.stdout:
            self.said.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def wait_ready(self, path="/info/"):
        """Until it answers. The address is what it prints."""
        end = time.monotonic() + PATIENCE
        while self.port is None:
            line = self.lines.get(timeout=max(end - time.monotonic(), 0.1))
            if line is None:
                raise AssertionError(f"the server ended: {self.process.wait()}: {self.text()}")
            if found := re.search(r"https?://[^\s:/]+:(\d+)", line):
                self.port = int(found[1])
        while time.monotonic() < end:
            try:
                if request(self.port, "GET", path).status == 200:
                    return self
            except OSError:
                if self.process.poll() is not None:
                    break
            time.sleep(0.02)
        raise AssertionError(f"the server does not answer: {self.text()}")

    def text(self):
        return "".join(self.said)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def call(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
        return request(self.port, method, path, body, headers)

    def form(self, method, path, fields=(), files=()):
        return self.call(method, path, *multipart(fields, files))

    def get(self, path):
        """The JSON of a path that must answer."""
        answer = self.call("GET", path)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body[:300]}")
        return answer.json()

    def infer(self, image, params, query="", model="SAM"):
        return self.form("POST", f"/infer/{model}?image={image}{query}", {"params": json.dumps(params)})

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident(self):
        """Bytes of memory that it holds."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def stop(self):
        """Asks it to end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=PATIENCE)
        finally:
            self.kill()


class ServerCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.studies = self.folder / "studies"
        self.studies.mkdir()

    def environment(self, **more):
        for name in ("cache", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        return {
            **os.environ,
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TMPDIR": str(self.folder / "tmp"),
            **more,
        }

    def arguments(self, *more, studies=None):
        studies = self.studies if studies is None else studies
        return ["serve", "--studies", studies, "--port", "0", "--model", CHECKPOINT, "--model-config", CONFIG, *more]

    def launch(self, *arguments, studies=None, before=(), **environment):
        """A server that need not come up."""
        server = Server(
            self.arguments(*arguments, studies=studies), self.environment(**environment), before, self.folder
        )
        self.addCleanup(self.end, server)
        return server

    def serve(self, *arguments, ready="/info/", **more):
        return self.launch(*arguments, **more).wait_ready(ready)

    def end(self, server):
        """A server that is left over ends as it should, without a word of a sanitizer."""
        if server.process.poll() is None:
            status = server.stop()
            self.assertEqual(status, 0, server.text())
        self.assertNotRegex(server.text(), "ERROR: AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error")

    def images(self, count, ending=".nii.gz", size=(24, 20, 6)):
        names = [f"case_{number:02d}" for number in range(count)]
        for number, name in enumerate(names):
            write_image(self.studies / f"{name}{ending}", number, size)
        return names

    def eventually(self, check, what="it", seconds=PATIENCE):
        """Waits until check() is true; the seconds are for a machine that stands still, not for a verdict."""
        end = time.monotonic() + seconds
        while not check():
            self.assertLess(time.monotonic(), end, f"{what} did not happen")
            time.sleep(0.02)

    def index(self):
        """datastore_v2.json as it lies on the disk."""
        return json.loads((self.studies / "datastore_v2.json").read_text(encoding="utf-8"))

    def segment(self, image, params, *arguments):
        """The mask of the command line for the same request, indexed [i, j, k]."""
        asked, mask = self.folder / "params.json", self.folder / "by-hand.nii"
        asked.write_text(json.dumps(params), encoding="utf-8")
        done = subprocess.run(
            [PROGRAM, "segment", str(image), "--model", CHECKPOINT, "--config", CONFIG, "--params", str(asked)]
            + ["-o", str(mask), "--quiet", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=self.environment(),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return numpy.asanyarray(nibabel.load(mask).dataobj)
