"""What the tests of models share: a folder of models that belongs to the test, a terminal that answers."""

import os
import pty
import select
import subprocess
import time

from app_case import PROGRAM, AppCase

MACHINE = ["VOXLABEL_MODELS", "VOXLABEL_MODEL_MIRROR", "VOXLABEL_CACERT", "XDG_DATA_HOME"]


class ModelCase(AppCase):
    def setUp(self):
        super().setUp()
        for name in MACHINE:
            self.set_environment(name, None)
        self.models = self.folder / "models"
        self.set_environment("VOXLABEL_MODELS", str(self.models))

    def set_environment(self, name, value):
        before = os.environ.get(name)

        def put(text):
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text

        put(value)
        self.addCleanup(put, before)

    def run_model(self, *arguments, **more):
        return self.run_program("model", *arguments, **more)

    def model_files(self):
        return sorted(path.name for path in self.models.iterdir()) if self.models.exists() else []

    def listed(self, where=None):
        models = self.load_json(self.run_model("list", "--json")[0])["models"]
        return {model["name"]: model for model in models if where in (None, model["where"])}

    def on_terminal(self, *arguments, answer=None, until=None, act=None, status=0, timeout=60):
        """Runs the program on a terminal; types an answer at once; calls act(process) when `until` was shown. Returns
        what the terminal showed."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        self.addCleanup(self.end, process)
        if answer is not None:
            os.write(ours, answer.encode() + b"\n")
        shown, deadline = b"", time.monotonic() + timeout
        while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                piece = b""
            if not piece:
                break
            shown += piece
            if until is not None and until.encode() in shown:
                until = None
                act(process)
        self.assertEqual(process.wait(timeout=timeout), status, shown)
        return shown.decode().replace("\r\n", "\n")
