"""Many images with one model: after the command, and in a list."""

import json
import unittest

import nibabel
import numpy

from app_case import SegmentCase, nifti, wavy

BOX = ["--box", "2:10,10,30,30:1,3"]


class Many(SegmentCase):
    def setUp(self):
        super().setUp()
        for number in range(3):
            nifti(self.folder / f"scan{number}.nii.gz", wavy(60 + number, 50, 6))

    def test_folder(self):
        (self.folder / "out").mkdir()
        names = [f"scan{number}.nii.gz" for number in range(3)]
        _out, err = self.segment(*names, *BOX, "-o", "out")
        lines = [line for line in err.splitlines() if " slices, " not in line]
        for number, line in enumerate(lines[:3]):
            self.assertRegex(line, rf"^voxlabel: out/scan{number}-mask\.nii\.gz: intersection \d+ voxels, ")
            mask = nibabel.load(self.folder / "out" / f"scan{number}-mask.nii.gz")
            self.assertEqual(mask.shape, (60 + number, 50, 6))
        self.assertEqual(lines[3:], ["voxlabel: 3 of 3 images done, 0 of them with an empty mask, 0 failed"])

    def test_same_as_alone(self):
        """What came before leaves nothing behind."""
        self.segment("scan1.nii.gz", *BOX, "-o", "alone.nii.gz")
        self.segment("scan0.nii.gz", "scan1.nii.gz", *BOX, "--quiet")
        alone, after = ((self.folder / name).read_bytes() for name in ("alone.nii.gz", "scan1-mask.nii.gz"))
        self.assertEqual(alone, after)

    def test_one_that_is_damaged(self):
        noise = numpy.random.default_rng(1).integers(0, 999, (60, 50, 6), numpy.int16)
        nifti(self.folder / "scan1.nii.gz", noise)
        whole = (self.folder / "scan1.nii.gz").read_bytes()
        (self.folder / "scan1.nii.gz").write_bytes(whole[: len(whole) // 2])
        _out, err = self.segment(*(f"scan{number}.nii.gz" for number in range(3)), *BOX, status=1)
        self.assertRegex(err, r"\nvoxlabel: scan1\.nii\.gz: [^\n]*\n")
        self.assertTrue(err.endswith("\nvoxlabel: 2 of 3 images done, 0 of them with an empty mask, 1 failed\n"), err)
        self.assertEqual([name for name in self.files() if "mask" in name], ["scan0-mask.nii.gz", "scan2-mask.nii.gz"])

    def test_warnings_name_the_image(self):
        """The point is inside of the widest alone."""
        _out, err = self.segment("scan0.nii.gz", "scan2.nii.gz", *BOX, "--point", "61,20,2", "--quiet")
        wanted = "voxlabel: warning: scan0.nii.gz: point 0 of 'intersection' lies outside the image and is left out\n"
        self.assertEqual(err, wanted)


class Batch(SegmentCase):
    def setUp(self):
        super().setUp()
        for number in range(2):
            nifti(self.folder / f"scan{number}.nii.gz", wavy(60 + number, 50, 6))

    def batch(self, lines, *arguments, **more):
        text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
        (self.folder / "list.jsonl").write_text(text)
        return self.run_program("segment", "--batch", "list.jsonl", *self.model(), *arguments, **more)

    def test_all_keys(self):
        box = {"key": 2, "xyxy": [10, 10, 30, 30], "z": [1, 3]}
        mask = numpy.zeros((61, 50, 6), numpy.uint8)
        mask[10:20, 10:20, 2:4] = 1
        affine = nibabel.load(self.folder / "scan1.nii.gz").affine
        nibabel.save(nibabel.Nifti1Image(mask, affine), self.folder / "drawn.nii.gz")
        outputs = {"output": "a.nrrd", "logits": "a.nii", "json": "a.json", "preview": "a.png"}
        lines = [
            {"image": "scan0.nii.gz", "params": {"box": box, "passes": "forward"}, **outputs},
            "\n",
            {"image": "scan1.nii.gz", "mask": "drawn.nii.gz", "json": "b.json"},
        ]
        self.batch(lines, "--zoom", "2")
        wanted = {*outputs.values(), "scan1-mask.nii.gz", "b.json"}
        self.assertLessEqual(wanted, set(self.files()))
        one, other = (self.load_json((self.folder / name).read_text()) for name in ("a.json", "b.json"))
        self.assertEqual(one["plan"]["objects"][0]["passes"], "forward")
        self.assertIsNotNone(one["plan"]["objects"][0]["zoom"]["window"])
        self.assertTrue(other["plan"]["objects"][0]["prompts"][0]["mask"])
        self.assertEqual([one[key] for key in ("mask", "logits", "preview")], ["a.nrrd", "a.nii", "a.png"])

    def test_flags_win(self):
        """Over the line's parameters, which win over those of all."""
        box = {"key": 2, "xyxy": [10, 10, 30, 30], "z": [1, 3]}
        line = {"image": "scan0.nii.gz", "json": "-", "params": {"box": box, "passes": "forward", "clip": "tight"}}
        everywhere = json.dumps({"passes": "union", "clip": "loose", "min_box": 9, "points": [[20, 20, 2]]})
        out, _err = self.batch([line], "--params", everywhere, "--clip", "off", "--point", "21,21,2")
        (planned,) = self.load_json(out)["plan"]["objects"]
        self.assertEqual((planned["passes"], planned["clip"]), ("forward", "off"))
        self.assertEqual([prompt["points"] for prompt in planned["prompts"]], [[[20, 20], [21, 21]]])
        self.assertEqual(planned["prompts"][0]["box"], box["xyxy"])

    def test_goes_on(self):
        """Each line that fails is named, before the model is loaded where that can be; the others are done."""
        noise = numpy.random.default_rng(1).integers(0, 999, (60, 50, 6), numpy.int16)
        nifti(self.folder / "half.nii.gz", noise)
        whole = (self.folder / "half.nii.gz").read_bytes()
        (self.folder / "half.nii.gz").write_bytes(whole[: len(whole) // 2])
        lines = [
            {"image": "scan0.nii.gz"},
            {"image": "none.nii.gz"},
            {"image": "scan1.nii.gz", "output": "nowhere/mask.nii.gz"},
            {"image": "scan1.nii.gz", "output": "b.nii.gz", "params": {"passes": "sideways"}},
            {"image": "scan1.nii.gz", "output": "c.nii.gz", "params": {"box": {"key": 9, "xyxy": [1, 2, 3, 4]}}},
            {"image": "half.nii.gz"},
            {"image": "scan1.nii.gz", "output": "d.nii.gz", "mask": "none.nii.gz"},
            {"image": "scan1.nii.gz", "output": "e.nii.gz"},
        ]
        before = set(self.files()) | {"list.jsonl"}
        _out, err = self.batch(lines, *BOX, status=1)
        said = [line for line in err.splitlines() if " slices, " not in line]
        for line, text in [
            (2, "none.nii.gz: cannot open the file: No such file or directory"),
            (3, "nowhere/mask.nii.gz: cannot create"),
            (4, "params: 'passes' must be one of"),
            (6, "half.nii.gz: "),
            (7, "none.nii.gz: cannot open the file: No such file or directory"),
        ]:
            wanted = f"voxlabel: list.jsonl: line {line}: {text}"
            self.assertEqual(len([one for one in said if one.startswith(wanted)]), 1, f"{wanted} in {said}")
        self.assertEqual(said[-1], "voxlabel: 3 of 8 images done, 0 of them with an empty mask, 5 failed")
        self.assertEqual(set(self.files()) - before, {"scan0-mask.nii.gz", "c.nii.gz", "e.nii.gz"})
        # What the headers tell comes before the first slice.
        self.assertGreater(err.index(" slices, "), err.index("line 7: "))

    def test_all_fail(self):
        """No model is loaded for nothing."""
        (self.folder / "m.pt").write_text("no checkpoint")
        (self.folder / "list.jsonl").write_text('{"image": "none.nii.gz"}\n{"image": "neither.nii.gz"}\n')
        _out, err = self.run_program("segment", "--batch", "list.jsonl", "--model", "m.pt", *BOX, status=1)
        self.assertNotIn("m.pt", err)
        self.assertTrue(err.endswith("voxlabel: 0 of 2 images done, 0 of them with an empty mask, 2 failed\n"))

    def test_empty_masks(self):
        lines = [{"image": "scan0.nii.gz", "params": {}}, {"image": "scan1.nii.gz", "params": {"points": [[20, 20, 2]]}}]
        _out, err = self.batch(lines, "--extent", "strict")
        self.assertIn("voxlabel: list.jsonl: line 1: warning: scan0-mask.nii.gz: the mask is empty: there is no", err)
        self.assertTrue(err.endswith("voxlabel: 2 of 2 images done, 1 of them with an empty mask, 0 failed\n"), err)

    def test_no_prompt(self):
        _out, err = self.batch([{"image": "scan0.nii.gz"}], status=1)
        self.assertIn("voxlabel: list.jsonl: line 1: say what to segment, with --point", err)

    def test_explain(self):
        lines = [{"image": "scan0.nii.gz", "params": {"passes": "union"}}, {"image": "none.nii.gz"}]
        out, err = self.batch(lines, *BOX, "--explain", status=1)
        self.assertTrue(out.startswith("scan0.nii.gz\nintersection: slices 1 to 3"), out)
        self.assertIn("passes: union", out)
        self.assertIn("line 2: none.nii.gz: ", err)

    def test_same_image_twice(self):
        """The second time nothing is encoded."""
        lines = [{"image": "scan0.nii.gz", "output": f"{name}.nii", "json": f"{name}.json"} for name in "ab"]
        self.batch(lines, *BOX)
        works = [self.load_json((self.folder / f"{name}.json").read_text())["latencies"] for name in "ab"]
        self.assertEqual([work["encoded_slices"] for work in works], [3, 0])
        self.assertGreaterEqual(works[1]["cached_slices"], 3)
        self.assertEqual((self.folder / "a.nii").read_bytes(), (self.folder / "b.nii").read_bytes())


if __name__ == "__main__":
    unittest.main()
