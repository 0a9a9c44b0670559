"""What the tests of the program share: running it, making images. The environment, set by CMakeLists.txt, names

VOXLABEL_PROGRAM     the program
VOXLABEL_CHECKPOINT  a checkpoint with formula weights for VOXLABEL_CONFIG, the object predicted present
VOXLABEL_CONFIG      a narrow configuration
VOXLABEL_EMBEDDED    1 where the program has a model of its own
VOXLABEL_SANITIZE    the sanitizers that the program was built with, or nothing
"""

import json
import math
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import nibabel
import numpy

PROGRAM = os.environ["VOXLABEL_PROGRAM"]
for name in ("VOXLABEL_MODEL", "VOXLABEL_MODELS", "VOXLABEL_MODEL_MIRROR"):
    os.environ.pop(name, None)  # tests say what they mean
CHECKPOINT = os.environ.get("VOXLABEL_CHECKPOINT", "")
CONFIG = os.environ.get("VOXLABEL_CONFIG", "")
EMBEDDED = os.environ.get("VOXLABEL_EMBEDDED") == "1"
SANITIZED = os.environ.get("VOXLABEL_SANITIZE", "") != ""


def wavy(width=60, height=50, depth=6):
    """A CT-like int16 volume, indexed [i, j, k]."""
    i, j, k = numpy.meshgrid(numpy.arange(width), numpy.arange(height), numpy.arange(depth), indexing="ij")
    return ((37 * i + 23 * j + 190 * k + ((i * j) >> 3)) % 1900 - 1000).astype(numpy.int16)


def nifti(path, voxels=None, sform_code=1, qform_code=1):
    """Writes an oblique NIfTI image with odd spacings and returns it."""
    voxels = wavy() if voxels is None else voxels
    a, b = 0.3, 0.2
    turn = numpy.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    tilt = numpy.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    affine = numpy.eye(4)
    affine[:3, :3] = turn @ tilt @ numpy.diag([-0.7, 0.9, 5.0])
    affine[:3, 3] = 12.25, -33.5, 101
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, sform_code)
    image.set_qform(affine, qform_code)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    return image


class AppCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def on_small_disk(self, folder, size):
        """What to put before a command that shall see `folder` as a disk of this size; seen by nobody else."""
        prefix = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"', folder]
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("nothing can be mounted here")
        return prefix

    def run_program(self, *arguments, status=0, timeout=100, environment=None, before=()):
        """Runs the program in self.folder and returns what it printed, (stdout, stderr)."""
        done = subprocess.run(
            [*before, PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stderr}")
        return done.stdout, done.stderr

    def model(self):
        return ["--model", CHECKPOINT, "--config", CONFIG]

    def backends(self):
        """The names of the backends, best first."""
        return self.run_program("version")[0].split("backends:")[1].split()

    def start(self, *arguments, **more):
        return subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, text=True, **more)

    def files(self):
        """All files in the folder, hidden ones too."""
        return sorted(path.name for path in self.folder.iterdir())

    def load_json(self, text):
        def refuse(constant):
            self.fail(f"{constant} is no JSON")

        return json.loads(text, parse_constant=refuse)

    def wait_for_line(self, stream, what):
        """Reads lines until one holds `what`."""
        for line in stream:
            if what in line:
                return line
        return self.fail(f"no line with {what}")

    def end(self, process):
        """Makes sure that a process is gone."""
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


class SegmentCase(AppCase):
    def segment(self, image, *arguments, **more):
        return self.run_program("segment", image, *self.model(), *arguments, **more)

    def report(self, *arguments, image="scan.nii.gz"):
        return self.load_json(self.segment(image, "--json", "-", "--quiet", *arguments)[0])

    def voxels(self, name):
        return numpy.asanyarray(nibabel.load(self.folder / name).dataobj)
