"""Geometry: all 48 ways to store an image, in every format, with the prompt where it physically is; odd sizes; prompts
between voxels and at borders."""

import itertools
import json
import math
import unittest

import nibabel
import nrrd
import numpy
import SimpleITK

from app_case import nifti, wavy
from scan_case import ScanCase, load

SIZE = (20, 16, 7)
SPACING = (0.9, 1.4, 4.1)
CENTRE = numpy.array([12.25, -33.5, 101.0])  # of every image, RAS
LOW, HIGH = CENTRE + [-4.5, -7, -3], CENTRE + [6, 3.2, 5.5]  # a box, RAS
CLICK = CENTRE + [1.0, -2.0, 1.5]
LPS = numpy.diag([-1, -1, 1])
NIFTI_FIELDS = ["pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y"]
NIFTI_FIELDS += ["qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units", "dim"]
KINDS = ["sform.nii", "qform.nii.gz", "both.nii", "stored.nrrd", "stored.mha"]


def orientations():
    """Signed permutations: where the stored axes point."""
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = numpy.zeros((3, 3))
            for column, row in enumerate(order):
                matrix[row, column] = signs[column]
            yield matrix


def tilted(matrix):
    a, b = 0.21, -0.13
    turn = numpy.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    tilt = numpy.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    return turn @ tilt @ matrix


def affine_of(matrix):
    affine = numpy.eye(4)
    affine[:3, :3] = matrix @ numpy.diag(SPACING)
    affine[:3, 3] = CENTRE - affine[:3, :3] @ ((numpy.array(SIZE) - 1) / 2)
    return affine


def write(path, voxels, affine):
    """As its kind says, whose name the file's begins with."""
    kind = path.name.split("-")[-1]
    if kind.endswith("nrrd"):
        header = {
            "space": "left-posterior-superior",
            "space directions": (LPS @ affine[:3, :3]).T,
            "space origin": LPS @ affine[:3, 3],
            "encoding": "raw",
        }
        nrrd.write(str(path), voxels, header, index_order="F")
    elif kind.endswith("mha"):
        scale = numpy.linalg.norm(affine[:3, :3], axis=0)
        directions = (LPS @ affine[:3, :3] / scale).T.ravel()

        def text(numbers):
            return " ".join(f"{number:.17g}" for number in numbers)

        lines = [
            "ObjectType = Image",
            "NDims = 3",
            "BinaryData = True",
            "BinaryDataByteOrderMSB = False",
            f"TransformMatrix = {text(directions)}",
            f"Offset = {text(LPS @ affine[:3, 3])}",
            f"ElementSpacing = {text(scale)}",
            f"DimSize = {text(voxels.shape)}",
            "ElementType = MET_SHORT",
            "ElementDataFile = LOCAL",
        ]
        path.write_bytes("\n".join(lines).encode() + b"\n" + voxels.tobytes(order="F"))
    else:
        image = nibabel.Nifti1Image(voxels, affine)
        image.set_sform(affine, 2 if not kind.startswith("qform") else 0)
        image.set_qform(affine, 1 if not kind.startswith("sform") else 0)
        image.header.set_xyzt_units("mm", "sec")
        nibabel.save(image, path)


def corners(path):
    """RAS of the eight corner voxels, as another program sees them: nibabel takes the sform first, as is meant here,
    and ITK the one or the other."""
    ends = numpy.array(list(itertools.product(*((0.0, side - 1.0) for side in SIZE))))
    if path.name.endswith((".nii", ".nii.gz")):
        return nibabel.affines.apply_affine(nibabel.load(path).affine, ends)
    image = SimpleITK.ReadImage(str(path))
    return numpy.array([LPS @ image.TransformContinuousIndexToPhysicalPoint(end) for end in ends.tolist()])


def shape_text(path):
    """The lines of a NRRD or MetaImage header that say where the voxels are."""
    head = path.read_bytes().split(b"\n\n" if path.suffix == ".nrrd" else b"ElementDataFile")[0].decode("latin-1")
    names = ("space", "TransformMatrix", "Offset", "ElementSpacing", "CenterOfRotation", "AnatomicalOrientation")
    return sorted(line for line in head.splitlines() if line.startswith(names))


class Batch(ScanCase):
    def run_batch(self, lines, *arguments, status=0):
        (self.folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        command = ["segment", *self.network(), "--quiet", "--batch", "list.jsonl", *arguments]
        return self.run_program(*command, status=status, timeout=500)


class Orientations(Batch):
    def test_geometry_bit_for_bit(self):
        """Without a usable prompt a blank mask is written: 48 orientations, in and out of each format."""
        voxels = wavy(*SIZE)
        lines = []
        for number, matrix in enumerate(orientations()):
            for kind in KINDS:
                image = f"{number}-{kind}"
                write(self.folder / image, voxels, affine_of(tilted(matrix)))
                outs = {kind.split(".", 1)[1], ("nii", "nrrd", "mha")[number % 3]}
                for ending in sorted(outs):
                    lines.append({"image": image, "output": f"{image}-mask.{ending}", "params": {"intersection": []}})
        self.run_batch(lines)
        self.assertGreater(len(lines), 48 * 6)
        for line in lines:
            paths = [self.folder / line[key] for key in ("image", "output")]
            self.assertEqual(SimpleITK.ReadImage(str(paths[1])).GetSize(), SIZE)
            # The unit is the shortest side of a voxel.
            distance = abs(corners(paths[1]) - corners(paths[0])).max() / min(SPACING)
            self.assertLess(distance, 1e-4, line)
            if all(path.name.endswith((".nii", ".nii.gz")) for path in paths):
                scan, mask = (nibabel.load(path).header for path in paths)
                for field in NIFTI_FIELDS:
                    self.assertEqual(mask[field].tobytes(), scan[field].tobytes(), f"{line}: {field}")
            elif paths[0].suffix == paths[1].suffix:
                self.assertEqual(shape_text(paths[1]), shape_text(paths[0]))

    def test_prompts_in_millimetres(self):
        """A box and a click at one physical place are the right voxels however the image is stored, and so is the mask:
        the network finds something everywhere, the box cuts it."""
        lines, affines = [], []
        params = {"roi": [LOW[0], HIGH[0], LOW[1], HIGH[1], LOW[2], HIGH[2]], "clip": "tight", "passes": "forward"}
        params |= {"intersection": [CLICK.tolist()], "largest_cc": False}
        for number, matrix in enumerate(orientations()):
            image = f"{number}-{KINDS[number % len(KINDS)]}"
            affines.append(affine_of(matrix))
            write(self.folder / image, wavy(*SIZE), affines[-1])
            ending = image.split(".", 1)[1]
            line = {"image": image, "params": params, "output": f"{number}-mask.{ending}", "json": f"{number}.json"}
            lines.append(line)
        self.run_batch(lines, "--ras")
        for line, affine in zip(lines, affines, strict=True):
            self.check_plan(line, affine)
            self.check_mask(self.folder / line["output"])

    def check_plan(self, line, affine):
        inverse = numpy.linalg.inv(affine)
        ends = [nibabel.affines.apply_affine(inverse, end) for end in itertools.product(*zip(LOW, HIGH, strict=True))]
        low, high = numpy.min(ends, axis=0), numpy.max(ends, axis=0)
        click = nibabel.affines.apply_affine(inverse, CLICK)
        report = self.load_json((self.folder / line["json"]).read_text())
        (planned,) = report["plan"]["objects"]
        (piece,) = planned["pieces"]
        # Files hold single precision, or decimal numbers.
        numpy.testing.assert_allclose(piece["rect"], [*low[:2], *high[:2]], atol=1e-4, err_msg=str(line))
        self.assertEqual(piece["z"], [math.floor(low[2] + 0.5), math.floor(high[2] + 0.5)], line)
        clicked = [(prompt["k"], prompt["points"]) for prompt in planned["prompts"] if prompt["points"]]
        self.assertEqual(len(clicked), 1)
        self.assertEqual(clicked[0][0], math.floor(click[2] + 0.5))
        numpy.testing.assert_allclose(clicked[0][1], [click[:2]], atol=1e-4)

    def check_mask(self, path):
        """Read by another program, the mask's voxels fill the physical box."""
        image = SimpleITK.ReadImage(str(path))
        inside = numpy.argwhere(SimpleITK.GetArrayFromImage(image)[:].transpose(2, 1, 0) != 0)
        directions = LPS @ numpy.array(image.GetDirection()).reshape(3, 3) @ numpy.diag(image.GetSpacing())
        places = inside @ directions.T + LPS @ image.GetOrigin()
        half = abs(directions).sum(axis=1) / 2  # of a voxel, by physical axis
        self.assertGreater(len(places), 0, path)
        self.assertTrue((places >= LOW - half - 1e-3).all(), path)
        self.assertTrue((places <= HIGH + half + 1e-3).all(), path)
        self.assertTrue((places.min(axis=0) <= LOW + 2.5 * half).all(), path)
        self.assertTrue((places.max(axis=0) >= HIGH - 2.5 * half).all(), path)

    def test_no_codes(self):
        """Spacings alone place a NIfTI image; micrometres come back as such."""
        image = nibabel.Nifti1Image(wavy(*SIZE), numpy.diag([*SPACING, 1]))
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        image.header["pixdim"][1:4] = SPACING
        image.header.set_xyzt_units("micron", "msec")
        nibabel.save(image, self.folder / "plain.nii")
        run = self.segment("plain.nii", "--point", "5,5,3", "--extent", "strict")
        mask = nibabel.load(self.folder / "run.nii").header
        for field in NIFTI_FIELDS:
            self.assertEqual(mask[field].tobytes(), image.header[field].tobytes(), field)
        numpy.testing.assert_allclose(run.report["image"]["spacing"], numpy.array(SPACING) / 1000, rtol=1e-6)


class Sizes(Batch):
    def test_odd_sizes(self):
        """One slice, one pixel wide, long and flat, high and narrow: masks and logits have the image's size."""
        sizes = [(40, 30, 1), (1, 30, 4), (30, 1, 4), (1, 1, 1), (1, 1, 5), (700, 3, 2), (3, 700, 2), (2, 2, 2)]
        lines = []
        for number, size in enumerate(sizes):
            nifti(self.folder / f"{number}.nii", wavy(*size))
            middle = [(side - 1) / 2 for side in size]
            box = {"key": size[2] - 1, "xyxy": [0, 0, size[0] - 1, size[1] - 1], "z": [0, size[2] - 1]}
            for name, params in (
                ("click", {"intersection": [middle]}),
                ("box", {"box": box}),
                ("zoom", {"box": box, "zoom": 1.5}),
                ("grow", {"intersection": [middle], "zoom": 2, "extent": "strict"}),
            ):
                out = f"{number}-{name}"
                line = {"image": f"{number}.nii", "params": params, "json": f"{out}.json"}
                lines.append({**line, "output": f"{out}.nii", "logits": f"{out}-l.nii", "preview": f"{out}.png"})
        self.run_batch(lines)
        for line in lines:
            size = sizes[int(line["image"].split(".")[0])]
            report = self.load_json((self.folder / line["json"]).read_text())
            mask, logits = load(self.folder / line["output"]), load(self.folder / line["logits"])
            self.assertTrue(report["valid"], line)
            self.assertEqual((mask.shape, logits.shape), (size, size), line)
            self.assertTrue(mask.any(), line)
            first, last = report["plan"]["objects"][0]["z"]
            seen = ~numpy.isnan(logits)
            self.assertTrue(seen[:, :, first : last + 1].any(axis=(0, 1)).all(), line)
            self.assertTrue((logits[mask == 1] > 0).all(), line)

    def test_the_slice_is_the_image(self):
        """A slice of a volume of one slice, and the same in the middle of others, have the same logits."""
        voxels = wavy(40, 30, 5)
        nifti(self.folder / "five.nii", voxels)
        nifti(self.folder / "one.nii", voxels[:, :, 2:3])
        window = ["--window", "-900,800"]
        five = self.segment("five.nii", "--box", "2:5,6,30,25:2,2", *window, name="five-out")
        one = self.segment("one.nii", "--box", "0:5,6,30,25:0,0", *window, name="one-out")
        self.assertTrue(numpy.array_equal(five.logits[:, :, 2], one.logits[:, :, 0]))
        self.assertTrue(numpy.array_equal(five.mask[:, :, 2], one.mask[:, :, 0]))


class Places(ScanCase):
    """Between voxels, and where the image ends."""

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii", wavy(60, 50, 4))

    def test_between_voxels(self):
        """Halves round up for the slice; i and j stay as they are and are given to the network as such."""
        strict = ["--extent", "strict"]
        runs = {}
        for text, k in (("20,16,1.4999", 1), ("20,16,1.5", 2), ("20.25,16,2.49", 2), ("20.5,15.75,2", 2), ("20,16,-0.5", 0)):
            run = self.segment("scan.nii", "--point", text, *strict)
            (prompt,) = run.report["plan"]["objects"][0]["prompts"]
            self.assertEqual((prompt["k"], prompt["points"]), (k, [[float(part) for part in text.split(",")[:2]]]))
            runs[text] = run
        self.assertFalse(runs["20,16,1.5"].same(runs["20.25,16,2.49"]))
        whole = self.segment("scan.nii", "--point", "20,16,2", *strict)
        self.assertTrue(whole.same(runs["20,16,1.5"]))

    def test_windows_at_borders(self):
        """A window is moved inside, or padded where it is larger than the slice; outside of it there is no logit."""
        for box, window in (
            ("2:0,0,10,9:2,2", [0, 0]),
            ("2:49,40,59,49:2,2", None),
            ("2:25,20,30,28:2,2", None),
        ):
            run = self.segment("scan.nii", "--box", box, "--zoom", "1")
            i, j, width, height = run.report["plan"]["objects"][0]["zoom"]["window"]
            if window is not None:
                self.assertLessEqual((i, j), tuple(window))
            inside = numpy.zeros((60, 50), bool)
            inside[max(i, 0) : i + width, max(j, 0) : j + height] = True
            self.assertTrue(numpy.array_equal(~numpy.isnan(run.logits[:, :, 2]), inside), box)
            self.assertFalse(run.mask[:, :, 2][~inside].any())

    def test_masks_at_borders(self):
        """A mask prompt in a corner, within a window and without, changes nothing but through the network."""
        label = numpy.zeros((60, 50, 4), numpy.uint8)
        label[52:, 41:, 1:4] = 1
        label[:, :, 3][label[:, :, 3] != 0] = 1
        label[50:, 41:, 2] = 1
        nifti(self.folder / "label.nii", label)
        for zoom in ("off", "1", "3"):
            run = self.segment("scan.nii", "--mask", "label.nii", "--zoom", zoom)
            (planned,) = run.report["plan"]["objects"]
            self.assertEqual([(prompt["k"], prompt["mask"]) for prompt in planned["prompts"]], [(2, True)])
            self.assertEqual(planned["z"], [1, 3])
            # The network takes the mask as it is on the slice that it prompts.
            got = run.logits[:, :, 2] > 0
            wanted = label[:, :, 2] != 0
            overlap = 2 * numpy.count_nonzero(got & wanted) / (numpy.count_nonzero(got) + numpy.count_nonzero(wanted))
            self.assertGreater(overlap, 0.9, zoom)

    def test_mask_of_a_flipped_storage(self):
        """An image stored the other way round, with the prompts where they are physically, gives the mirrored plan."""
        voxels = wavy(40, 32, 3)
        affine = numpy.diag([0.8, 0.8, 3, 1.0])
        flipped = affine.copy()
        flipped[0, 0] *= -1
        flipped[0, 3] = affine[0, 0] * 39
        nibabel.save(nibabel.Nifti1Image(voxels, affine), self.folder / "one.nii")
        nibabel.save(nibabel.Nifti1Image(numpy.ascontiguousarray(voxels[::-1]), flipped), self.folder / "other.nii")
        box = {"roi": [3 * 0.8, 12 * 0.8, 5 * 0.8, 20 * 0.8, 0, 6], "clip": "tight"}
        masks = [self.segment(name, "--ras", params=box, name=f"{name[:3]}-out").mask for name in ("one.nii", "other.nii")]
        for mask, area in zip(masks, (slice(3, 13), slice(27, 37)), strict=True):
            self.assertTrue(mask.any())
            mask[area, 5:21] = 0
            self.assertFalse(mask.any())


if __name__ == "__main__":
    unittest.main()
