"""The files of a result, in every format, as other programs read them."""

import unittest

import nibabel
import nrrd
import numpy
import SimpleITK
from PIL import Image

from app_case import SegmentCase, nifti, wavy

PROMPTS = ["--label-names", "liver,tumour", "--box", "2:10,12,30,38:1,4:liver", "--box", "2:32,12,50,38:1,4:tumour"]
ENDINGS = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".seg.nrrd"]


class Outputs(SegmentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.asked = [*PROMPTS, "--clip", "tight", "--quiet"]

    def setUp(self):
        super().setUp()
        self.scan = nifti(self.folder / "scan.nii.gz")

    def list_all(self, image="scan.nii.gz"):
        """Writes the mask in every format with one model, and returns their names."""
        names = [f"mask-{number}{ending}" for number, ending in enumerate(ENDINGS)]
        lines = [f'{{"image": "{image}", "output": "{name}"}}\n' for name in names]
        (self.folder / "list.jsonl").write_text("".join(lines))
        self.run_program("segment", "--batch", "list.jsonl", *self.model(), *self.asked)
        return names

    def itk(self, name):
        """An image as SimpleITK reads it: voxels as [i, j, k], affine in RAS."""
        image = SimpleITK.ReadImage(str(self.folder / name))
        affine = numpy.eye(4)
        direction = numpy.array(image.GetDirection()).reshape(3, 3)
        affine[:3, :3] = direction * numpy.array(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
        return SimpleITK.GetArrayFromImage(image).T, numpy.diag([-1, -1, 1, 1]) @ affine

    def test_every_format(self):
        names = self.list_all()
        wanted = self.voxels("mask-0.nii")
        self.assertEqual(wanted.dtype, numpy.uint8)
        self.assertLessEqual({1, 2}, set(numpy.unique(wanted)))
        corners = numpy.array([[0, 0, 0, 1], [59, 0, 0, 1], [0, 49, 0, 1], [0, 0, 5, 1], [59, 49, 5, 1]])
        for name in names:
            voxels, affine = self.itk(name)
            self.assertTrue((voxels == wanted).all(), name)
            apart = numpy.linalg.inv(self.scan.affine) @ (affine - self.scan.affine) @ corners.T
            self.assertLess(abs(apart).max(), 1e-3, name)

    def test_from_nrrd(self):
        """The header's own text comes back."""
        affine = numpy.diag([-1, -1, 1, 1]) @ self.scan.affine
        header = {
            "space": "left-posterior-superior",
            "space directions": affine[:3, :3].T,
            "space origin": affine[:3, 3],
        }
        nrrd.write(str(self.folder / "scan.nrrd"), wavy(), header)
        for ending in (".nrrd", ".seg.nrrd"):
            name = f"mask{ending}"
            self.segment("scan.nrrd", *self.asked, "-o", name)
            texts = []
            for path in ("scan.nrrd", name):
                lines = (self.folder / path).read_bytes().split(b"\n\n")[0].splitlines()
                texts.append([line for line in lines if line.startswith((b"space", b"space directions"))])
            self.assertEqual(texts[0], texts[1])

    def test_segments(self):
        self.segment("scan.nii.gz", *self.asked, "-o", "mask.seg.nrrd")
        voxels, header = nrrd.read(str(self.folder / "mask.seg.nrrd"))
        self.assertEqual(voxels.shape, (60, 50, 6))
        found = {}
        colours = set()
        for number in range(3):
            found[header[f"Segment{number}_Name"]] = int(header[f"Segment{number}_LabelValue"])
            colour = [float(part) for part in header[f"Segment{number}_Color"].split()]
            self.assertEqual(len(colour), 3)
            self.assertTrue(all(0 <= part <= 1 for part in colour))
            colours.add(tuple(colour))
            self.assertIn(f"Segment{number}_ID", header)
            self.assertEqual(header[f"Segment{number}_Layer"], "0")
        self.assertEqual(found, {"liver": 1, "tumour": 2, "uncertain": 3})
        self.assertEqual(len(colours), 3)
        self.assertNotIn("Segment3_Name", header)

    def test_a_mask_prompts_again(self):
        """What was written as segments is taken as a prompt by its names."""
        self.segment("scan.nii.gz", *self.asked, "-o", "mask.seg.nrrd")
        out, _err = self.run_program(
            "segment", "scan.nii.gz", "--explain", "--mask", "mask.seg.nrrd", "--label-names", "tumour,liver"
        )
        self.assertEqual(out.count(", the mask\n"), 2)

    def test_many_labels(self):
        """Values above 255 need two bytes."""
        names = ",".join(f"part {number}" for number in range(300))
        prompts = ["--point", "20,20,2:part 299", "--extent", "strict", "--label-names", names]
        report = self.report(*prompts)
        mask = self.voxels("scan-mask.nii.gz")
        self.assertEqual(mask.dtype, numpy.uint16)
        self.assertEqual(set(numpy.unique(mask)), {0, 300})
        self.assertEqual((report["label_names"]["part 299"], report["label_names"]["uncertain"]), (300, 301))
        self.assertEqual(len(report["label_names"]), 302)

    def test_dtype(self):
        self.segment("scan.nii.gz", *self.asked, "--params", '{"result_dtype": "uint16"}')
        self.assertEqual(self.voxels("scan-mask.nii.gz").dtype, numpy.uint16)

    def test_logits(self):
        for ending in (".nii.gz", ".nrrd", ".mha"):
            self.segment("scan.nii.gz", *self.asked, "--logits", f"logits{ending}")
        wanted = self.voxels("logits.nii.gz")
        self.assertEqual(wanted.dtype, numpy.float32)
        for ending in (".nrrd", ".mha"):
            self.assertEqual(self.itk(f"logits{ending}")[0].tobytes("F"), wanted.tobytes("F"))

    def test_preview(self):
        self.segment("scan.nii.gz", *self.asked, "--preview", "preview.png", "--json", "report.json")
        with Image.open(self.folder / "preview.png") as image:
            pixels = numpy.asarray(image.convert("RGB")).astype(int)
        self.assertGreater(min(pixels.shape[:2]), 50)
        # Slices are grey; what is drawn over them is not.
        coloured = numpy.ptp(pixels, axis=2) > 40
        self.assertTrue(coloured.any())
        self.assertFalse(coloured.all())
        self.assertEqual(self.load_json((self.folder / "report.json").read_text())["preview"], "preview.png")

    def test_odd_sizes(self):
        for number, size in enumerate([(700, 3, 2), (1, 40, 3), (40, 1, 3), (30, 30, 1), (1, 1, 1)]):
            nifti(self.folder / f"odd{number}.nii.gz", wavy(*size))
            middle = ",".join(str(side // 2) for side in size)
            outputs = ["--logits", "logits.nii.gz", "--preview", "preview.png"]
            self.segment(f"odd{number}.nii.gz", "--point", middle, "--quiet", "-o", "odd.nii.gz", *outputs)
            image = nibabel.load(self.folder / "odd.nii.gz")
            self.assertEqual(image.shape, size)

    def test_older_files_are_replaced(self):
        for name in ("mask.nii.gz", "report.json"):
            (self.folder / name).write_text("older")
        self.segment("scan.nii.gz", *self.asked, "-o", "mask.nii.gz", "--json", "report.json")
        self.assertEqual(self.voxels("mask.nii.gz").shape, (60, 50, 6))
        self.assertEqual(self.files(), ["mask.nii.gz", "report.json", "scan.nii.gz"])


if __name__ == "__main__":
    unittest.main()
