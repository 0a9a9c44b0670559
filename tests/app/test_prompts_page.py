"""Sentences of docs/prompts.md about whole segmentations that no other test of the program looks at."""

import json
import pathlib
import re
import unittest

import nibabel
import numpy

from app_case import SegmentCase, nifti, wavy

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "prompts.md"
BOX = ["--box", "2:10,12,40.5,38:1,4"]


def form(value):
    """Of JSON: the members in their order and what each is. Of lists the first element says it."""
    if isinstance(value, dict):
        return {key: form(one) for key, one in value.items()}
    if isinstance(value, list):
        return [form(value[0])]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


class Page(SegmentCase):
    def setUp(self):
        super().setUp()
        self.scan = nifti(self.folder / "scan.nii.gz")

    def test_nothing_is_reoriented(self):
        """Prompts and network see the voxels as they are stored, whatever the header says of their directions."""
        seen = set()
        outputs = ["-o", "mask.nii", "--logits", "logits.nii", "--quiet"]
        for order, flips in (((0, 1, 2), (1, 1, 1)), ((1, 0, 2), (-1, 1, 1)), ((2, 0, 1), (1, -1, -1))):
            affine = numpy.eye(4)
            affine[:3, :3] = numpy.eye(3)[:, order] * flips * [0.8, 0.8, 3]
            nibabel.save(nibabel.Nifti1Image(wavy(), affine), self.folder / "turned.nii")
            self.segment("turned.nii", *BOX, *outputs, "--negative", "12,14,3")
            seen.add((self.voxels("mask.nii").tobytes("F"), self.voxels("logits.nii").tobytes("F")))
        self.assertEqual(len(seen), 1)
        self.assertGreater(numpy.count_nonzero(self.voxels("mask.nii")), 0)

    def test_result_options(self):
        def head(name, params):
            self.segment("scan.nii.gz", *BOX, "-o", name, "--quiet", "--params", json.dumps(params))
            return (self.folder / name).read_bytes()[:1000]

        self.assertIn(b"encoding: raw\n", head("mask.nrrd", {"result_compress": False}))
        self.assertIn(b"encoding: gzip\n", head("mask.nrrd", {"result_compress": True}))
        self.assertIn(b"CompressedData = True", head("mask.mha", {"result_compress": True}))
        self.assertIn(b"MET_USHORT", head("mask.mha", {"result_dtype": "uint16"}))
        self.assertIn(b"MET_UCHAR", head("mask.mha", {"result_dtype": "uint8"}))
        # A file that has a name has its ending from there.
        self.assertTrue(head("mask.mha", {"result_extension": ".nrrd"}).startswith(b"ObjectType = Image"))

    def test_form_of_the_plan(self):
        """The example has all members that plans have, in their order, and no other."""
        (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        points = {
            "intersection": [[8, 9, 1], [30, 26, 1], [6, 11, 4], [33, 24, 4]],
            "background": [[11, 20, 2], [30, 30, 3]],
        }
        plan = self.report("--points", json.dumps(points), "--zoom", "1.5")
        self.assertEqual(json.dumps(form(plan["plan"])), json.dumps(form(json.loads(example))))
        self.assertIs(plan["plan"]["valid"], True)

    def test_no_agreement(self):
        """Null where the passes do not cover the same slices."""
        for passes in ("intersection", "union", "forward", "backward", "from_key"):
            known = passes in ("intersection", "union")
            scores = self.report(*BOX, "--passes", passes)["scores"]["intersection"]
            self.assertEqual(scores["agreement_dice"] is not None, known, passes)
            self.assertIsNotNone(scores["entropy"])


if __name__ == "__main__":
    unittest.main()
