"""A mask from one box: geometry, contents, the report, the same bits for any number of threads."""

import hashlib
import math
import unittest

import nibabel
import numpy

from app_case import CHECKPOINT, AppCase, nifti, wavy

BOX = "2:10,12,40.5,38"
GEOMETRY = ["pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y"]
GEOMETRY += ["qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units"]


class Segment(AppCase):
    def segment(self, image, *arguments, box=BOX, **more):
        return self.run_program("segment", image, *self.model(), "--box", box, *arguments, **more)

    def voxels(self, name):
        return numpy.asanyarray(nibabel.load(self.folder / name).dataobj)

    def test_default_output(self):
        scan = nifti(self.folder / "scan.one.nii.gz")
        _out, err = self.segment(self.folder / "scan.one.nii.gz")
        self.assertEqual(self.files(), ["scan.one-mask.nii.gz", "scan.one.nii.gz"])
        mask = nibabel.load(self.folder / "scan.one-mask.nii.gz")
        self.assertEqual(mask.get_data_dtype(), numpy.uint8)
        self.assertEqual(mask.shape, scan.shape)
        values = numpy.unique(mask.dataobj)
        self.assertEqual(values.tolist(), [0, 1])
        self.assertIn(f"scan.one-mask.nii.gz: {numpy.count_nonzero(mask.dataobj)} voxels", err)

    def test_geometry_is_kept_bit_for_bit(self):
        for codes in [(1, 1), (2, 0), (0, 1), (4, 3)]:
            nifti(self.folder / "scan.nii", sform_code=codes[0], qform_code=codes[1])
            self.segment("scan.nii", "-o", "mask.nii", "--logits", "logits.nii.gz", "--quiet")
            scan = nibabel.load(self.folder / "scan.nii").header
            for name in ("mask.nii", "logits.nii.gz"):
                header = nibabel.load(self.folder / name).header
                for field in GEOMETRY:
                    self.assertEqual(header[field].tobytes(), scan[field].tobytes(), f"{name}: {field}, codes {codes}")

    def test_slab_and_logits(self):
        nifti(self.folder / "scan.nii.gz")
        self.segment("scan.nii.gz", "-o", "mask.nii.gz", "--logits", "logits.nii.gz", box=f"{BOX}:1,4")
        mask, logits = self.voxels("mask.nii.gz"), self.voxels("logits.nii.gz")
        self.assertEqual(logits.dtype, numpy.float32)
        self.assertTrue(numpy.isnan(logits[:, :, [0, 5]]).all())
        self.assertTrue(numpy.isfinite(logits[:, :, 1:5]).all())
        self.assertFalse(mask[:, :, [0, 5]].any())
        # Only the component rule takes anything away from what is positive.
        self.assertTrue((logits[mask == 1] > 0).all())
        self.assertGreater(numpy.count_nonzero(mask), 0)

    def test_slab_equals_the_cut_volume(self):
        voxels = wavy()
        nifti(self.folder / "scan.nii.gz", voxels)
        nifti(self.folder / "cut.nii.gz", voxels[:, :, 1:5])
        # The range of grey values is that of the whole file; a window makes it the same here.
        window = ["--window", "-900,800", "--quiet"]
        self.segment("scan.nii.gz", "-o", "a.nii.gz", "--logits", "la.nii.gz", *window, box=f"{BOX}:1,4")
        self.segment("cut.nii.gz", "-o", "b.nii.gz", "--logits", "lb.nii.gz", *window, box=BOX.replace("2:", "1:"))
        self.assertTrue(numpy.array_equal(self.voxels("a.nii.gz")[:, :, 1:5], self.voxels("b.nii.gz")))
        self.assertTrue(numpy.array_equal(self.voxels("la.nii.gz")[:, :, 1:5], self.voxels("lb.nii.gz")))

    def test_report(self):
        nifti(self.folder / "scan.nii.gz")
        out, _err = self.segment("scan.nii.gz", "--json", "-", "--threads", "2", "--backend", "ref", box=f"{BOX}:4,1")
        report = self.load_json(out)
        mask = self.voxels("scan-mask.nii.gz")
        inside = numpy.argwhere(mask)
        self.assertEqual(report["model"]["name"], "narrow256")
        with open(CHECKPOINT, "rb") as file:
            self.assertEqual(report["model"]["sha256"], hashlib.sha256(file.read()).hexdigest())
        self.assertEqual((report["backend"], report["threads"]), ("ref", 2))
        self.assertEqual(report["image"]["size"], [60, 50, 6])
        scan = nibabel.load(self.folder / "scan.nii.gz")
        lengths = numpy.linalg.norm(scan.affine[:3, :3], axis=0)
        numpy.testing.assert_allclose(report["image"]["spacing"], lengths, rtol=1e-6)
        self.assertEqual((report["box"], report["key"], report["z"]), ([10, 12, 40.5, 38], 2, [1, 4]))
        self.assertEqual(report["passes"], "from_key")
        self.assertEqual(report["window"], {"rule": "abdomen", "low": -160, "high": 240})
        self.assertEqual(report["voxels"], len(inside))
        volume = len(inside) * abs(numpy.linalg.det(scan.affine[:3, :3])) / 1000
        self.assertTrue(math.isclose(report["volume_ml"], volume, rel_tol=1e-6))
        self.assertEqual(report["bbox"], [*inside.min(axis=0).tolist(), *inside.max(axis=0).tolist()])
        self.assertEqual([score["slice"] for score in report["scores"]], [1, 2, 3, 4])
        self.assertTrue(all(isinstance(score["object_score"], float) for score in report["scores"]))
        latencies = report["latencies"]
        self.assertEqual(set(latencies), {"pre", "model", "encode", "track", "post", "write", "total"})
        self.assertTrue(all(seconds >= 0 for seconds in latencies.values()))
        parts = sum(latencies.values()) - latencies["total"]
        self.assertLess(parts, latencies["total"] + 1e-3)
        self.assertEqual((report["encoded_slices"], report["cached_slices"]), (4, 1))
        self.assertEqual(report["warnings"], [])
        self.assertEqual(report["mask"], "scan-mask.nii.gz")

    def test_report_in_a_file(self):
        voxels = wavy().astype(numpy.float32)
        voxels[3, 4, 5] = numpy.nan
        nifti(self.folder / "scan.nii.gz", voxels)
        asked = ["--backend", self.backends()[0]]
        out, err = self.segment("scan.nii.gz", "--json", "report.json", "--quiet", *asked, box="2:10,12,90,38")
        self.assertEqual(out, "")
        report = self.load_json((self.folder / "report.json").read_text())
        self.assertEqual(len(report["warnings"]), 2)
        self.assertEqual([f"voxlabel: warning: {text}" for text in report["warnings"]], err.splitlines())
        self.assertEqual(report["box"], [10, 12, 59, 38])

    def test_slow_backend_is_no_secret(self):
        """Only where nobody asked for it, and on standard error as in the report."""
        nifti(self.folder / "scan.nii.gz")
        for asked in ([], ["--backend", "ref"]):
            out, err = self.segment("scan.nii.gz", "--json", "-", "--quiet", *asked)
            report = self.load_json(out)
            fell_back = not asked and self.backends()[0] == "ref"
            self.assertEqual(report["backend"], self.backends()[0] if not asked else "ref")
            self.assertEqual(len(report["warnings"]), 1 if fell_back else 0)
            self.assertEqual("".join(f"voxlabel: warning: {text}\n" for text in report["warnings"]), err)
            self.assertEqual("slow backend 'ref'" in err, fell_back)

    def test_constant_volume(self):
        nifti(self.folder / "scan.nii.gz", numpy.full((30, 20, 3), 40, numpy.int16))
        out, err = self.segment("scan.nii.gz", "--json", "-", box="1:5,5,20,15")
        self.assertIn("one grey value", " ".join(self.load_json(out)["warnings"]))
        self.assertIn("voxlabel: warning: the window leaves one grey value", err)

    def test_two_geometries(self):
        scan = nifti(self.folder / "scan.nii.gz")
        other = scan.affine.copy()
        other[0, 3] += 3
        scan.set_qform(other, 1)
        nibabel.save(scan, self.folder / "scan.nii.gz")
        _out, err = self.segment("scan.nii.gz")
        self.assertRegex(err, r"warning: geometry: the file's sform and qform differ by 4\.\d\d voxels")

    def test_threads_change_nothing(self):
        nifti(self.folder / "scan.nii.gz")
        seen = set()
        for threads in (1, 2, 3):
            outputs = ["-o", "mask.nii.gz", "--logits", "logits.nii.gz", "--threads", threads, "--quiet"]
            self.segment("scan.nii.gz", *outputs, box=f"{BOX}:1,4")
            seen.add(tuple((self.folder / name).read_bytes() for name in ("mask.nii.gz", "logits.nii.gz")))
        self.assertEqual(len(seen), 1)

    def test_quiet_and_lines(self):
        nifti(self.folder / "scan.nii.gz")
        _out, err = self.segment("scan.nii.gz", "--quiet", "--backend", self.backends()[0])
        self.assertEqual(err, "")
        _out, err = self.segment("scan.nii.gz", "--backend", self.backends()[0])
        lines = err.splitlines()
        self.assertRegex(lines[-2], r"^voxlabel: 6 of 6 slices, \d+ s$")
        self.assertLess(len(lines), 8)
        self.assertNotIn("\r", err)

    def test_wrong_configuration(self):
        nifti(self.folder / "scan.nii.gz")
        command = ["segment", "scan.nii.gz", "--box", BOX, "--model", CHECKPOINT]
        _out, err = self.run_program(*command, status=1)
        self.assertIn("no built-in configuration fits, name the model's YAML with --config", err)
        _out, err = self.run_program(*command, "--config", "none.yaml", status=2)
        self.assertIn("none.yaml: cannot open", err)
        (self.folder / "broken.yaml").write_text("model: [")
        _out, err = self.run_program(*command, "--config", "broken.yaml", status=1)
        self.assertIn("broken.yaml: ", err)
        _out, err = self.run_program(*command, *self.model()[2:], "--backend", "abacus", status=2)
        self.assertIn("abacus: ", err)
        self.assertEqual(self.files(), ["broken.yaml", "scan.nii.gz"])


if __name__ == "__main__":
    unittest.main()
