"""The published shape: known numbers of the reference, and real images for geometry, range and memory. The weights come
from a formula and mean nothing, so neither does the place of a mask.

VOXLABEL_SAMPLES names the folder of sample volumes.
"""

import os
import pathlib
import resource
import unittest

import nibabel
import nrrd
import numpy

from app_case import CHECKPOINT, AppCase

SAMPLES = pathlib.Path(os.environ["VOXLABEL_SAMPLES"])
PEAK_MB = 600
RECIPE = ["--passes", "from_key", "--extent", "strict"]


class Samples(AppCase):
    def check_report(self, text, name):
        report = self.load_json(text)
        self.assertEqual(report["model"]["name"], name)
        self.assertEqual(report["warnings"], [])
        self.assertGreater(report["voxels"]["intersection"], 0)
        return report

    def test_chest(self):
        """Its 24 slices, of which 11 are tracked; from NRRD to NRRD and to NIfTI."""
        image = SAMPLES / "lung2_image.nrrd"
        box = "14:321,334,392,398:7,17"
        command = ["segment", image, "--model", CHECKPOINT, "--box", box, *RECIPE, "--window", "-1350,150", "--json", "-"]
        out, _err = self.run_program(*command, "-o", "mask.nrrd", timeout=500)
        report = self.check_report(out, "sam2.1_hiera_t512")
        (planned,) = report["plan"]["objects"]
        self.assertEqual((report["latencies"]["encoded_slices"], planned["z"]), (11, [7, 17]))
        first, last = report["bbox"]["intersection"][2::3]
        voxels, header = nrrd.read(str(self.folder / "mask.nrrd"))
        _image, wanted = nrrd.read(str(image))
        self.assertEqual(voxels.shape, (512, 512, 24))
        self.assertEqual(numpy.flatnonzero(voxels.any(axis=(0, 1))).tolist(), list(range(first, last + 1)))
        for field in ("space", "space directions", "space origin"):
            numpy.testing.assert_array_equal(header[field], wanted[field])

    def test_memory(self):
        """512 x 512 x 16 int16 voxels, all slices."""
        voxels, _header = nrrd.read(str(SAMPLES / "lung2_image.nrrd"))
        voxels = numpy.ascontiguousarray(voxels[:, :, 4:20])
        self.assertEqual((voxels.shape, voxels.dtype), ((512, 512, 16), numpy.int16))
        nibabel.save(nibabel.Nifti1Image(voxels, numpy.diag([0.63, 0.63, 5, 1])), self.folder / "scan.nii.gz")
        command = ["segment", "scan.nii.gz", "--model", CHECKPOINT, "--box", "10:321,334,392,398:0,15", *RECIPE]
        out, _err = self.run_program(*command, "--json", "-", timeout=500)
        report = self.check_report(out, "sam2.1_hiera_t512")
        self.assertEqual(report["latencies"]["encoded_slices"], 16)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak {peak:.0f} MB, {report['latencies']}")
        self.assertLess(peak, PEAK_MB)


class Reference(AppCase):
    """What PyTorch computes on a CPU with the reference's own modules, these weights, this volume and this box."""

    POSITIVE = [35990, 35993, 11019, 35993, 35988]
    SCORES = [0.475637, 0.433528, 0.720071, 0.432542, 0.479689]
    SLICE_2 = {"sum": -5536.33, "absolute": 18070, 0: 0.901863, 12000: -0.0817694, 24000: -0.0103008, 35999: 1.25575}

    def test_from_voxels_to_logits(self):
        z, y, x = numpy.meshgrid(numpy.arange(5), numpy.arange(200), numpy.arange(180), indexing="ij")
        q = (3 * x + 2 * y + 11 * z + ((x * y) >> 6)) % 510
        volume = numpy.minimum(q, 510 - q).astype(numpy.uint8)
        self.assertEqual(volume.sum(), 23314400)
        nibabel.save(nibabel.Nifti1Image(volume.transpose(2, 1, 0), numpy.eye(4)), self.folder / "scan.nii")
        command = ["segment", "scan.nii", "--model", CHECKPOINT, "--box", "2:40,50,120,140:0,4", *RECIPE]
        out, _err = self.run_program(*command, "--logits", "logits.nii", "--json", "-", timeout=500)
        logits = numpy.asanyarray(nibabel.load(self.folder / "logits.nii").dataobj).transpose(2, 1, 0)
        # A sign may turn where a logit is within rounding of 0.
        for positive, wanted in zip(numpy.count_nonzero(logits > 0, axis=(1, 2)), self.POSITIVE, strict=True):
            self.assertLessEqual(abs(int(positive) - wanted), 2)
        scores = self.load_json(out)["scores"]["intersection"]["object_score"]
        for score, wanted in zip(scores, self.SCORES, strict=True):
            for way in ("forward", "backward"):
                self.assertTrue(score[way] is None or abs(score[way] - wanted) < 1e-4)
        # Up from the box's slice, and down from it.
        self.assertEqual([score["forward"] is None for score in scores], [True, True, False, False, False])
        self.assertEqual([score["backward"] is None for score in scores], [False, False, False, True, True])
        flat = logits[2].astype(numpy.float64).ravel()
        found = {"sum": flat.sum(), "absolute": abs(flat).sum(), **{n: flat[n] for n in (0, 12000, 24000, 35999)}}
        for key, wanted in self.SLICE_2.items():
            tolerance = 1e-4 if isinstance(key, int) else 1.0
            self.assertLess(abs(found[key] - wanted), tolerance, key)


if __name__ == "__main__":
    unittest.main()
