"""A mask from prompts: geometry, contents, the report, the same bits for any number of threads."""

import hashlib
import math
import unittest

import nibabel
import numpy

from app_case import CHECKPOINT, SegmentCase, nifti, wavy

BOX = "2:10,12,40.5,38"
SLAB = ["--box", f"{BOX}:1,4"]
# MedSAM2's published recipe, on the slices of a structure alone.
RECIPE = ["--passes", "from_key", "--extent", "strict"]
GEOMETRY = ["pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y"]
GEOMETRY += ["qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units"]
KEYS = ["valid", "reason", "label_names", "voxels", "volume_ml", "bbox", "latencies", "warnings", "plan", "scores"]
KEYS += ["corrections", "image", "window", "version", "model", "backend", "threads", "mask", "logits", "preview"]
LATENCIES = ["pre", "encode", "track", "post", "write", "total", "encoded_slices", "cached_slices", "stages"]


class Segment(SegmentCase):
    def test_default_output(self):
        scan = nifti(self.folder / "scan.one.nii.gz")
        _out, err = self.segment(self.folder / "scan.one.nii.gz", "--box", BOX)
        self.assertEqual(self.files(), ["scan.one-mask.nii.gz", "scan.one.nii.gz"])
        mask = nibabel.load(self.folder / "scan.one-mask.nii.gz")
        self.assertEqual(mask.get_data_dtype(), numpy.uint8)
        self.assertEqual(mask.shape, scan.shape)
        values = numpy.unique(mask.dataobj)
        self.assertEqual(values.tolist(), [0, 1])
        self.assertIn(f"scan.one-mask.nii.gz: intersection {numpy.count_nonzero(mask.dataobj)} voxels, ", err)

    def test_output_folder(self):
        nifti(self.folder / "scan.nii.gz")
        (self.folder / "out").mkdir()
        self.segment("scan.nii.gz", "--box", BOX, "-o", "out")
        self.assertEqual([path.name for path in (self.folder / "out").iterdir()], ["scan-mask.nii.gz"])

    def test_model_of_the_environment(self):
        nifti(self.folder / "scan.nii.gz")
        command = ["segment", "scan.nii.gz", *self.model()[2:], *SLAB]
        self.run_program(*command, environment={"VOXLABEL_MODEL": CHECKPOINT})
        self.assertIn("scan-mask.nii.gz", self.files())
        _out, err = self.run_program(*command, environment={"VOXLABEL_MODEL": "none.pt"}, status=2)
        self.assertEqual(err, "voxlabel: none.pt: cannot open the file: No such file or directory\n")
        # The flag wins.
        self.segment("scan.nii.gz", *SLAB, environment={"VOXLABEL_MODEL": "none.pt"})

    def test_geometry_is_kept_bit_for_bit(self):
        for codes in [(1, 1), (2, 0), (0, 1), (4, 3)]:
            nifti(self.folder / "scan.nii", sform_code=codes[0], qform_code=codes[1])
            outputs = ["-o", "mask.nii", "--logits", "logits.nii.gz", "--quiet"]
            self.segment("scan.nii", "--box", f"{BOX}:2,3", *outputs)
            scan = nibabel.load(self.folder / "scan.nii").header
            for name in ("mask.nii", "logits.nii.gz"):
                header = nibabel.load(self.folder / name).header
                for field in GEOMETRY:
                    self.assertEqual(header[field].tobytes(), scan[field].tobytes(), f"{name}: {field}, codes {codes}")

    def test_slab_and_logits(self):
        nifti(self.folder / "scan.nii.gz")
        self.segment("scan.nii.gz", "-o", "mask.nii.gz", "--logits", "logits.nii.gz", *SLAB, *RECIPE)
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
        for passes in (RECIPE, []):
            self.segment("scan.nii.gz", "-o", "a.nii.gz", "--logits", "la.nii.gz", *window, *SLAB, *passes)
            box = ["--box", f"{BOX.replace('2:', '1:')}:0,3"]
            self.segment("cut.nii.gz", "-o", "b.nii.gz", "--logits", "lb.nii.gz", *window, *box, *passes)
            for whole, cut in (("a.nii.gz", "b.nii.gz"), ("la.nii.gz", "lb.nii.gz")):
                inside = numpy.ascontiguousarray(self.voxels(whole)[:, :, 1:5])
                self.assertEqual(inside.tobytes(), numpy.ascontiguousarray(self.voxels(cut)).tobytes())

    def test_threads_change_nothing(self):
        nifti(self.folder / "scan.nii.gz")
        seen = set()
        for threads in (1, 2, 3):
            outputs = ["-o", "mask.nii.gz", "--logits", "logits.nii.gz", "--threads", threads, "--quiet"]
            self.segment("scan.nii.gz", *outputs, *SLAB)
            seen.add(tuple((self.folder / name).read_bytes() for name in ("mask.nii.gz", "logits.nii.gz")))
        self.assertEqual(len(seen), 1)

    def test_quiet_and_lines(self):
        nifti(self.folder / "scan.nii.gz")
        asked = [*SLAB, *RECIPE, "--backend", self.backends()[0]]
        _out, err = self.segment("scan.nii.gz", "--quiet", *asked)
        self.assertEqual(err, "")
        _out, err = self.segment("scan.nii.gz", *asked)
        lines = err.splitlines()
        # The key slice is in both passes.
        self.assertRegex(lines[-2], r"^voxlabel: 5 of 5 slices, \d+ s$")
        self.assertRegex(lines[-1], r"^voxlabel: scan-mask\.nii\.gz: intersection \d+ voxels, \d+\.\d\d ml, \d+\.\d s$")
        self.assertLess(len(lines), 8)
        self.assertNotIn("\r", err)

    def test_window_that_grows(self):
        """A click alone: the mask of these weights reaches every rim, so that the window is doubled three times."""
        nifti(self.folder / "scan.nii.gz", wavy(500, 400, 2))
        click = ["--point", "250,200,0", "--zoom", "2", "--passes", "forward"]
        report = self.report(*click)
        lengths = report["plan"]["objects"][0]["zoom"]
        self.assertTrue(lengths["grows"])
        self.assertEqual(lengths["window"][2:], [80, 64])
        self.assertEqual(report["scores"]["intersection"]["zoom_window"][2:], [560, 432])
        _out, err = self.segment("scan.nii.gz", *click)
        self.assertIn("voxlabel: the mask reaches the rim of the window; once more with a wider one\n", err)
        self.assertRegex(err.splitlines()[-2], r"^voxlabel: (\d+) of \1 slices, \d+ s$")

    def test_damaged_image(self):
        """The header is sound; the rest is met when it is read."""
        nifti(self.folder / "scan.nii.gz", numpy.random.default_rng(1).integers(0, 999, (60, 50, 6), numpy.int16))
        whole = (self.folder / "scan.nii.gz").read_bytes()
        (self.folder / "half.nii.gz").write_bytes(whole[: len(whole) // 2])
        _out, err = self.segment("half.nii.gz", "--box", BOX, status=1)
        self.assertRegex(err, r"\Avoxlabel: half\.nii\.gz: [^\n]*\n\Z")
        self.assertEqual(self.files(), ["half.nii.gz", "scan.nii.gz"])

    def test_wrong_configuration(self):
        nifti(self.folder / "scan.nii.gz")
        command = ["segment", "scan.nii.gz", "--box", BOX, "--model", CHECKPOINT]
        _out, err = self.run_program(*command, status=1)
        self.assertIn("no built-in configuration fits, name the model's YAML", err)
        (self.folder / "broken.yaml").write_text("model: [")
        _out, err = self.run_program(*command, "--config", "broken.yaml", status=1)
        self.assertIn(": the configuration: line ", err)
        _out, err = self.run_program(*command, *self.model()[2:], "--backend", "abacus", status=2)
        self.assertRegex(err, r": the backend: there is no backend of that name; this program has .*ref\n\Z")
        self.assertEqual(self.files(), ["broken.yaml", "scan.nii.gz"])


class Report(SegmentCase):
    def setUp(self):
        super().setUp()
        self.scan = nifti(self.folder / "scan.nii.gz")

    def test_valid(self):
        report = self.report("--box", f"{BOX}:4,1", "--threads", "2", "--backend", "ref")
        mask = self.voxels("scan-mask.nii.gz")
        self.assertEqual(list(report), KEYS)
        self.assertEqual((report["valid"], report["reason"]), (True, None))
        self.assertEqual(report["label_names"], {"intersection": 1, "background": 0, "uncertain": 2})
        self.assertEqual(report["model"]["name"], "narrow256")
        with open(CHECKPOINT, "rb") as file:
            self.assertEqual(report["model"]["sha256"], hashlib.sha256(file.read()).hexdigest())
        self.assertEqual((report["backend"], report["threads"]), ("ref", 2))
        self.assertEqual(report["image"]["size"], [60, 50, 6])
        lengths = numpy.linalg.norm(self.scan.affine[:3, :3], axis=0)
        numpy.testing.assert_allclose(report["image"]["spacing"], lengths, rtol=1e-6)
        self.assertEqual(report["window"], {"rule": "abdomen", "low": -160, "high": 240})
        self.assertEqual(report["mask"], "scan-mask.nii.gz")
        self.assertEqual((report["logits"], report["preview"], report["warnings"]), (None, None, []))
        voxel = abs(numpy.linalg.det(self.scan.affine[:3, :3])) / 1000
        for name, value in (("intersection", 1), ("uncertain", 2)):
            inside = numpy.argwhere(mask == value)
            self.assertEqual(report["voxels"][name], len(inside))
            self.assertTrue(math.isclose(report["volume_ml"][name], len(inside) * voxel, rel_tol=1e-6))
            corners = [*inside.min(axis=0).tolist(), *inside.max(axis=0).tolist()] if len(inside) > 0 else None
            self.assertEqual(report["bbox"][name], corners)

    def test_plan_and_scores(self):
        report = self.report("--box", f"{BOX}:4,1")
        (planned,) = report["plan"]["objects"]
        self.assertEqual((planned["label"], planned["z"], planned["extent"]), ("intersection", [1, 4], "strict"))
        self.assertEqual((planned["passes"], planned["clip"]), ("intersection", "off"))
        self.assertEqual([(p["k"], p["box"]) for p in planned["prompts"]], [(2, [10, 12, 40.5, 38])])
        scores = report["scores"]["intersection"]
        self.assertEqual(set(scores), {"agreement_dice", "entropy", "object_score", "zoom_window"})
        self.assertIsNone(scores["zoom_window"])
        self.assertTrue(0 <= scores["agreement_dice"] <= 1)
        self.assertTrue(0 <= scores["entropy"] <= 1)
        self.assertEqual([score["k"] for score in scores["object_score"]], [1, 2, 3, 4])
        for score in scores["object_score"]:
            self.assertIsInstance(score["forward"], float)
            self.assertIsInstance(score["backward"], float)

    def test_latencies(self):
        latencies = self.report(*SLAB)["latencies"]
        self.assertEqual(list(latencies), LATENCIES)
        self.assertEqual(
            list(latencies["stages"]), ["copy", "pre_transform", "run_inferer", "post_transform", "writer"]
        )
        steps = [latencies[name] for name in LATENCIES[:6]] + list(latencies["stages"].values())
        self.assertTrue(all(seconds >= 0 for seconds in steps))
        self.assertLess(sum(latencies[name] for name in LATENCIES[:5]), latencies["total"] + 1e-3)
        self.assertEqual(latencies["encoded_slices"], 4)

    def test_in_a_file(self):
        voxels = wavy().astype(numpy.float32)
        voxels[3, 4, 5] = numpy.nan
        nifti(self.folder / "scan.nii.gz", voxels)
        asked = ["--backend", self.backends()[0], "--point", "900,3,2", *SLAB]
        out, err = self.segment("scan.nii.gz", "--json", "report.json", "--quiet", *asked)
        self.assertEqual(out, "")
        report = self.load_json((self.folder / "report.json").read_text())
        self.assertEqual(len(report["warnings"]), 2)
        self.assertIn("point 0 of 'intersection' lies outside the image and is left out", report["warnings"])
        self.assertEqual([f"voxlabel: warning: {text}" for text in report["warnings"]], err.splitlines())
        self.assertGreater(report["latencies"]["write"], 0)

    def test_slow_backend_is_no_secret(self):
        """Only where nobody asked for it, and on standard error as in the report."""
        for asked in ([], ["--backend", "ref"]):
            out, err = self.segment("scan.nii.gz", "--json", "-", "--quiet", *SLAB, *asked)
            report = self.load_json(out)
            fell_back = not asked and self.backends()[0] == "ref"
            self.assertEqual(report["backend"], self.backends()[0] if not asked else "ref")
            self.assertEqual(len(report["warnings"]), 1 if fell_back else 0)
            self.assertEqual("".join(f"voxlabel: warning: {text}\n" for text in report["warnings"]), err)
            self.assertEqual("slow backend 'ref'" in err, fell_back)

    def test_constant_volume(self):
        nifti(self.folder / "scan.nii.gz", numpy.full((30, 20, 3), 40, numpy.int16))
        out, err = self.segment("scan.nii.gz", "--json", "-", "--box", "1:5,5,20,15")
        self.assertIn("one grey value", " ".join(self.load_json(out)["warnings"]))
        self.assertIn("voxlabel: warning: the window leaves one grey value", err)

    def test_two_geometries(self):
        other = self.scan.affine.copy()
        other[0, 3] += 3
        self.scan.set_qform(other, 1)
        nibabel.save(self.scan, self.folder / "scan.nii.gz")
        _out, err = self.segment("scan.nii.gz", *SLAB)
        self.assertRegex(err, r"warning: geometry: the file's sform and qform differ by 4\.\d\d voxels")


class Unusable(SegmentCase):
    """Prompts that ask for nothing: an empty mask, a report of the same form, a warning, no failure."""

    def setUp(self):
        super().setUp()
        self.scan = nifti(self.folder / "scan.nii.gz")

    def check(self, *arguments, said):
        out, err = self.segment("scan.nii.gz", "--json", "-", *arguments)
        report = self.load_json(out)
        self.assertEqual(list(report), KEYS)
        self.assertIs(report["valid"], False)
        self.assertIn(said, report["reason"])
        self.assertIn(f"voxlabel: warning: scan-mask.nii.gz: the mask is empty: {report['reason']}\n", err)
        self.assertEqual((report["scores"], report["plan"]["objects"]), ({}, []))
        self.assertEqual(set(report["voxels"].values()), {0})
        self.assertEqual(set(report["volume_ml"].values()), {0})
        self.assertEqual(set(report["bbox"].values()), {None})
        mask = nibabel.load(self.folder / "scan-mask.nii.gz")
        self.assertFalse(numpy.asanyarray(mask.dataobj).any())
        for field in GEOMETRY:
            self.assertEqual(mask.header[field].tobytes(), self.scan.header[field].tobytes(), field)
        return report

    def test_no_prompts(self):
        self.check("--points", '{"intersection": []}', said="no positive point")
        self.check("--params", "{}", said="no positive point")

    def test_unknown_names(self):
        report = self.check("--points", '{"spleen": [[20, 20, 2]]}', said="no positive point")
        self.assertEqual(report["label_names"], {"intersection": 1, "background": 0, "uncertain": 2})
        _out, err = self.segment("scan.nii.gz", "--points", '{"spleen": [[20, 20, 2]]}')
        self.assertIn("voxlabel: warning: --points: 'spleen' is no label; its points are left out\n", err)

    def test_points_outside(self):
        report = self.check("--point", "60,10,2", "--point", "-1,10,2", said="outside")
        self.assertEqual(len(report["warnings"]), 1)

    def test_negatives_alone(self):
        self.check("--negative", "20,20,2", said="negative points alone")

    def test_logits_and_preview(self):
        """They are written as well, so that what comes after finds its files."""
        self.check("--params", "{}", "--logits", "logits.nii.gz", "--preview", "preview.png", said="no positive point")
        self.assertTrue(numpy.isnan(self.voxels("logits.nii.gz")).all())
        self.assertIn("preview.png", self.files())

    def test_one_of_two(self):
        names = ["--label-names", "liver,tumour"]
        prompts = ["--point", "20,20,2:liver", "--negative", "30,30,2:tumour", "--extent", "strict"]
        out, err = self.segment("scan.nii.gz", "--json", "-", *names, *prompts)
        report = self.load_json(out)
        self.assertIs(report["valid"], True)
        self.assertEqual([planned["label"] for planned in report["plan"]["objects"]], ["liver"])
        self.assertTrue(any("'tumour'" in text for text in report["warnings"]), report["warnings"])
        self.assertIn("'tumour'", err)
        self.assertEqual((report["voxels"]["tumour"], report["bbox"]["tumour"]), (0, None))
        self.assertEqual(set(numpy.unique(self.voxels("scan-mask.nii.gz"))) - {0}, {1})


if __name__ == "__main__":
    unittest.main()
