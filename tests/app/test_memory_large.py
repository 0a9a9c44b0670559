"""Memory with the published shape: 40 slices of 512 x 512 x 300 voxels, and of a compressed file of 2 GiB with a budget
of 512 MiB."""

import unittest

from test_memory import MemoryCase, make_large_volume

# Of the published shape: weights and what is prepared of them, the working memory of the kernels, and of each slice
# 4.2 MB of features and 0.7 MB of results.
NETWORK_MB = 420
SLICE_MB = 4.9
SLICES = 40


class MemoryLarge(MemoryCase):
    def network(self):
        return ["--model", self.checkpoint]

    def run_on(self, size, name, *arguments):
        maker = make_large_volume()
        path = self.folder / f"{name}.nii.gz"
        maker.write(path, size)
        box = maker.prompt(size).rsplit(":", 1)[0]
        first = size[2] // 2 - SLICES // 2
        asked = ["--box", f"{box}:{first},{first + SLICES - 1}", *arguments]
        report, peak = self.measure(path, *asked, name=name)
        self.assertEqual(report["latencies"]["encoded_slices"], SLICES)
        self.assertGreater(report["voxels"]["intersection"], 0)
        return peak

    def test_three_hundred_slices(self):
        peak = self.run_on([512, 512, 300], "slices300")
        self.assertLess(peak, 1500)
        self.assertLess(peak, 512 * 512 * 300 * 2 / 1e6 + NETWORK_MB + SLICES * SLICE_MB)

    def test_larger_than_its_budget(self):
        """The range of grey values is found in a first pass, then come the planned slices; the mask goes to the disk
        slice by slice."""
        peak = self.run_on([512, 512, 4096], "large", "--max-memory", "512M")
        self.assertLess(peak, (512 << 20) / 1e6 + NETWORK_MB + SLICES * SLICE_MB)


if __name__ == "__main__":
    unittest.main()
