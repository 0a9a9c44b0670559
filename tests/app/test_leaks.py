"""A network that finds the object everywhere: the mask stays inside what the user drew."""

import math
import unittest

import numpy
from scipy import ndimage

from app_case import nifti, wavy
from scan_case import ScanCase

WIDTH, HEIGHT, DEPTH = 60, 50, 9
# Two pieces: 8 x 9 to 30 x 26 on slices 1 to 4, 6 x 11 to 45 x 40 on slices 4 to 7.
POINTS = [[8, 9, 1], [30, 26, 1], [12, 11, 4], [28, 24, 4], [6.4, 13, 7], [45.5, 40, 7]]
PIECES = {(1, 4): (8, 9, 30, 26), (4, 7): (6.4, 11, 45.5, 40)}


def rounded(x):
    return math.floor(x + 0.5)


def cut(rectangles, clip):
    """The union of the rectangles, its corners rounded, grown where it is loose, and clamped."""
    if not rectangles:
        return None
    i0, j0 = (rounded(min(rect[axis] for rect in rectangles)) for axis in (0, 1))
    i1, j1 = (rounded(max(rect[axis] for rect in rectangles)) for axis in (2, 3))
    margin = rounded(max(max(i1 - i0 + 1, j1 - j0 + 1) / 4, 5)) if clip == "loose" else 0
    return max(i0 - margin, 0), max(j0 - margin, 0), min(i1 + margin, WIDTH - 1), min(j1 + margin, HEIGHT - 1)


class Leaks(ScanCase):
    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii", wavy(WIDTH, HEIGHT, DEPTH))

    def run_with(self, params, *arguments):
        return self.segment("scan.nii", "--cache-dir", "features", *arguments, params=params)

    def allowed(self, cuts):
        inside = numpy.zeros((WIDTH, HEIGHT, DEPTH), bool)
        for k, (i0, j0, i1, j1) in cuts.items():
            inside[i0 : i1 + 1, j0 : j1 + 1, k] = True
        return inside

    def check(self, run, inside, leaks=True):
        """Nothing outside, uncertain voxels included, although the network found much there; much of what is inside."""
        self.assertFalse(run.mask[~inside].any())
        found = run.logits > 0  # false where it is NaN
        slices = inside.any(axis=(0, 1))
        self.assertFalse(found[:, :, ~slices].any())
        outside = found & ~inside
        if leaks:
            self.assertGreater(numpy.count_nonzero(outside), 0.1 * WIDTH * HEIGHT * numpy.count_nonzero(slices))
        for k in numpy.flatnonzero(slices):
            share = numpy.count_nonzero(run.mask[:, :, k]) / numpy.count_nonzero(inside[:, :, k])
            self.assertGreater(share, 0.1, f"slice {k}")

    def test_pieces(self):
        for clip in ("loose", "tight", None):
            cuts = {}
            for k in range(1, 8):
                held = [rect for (first, last), rect in PIECES.items() if first <= k <= last]
                cuts[k] = cut(held, clip or "loose")
            inside = self.allowed(cuts)
            for passes in ("intersection", "union", "backward"):
                run = self.run_with({"intersection": POINTS, "passes": passes, **({"clip": clip} if clip else {})})
                self.assertEqual(run.report["plan"]["objects"][0]["clip"], clip or "loose")
                self.check(run, inside)
                low, high = (run.report["bbox"]["intersection"][axis::3] for axis in (0, 2))
                self.assertEqual((low[0], high), (min(cut[0] for cut in cuts.values()), [1, 7]))

    def test_roi(self):
        for clip in ("loose", "tight"):
            inside = self.allowed({k: cut([(12, 20, 33, 41)], clip) for k in range(2, 6)})
            for broadcast in ("propagate", "box"):
                params = {"roi": [33, 12, 20, 41, 5, 2], "clip": clip, "broadcast": broadcast}
                self.check(self.run_with(params), inside)

    def test_box(self):
        """Its rectangle holds on its slices where it is asked to cut; the others are open."""
        box = {"key": 4, "xyxy": [15, 10, 40, 30], "z": [3, 6]}
        for clip in ("loose", "tight"):
            run = self.run_with({"box": box, "clip": clip})
            self.check(run, self.allowed({k: cut([(15, 10, 40, 30)], clip) for k in range(3, 7)}))
        open_run = self.run_with({"box": box})
        self.assertGreater(numpy.count_nonzero(open_run.mask[0:3]), 0)
        self.check(open_run, self.allowed({k: (0, 0, WIDTH - 1, HEIGHT - 1) for k in range(3, 7)}), leaks=False)

    def test_cut_before_parts_and_holes(self):
        """What lies outside of the cut can neither be the largest part nor close a hole: of one pass the mask follows
        from its logits."""
        inside = self.allowed({k: cut([(12, 20, 33, 41)], "tight") for k in range(2, 6)})
        for way, parts, holes in (("forward", False, False), ("forward", True, True), ("backward", True, False)):
            params = {"roi": [12, 33, 20, 41, 2, 5], "clip": "tight", "passes": way, "largest_cc": parts}
            run = self.run_with({**params, "fill_holes": holes})
            wanted = (run.logits > 0) & inside
            self.assertTrue(wanted.any())
            if parts:
                labels, _n = ndimage.label(wanted, numpy.ones((3, 3, 3)))
                sizes = numpy.bincount(labels.ravel())[1:]
                self.assertEqual(numpy.count_nonzero(sizes == sizes.max()), 1)
                wanted = labels == 1 + sizes.argmax()
            for k in range(DEPTH):
                wanted[:, :, k] = ndimage.binary_fill_holes(wanted[:, :, k]) if holes else wanted[:, :, k]
            self.assertTrue(numpy.array_equal(run.mask != 0, wanted), (way, parts, holes))

    def test_borders(self):
        """Strict borders hold for every way of prompting; free ones end where the image does."""
        everywhere = (0, 0, WIDTH - 1, HEIGHT - 1)
        inside = self.allowed({k: everywhere for k in range(3, 6)})
        strict = [
            {"box": {"key": 4, "xyxy": [15, 10, 40, 30], "z": [3, 5]}},
            {"intersection": POINTS[:2], "box": {"key": 1, "xyxy": [15, 10, 40, 30], "z": [1, 1]}, "extent": "strict"},
            {"intersection": [[20, 20, 3], [30, 25, 5]], "clip": "off"},
            {"intersection": [[20, 20, 3], [22, 22, 5]], "min_box": 10},
        ]
        for number, params in enumerate(strict):
            for passes in ("intersection", "from_key"):
                run = self.run_with({**params, "passes": passes})
                within = inside if number != 1 else self.allowed({1: everywhere})
                self.check(run, within, leaks=False)
                self.assertTrue(numpy.isnan(run.logits[~within]).all())
        run = self.run_with({"intersection": [[20, 20, 4]]})
        self.assertEqual(run.report["plan"]["objects"][0]["extent"], "free")
        self.assertTrue(run.mask.any(axis=(0, 1)).all())

    def test_window(self):
        """Outside of a window there is nothing, though the object fills all of it."""
        run = self.run_with({"box": {"key": 4, "xyxy": [15, 10, 25, 20], "z": [3, 5]}, "zoom": 1})
        i, j, width, height = run.report["plan"]["objects"][0]["zoom"]["window"]
        self.assertLess(width * height, WIDTH * HEIGHT)
        seen = self.allowed({k: (i, j, i + width - 1, j + height - 1) for k in range(3, 6)})
        self.assertFalse(run.mask[~seen].any())
        self.assertTrue(numpy.isnan(run.logits[~seen]).all())
        self.assertTrue(numpy.isfinite(run.logits[seen]).all())


if __name__ == "__main__":
    unittest.main()
