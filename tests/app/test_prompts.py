"""Every way to say what to segment, and every flag that changes it, by the plan that they come to."""

import itertools
import json
import shlex
import subprocess
import unittest

import nibabel
import nrrd
import numpy
from scipy import ndimage

from app_case import PROGRAM, AppCase, SegmentCase, nifti, wavy

AREA = [[8, 9, 1], [30, 26, 1], [6, 11, 4], [33, 24, 4]]  # two slices: a 3D box


class PlanCase(AppCase):
    """--explain, with a model that has no defaults of its own."""

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii.gz")

    def plan(self, *arguments, image="scan.nii.gz"):
        out, err = self.run_program("segment", image, "--explain", *self.model(), *arguments)
        self.assertEqual(err, "")
        return out

    def same(self, first, *others):
        wanted = self.plan(*first)
        for arguments in others:
            self.assertEqual(self.plan(*arguments), wanted, arguments)
        return wanted


class Prompts(PlanCase):
    def flags(self, points, label=None):
        texts = (",".join(map(str, point)) + (f":{label}" if label else "") for point in points)
        return itertools.chain.from_iterable(("--point", text) for text in texts)

    def test_points(self):
        points = json.dumps({"intersection": AREA})
        (self.folder / "points.json").write_text(points)
        said = self.same(
            self.flags(AREA),
            self.flags(AREA[::-1]),
            ["--points", points],
            ["--points", "\n " + points],
            ["--points", "points.json"],
            ["--params", "points.json"],
            ["--params", points],
            [*self.flags(AREA[:2]), "--points", json.dumps({"intersection": AREA[2:]})],
            [*self.flags(AREA[:1]), "--params", json.dumps({"points": AREA[1:]})],
            ["--points", json.dumps({"foreground": AREA})],
        )
        self.assertIn("piece 1: slices 1 to 4, key slice 2, i 6 to 33, j 9 to 26\n", said)
        self.assertIn("passes: intersection", said)

    def test_a_pipe(self):
        """Files are read once."""
        (self.folder / "params.json").write_text(json.dumps({"intersection": AREA}))
        model = shlex.join(self.model())
        command = f'"{PROGRAM}" segment scan.nii.gz --explain {model} --params <(cat params.json)'
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, self.plan("--params", "params.json"))

    def test_labels(self):
        names = ["--label-names", "liver,tumour", "--extent", "strict"]
        both = {"liver": [[20, 20, 2]], "tumour": [[30, 30, 3]]}
        said = self.same(
            [*names, "--point", "20,20,2:liver", "--point", "30,30,3:tumour"],
            [*names, "--point", "20,20,2", "--point", "30,30,3:tumour"],
            [*names, "--points", json.dumps(both)],
            [*names, "--label", "tumour", "--point", "30,30,3", "--point", "20,20,2:liver"],
            [*names, "--label", "tumour", "--points", json.dumps({"points": [[30, 30, 3]], "liver": [[20, 20, 2]]})],
        )
        self.assertEqual([line.split(":")[0] for line in said.splitlines() if line[0] != " "], ["liver", "tumour"])

    def test_negatives(self):
        names = ["--label-names", "liver,tumour", "--extent", "strict"]
        prompts = ["--point", "20,20,2:liver", "--point", "30,30,2:tumour"]
        said = self.plan(*names, *prompts, "--negative", "5,6,2:tumour")
        liver, tumour = said.split("tumour:")
        self.assertNotIn("outside", liver)
        self.assertIn("prompt: slice 2, clicks outside (5, 6), inside (30, 30)\n", tumour)
        self.assertEqual(self.plan(*names, *prompts, "--label", "tumour", "--negative", "5,6,2"), said)
        # Under "background" it is one for all.
        self.assertEqual(self.plan(*names, *prompts, "--points", '{"background": [[5, 6, 2]]}').count("outside"), 2)
        # On another slice it corrects.
        said = self.plan("--box", "2:10,10,30,30:1,4", "--negative", "12,13,3")
        self.assertIn("correction 1: slice 3, clicks outside (12, 13)\n", said)

    def test_boxes(self):
        names = ["--label-names", "liver,tumour"]
        box = {"key": 2, "xyxy": [10, 12, 40.5, 38], "z": [1, 4]}
        said = self.same(
            ["--box", "2:10,12,40.5,38:1,4"],
            ["--box", "2:40.5,38,10,12:4,1"],
            ["--box=2:10,12,40.5,38:1,4:intersection"],
            ["--params", json.dumps({"box": box})],
            # A key slice is rounded like all numbers of slices.
            ["--box", "1.5:10,12,40.5,38:0.6,4.4"],
        )
        self.assertIn("prompt: slice 2, box i 10 to 40.5, j 12 to 38\n", said)
        said = self.plan(*names, "--box", "2:1,2,30,40:tumour", "--box", "2:10,12,40,38:1,4", "--box", "4:5,6,20,30")
        liver, tumour = said.split("tumour:")
        self.assertIn("slices 1 to 4", liver)
        self.assertEqual((liver.count(", box "), tumour.count(", box ")), (2, 1))
        self.assertIn("slice 2, box i 1 to 30, j 2 to 40", tumour)

    def test_corrections(self):
        corrections = [{"k": 3, "points": [[12, 13]], "labels": [0]}]
        said = self.plan("--box", "2:10,12,40,38:1,4", "--params", json.dumps({"corrections": corrections}))
        self.assertIn("correction 1: slice 3, clicks outside (12, 13)\n", said)

    def test_params_beside_flags(self):
        """Flags win key by key, points are added, boxes replace boxes and rois."""
        params = {
            "intersection": AREA[:2],
            "passes": "forward",
            "clip": "tight",
            "zoom": 3,
            "box": {"key": 2, "xyxy": [1, 2, 30, 40]},
        }
        said = self.plan("--params", json.dumps(params), "--point", "6,11,4", "--passes", "union", "--zoom", "off")
        self.assertIn("clicks inside (6, 11)", said)
        self.assertIn("box i 1 to 30, j 2 to 40", said)
        self.assertIn("passes: union", said)
        self.assertIn("zoom: off", said)
        self.assertIn("cut (tight)", said)
        for drawn in ({"box": params["box"]}, {"roi": [1, 30, 2, 40, 1, 4]}, {"box": [1, 2, 30, 40], "slice": 2}):
            flag = ["--box", "3:5,6,20,21"]
            self.same(flag, ["--params", json.dumps(drawn), *flag])

    def test_label_beside_params(self):
        """--label wins over the parameters' own before their points find an owner."""
        names = ["--label-names", "liver,tumour"]
        params = {"label": "liver", "points": [[20, 20, 2]], "box": [1, 2, 30, 40], "slice": 2, "window": [0, 9]}
        said = self.plan(*names, "--params", json.dumps(params), "--label", "tumour")
        self.assertTrue(said.startswith("tumour: "), said)
        self.assertNotIn("liver", said)
        self.assertTrue(self.plan(*names, "--params", json.dumps(params)).startswith("liver: "))

    def test_nothing(self):
        out, err = self.run_program("segment", "scan.nii.gz", "--explain", "--params", "{}")
        self.assertTrue(out.startswith("nothing to segment: there is no positive point"), out)
        self.assertEqual(err, "")


class Flags(PlanCase):
    def setUp(self):
        super().setUp()
        self.points = ["--points", json.dumps({"intersection": AREA})]

    def test_extent(self):
        box = ["--box", "2:10,12,40,38"]
        self.assertIn("followed both ways", self.plan(*box))
        strict = self.plan(*box, "--extent", "strict")
        self.assertIn("intersection: slice 2; the mask is empty beyond\n", strict)
        self.assertIn("passes: intersection", strict)
        self.assertIn("followed both ways", self.plan(*self.points, "--extent", "free"))

    def test_clip(self):
        cuts = {
            "loose": "cut (loose): slices 1 to 4 to i 0 to 40, j 2 to 33\n",
            "tight": "cut (tight): slices 1 to 4 to i 6 to 33, j 9 to 26\n",
            "off": "cut: none\n",
        }
        for clip, said in cuts.items():
            self.assertIn(said, self.plan(*self.points, "--clip", clip))
        self.assertIn(cuts["loose"], self.plan(*self.points))

    def test_passes(self):
        for way in ("intersection", "union", "forward", "backward", "from_key"):
            self.assertIn(f"passes: {way} (", self.plan(*self.points, "--passes", way))

    def test_zoom(self):
        off = "zoom: off, the network sees whole slices\n"
        self.assertIn(off, self.plan(*self.points))
        self.assertIn(off, self.plan(*self.points, "--zoom", "off"))
        self.assertRegex(self.plan(*self.points, "--zoom", "2.5"), r"zoom: \d+ x \d+ voxels from i -?\d+, j -?\d+ on")

    def test_broadcast(self):
        self.assertIn("prompt: slice 2, box", self.plan(*self.points, "--broadcast", "propagate"))
        self.assertIn("prompt: slices 1 to 4, box", self.plan(*self.points, "--broadcast", "box"))

    def test_points_as(self):
        points = ["--points", json.dumps({"intersection": AREA[:2]})]
        self.assertIn("prompt: slice 1, clicks inside (8, 9), inside (30, 26)\n", self.plan(*points))
        self.assertIn("prompt: slice 1, box i 8 to 30, j 9 to 26\n", self.plan(*points, "--points-as", "box"))

    def test_min_box(self):
        self.assertIn("cut (loose)", self.plan(*self.points, "--min-box", "18"))
        self.assertIn("too small for a box, its points are clicks", self.plan(*self.points, "--min-box", "18.5"))

    def test_with_a_model(self):
        """The plan is that of the model, whose defaults may be others."""
        with open(self.model()[-1]) as file:
            text = file.read()
        (self.folder / "zooms.yaml").write_text(text + "\nvoxlabel:\n  zoom: 2.5\n")
        config = ["--model", self.model()[1], "--config", "zooms.yaml"]
        out, _err = self.run_program("segment", "scan.nii.gz", "--explain", *config, *self.points)
        self.assertEqual(out, self.plan(*self.points, "--zoom", "2.5"))

    def test_writes_nothing(self):
        self.plan(*self.points, "-o", "mask.nii.gz", "--json", "report.json", "--preview", "p.png")
        self.assertEqual(self.files(), ["scan.nii.gz"])

    def test_several_images(self):
        nifti(self.folder / "more.nii.gz", wavy(70, 60, 7))
        out = self.plan(*self.points, "more.nii.gz")
        one, other = self.plan(*self.points), self.plan(*self.points, image="more.nii.gz")
        self.assertEqual(out, f"scan.nii.gz\n{one}more.nii.gz\n{other}")


class Masks(PlanCase):
    def setUp(self):
        super().setUp()
        self.scan = nibabel.load(self.folder / "scan.nii.gz")
        self.drawn = numpy.zeros(self.scan.shape, numpy.uint8)
        self.drawn[10:30, 12:22, 2] = 1
        self.drawn[10:35, 12:22, 3] = 1
        self.drawn[40:50, 30:45, 4] = 2

    def save(self, voxels, name="mask.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(voxels, self.scan.affine), self.folder / name)

    def save_segments(self, name="mask.seg.nrrd"):
        """As Slicer does: cut to what is drawn, with names, in LPS."""
        affine = numpy.diag([-1, -1, 1, 1]) @ self.scan.affine
        lo, hi = [10, 12, 2], [50, 45, 5]
        cut = self.drawn[tuple(slice(*ends) for ends in zip(lo, hi, strict=True))]
        header = {
            "space": "left-posterior-superior",
            "space directions": affine[:3, :3].T,
            "space origin": affine[:3, :3] @ lo + affine[:3, 3],
            "Segment0_ID": "Segment_1",
            "Segment0_Name": "tumour",
            "Segment0_LabelValue": "1",
            "Segment0_Layer": "0",
            "Segment0_Extent": f"0 {hi[0] - lo[0] - 1} 0 {hi[1] - lo[1] - 1} 0 {hi[2] - lo[2] - 1}",
            "Segment1_ID": "Segment_2",
            "Segment1_Name": "liver",
            "Segment1_LabelValue": "2",
            "Segment1_Layer": "0",
            "Segment1_Extent": f"0 {hi[0] - lo[0] - 1} 0 {hi[1] - lo[1] - 1} 0 {hi[2] - lo[2] - 1}",
        }
        nrrd.write(str(self.folder / name), cut, header)

    def test_values(self):
        self.save(self.drawn)
        said = self.plan("--mask", "mask.nii.gz")
        self.assertIn("intersection: slices 2 to 3; the mask is empty beyond\n", said)
        self.assertIn("prompt: slice 3, the mask\n", said)
        said = self.plan("--mask", "mask.nii.gz", "--label-names", "liver,tumour")
        self.assertIn("tumour: slice 4; followed both ways", said)

    def test_mask_slices(self):
        self.save(self.drawn)
        self.assertIn("prompt: slice 2, the mask\n", self.plan("--mask", "mask.nii.gz", "--mask-slices", "2"))
        said = self.plan("--mask", "mask.nii.gz", "--mask-slices", "2,3")
        self.assertIn("prompt: slice 2, the mask\n  prompt: slice 3, the mask\n", said)

    def test_segments(self):
        """By name, wherever the values differ."""
        self.save_segments()
        self.save((3 - self.drawn) % 3)
        names = ["--label-names", "liver,tumour"]
        self.same(["--mask", "mask.nii.gz", *names], ["--mask", "mask.seg.nrrd", *names])

    def test_beside_clicks(self):
        self.save(self.drawn)
        said = self.plan("--mask", "mask.nii.gz", "--negative", "12,13,3", "--point", "20,20,2")
        self.assertIn("prompt: slice 2, clicks inside (20, 20)\n", said)
        self.assertIn("prompt: slice 3, the mask, clicks outside (12, 13)\n", said)

    def test_zoom(self):
        """The mask's rectangle counts."""
        self.save(self.drawn)
        box = self.plan("--box", "3:10,12,34,21:2,3", "--zoom", "2")
        mask = self.plan("--mask", "mask.nii.gz", "--zoom", "2")
        window = [line for line in box.splitlines() if "zoom" in line]
        self.assertEqual([line for line in mask.splitlines() if "zoom" in line], window)

    def refuse(self, said, *arguments, status=2):
        _out, err = self.run_program("segment", "scan.nii.gz", "--explain", *arguments, status=status)
        self.assertRegex(err, r"\Avoxlabel: [^\n]*\n\Z")
        self.assertIn(said, err)

    def test_wrong(self):
        self.save(numpy.zeros_like(self.drawn))
        self.refuse("mask.nii.gz: the mask holds no voxel of any label", "--mask", "mask.nii.gz")
        nibabel.save(nibabel.Nifti1Image(self.drawn, numpy.eye(4)), self.folder / "mask.nii.gz")
        self.refuse("mask.nii.gz: ", "--mask", "mask.nii.gz")
        self.refuse("none.nii.gz: cannot open the file", "--mask", "none.nii.gz")
        (self.folder / "text.nii.gz").write_text("no image")
        self.refuse("text.nii.gz: ", "--mask", "text.nii.gz", status=1)


class Millimetres(AppCase):
    """--ras: the same plan as voxel indices, whichever way the image lies."""

    def affine(self, order, flips):
        directions = numpy.diag([0.7, 0.9, 5.0])[:, order] * flips
        turn, tilt = numpy.eye(3), numpy.eye(3)
        turn[:2, :2] = [[numpy.cos(0.3), -numpy.sin(0.3)], [numpy.sin(0.3), numpy.cos(0.3)]]
        tilt[1:, 1:] = [[numpy.cos(0.2), -numpy.sin(0.2)], [numpy.sin(0.2), numpy.cos(0.2)]]
        affine = numpy.eye(4)
        affine[:3, :3] = turn @ tilt @ directions
        affine[:3, 3] = 12.25, -33.5, 101
        return affine

    def test_points(self):
        points = {"intersection": AREA, "background": [[40, 41, 2]]}
        for order in itertools.permutations(range(3)):
            for flips in ([1, 1, 1], [-1, 1, -1]):
                affine = self.affine(order, flips)
                nibabel.save(nibabel.Nifti1Image(wavy(), affine), self.folder / "scan.nii")
                affine = nibabel.load(self.folder / "scan.nii").affine
                moved = {name: (numpy.array(p) @ affine[:3, :3].T + affine[:3, 3]).tolist() for name, p in points.items()}
                out, _err = self.run_program("segment", "scan.nii", "--explain", "--points", json.dumps(points))
                also, err = self.run_program("segment", "scan.nii", "--explain", "--ras", "--points", json.dumps(moved))
                self.assertEqual((also, err), (out, ""), f"{order}, {flips}")

    def test_everything(self):
        """Clicks, boxes and parameters alike, of an image that lies straight."""
        affine = numpy.diag([-2.0, -2.0, 4.0, 1.0])
        affine[:3, 3] = 100, 90, -50
        nibabel.save(nibabel.Nifti1Image(wavy(), affine), self.folder / "scan.nii")

        def both(indices, millimetres):
            out, _err = self.run_program("segment", "scan.nii", "--explain", *indices)
            also, _err = self.run_program("segment", "scan.nii", "--explain", "--ras", *millimetres)
            self.assertEqual(also, out)

        both(["--point", "20,21,3", "--negative", "30,31,3"], ["--point", "60,48,-38", "--negative", "40,28,-38"])
        both(["--box", "2:10,11,20,22:1,4"], ["--box=-42:80,68,60,46:-46,-34"])
        params = {"box": {"key": 2, "xyxy": [10, 11, 20, 22]}, "points": [[20, 21, 3]]}
        moved = {"box": {"key": -42, "xyxy": [80, 68, 60, 46]}, "points": [[60, 48, -38]]}
        both(["--params", json.dumps(params)], ["--params", json.dumps(moved)])


class Masked(SegmentCase):
    """What flags do to the mask."""

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii.gz")
        self.prompts = ["--points", json.dumps({"intersection": AREA}), "--quiet"]

    def mask(self, *arguments):
        self.segment("scan.nii.gz", *self.prompts, *arguments)
        return self.voxels("scan-mask.nii.gz")

    def test_passes(self):
        ways = {way: self.mask("--passes", way, "--all-parts") for way in ("intersection", "union", "forward", "backward")}
        up, down = ways["forward"] == 1, ways["backward"] == 1
        self.assertTrue((ways["union"] == (up | down)).all())
        self.assertTrue(((ways["intersection"] == 1) == (up & down)).all())
        self.assertTrue(((ways["intersection"] == 2) == (up ^ down)).all())
        self.assertGreater(numpy.count_nonzero(up ^ down), 0)
        left_out = self.mask("--all-parts", "--no-uncertain")
        self.assertTrue((left_out == (ways["intersection"] == 1)).all())

    def test_parts_and_holes(self):
        asked = ["--passes", "forward", "--clip", "off", "--window", "-900,-100"]
        every = self.mask(*asked, "--all-parts")
        parts, _n = ndimage.label(every, numpy.ones((3, 3, 3)))
        sizes = numpy.bincount(parts.ravel())[1:]
        largest = self.mask(*asked)
        self.assertTrue((largest == (parts == 1 + sizes.argmax())).all())
        filled = self.mask(*asked, "--fill-holes")
        wanted = numpy.stack([ndimage.binary_fill_holes(largest[:, :, k]) for k in range(6)], axis=2)
        self.assertTrue((filled == wanted).all())
        self.assertTrue((filled != largest).any())

    def test_borders_and_clip(self):
        whole = self.mask("--clip", "off")
        self.assertFalse(whole[:, :, [0, 5]].any())
        tight = self.mask("--clip", "tight")
        inside = numpy.zeros_like(tight)
        inside[6:34, 9:27, 1:5] = 1
        self.assertFalse(tight[inside == 0].any())
        self.assertTrue(tight.any())

    def test_zoom(self):
        """Outside of its window the network says nothing."""
        asked = ["--zoom", "1", "--clip", "off", "--logits", "logits.nii.gz", "--json", "report.json"]
        self.mask(*asked)
        report = self.load_json((self.folder / "report.json").read_text())
        i, j, width, height = report["plan"]["objects"][0]["zoom"]["window"]
        seen = numpy.zeros((60, 50, 6), bool)
        seen[max(i, 0) : i + width, max(j, 0) : j + height, 1:5] = True
        logits = self.voxels("logits.nii.gz")
        self.assertTrue((numpy.isfinite(logits) == seen).all())
        self.assertFalse(seen.all(axis=(0, 1)).any())

    def test_windows(self):
        """Presets, bounds, the choice by content."""
        wanted = {
            "abdomen": (-160, 240),
            "lung": (-1350, 150),
            "bone": (-500, 1300),
            "brain": (0, 80),
            "mediastinum": (-125, 225),
            "full": (wavy().min(), wavy().max()),
            "auto": (-160, 240),
        }
        asked = ["--box", "2:10,10,30,30", "--extent", "strict", *self.model(), "--quiet", "--json", "-"]
        for name, bounds in wanted.items():
            out, _err = self.run_program("segment", "scan.nii.gz", "--window", name, *asked)
            window = self.load_json(out)["window"]
            self.assertEqual((window["low"], window["high"]), bounds, name)
            self.assertEqual(window["rule"], "abdomen" if name == "auto" else name)
        out, _err = self.run_program("segment", "scan.nii.gz", "--window=-900.5,800", *asked)
        self.assertEqual(self.load_json(out)["window"], {"rule": "given", "low": -900.5, "high": 800})


if __name__ == "__main__":
    unittest.main()
