#!/usr/bin/env python3
"""Measures an annotation server: how long it takes to start, what memory it holds, how many requests it answers, how long
an annotator waits for a click. Needs nothing but Python; the same script measures MONAI Label.

    bench/bench_server.py build/release/src/app/voxlabel serve --studies {studies} --port {port}
    bench/bench_server.py --model deepedit --params '{"foreground": [], "spleen": [[200, 200, 8]]}' \\
        monailabel start_server --app radiology --studies {studies} --port {port} --conf models deepedit

Writes one line for each measurement, and with --json FILE all of them. {studies} and {port} are put into the command.
"""

import argparse
import gzip
import http.client
import json
import math
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import quote_plus

LIMIT = "voxlabel-bench-5e0c7d21"


def write_nifti(path, size, seed):
    """A CT-like volume of int16: a body with organs in it, and noise that does not compress."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *size, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 0.8, 0.8, 5, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 5, 0)
    header[344:348] = b"n+1\0"
    dice = random.Random(seed)
    width, height, depth = size
    rows = []
    for j in range(height):
        row = bytearray()
        for i in range(width):
            x, y = (i - width / 2) / width, (j - height / 2) / height
            value = -1000 if x * x + y * y > 0.2 else 40 if (x - 0.1) ** 2 + y * y > 0.01 else 120
            row += struct.pack("<h", value)
        rows.append(bytes(row))
    plane = b"".join(rows)
    noise = bytearray(dice.randbytes(len(plane)))
    noise[1::2] = bytes(len(plane) // 2)
    noise[::2] = bytes(byte & 31 for byte in noise[::2])
    voxels, whole = [], int.from_bytes(plane, "little")
    for k in range(depth):  # no two slices are the same: servers know again what they have seen
        turned = bytes(noise[2 * k * width :] + noise[: 2 * k * width])
        voxels.append((whole ^ int.from_bytes(turned, "little")).to_bytes(len(plane), "little"))
    data = bytes(header) + b"".join(voxels)
    path.write_bytes(gzip.compress(data, 1) if path.name.endswith(".gz") else data)
    return path


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)

    def call(self, method, path, body=None, headers=None):
        for again in (False, True):
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
                self.connection.close()  # kept connections may be closed between two requests
                if again:
                    raise
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]}")
        return data

    def form(self, method, path, fields, files=()):
        body = b""
        for name, value in fields.items():
            body += f'--{LIMIT}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, file_name, data in files:
            body += f'--{LIMIT}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n\r\n'.encode()
            body += data + b"\r\n"
        body += f"--{LIMIT}--\r\n".encode()
        return self.call(method, path, body, {"Content-Type": f"multipart/form-data; boundary={LIMIT}"})


def tree(pid):
    """A process and its descendants."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def resident(pid):
    """MB that a process and its descendants hold."""
    total = 0
    for one in tree(pid):
        for line in pathlib.Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total * 1024 / 1e6


class Bench:
    def __init__(self, options):
        self.options = options
        self.results = {}
        self.process = None

    def note(self, name, value, unit):
        self.results[name] = {"value": value, "unit": unit}
        print(f"{name:52} {value:10.2f} {unit}", flush=True)

    def times(self, name, seconds):
        seconds = sorted(seconds)
        self.note(f"{name}, median of {len(seconds)}", 1000 * seconds[len(seconds) // 2], "ms")
        self.note(f"{name}, slowest", 1000 * seconds[-1], "ms")

    def prepare(self, folder):
        self.studies = folder / "studies"
        self.studies.mkdir()
        first = write_nifti(folder / "image.nii.gz", (128, 128, 64), 1)
        print(f"{self.options.images} images of {first.stat().st_size / 1e6:.2f} MB", flush=True)
        for number in range(self.options.images):
            shutil.copyfile(first, self.studies / f"case_{number:04d}.nii.gz")
        size = tuple(map(int, self.options.size.split("x")))
        for number in range(3 * self.options.clicks):
            write_nifti(self.studies / f"zz_click_{number:02d}.nii.gz", size, number)
        self.label = first.read_bytes()

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [word.format(studies=self.studies, port=self.port) for word in self.options.command]
        log = open(self.studies.parent / "server.log", "ab")
        begin = time.monotonic()
        self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        while True:
            try:
                Client(self.port).call("GET", "/info/")
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit((self.studies.parent / "server.log").read_text()[-3000:]) from None
                time.sleep(0.002)
        return time.monotonic() - begin

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def start_up(self):
        """The first start makes the index; later ones find it."""
        self.note("first start to the first answer of /info/", self.start(), "s")
        self.stop()
        later = []
        for _turn in range(self.options.starts):
            later.append(self.start())
            self.stop()
        self.note("later starts to the first answer, median", sorted(later)[len(later) // 2], "s")
        self.start()
        time.sleep(self.options.settle)
        self.note("resident memory, idle", resident(self.process.pid), "MB")

    def one_after_another(self):
        client = Client(self.port)
        turns = self.options.turns
        self.times("/info/", [self.timed(client.call, "GET", "/info/") for _turn in range(turns)])
        path = "/datastore/?output=all"
        self.times(path, [self.timed(client.call, "GET", path) for _turn in range(turns)])
        ask = ("POST", "/activelearning/random", "{}", {"Content-Type": "application/json"})
        self.times("/activelearning/random", [self.timed(client.call, *ask) for _turn in range(turns)])
        download = [self.timed(client.call, "GET", f"/datastore/image?image=case_{n:04d}") for n in range(turns)]
        self.times("image download", download)
        self.note("image download", len(self.label) * turns / sum(download) / 1e6, "MB/s")
        save = []
        for number in range(turns):
            path = f"/datastore/label?image=case_{number:04d}"
            save.append(self.timed(client.form, "PUT", path, {"params": "{}"}, [("label", "x.nii.gz", self.label)]))
        self.times("PUT /datastore/label", save)

    def timed(self, function, *arguments):
        begin = time.monotonic()
        function(*arguments)
        return time.monotonic() - begin

    def at_once(self, path, connections):
        taken, lock, end = [], threading.Lock(), time.monotonic() + self.options.seconds

        def work():
            client, mine = Client(self.port), []
            while time.monotonic() < end:
                mine.append(self.timed(client.call, "GET", path))
            with lock:
                taken.extend(mine)

        threads = [threading.Thread(target=work) for _number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken.sort()
        self.note(f"{path}, {connections} connections", len(taken) / self.options.seconds, "a second")
        self.note(f"{path}, {connections} connections, p99", 1000 * taken[math.ceil(0.99 * len(taken)) - 1], "ms")

    def click(self, client, image):
        path = f"/infer/{quote_plus(self.options.model)}?image={image}&output=image"
        params = {**json.loads(self.options.params), "result_extension": ".nrrd", "result_dtype": "uint8"}
        return self.timed(client.form, "POST", path, {"params": json.dumps(params)})

    def annotator(self):
        """Clicks: the first on an image, the next on it, and the first on one that Next Sample gave a while ago."""
        client = Client(self.port)
        self.click(client, "zz_click_00")  # so that the model is there
        first, again, fetched = [], [], []
        for number in range(1, self.options.clicks + 1):
            first.append(self.click(client, f"zz_click_{number:02d}"))
            again.append(self.click(client, f"zz_click_{number:02d}"))
        self.times("first click on an image", first)
        self.times("next click on it", again)
        names = {s.get("description"): key for key, s in json.loads(client.call("GET", "/info/"))["strategies"].items()}
        for number in range(self.options.clicks + 1, 2 * self.options.clicks + 1):
            key = names.get(f"zz_click_{number:02d}", "random")
            body = json.dumps({"client_id": "bench"})
            answer = client.call("POST", f"/activelearning/{key}", body, {"Content-Type": "application/json"})
            time.sleep(self.options.look)
            image = json.loads(answer)["id"]
            fetched.append(self.click(client, image))
        self.times(f"click {self.options.look:g} s after Next Sample", fetched)
        self.note("resident memory after the clicks", resident(self.process.pid), "MB")

    def run(self):
        with tempfile.TemporaryDirectory(prefix="voxlabel-bench-") as folder:
            self.prepare(pathlib.Path(folder))
            try:
                self.start_up()
                self.one_after_another()
                for connections in (8, 64):
                    self.at_once("/info/", connections)
                self.at_once("/datastore/?output=all", 8)
                self.at_once("/datastore/image?image=case_0000", 8)
                if not self.options.no_clicks:
                    self.annotator()
            finally:
                if self.process and self.process.poll() is None:
                    self.stop()
        if self.options.json:
            pathlib.Path(self.options.json).write_text(json.dumps(self.results, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--images", type=int, default=1000, help="in the folder of studies")
    parser.add_argument("--turns", type=int, default=100, help="requests of a kind, one after another")
    parser.add_argument("--seconds", type=float, default=10, help="of requests at once")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--settle", type=float, default=5, help="seconds before memory is read")
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--size", default="512x512x16", help="of the images that are clicked")
    parser.add_argument("--look", type=float, default=10, help="seconds between Next Sample and the click")
    parser.add_argument("--model", default="SAM")
    parser.add_argument("--params", default='{"intersection": [[300, 256, 7]]}', help="of a click")
    parser.add_argument("--no-clicks", action="store_true")
    parser.add_argument("--json", help="file for all results")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("which command starts the server?")
    if os.cpu_count():
        print(f"{os.cpu_count()} processors, {' '.join(options.command)}", flush=True)
    Bench(options).run()


if __name__ == "__main__":
    sys.exit(main())
