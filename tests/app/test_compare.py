"""voxlabel compare against numpy and scipy, from the definitions that docs/command-line.md gives."""

import json
import re
import unittest

import nibabel
import nrrd
import numpy
from scipy import ndimage, spatial

from app_case import AppCase

KEYS = ("voxels_a", "voxels_b", "voxels_both", "volume_ml_a", "volume_ml_b", "dice", "jaccard", "hd95_mm", "surface_dice")


def surface(mask):
    """Voxels with a face neighbour outside; an axis of one voxel has no neighbours."""
    structure = ndimage.generate_binary_structure(3, 1)
    for axis, side in enumerate(mask.shape):
        if side == 1:
            keep = [slice(None)] * 3
            keep[axis] = [0, 2]
            structure[tuple(keep)] = False
    return mask & ~ndimage.binary_erosion(mask, structure)


def distances(from_surface, to_surface, affine):
    """Of every voxel of one surface to the other, by a distance transform, and without one where axes lean."""
    directions = affine[:3, :3]
    products = directions.T @ directions
    spacing = numpy.sqrt(numpy.diag(products))
    if numpy.allclose(products, numpy.diag(spacing**2), atol=1e-5):
        return ndimage.distance_transform_edt(~to_surface, sampling=spacing)[from_surface]
    points = numpy.argwhere(from_surface) @ directions.T, numpy.argwhere(to_surface) @ directions.T
    return spatial.distance.cdist(*points).min(axis=1)


def measure(a, b, affine, tolerance):
    """The numbers of two masks, by key."""
    both = numpy.count_nonzero(a & b)
    n_a, n_b = numpy.count_nonzero(a), numpy.count_nonzero(b)
    ml = abs(numpy.linalg.det(affine[:3, :3])) / 1000
    wanted = {"voxels_a": n_a, "voxels_b": n_b, "voxels_both": both, "volume_ml_a": n_a * ml, "volume_ml_b": n_b * ml}
    if n_a + n_b == 0:
        return wanted | {"dice": 1, "jaccard": 1, "hd95_mm": None, "surface_dice": 1}
    wanted |= {"dice": 2 * both / (n_a + n_b), "jaccard": both / (n_a + n_b - both)}
    if n_a == 0 or n_b == 0:
        return wanted | {"hd95_mm": None, "surface_dice": 0}
    surfaces = surface(a), surface(b)
    there = distances(*surfaces, affine)
    back = distances(*surfaces[::-1], affine)
    within = sum(numpy.count_nonzero(d <= tolerance * (1 + 1e-6)) for d in (there, back))
    wanted["hd95_mm"] = max(numpy.percentile(there, 95), numpy.percentile(back, 95))
    wanted["surface_dice"] = within / (there.size + back.size)
    return wanted


def blobs(rng, shape, labels):
    """A label map of smooth pieces, and a disturbed one."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.4, 2.5, 3))
    other = noise + 0.3 * noise.std() * ndimage.gaussian_filter(rng.normal(size=shape), 1)
    edges = numpy.quantile(noise, numpy.linspace(0.6, 0.95, labels))
    return numpy.digitize(noise, edges).astype(numpy.int16), numpy.digitize(other, edges).astype(numpy.int16)


def random_affine(rng, tilt):
    turn = numpy.linalg.qr(rng.normal(size=(3, 3)))[0]
    lean = numpy.eye(3)
    lean[1, 2] = tilt
    affine = numpy.eye(4)
    affine[:3, :3] = turn @ lean @ numpy.diag(rng.uniform(0.4, 5, 3))
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    return affine


class CompareCase(AppCase):
    def save(self, name, voxels, affine):
        image = nibabel.Nifti1Image(voxels, affine)
        image.set_sform(affine, 1)
        nibabel.save(image, self.folder / name)
        return nibabel.load(self.folder / name).affine.astype(float)

    def compare(self, *arguments, **more):
        out, err = self.run_program("compare", *arguments, "--json", "-", **more)
        return self.load_json(out), err

    def agrees(self, got, wanted, what):
        for key in KEYS:
            if wanted[key] is None:
                self.assertIsNone(got[key], f"{what}: {key}")
            else:
                self.assertIsNotNone(got[key], f"{what}: {key}")
                difference = abs(got[key] - wanted[key])
                self.assertTrue(difference <= 1e-6 * (1 + abs(wanted[key])), f"{what}: {key} {got[key]} {wanted[key]}")

    def agrees_everywhere(self, report, a, b, affine, tolerance):
        """Each label of the report, whole and by slice; returns how many sets of numbers it compared."""
        compared = 0
        self.assertEqual([label["value_a"] for label in report["labels"]], sorted((set(a.flat) | set(b.flat)) - {0}))
        for label in report["labels"]:
            value = label["value_a"]
            self.assertEqual(label["value_b"], value)
            in_a, in_b = a == value, b == value
            self.agrees(label, measure(in_a, in_b, affine, tolerance), f"label {value}")
            slices = [k for k in range(a.shape[2]) if in_a[:, :, k].any() or in_b[:, :, k].any()]
            self.assertEqual([part["slice"] for part in label["slices"]], slices)
            for part in label["slices"]:
                k = part["slice"]
                flat = measure(in_a[:, :, k : k + 1], in_b[:, :, k : k + 1], affine, tolerance)
                self.agrees(part, flat, f"label {value}, slice {k}")
            compared += 1 + len(slices)
        return compared


def put_segments(path, layers, segments, affine):
    """A .seg.nrrd: arrays [i, j, k] of one size, and (name, value, layer) of each segment."""
    lps = numpy.diag([-1, -1, 1, 1]) @ affine

    def vector(numbers):
        return "(" + ",".join(repr(float(number)) for number in numbers) + ")"

    directions = " ".join(vector(lps[:3, axis]) for axis in range(3))
    voxels = numpy.stack(layers)
    sizes, kinds = voxels.shape, "list domain domain domain"
    if len(layers) == 1:
        sizes, kinds = sizes[1:], kinds[5:]
    else:
        directions = "none " + directions
    lines = ["NRRD0004", "type: uint8", f"dimension: {len(sizes)}", "space: left-posterior-superior"]
    lines += [f"sizes: {' '.join(map(str, sizes))}", f"space directions: {directions}", f"kinds: {kinds}", "encoding: raw"]
    lines.append(f"space origin: {vector(lps[:3, 3])}")
    for number, (name, value, layer) in enumerate(segments):
        lines += [f"Segment{number}_ID:=Segment_{number + 1}", f"Segment{number}_Name:={name}"]
        lines += [f"Segment{number}_LabelValue:={value}", f"Segment{number}_Layer:={layer}"]
    path.write_bytes("\n".join([*lines, "", ""]).encode() + voxels.astype(numpy.uint8).tobytes(order="F"))


class Compare(CompareCase):
    def test_random_volumes(self):
        rng = numpy.random.default_rng(5)
        compared = 0
        for number in range(30):
            shape = tuple(rng.integers(5, 30, 3))
            a, b = blobs(rng, shape, 1 + number % 3)
            if number % 5 == 0:
                b[b == 1] = 0  # a label that only A has
            affine = self.save("a.nii", a, random_affine(rng, 0 if number % 3 else rng.uniform(-0.5, 0.5)))
            self.save("b.nii.gz", b, affine)
            tolerance = float(rng.uniform(0, 6))
            report, err = self.compare("a.nii", "b.nii.gz", "--per-slice", "--tolerance", repr(tolerance))
            self.assertEqual(err, "")
            self.assertEqual(report["size"], list(shape))
            self.assertEqual(report["tolerance_mm"], tolerance)
            compared += self.agrees_everywhere(report, a, b, affine, tolerance)
        self.assertGreater(compared, 500)

    def test_single_slice(self):
        """A volume of one slice is measured in its plane."""
        rng = numpy.random.default_rng(6)
        a, b = blobs(rng, (40, 30, 1), 1)
        affine = self.save("a.nii", a, random_affine(rng, 0))
        self.save("b.nii", b, affine)
        report, _err = self.compare("a.nii", "b.nii", "--per-slice")
        self.agrees_everywhere(report, a, b, affine, 1)
        whole = {key: report["labels"][0][key] for key in KEYS}
        self.assertEqual(whole, {key: report["labels"][0]["slices"][0][key] for key in KEYS})

    def test_by_hand(self):
        """Two bars of 1 x 1 x 4 voxels, one slice apart."""
        a = numpy.zeros((5, 5, 8), numpy.uint8)
        b = a.copy()
        a[2, 2, 1:5] = 7
        b[2, 2, 2:6] = 7
        self.save("a.nii", a, numpy.diag([2, 2, 1.5, 1]))
        self.save("b.nii", b, numpy.diag([2, 2, 1.5, 1]))
        label = self.compare("a.nii", "b.nii")[0]["labels"][0]
        self.assertEqual((label["value_a"], label["voxels_a"], label["voxels_b"], label["voxels_both"]), (7, 4, 4, 3))
        self.assertEqual((label["volume_ml_a"], label["dice"], label["jaccard"]), (0.024, 0.75, 0.6))
        # Distances are 0, 0, 0 and 1.5 mm both ways; the percentile lies at 0.95 * 3 = 2.85.
        self.assertAlmostEqual(label["hd95_mm"], 0.85 * 1.5, 9)
        self.assertEqual(label["surface_dice"], 6 / 8)
        label = self.compare("a.nii", "b.nii", "--tolerance", "1.5")[0]["labels"][0]
        self.assertEqual(label["surface_dice"], 1)

    def test_labels(self):
        """Values are matched by themselves, or as the user pairs them."""
        a = numpy.zeros((6, 6, 6), numpy.int32)
        b = a.copy()
        a[1:3, 1:3, 1:3] = -5
        a[4, 4, 4] = 100000
        b[1:3, 1:3, 1:4] = 2
        affine = self.save("a.nii", a, numpy.eye(4))
        self.save("b.nii", b, affine)
        report, _err = self.compare("a.nii", "b.nii", "--per-slice")
        self.agrees_everywhere(report, a, b, affine, 1)
        report, err = self.compare("a.nii", "b.nii", "--label=-5:2,100000")
        self.assertEqual(err, "")
        self.assertEqual([(x["value_a"], x["value_b"]) for x in report["labels"]], [(-5, 2), (100000, 100000)])
        self.agrees(report["labels"][0], measure(a == -5, b == 2, affine, 1), "-5:2")
        self.assertNotIn("slices", report["labels"][0])
        # Both empty: they agree, and there is no distance.
        report, err = self.compare("a.nii", "b.nii", "--label", "3", "--per-slice")
        self.assertEqual(err, "voxlabel: warning: label 3 is in neither file\n")
        self.agrees(report["labels"][0], measure(a == 3, b == 3, affine, 1), "3")
        self.assertEqual(report["labels"][0]["slices"], [])

    def test_scaled_and_float_labels(self):
        """A label is the value after scaling, in whatever type it is stored."""
        a = numpy.zeros((5, 4, 3), numpy.int16)
        a[1:3, 1:3, 1] = 2
        image = nibabel.Nifti1Image(a, numpy.eye(4))
        image.header.set_slope_inter(1.5, 0)
        nibabel.save(image, self.folder / "scaled.nii")
        self.save("float.nii", 1.5 * numpy.float32(a), numpy.eye(4))
        label = self.compare("scaled.nii", "float.nii")[0]["labels"][0]
        self.assertEqual((label["value_a"], label["voxels_both"], label["dice"]), (3, 4, 1))

    def test_formats(self):
        """NIfTI and NRRD of the same grid."""
        rng = numpy.random.default_rng(8)
        a, b = blobs(rng, (12, 11, 9), 2)
        affine = numpy.diag([-0.5, 0.75, 2, 1])
        affine[:3, 3] = 5, 6, 7
        self.save("a.nii.gz", a, affine)
        lps = numpy.diag([-1, -1, 1, 1]) @ affine
        header = {"space": "left-posterior-superior", "space directions": lps[:3, :3].T, "space origin": lps[:3, 3]}
        nrrd.write(str(self.folder / "b.nrrd"), b, header)
        report, _err = self.compare("a.nii.gz", "b.nrrd", "--per-slice")
        self.agrees_everywhere(report, a, b, affine, 1)

    def test_table(self):
        a = numpy.zeros((5, 5, 8), numpy.uint8)
        b = a.copy()
        a[2, 2, 1:5] = 7
        b[2, 2, 2:6] = 7
        a[0, 0, 0] = 1
        self.save("a.nii", a, numpy.diag([2, 2, 1.5, 1]))
        self.save("b.nii", b, numpy.diag([2, 2, 1.5, 1]))
        out, err = self.run_program("compare", "a.nii", "b.nii", "--per-slice")
        self.assertEqual(err, "")
        rows = [line.split() for line in out.splitlines()]
        self.assertIn(["7", "0.7500", "0.6000", "1.275", "0.7500", "0.024", "0.024"], rows)
        self.assertIn(["1", "0.0000", "0.0000", "-", "0.0000", "0.006", "0.000"], rows)
        self.assertIn("grid  5 x 5 x 8 voxels of 2 x 2 x 1.5 mm", out)
        self.assertIn("label 7, measured in the plane of each slice", out)
        self.assertIn(["3", "1.0000", "1.0000", "0.000", "1.0000", "0.006", "0.006"], rows)
        # A file beside the table, and the same numbers in it.
        beside, _err = self.run_program("compare", "a.nii", "b.nii", "--per-slice", "--json", "c.json")
        self.assertEqual(beside, out)
        with open(self.folder / "c.json") as file:
            self.assertEqual(json.load(file), self.compare("a.nii", "b.nii", "--per-slice")[0])
        self.assertEqual(self.files(), ["a.nii", "b.nii", "c.json"])

    def test_nothing_to_compare(self):
        self.save("a.nii", numpy.zeros((3, 3, 3), numpy.uint8), numpy.eye(4))
        out, err = self.run_program("compare", "a.nii", "a.nii")
        self.assertEqual(err, "")
        self.assertIn("neither file holds a label", out)
        self.assertEqual(self.compare("a.nii", "a.nii")[0]["labels"], [])


class Segments(CompareCase):
    """Files of 3D Slicer: names, layers that overlap, grids that are cropped."""

    def setUp(self):
        super().setUp()
        rng = numpy.random.default_rng(9)
        self.affine = random_affine(rng, 0)
        shape = (20, 16, 12)
        smooth = [ndimage.gaussian_filter(rng.normal(size=shape), 2) for _ in range(4)]
        self.masks = [noise > numpy.quantile(noise, 0.8) for noise in smooth]

    def label_is(self, label, a, b, what):
        self.agrees(label, measure(a, b, self.affine, 1), what)
        slices = [n for n in range(a.shape[2]) if a[:, :, n].any() or b[:, :, n].any()]
        self.assertEqual([part["slice"] for part in label["slices"]], slices)
        for part in label["slices"]:
            k = slice(part["slice"], part["slice"] + 1)
            self.agrees(part, measure(a[:, :, k], b[:, :, k], self.affine, 1), f"{what}, slice {k}")

    def test_names(self):
        """Segments are paired by name, in whatever order, layer and value they are."""
        liver, tumour, vessel, other = self.masks
        segments = [("liver", 1, 0), ("tumour", 1, 1), ("Gef\u00e4\u00df", 5, 0)]
        put_segments(self.folder / "a.seg.nrrd", [liver + 5 * (vessel & ~liver), tumour], segments, self.affine)
        put_segments(self.folder / "b.seg.nrrd", [2 * other + (tumour & ~other)], [("tumour", 1, 0), ("liver", 2, 0), ("cyst", 7, 0)], self.affine)
        report, err = self.compare("a.seg.nrrd", "b.seg.nrrd", "--per-slice")
        self.assertEqual(err, "voxlabel: warning: label cyst is in neither file\n")
        labels = report["labels"]
        named = [(x["name_a"], x["name_b"], x["value_a"], x["value_b"]) for x in labels]
        wanted = [("liver", "liver", 1, 2), ("tumour", "tumour", 1, 1), ("Gef\u00e4\u00df", None, 5, None), (None, "cyst", None, 7)]
        self.assertEqual(named, wanted)
        self.label_is(labels[0], liver, other, "liver")
        self.label_is(labels[1], tumour, tumour & ~other, "tumour")
        self.label_is(labels[2], vessel & ~liver, numpy.zeros_like(liver), "vessel")
        out, _err = self.run_program("compare", "a.seg.nrrd", "b.seg.nrrd")
        self.assertRegex(out, "\ntumour +[01][.]")
        self.assertRegex(out, "\nGef\u00e4\u00df +0[.]0000")
        # Chosen by name, by value, and paired.
        report, _err = self.compare("a.seg.nrrd", "b.seg.nrrd", "--label", "tumour,liver:1,1:cyst", "--per-slice")
        self.label_is(report["labels"][0], tumour, tumour & ~other, "tumour")
        self.label_is(report["labels"][1], liver, tumour & ~other, "liver:1")
        self.label_is(report["labels"][2], liver | tumour, numpy.zeros_like(liver), "1:cyst")

    def test_cropped(self):
        """A cropped file is compared where its voxels are; slices are counted in the whole one."""
        mask, expert = self.masks[:2]
        mask[:3], mask[:, :2], mask[:, :, :2] = False, False, False
        whole = 3 * expert
        affine = self.save("whole.nii", whole.astype(numpy.int16), self.affine)
        self.affine = affine
        where = numpy.argwhere(mask)
        low, end = where.min(axis=0), where.max(axis=0) + 1
        self.assertGreater(low.min(), 0)
        part = mask[tuple(slice(a, b) for a, b in zip(low, end))]
        moved = affine.copy()
        moved[:3, 3] += affine[:3, :3] @ low
        put_segments(self.folder / "part.seg.nrrd", [3 * part], [("tumour", 3, 0)], moved)
        report, err = self.compare("part.seg.nrrd", "whole.nii", "--per-slice")
        self.assertEqual(err, "")
        self.assertEqual((report["labels"][0]["name_a"], report["labels"][0]["name_b"]), ("tumour", None))
        self.label_is(report["labels"][0], mask, expert, "cropped A")
        report, _err = self.compare("whole.nii", "part.seg.nrrd", "--per-slice")
        self.label_is(report["labels"][0], expert, mask, "cropped B")
        self.assertEqual(report["size"], list(mask.shape))

    def test_both_cropped(self):
        """Two parts of one image that overlap in a corner only; slices are counted in A."""
        a, b = numpy.ones((4, 4, 3), int), numpy.ones((3, 5, 3), int)
        shifted = self.affine.copy()
        shifted[:3, 3] += self.affine[:3, :3] @ [3, -3, -2]
        put_segments(self.folder / "a.seg.nrrd", [a], [("x", 1, 0)], self.affine)
        put_segments(self.folder / "b.seg.nrrd", [b], [("x", 1, 0)], shifted)
        union = numpy.zeros((2, 8, 9, 7), bool)
        union[0, 1:5, 4:8, 3:6] = union[1, 4:7, 1:6, 1:4] = True
        report, _err = self.compare("a.seg.nrrd", "b.seg.nrrd", "--per-slice")
        label = report["labels"][0]
        self.agrees(label, measure(*union, self.affine, 1), "both")
        self.assertEqual(report["size"], [6, 7, 5])
        self.assertEqual([part["slice"] for part in label["slices"]], [-2, -1, 0, 1, 2])
        self.agrees(label["slices"][2], measure(*union[..., 3:4], self.affine, 1), "slice 0")

    def test_single_slice(self):
        """A crop to one slice is part of a volume: above and below lies something else."""
        part = self.masks[0][:, :, 5:6]
        put_segments(self.folder / "a.seg.nrrd", [part], [("x", 1, 0)], self.affine)
        other = numpy.roll(part, 3, axis=0)
        put_segments(self.folder / "b.seg.nrrd", [other], [("x", 1, 0)], self.affine)
        report, _err = self.compare("a.seg.nrrd", "b.seg.nrrd")
        padded = [numpy.pad(mask, 1) for mask in (part, other)]
        self.agrees(report["labels"][0], measure(*padded, self.affine, 1), "one slice")

    def test_other_names(self):
        mask = self.masks[0]
        put_segments(self.folder / "a.seg.nrrd", [mask], [("Segment_1", 1, 0)], self.affine)
        put_segments(self.folder / "b.seg.nrrd", [mask], [("tumour", 1, 0)], self.affine)
        report, err = self.compare("a.seg.nrrd", "b.seg.nrrd")
        self.assertIn("pair them with --label NAME:NAME", err)
        self.assertEqual([label["dice"] for label in report["labels"]], [0, 0])
        report, err = self.compare("a.seg.nrrd", "b.seg.nrrd", "--label", "Segment_1:tumour")
        self.assertEqual((err, report["labels"][0]["dice"]), ("", 1))
        out, _err = self.run_program("compare", "a.seg.nrrd", "b.seg.nrrd", "--label", "Segment_1:tumour")
        self.assertIn("\nSegment_1:tumour ", out)
        for labels in ("liver", "Segment_1:liver", "liver:tumour"):
            _out, err = self.run_program("compare", "a.seg.nrrd", "b.seg.nrrd", "--label", labels, status=2)
            self.assertIn("no segment is called 'liver'", err)

    def test_other_voxels(self):
        """Half a voxel away, or of another size: not the same voxels."""
        mask = self.masks[0]
        put_segments(self.folder / "a.seg.nrrd", [mask], [("x", 1, 0)], self.affine)
        for change in (0.5, 0.02):
            moved = self.affine.copy()
            moved[:3, 3] += self.affine[:3, 0] * (2 + change)
            put_segments(self.folder / "b.seg.nrrd", [mask], [("x", 1, 0)], moved)
            _out, err = self.run_program("compare", "a.seg.nrrd", "b.seg.nrrd", status=2)
            self.assertIn("b.seg.nrrd: has its voxels elsewhere than the other file", err)
        far = self.affine.copy()
        far[:3, 3] += self.affine[:3, 0] * 1e7
        put_segments(self.folder / "b.seg.nrrd", [mask], [("x", 1, 0)], far)
        self.run_program("compare", "a.seg.nrrd", "b.seg.nrrd", status=2)


class Refusals(CompareCase):
    def setUp(self):
        super().setUp()
        self.voxels = numpy.zeros((6, 5, 4), numpy.uint8)
        self.voxels[2:4, 2, 2] = 1
        self.save("a.nii", self.voxels, numpy.eye(4))

    def refuse(self, *arguments, said, status=2):
        before = self.files()
        out, err = self.run_program("compare", *arguments, status=status)
        self.assertEqual(out, "")
        self.assertRegex(err, r"\Avoxlabel: [^\n]*\n\Z")
        self.assertIn(said, err)
        self.assertEqual(self.files(), before)

    def test_grids(self):
        self.save("other.nii", self.voxels[:, :, :3], numpy.eye(4))
        self.refuse("a.nii", "other.nii", said="other.nii: has 6 x 5 x 3 voxels and the other file 6 x 5 x 4; only files of one grid")
        for shift, status in [(0.009, 0), (0.011, 2)]:
            affine = numpy.eye(4)
            affine[0, 3] = shift
            self.save("shifted.nii", self.voxels, affine)
            if status == 0:
                self.run_program("compare", "a.nii", "shifted.nii")
            else:
                self.refuse("a.nii", "shifted.nii", said="shifted.nii: lies elsewhere than the other file, by 0.011 voxels")
        # A little longer per voxel, which adds up to the far corner.
        for step, status in [(1.0015, 0), (1.0025, 2)]:
            self.save("longer.nii", self.voxels, numpy.diag([step, 1, 1, 1]))
            self.run_program("compare", "a.nii", "longer.nii", status=status)
        self.save("mirrored.nii", self.voxels, numpy.diag([-1, 1, 1, 1]))
        self.refuse("a.nii", "mirrored.nii", said="resample one to the other's grid")

    def test_no_labels(self):
        for value in (0.5, numpy.nan, numpy.inf, 1e300):
            voxels = self.voxels.astype(float)
            voxels[3, 1, 2] = value
            self.save("float.nii", voxels, numpy.eye(4))
            self.refuse("a.nii", "float.nii", said="float.nii: a voxel of ", status=1)
        many = numpy.arange(300 * 300, dtype=numpy.int32).reshape(300, 300, 1)
        self.save("many.nii", many, numpy.eye(4))
        self.refuse("many.nii", "many.nii", said="many.nii: ", status=1)

    def test_files(self):
        self.refuse("a.nii", said="name the two label files")
        self.refuse("a.nii", "none.nii", said="none.nii: cannot open the file")
        (self.folder / "text.nii").write_text("not an image")
        self.refuse("a.nii", "text.nii", said="text.nii: ", status=1)
        self.refuse("a.nii", "a.nii", "--json", "a.nii", said="a.nii: is an input")
        self.refuse("a.nii", "a.nii", "--json", ".", said=".: is no regular file")
        self.refuse("a.nii", "a.nii", "--json", "none/a.json", said="none/a.json: cannot create", status=1)

    def test_options(self):
        self.refuse("a.nii", "a.nii", "a.nii", said="one argument too many")
        for tolerance in ("-1", "nan", "x", "1mm", "1e9", "1,5"):
            self.refuse("a.nii", "a.nii", "--tolerance", tolerance, said=f"--tolerance {tolerance} is not a number")
        for labels in ("0", "1,", ",1", "1:", ":1", "1:0", "1,,2", "1:2:3", "2,1:"):
            self.refuse("a.nii", "a.nii", "--label", labels, said=f"--label {labels}: a label is a value but 0 or")
        for labels in ("x", "1 ", "1.5", "1:x", "x:1"):
            self.refuse("a.nii", "a.nii", "--label", labels, said=f"--label {labels}: no segment is called '")

    def test_full_disk(self):
        for more in ([], ["--json", "-"]):
            with open("/dev/full", "w") as full:
                process = self.start("compare", "a.nii", "a.nii", *more, stdout=full, stderr=-1)
                _out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"))

    def test_help(self):
        out, _err = self.run_program("compare", "--help")
        options = set(re.findall(r"^  (--[a-z-]+)", out, re.MULTILINE))
        self.assertEqual(options - {"--help"}, {"--label", "--tolerance", "--per-slice", "--json"})


if __name__ == "__main__":
    unittest.main()
