"""Clicks after the first result: what they recompute is said, and the result is that of a fresh run."""

import pathlib
import tempfile
import unittest

import numpy

from app_case import nifti, wavy
from scan_case import ScanCase, same_bits

DEPTH = 13
POINTS = {"intersection": [[8, 9, 0], [30, 26, 0], [6, 11, 12], [33, 24, 12]]}
CLICK = {"k": 2, "points": [[20, 16]], "labels": [0]}


class Corrections(ScanCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.cache = ["--cache-dir", pathlib.Path(folder.name) / "features"]

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii", wavy(40, 32, DEPTH))

    def run_with(self, params, *arguments, **more):
        """With features of earlier runs, which saves most of the time."""
        return self.segment("scan.nii", *self.cache, *arguments, params=params, **more)

    def corrected(self, corrections, *arguments, **more):
        return self.run_with({**POINTS, "corrections": corrections}, *arguments, **more)

    def fresh(self, corrections):
        """Without any cache."""
        params = {**POINTS, "corrections": corrections}
        run = self.segment("scan.nii", "--cache-memory", "0", params=params, name="fresh")
        self.assertGreaterEqual(run.work()[0], DEPTH)
        return run

    def propagated(self, run):
        return [(entry["k"], entry["propagated"]) for entry in run.report["corrections"]]

    def test_one_click_of_thirteen_slices(self):
        """Up from the click in the one pass, down from it in the other; the key slice is never tracked."""
        plain = self.corrected([])
        self.assertEqual(plain.report["corrections"], [])
        key = plain.report["plan"]["objects"][0]["prompts"][0]["k"]
        self.assertEqual(key, 6)
        run = self.corrected([CLICK])
        self.assertEqual(self.propagated(run), [(2, [k for k in range(DEPTH) if k != key])])
        self.assertEqual(run.report["corrections"][0]["label"], "intersection")
        self.assertFalse(same_bits(plain.logits[:, :, 2], run.logits[:, :, 2]))
        self.assertTrue(run.same(self.fresh([CLICK])))

    def test_slices_before_it_keep_what_they_had(self):
        for way, again in (("forward", [2, 3, 4, 5, 7, 8, 9, 10, 11, 12]), ("backward", [0, 1, 2])):
            plain = self.corrected([], "--passes", way)
            run = self.corrected([CLICK], "--passes", way, name="corrected")
            self.assertEqual(self.propagated(run), [(2, again)])
            for k in range(DEPTH):
                kept = same_bits(plain.logits[:, :, k], run.logits[:, :, k])
                self.assertEqual(kept, k not in again, f"{way}, slice {k}")

    def test_several_in_their_order(self):
        one, other = CLICK, {"k": 9, "points": [[12, 14], [22.5, 18.25]], "labels": [1, 0]}
        forth = self.corrected([one, other])
        back = self.corrected([other, one], name="back")
        self.assertEqual([k for k, _slices in self.propagated(forth)], [2, 9])
        self.assertEqual([k for k, _slices in self.propagated(back)], [9, 2])
        self.assertFalse(forth.same(back))
        self.assertTrue(forth.same(self.fresh([one, other])))
        twice = self.corrected([one, one], name="twice")
        self.assertEqual([k for k, _slices in self.propagated(twice)], [2, 2])
        self.assertFalse(twice.same(self.corrected([one], name="once")))

    def test_on_the_key_slice(self):
        """It changes the prompt, so that all is tracked again."""
        plain = self.corrected([])
        run = self.corrected([{**CLICK, "k": 6}], name="corrected")
        self.assertTrue(run.report["plan"]["objects"][0]["corrections"][0]["on_prompt"])
        self.assertEqual(self.propagated(run), [(6, list(range(DEPTH)))])
        for k in range(DEPTH):
            self.assertFalse(same_bits(plain.logits[:, :, k], run.logits[:, :, k]), f"slice {k}")
        self.assertTrue(run.same(self.fresh([{**CLICK, "k": 6}])))

    def test_outside_of_strict_borders(self):
        params = {"box": {"key": 6, "xyxy": [8, 9, 30, 26], "z": [3, 9]}}
        plain = self.run_with(params)
        run = self.run_with({**params, "corrections": [CLICK]}, name="corrected")
        self.assertEqual(run.report["corrections"], [])
        self.assertTrue(run.same(plain))
        self.assertEqual(len(run.report["warnings"]), len(plain.report["warnings"]) + 1)
        self.assertRegex(" ".join(run.report["warnings"]), r"slice 2\b")
        # Where nothing is a border it counts.
        free = {"box": {"key": 6, "xyxy": [8, 9, 30, 26]}, "extent": "free"}
        run = self.run_with({**free, "corrections": [CLICK]}, name="corrected")
        self.assertEqual([k for k, _slices in self.propagated(run)], [2])

    def test_negative_points_are_corrections(self):
        """Those on slices without a prompt, in ascending order of these."""
        asked = self.run_with(POINTS, "--negative", "20,16,9", "--negative", "21,15,2")
        self.assertEqual([k for k, _slices in self.propagated(asked)], [2, 9])
        spelled = [{"k": 2, "points": [[21, 15]], "labels": [0]}, {"k": 9, "points": [[20, 16]], "labels": [0]}]
        self.assertTrue(asked.same(self.corrected(spelled, name="spelled")))

    def test_one_object_of_two(self):
        """The other one is not tracked again and keeps its bits."""
        labels = ["--label-names", "liver,spleen", "--passes", "forward"]
        boxes = [
            {"key": 3, "xyxy": [2, 2, 18, 28], "z": [1, 6], "label": "liver"},
            {"key": 8, "xyxy": [22, 3, 38, 29], "z": [7, 11], "label": "spleen"},
        ]
        click = {"k": 9, "points": [[30, 15]], "labels": [0], "label": "spleen"}
        plain = self.run_with({"box": boxes}, *labels)
        run = self.run_with({"box": boxes, "corrections": [click]}, *labels, name="corrected")
        self.assertEqual(run.report["corrections"], [{"label": "spleen", "k": 9, "propagated": [9, 10, 11]}])
        for k in range(DEPTH):
            self.assertEqual(same_bits(plain.logits[:, :, k], run.logits[:, :, k]), k not in (9, 10, 11), f"slice {k}")
        self.assertTrue(numpy.isnan(run.logits[:, :, [0, 12]]).all())


if __name__ == "__main__":
    unittest.main()
