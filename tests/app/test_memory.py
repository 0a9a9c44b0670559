"""Memory of whole segmentations: no more than the image's voxels and what the planned slices take; images larger than
their budget are streamed, with the same bits.

VOXLABEL_MAKE_VOLUME names the script that writes large volumes.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from app_case import PROGRAM
from scan_case import ScanCase

SIZE = [512, 512, 300]
SLICES = "130,169"
VOXELS_MB = 512 * 512 * 300 * 2 / 1e6
BESIDE_MB = 180


def make_large_volume():
    spec = importlib.util.spec_from_file_location("make_large_volume", os.environ["VOXLABEL_MAKE_VOLUME"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Runs a command and writes its peak in KiB to a file. What a process is told of a child begins with its own memory at
# the time of the start, so this one must be small.
LAUNCHER = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_pid, status, usage = os.wait4(child, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


class MemoryCase(ScanCase):
    def measure(self, image, *arguments, name="run"):
        """The report of a run and its peak in MB (10^6 bytes)."""
        command = [sys.executable, "-S", "-c", LAUNCHER, "peak.txt", PROGRAM]
        command += ["segment", str(image), *self.network(), "--json", "-", "-o", f"{name}.nii", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=1500, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = self.load_json(done.stdout)
        peak = int((self.folder / "peak.txt").read_text()) * 1024 / 1e6
        latencies = {key: round(value, 2) for key, value in report["latencies"].items() if key != "stages"}
        print(f"{name}: peak {peak:.0f} MB, {latencies}", flush=True)
        return report, peak


class Memory(MemoryCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.images = [pathlib.Path(folder.name) / f"ct.{ending}" for ending in ("nii.gz", "nii")]
        maker = make_large_volume()
        for image in cls.images:
            maker.write(image, SIZE)
        cls.box = maker.prompt(SIZE).rsplit(":", 1)[0]

    def asked(self):
        return ["--box", f"{self.box}:{SLICES}"]

    def test_whole_and_streamed(self):
        """One copy of the voxels, or what the budget says, here 16 slices, and little beside: the network and forty
        slices of features."""
        masks = set()
        for image in self.images:
            for memory, most in ((None, VOXELS_MB), ("8M", 8.4)):
                name = f"{memory or 'whole'}-{image.suffix[1:]}"
                report, peak = self.measure(image, *self.asked(), *(["--max-memory", memory] if memory else []), name=name)
                latencies = report["latencies"]
                self.assertEqual((latencies["encoded_slices"], latencies["cached_slices"]), (40, 38))
                self.assertLess(peak, most + BESIDE_MB)
                masks.add((self.folder / f"{name}.nii").read_bytes())
        self.assertEqual(len(masks), 1)

    def test_no_features_are_kept(self):
        """Every slice but the prompted one is encoded for each pass."""
        limits = ["--cache-memory", "0", "--max-memory", "8M"]
        report, peak = self.measure(self.images[1], *self.asked(), *limits)
        self.assertEqual(report["latencies"]["encoded_slices"], 78)
        self.assertLess(peak, 8.4 + BESIDE_MB - 20)


if __name__ == "__main__":
    unittest.main()
