"""voxlabel info: grids and directions as nibabel has them, ranges as numpy has them, warnings where they belong."""

import os
import resource
import struct
import subprocess
import unittest

import nibabel
import nrrd
import numpy

from app_case import PROGRAM, AppCase, nifti, wavy


def rotation(rng):
    return numpy.linalg.qr(rng.normal(size=(3, 3)))[0]


class Info(AppCase):
    def info(self, *files, **more):
        """The images of the JSON, and the text that says the same."""
        out, err = self.run_program("info", "--json", *files, **more)
        images = self.load_json(out)["images"]
        self.text, also = self.run_program("info", *files, **more)
        self.assertEqual(err, also)
        for image in images:
            self.assertIn(f"{image['file']}\n  format    {image['format']}, {image['type']}, ", self.text)
            self.assertIn("axes      " + image["axes"], self.text)
            for warning in image["warnings"]:
                self.assertIn(f"  warning   {warning}\n", self.text)
        return images

    def save(self, voxels, affine, name="a.nii", sform=1, qform=0, **header):
        image = nibabel.Nifti1Image(voxels, affine)
        image.set_qform(affine, qform, strip_shears=True)
        image.set_sform(affine, sform)
        for key, value in header.items():
            image.header[key] = value
        nibabel.save(image, self.folder / name)
        return name

    def poke(self, name, offset, layout, *numbers):
        """Puts numbers into a header, whatever nibabel thinks of them."""
        data = bytearray((self.folder / name).read_bytes())
        struct.pack_into(layout, data, offset, *numbers)
        (self.folder / name).write_bytes(data)

    def warnings(self, name):
        return self.info(name)[0]["warnings"]

    def warned(self, name, *wanted):
        """Exactly these warnings, each by a part of it."""
        got = self.warnings(name)
        self.assertEqual(len(got), len(wanted), got)
        for part, text in zip(wanted, got):
            self.assertIn(part, text)


class Grids(Info):
    def test_plain(self):
        affine = numpy.diag([-0.5, -0.5, 1.25, 1])
        affine[:3, 3] = 10, 20, 30
        self.save(wavy(), affine)
        image = self.info("a.nii")[0]
        self.assertEqual((image["format"], image["type"], image["size"]), ("NIfTI-1", "int16", [60, 50, 6]))
        self.assertEqual((image["spacing"], image["axes"], image["warnings"]), ([0.5, 0.5, 1.25], "LPS", []))
        self.assertEqual((image["slope"], image["intercept"], image["decoded_bytes"]), (1, 0, 2 * 60 * 50 * 6))
        self.assertIn("60 x 50 x 6 voxels of 0.5 x 0.5 x 1.25 mm", self.text)
        self.assertIn("extent    30 x 25 x 7.5 mm", self.text)
        self.assertIn("LPS: i to the left, j to the back, k to the head", self.text)
        self.assertNotIn("scaling", self.text)

    def test_axes(self):
        """The letters of nibabel, for any rotation and mirror image."""
        rng = numpy.random.default_rng(2)
        seen = set()
        for _ in range(60):
            affine = numpy.eye(4)
            affine[:3, :3] = rotation(rng) @ numpy.diag(rng.uniform(0.5, 1.4, 3) * rng.choice([-1, 1], 3))
            self.save(numpy.zeros((3, 4, 5), numpy.uint8), affine)
            image = self.info("a.nii")[0]
            self.assertEqual(image["axes"], "".join(nibabel.aff2axcodes(affine)), affine)
            mirrored = any("left-handed" in warning for warning in image["warnings"])
            self.assertEqual(mirrored, numpy.linalg.det(affine) < 0)
            self.assertLess(image["skew_degrees"], 0.01)
            seen.add(image["axes"])
        self.assertGreater(len(seen), 20)

    def test_tilt(self):
        for degrees in (0.05, 0.2, 15, -20):
            affine = numpy.eye(4)
            affine[1, 2] = numpy.tan(numpy.radians(degrees))
            self.save(wavy(), affine)
            image = self.info("a.nii")[0]
            self.assertAlmostEqual(image["skew_degrees"], abs(degrees), 3)
            if abs(degrees) < 0.1:
                self.warned("a.nii")
            else:
                self.warned("a.nii", f"up to {abs(degrees):.2f} degrees off right angles (gantry tilt)")

    def test_anisotropy(self):
        for spacing, factor in [((1, 1, 3), None), ((0.5, 0.5, 5), "10"), ((4, 1, 1), "4")]:
            self.save(wavy(), numpy.diag([*spacing, 1]))
            wanted = [] if factor is None else [f"the largest spacing is {factor} times the smallest"]
            self.warned("a.nii", *wanted)
            self.assertEqual(self.info("a.nii")[0]["anisotropy"], max(spacing) / min(spacing))

    def test_forms(self):
        """sform against qform, in voxels of the farthest corner."""
        affine = numpy.diag([2.0, 2, 2, 1])
        self.save(wavy(), affine, qform=1)
        self.assertEqual(self.info("a.nii")[0]["forms_apart_voxels"], 0)
        self.warned("a.nii")
        for shift, warned in [(0.15, False), (0.25, True)]:
            other = affine.copy()
            other[0, 3] += shift
            image = nibabel.Nifti1Image(wavy(), affine)
            image.set_sform(affine, 1)
            image.set_qform(other, 1)
            nibabel.save(image, self.folder / "a.nii")
            self.assertAlmostEqual(self.info("a.nii")[0]["forms_apart_voxels"], shift / 2, 5)
            self.warned("a.nii", *(["sform and qform differ by 0.125 voxels"] if warned else []))
        # Without a qform there is nothing to compare, but pixdim may say something else.
        self.save(wavy(), affine)
        self.assertIsNone(self.info("a.nii")[0]["forms_apart_voxels"])
        self.poke("a.nii", 80, "<3f", 2, 2, 2.5)
        self.warned("a.nii", "along k the sform has a spacing of 2 and pixdim 2.5")

    def test_missing(self):
        """What a header leaves open."""
        self.save(wavy(), numpy.eye(4))
        self.poke("a.nii", 252, "<2h", 0, 0)  # qform_code, sform_code
        self.warned("a.nii", "the file does not say how the patient lies")
        self.assertEqual(self.info("a.nii")[0]["axes"], "LPS")
        self.poke("a.nii", 80, "<3f", 0.5, 0, 1)  # pixdim[1] and so on
        self.warned("a.nii", "the spacing along j; 1 mm is taken", "how the patient lies")
        nrrd.write(str(self.folder / "a.nrrd"), wavy(), {"spacings": [1, 2, numpy.nan]})
        self.warned("a.nrrd", "the spacing along k; 1 mm is taken", "how the patient lies")
        nrrd.write(str(self.folder / "a.nrrd"), wavy(), {})
        self.warned("a.nrrd", "along i", "along j", "along k", "how the patient lies")
        (self.folder / "a.mha").write_bytes(b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n" + bytes(range(8)))
        image = self.info("a.mha")[0]
        self.assertEqual((image["format"], image["max"]), ("MetaImage", 7))
        self.assertIn("how the patient lies", image["warnings"][-1])

    def test_formats(self):
        directions = [[-0.5, 0, 0], [0, 0.75, 0], [0, 0, 2]]
        header = {"space": "left-posterior-superior", "space directions": directions, "space origin": [1, 2, 3]}
        nrrd.write(str(self.folder / "a.nrrd"), wavy(), header)
        nibabel.save(nibabel.Nifti2Image(wavy(), numpy.diag([0.5, -0.75, 2, 1])), self.folder / "b.nii.gz")
        first, second = self.info("a.nrrd", "b.nii.gz")
        self.assertEqual((first["format"], second["format"]), ("NRRD", "NIfTI-2"))
        for key in ("axes", "size", "spacing", "min", "max"):
            self.assertEqual(first[key], second[key])
        self.assertEqual(first["axes"], "RPS")
        self.assertIn("mm\n\nb.nii.gz" if not first["warnings"] else "\n\nb.nii.gz", self.text)


class Values(Info):
    def test_ranges(self):
        rng = numpy.random.default_rng(3)
        for dtype in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"):
            voxels = rng.uniform(0 if dtype[0] == "u" else -120, 120, (9, 8, 7)).astype(dtype)
            self.save(voxels, numpy.eye(4))
            image = self.info("a.nii")[0]
            self.assertEqual((image["type"], image["min"], image["max"]), (dtype, voxels.min(), voxels.max()))
            self.assertEqual((image["nan"], image["infinite"]), (0, 0))
            self.assertEqual(image["decoded_bytes"], voxels.nbytes)

    def test_scaled(self):
        image = nibabel.Nifti1Image(wavy(), numpy.eye(4))
        image.header.set_slope_inter(0.5, -3)
        nibabel.save(image, self.folder / "a.nii")
        stored = numpy.asarray(nibabel.load(self.folder / "a.nii").dataobj.get_unscaled(), float)
        shown = self.info("a.nii")[0]
        self.assertEqual((shown["slope"], shown["intercept"]), (0.5, -3))
        self.assertEqual((shown["min"], shown["max"]), (0.5 * stored.min() - 3, 0.5 * stored.max() - 3))
        self.assertIn("scaling   0.5 * stored + -3", self.text)

    def test_not_finite(self):
        voxels = wavy().astype(numpy.float32)
        voxels[0, 0, :3] = numpy.nan
        voxels[1, 1, 1], voxels[2, 2, 2] = numpy.inf, -numpy.inf
        self.save(voxels, numpy.eye(4))
        image = self.info("a.nii")[0]
        self.assertEqual((image["nan"], image["infinite"]), (3, 2))
        self.assertEqual((image["min"], image["max"]), (voxels[numpy.isfinite(voxels)].min(), voxels[numpy.isfinite(voxels)].max()))
        self.assertIn("no number 3 NaN, 2 infinite", self.text)
        self.warned("a.nii", "3 voxels are NaN and 2 infinite")
        self.save(numpy.full((3, 3, 3), numpy.nan), numpy.eye(4))
        image = self.info("a.nii")[0]
        self.assertEqual((image["min"], image["max"]), (None, None))
        self.assertIn("values    none are finite", self.text)

    def test_window(self):
        """The automatic window of segment."""
        self.save(wavy(), numpy.eye(4))
        self.assertEqual(self.info("a.nii")[0]["window"], {"rule": "abdomen", "low": -160, "high": 240})
        mr = wavy() + 1000
        self.save(mr, numpy.eye(4))
        window = self.info("a.nii")[0]["window"]
        self.assertEqual(window["rule"], "percentiles")
        low, high = numpy.percentile(mr[mr > 0].astype(float), (0.5, 99.5))
        self.assertAlmostEqual(window["low"], low, 9)
        self.assertAlmostEqual(window["high"], high, 9)
        self.save((mr // 8).astype(numpy.uint8), numpy.eye(4))
        self.assertEqual(self.info("a.nii")[0]["window"], {"rule": "as is", "low": 0, "high": 255})

    def test_flat(self):
        self.save(numpy.full((5, 5, 5), 7, numpy.int16), numpy.eye(4))
        self.warned("a.nii", "all voxels have one value")
        voxels = numpy.full((5, 5, 5), -900, numpy.int16)
        voxels[2] = -700
        self.save(voxels, numpy.eye(4))
        self.warned("a.nii", "the automatic window leaves one grey value only")


class Files(Info):
    def test_no_patient(self):
        """Texts of a header, in which names may be, do not appear."""
        self.save(wavy(), numpy.eye(4), descrip=b"Mueller^Anna", aux_file=b"Mueller^Anna", db_name=b"Mueller")
        nrrd.write(str(self.folder / "a.nrrd"), wavy(), {"content": "Mueller^Anna", "PatientName": "Mueller^Anna"})
        for arguments in (["a.nii", "a.nrrd"], ["--json", "a.nii", "a.nrrd"]):
            out, err = self.run_program("info", *arguments)
            self.assertNotIn("Mueller", out + err)

    def test_some_fail(self):
        """The others are shown all the same."""
        nifti(self.folder / "good.nii.gz")
        (self.folder / "text.nii").write_text("no image")
        out, err = self.run_program("info", "none.nii", "good.nii.gz", "text.nii", status=2)
        self.assertIn("good.nii.gz\n  format", out)
        first, second = err.splitlines()
        self.assertTrue(first.startswith("voxlabel: none.nii: cannot open"), first)
        self.assertTrue(second.startswith("voxlabel: text.nii: "), second)
        out, _err = self.run_program("info", "--json", "text.nii", "good.nii.gz", status=1)
        self.assertEqual([image["file"] for image in self.load_json(out)["images"]], ["good.nii.gz"])

    def test_damaged(self):
        nifti(self.folder / "a.nii.gz")
        whole = (self.folder / "a.nii.gz").read_bytes()
        (self.folder / "a.nii.gz").write_bytes(whole[: len(whole) // 2])
        out, err = self.run_program("info", "a.nii.gz", status=1)
        self.assertEqual(out, "")
        self.assertTrue(err.startswith("voxlabel: a.nii.gz: "), err)

    def test_arguments(self):
        _out, err = self.run_program("info", status=2)
        self.assertIn("name the images to look at", err)
        self.run_program("info", "--jsn", "a.nii", status=2)

    def test_full_disk(self):
        nifti(self.folder / "a.nii.gz")
        for more in ([], ["--json"]):
            with open("/dev/full", "w") as full:
                process = self.start("info", "a.nii.gz", *more, stdout=full, stderr=-1)
                _out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"))

    def test_large(self):
        """A volume of 384 MiB is looked at with less memory than that."""
        voxels = numpy.zeros((512, 512, 192), numpy.float64)
        voxels[:, :, 100] = numpy.arange(512)
        image = nibabel.Nifti1Image(voxels, numpy.eye(4))
        image.header["vox_offset"] = 352
        nibabel.save(image, self.folder / "large.nii")
        del voxels, image

        def limit():
            if not os.environ.get("VOXLABEL_SANITIZE"):  # sanitizers reserve much more
                resource.setrlimit(resource.RLIMIT_DATA, (330 << 20, 330 << 20))

        done = subprocess.run([PROGRAM, "info", "large.nii"], cwd=self.folder, capture_output=True, text=True, preexec_fn=limit, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("384 MiB decoded", done.stdout)
        self.assertIn("values    0 to 511", done.stdout)


if __name__ == "__main__":
    unittest.main()
