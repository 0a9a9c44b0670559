"""Real CT scans with lesions, where VOXLABEL_REAL_SCANS names a folder of them (NAME.nii.gz and
NAME.mask.nii.gz, perhaps NAME.hu.nii.gz): they are read, gone through from the lesion's box and
written back on their own grid. The weights are a formula's, so that the masks show no quality."""

import os
import pathlib
import unittest

import app_case
import nibabel
import numpy

SCANS = pathlib.Path(os.environ["VOXLABEL_REAL_SCANS"])


def pairs():
    """(scan, mask) of every mask in the folder."""
    for mask in sorted(SCANS.glob("*.mask.nii.gz")):
        stem = mask.name.removesuffix(".mask.nii.gz")
        for scan in (SCANS / f"{stem}.nii.gz", SCANS / f"{stem}.hu.nii.gz"):
            if scan.is_file():
                yield scan, mask


def box_of(lesion):
    """The key slice, its rectangle and the first and last slice of a lesion, indexed [i, j, k]."""
    areas = (lesion != 0).sum(axis=(0, 1))
    slices = numpy.flatnonzero(areas)
    key = int(areas.argmax())
    columns, rows = numpy.nonzero(lesion[:, :, key])
    corners = [columns.min(), rows.min(), columns.max(), rows.max()]
    return key, [int(corner) for corner in corners], [int(slices[0]), int(slices[-1])]


class RealScans(app_case.AppCase):
    def check(self, scan, mask):
        key, box, z = box_of(numpy.asarray(nibabel.load(mask).dataobj))
        text = f"{key}:{','.join(map(str, box))}:{z[0]},{z[1]}"
        recipe = ["--passes", "from_key", "--extent", "strict"]
        out, report = self.folder / "out.nii.gz", self.folder / "report.json"
        self.run_program("segment", scan, *self.model(), "--box", text, *recipe, "-o", out, "--json", report)

        image, result = nibabel.load(scan), nibabel.load(out)
        self.assertEqual(result.shape, image.shape)
        for field in ("sform_code", "qform_code", "pixdim", "srow_x", "srow_y", "srow_z"):
            numpy.testing.assert_array_equal(result.header[field], image.header[field], field)
        numpy.testing.assert_array_equal(result.affine, image.affine)

        found = numpy.asarray(result.dataobj)
        self.assertEqual(found.dtype, numpy.uint8)
        self.assertLessEqual(set(numpy.unique(found)), {0, 1})
        self.assertFalse(found[:, :, : z[0]].any() or found[:, :, z[1] + 1 :].any())
        # The formula's weights predict the object everywhere, so nothing at all means a defect.
        self.assertTrue(found.any())

        said = self.load_json(report.read_text())
        (planned,) = said["plan"]["objects"]
        self.assertEqual((planned["z"], planned["passes"], planned["cuts"]), (z, "from_key", []))
        self.assertEqual([(prompt["k"], prompt["box"]) for prompt in planned["prompts"]], [(key, box)])
        self.assertEqual(said["voxels"], {"intersection": int(found.sum()), "uncertain": 0})
        bytes_already = image.get_data_dtype() == numpy.uint8
        self.assertEqual(said["window"]["rule"], "as is" if bytes_already else "abdomen")

    def test_each_scan(self):
        found = list(pairs())
        self.assertTrue(found, f"{SCANS} holds no pair of scan and mask")
        for scan, mask in found:
            with self.subTest(scan.name):
                self.check(scan, mask)


if __name__ == "__main__":
    unittest.main()
