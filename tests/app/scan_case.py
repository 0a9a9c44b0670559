"""What the tests of whole segmentations share: a run as mask, logits and report."""

import json
import subprocess

import nibabel
import numpy

from app_case import CHECKPOINT, CONFIG, PROGRAM, AppCase


def load(path):
    return numpy.asanyarray(nibabel.load(path).dataobj)


def same_bits(a, b):
    """Equality to the last bit, NaN included."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


class Run:
    """What a run left: label values, logits, the report, what was printed."""

    def __init__(self, folder, name, report, err):
        self.mask = load(folder / f"{name}.nii")
        self.logits = load(folder / f"{name}-logits.nii")
        self.report = report
        self.err = err

    def same(self, other):
        return same_bits(self.mask, other.mask) and same_bits(self.logits, other.logits)

    def work(self):
        """(slices that were encoded, slices that were found encoded)"""
        latencies = self.report["latencies"]
        return latencies["encoded_slices"], latencies["cached_slices"]


class ScanCase(AppCase):
    checkpoint = CHECKPOINT

    def network(self):
        return ["--model", self.checkpoint, "--config", CONFIG]

    def command(self, image, *arguments, params=None, name="run"):
        command = ["segment", image, *self.network(), "--json", "-", "-o", f"{name}.nii"]
        command += ["--logits", f"{name}-logits.nii"]
        if params is not None:
            command += ["--params", json.dumps(params)]
        return [*command, *arguments]

    def segment(self, image, *arguments, params=None, name="run", timeout=300):
        out, err = self.run_program(*self.command(image, *arguments, params=params, name=name), timeout=timeout)
        return Run(self.folder, name, self.load_json(out), err)

    def refuse(self, image, *arguments, status, said, params=None, within=()):
        """A run that fails: one line that says `said`, and the folder as it was."""
        before = self.tree()
        command = [*within, PROGRAM, *map(str, self.command(image, *arguments, params=params))]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}, {params}: {done.stdout}{done.stderr}")
        lines = [line for line in done.stderr.splitlines() if " warning: " not in line and " slices, " not in line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], r"^voxlabel: .*[^.]$")
        self.assertRegex(lines[0], said)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.tree(), before)
        return lines[0]

    def tree(self):
        """All names below the folder, and the bytes of small files."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            small = path.is_file() and path.stat().st_size < 1 << 20
            found[str(path.relative_to(self.folder))] = path.read_bytes() if small else None
        return found
