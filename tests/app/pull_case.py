"""What the tests of 'voxlabel model pull' share: a host that stands in for the one where models are published."""

import signal
import subprocess
import tempfile
import time

from app_case import PROGRAM
from https_host import Host, Served
from model_case import ModelCase

PUBLISHED_BYTES = 156040129
SPENT = ["CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "VOXLABEL_CACERT", "VOXLABEL_MODEL_MIRROR"]
PROXIES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]


class PullCase(ModelCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        cls.host = Host(cls.shared.name)

    @classmethod
    def tearDownClass(cls):
        cls.host.close()
        cls.shared.cleanup()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        for name in SPENT + PROXIES + [name.upper() for name in PROXIES]:
            self.set_environment(name, None)
        self.host.files.clear()
        self.host.requests.clear()

    def serve(self, file, body, **how):
        self.host.files["/models/" + file] = Served(body, **how)
        return self.host.files["/models/" + file]

    def command(self, name, *more):
        return ["model", "pull", name, "--accept-licence", "--mirror", self.host.url + "/models", *more]

    def pull(self, name, *more, status=0, ca=True, before=()):
        more = ["--cacert", self.host.ca_file, *more] if ca else more
        _out, err = self.run_program(*self.command(name, *more), status=status, before=before)
        return err

    def start_pull(self, name, *more):
        command = self.command(name, "--cacert", self.host.ca_file, *more)
        process = self.start(*command, stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    def wait_for_bytes(self, name, size, seconds=30):
        """Until so much of a model is here."""
        part = self.models / f"{name}.pt.part"
        deadline = time.monotonic() + seconds
        while not part.exists() or part.stat().st_size < size:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def interrupt(self, process, number=signal.SIGINT):
        """Returns what the program said on its way out: within a second, and what a busy machine adds to it."""
        began = time.monotonic()
        process.send_signal(number)
        _out, err = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - began, 4.0)
        self.assertEqual(process.returncode, 130, err)
        return err

    def start_limited(self, kibibytes, *arguments):
        """With files of a limited size, as on a disk that is full."""
        return subprocess.Popen(
            ["sh", "-c", f'ulimit -f {2 * kibibytes}; exec "$@"', "sh", PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
