"""The published shape on real images: geometry, range, memory. The weights mean nothing, so the mask's place does not.

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


class Samples(AppCase):
    def check_report(self, text, name):
        report = self.load_json(text)
        self.assertEqual(report["model"]["name"], name)
        self.assertEqual(report["warnings"], [])
        self.assertGreater(report["voxels"], 0)
        return report

    def test_chest(self):
        """Its 24 slices, of which 11 are tracked; from NRRD to NRRD and to NIfTI."""
        image = SAMPLES / "lung2_image.nrrd"
        box = "14:321,334,392,398:7,17"
        command = ["segment", image, "--model", CHECKPOINT, "--box", box, "--window", "-1350,150", "--json", "-"]
        out, _err = self.run_program(*command, "-o", "mask.nrrd", timeout=500)
        report = self.check_report(out, "sam2.1_hiera_t512")
        self.assertEqual((report["encoded_slices"], report["z"]), (11, [7, 17]))
        first, last = report["bbox"][2], report["bbox"][5]
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
        command = ["segment", "scan.nii.gz", "--model", CHECKPOINT, "--box", "10:321,334,392,398", "--json", "-"]
        out, _err = self.run_program(*command, timeout=500)
        report = self.check_report(out, "sam2.1_hiera_t512")
        self.assertEqual((report["encoded_slices"], report["cached_slices"]), (16, 1))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak {peak:.0f} MB, {report['latencies']}")
        self.assertLess(peak, PEAK_MB)


if __name__ == "__main__":
    unittest.main()
