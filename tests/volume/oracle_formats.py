"""MetaImage against SimpleITK, all formats against each other in every orientation, and label maps as 3D Slicer
writes them against pynrrd.

    oracle_formats.py VOLUME_TOOL LABEL_TOOL
"""

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk

VOLUME_TOOL, LABEL_TOOL = sys.argv[1:3]
DTYPES = "u1 i1 u2 i2 u4 i4 u8 i8 f4 f8".split()
LPS = np.diag([-1.0, -1.0, 1.0])
ENDINGS = [".mha", ".mhd"]


def run(tool, *args):
    done = subprocess.run([tool, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{args}: {done.stderr}")
    return done.stdout


def info(path):
    seen = json.loads(run(VOLUME_TOOL, "info", path))
    seen["affine"] = np.array(seen["affine"]).reshape(3, 4)
    return seen


def some_voxels(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(0, 1000, shape).astype(kind)
    bits = min(8 * kind.itemsize, 52)
    low = 0 if kind.kind == "u" else -(2 ** (bits - 1))
    return rng.integers(low, low + 2**bits - 1, shape, dtype=np.int64).astype(kind)


def crooked(seed):
    """A rotation, spacings and an offset; RAS."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.column_stack([rotation * rng.uniform(0.3, 6, 3), rng.uniform(-300, 300, 3)])


def orientations():
    """Every order of the axes with every flip, spacings that tell them apart, and an offset; RAS."""
    for order in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            affine = np.zeros((3, 4))
            for axis, row in enumerate(order):
                affine[row, axis] = flips[axis] * (0.7, 1.5, 5.0)[axis]
            affine[:, 3] = (-170.25, 33.3, 410.125)
            yield affine


def corner_voxels(a, b, shape):
    """How far the corners of the grid lie apart, in voxels of a."""
    corners = np.array([[*c, 1] for c in itertools.product(*[(0, n - 1) for n in shape])]).T
    return np.abs(np.linalg.solve(a[:, :3], (b - a) @ corners)).max()


def to_sitk(data, affine):
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    lps = LPS @ affine
    spacing = np.linalg.norm(lps[:, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:, 3].tolist())
    return image


def from_sitk(path):
    """Voxels, RAS affine."""
    image = sitk.ReadImage(str(path))
    direction = np.array(image.GetDirection()).reshape(3, 3)
    lps = np.column_stack([direction * image.GetSpacing(), image.GetOrigin()])
    return sitk.GetArrayFromImage(image).T, LPS @ lps


def save(path, data, affine):
    """By the other program that writes this format best."""
    if path.name.endswith(".nii"):
        nibabel.save(nibabel.Nifti1Image(data, np.vstack([affine, [0, 0, 0, 1]])), path)
    elif path.name.endswith(".nrrd"):
        lps = LPS @ affine
        nrrd.write(
            str(path),
            data,
            {"space": "left-posterior-superior", "space directions": lps[:, :3].T, "space origin": lps[:, 3]},
        )
    else:
        sitk.WriteImage(to_sitk(data, affine), str(path))


def load(path):
    if path.name.endswith(".nii"):
        image = nibabel.load(path)
        return np.asarray(image.dataobj), image.affine[:3]
    return from_sitk(path)


class InFolder(unittest.TestCase):
    def setUp(self):
        # Every file that is written is synced: in memory that costs nothing.
        memory = pathlib.Path("/dev/shm")
        temporary = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)


class MetaImage(InFolder):
    def test_simpleitk_writes_we_read(self):
        for n, (dtype, ending, compressed) in enumerate(itertools.product(DTYPES, ENDINGS, (False, True))):
            shape = [(5, 4, 3), (1, 7, 2), (9, 1, 1), (6, 5, 1)][n % 4]
            path = self.folder / f"a{ending}"
            data, affine = some_voxels(shape, dtype, n), crooked(n)
            sitk.WriteImage(to_sitk(data, affine), str(path), useCompression=compressed)
            with self.subTest(dtype=dtype, ending=ending, compressed=compressed):
                seen = info(path)
                self.assertEqual(seen["type"], np.dtype(dtype).name)
                self.assertEqual(seen["format"], "metaimage")
                self.assertEqual(tuple(seen["size"]), shape)
                self.assertLess(corner_voxels(from_sitk(path)[1], seen["affine"], shape), 1e-9)
                run(VOLUME_TOOL, "dump", path, self.folder / "dump")
                got = np.fromfile(self.folder / "dump", "f8").reshape(shape, order="F")
                np.testing.assert_array_equal(got, data.astype("f8"))

    def test_we_write_simpleitk_reads(self):
        for n, (dtype, ending, how) in enumerate(itertools.product(DTYPES, ENDINGS, ("copy", "pack"))):
            shape = [(5, 4, 3), (1, 7, 2), (9, 1, 1), (6, 5, 1)][n % 4]
            source, path = self.folder / "s.mha", self.folder / f"c{ending}"
            data, affine = some_voxels(shape, dtype, n), crooked(n)
            sitk.WriteImage(to_sitk(data, affine), str(source))
            run(VOLUME_TOOL, how, source, path)
            with self.subTest(dtype=dtype, ending=ending, how=how):
                got, place = from_sitk(path)
                self.assertEqual(got.dtype, np.dtype(dtype))
                np.testing.assert_array_equal(got, data)
                np.testing.assert_array_equal(place, from_sitk(source)[1])
                packed = b"CompressedData = True" in path.read_bytes()
                self.assertEqual(packed, how == "pack")


class Orientations(InFolder):
    def test_all_formats_in_all_orientations(self):
        shape = (7, 5, 3)
        data = some_voxels(shape, "i2", 0)
        for n, affine in enumerate(orientations()):
            for first, second in itertools.product((".nii", ".nrrd", ".mha"), repeat=2):
                source, path = self.folder / f"a{first}", self.folder / f"b{second}"
                save(source, data, affine)
                run(VOLUME_TOOL, "copy", source, path)
                with self.subTest(n=n, first=first, second=second):
                    self.assertLess(corner_voxels(affine, info(source)["affine"], shape), 1e-4)
                    got, place = load(path)
                    np.testing.assert_array_equal(got, data)
                    self.assertLess(corner_voxels(affine, place, shape), 1e-4)
        self.assertEqual(n, 47)


class LabelMaps(InFolder):
    def image(self, shape, affine):
        path = self.folder / "image.nii"
        nibabel.save(nibabel.Nifti1Image(np.zeros(shape, "i2"), np.vstack([affine, [0, 0, 0, 1]])), path)
        return path

    def slicer_file(self, path, layers, segments, affine, offset, encoding):
        """As vtkMRMLSegmentationStorageNode writes it: cropped, the layers in a list that comes first."""
        lps = LPS @ affine
        origin = lps @ [*offset, 1]
        header = {
            "space": "left-posterior-superior",
            "space directions": np.vstack([[np.nan] * 3, lps[:, :3].T]),
            "space origin": origin,
            "kinds": ["list", "domain", "domain", "domain"],
            "encoding": encoding,
            "measurement frame": np.eye(3),
            "Segmentation_ContainedRepresentationNames": "Binary labelmap|Closed surface|",
            "Segmentation_ConversionParameters": "Smoothing factor|0.5|Ratio 0 to 1&",
            "Segmentation_MasterRepresentation": "Binary labelmap",
            "Segmentation_ReferenceImageExtentOffset": " ".join(map(str, offset)),
        }
        shape = layers.shape[1:]
        for i, (name, layer, value) in enumerate(segments):
            header[f"Segment{i}_ID"] = f"Segment_{i + 1}"
            header[f"Segment{i}_Name"] = name
            header[f"Segment{i}_Color"] = f"{i / 10} 0.5 1"
            header[f"Segment{i}_LabelValue"] = str(value)
            header[f"Segment{i}_Layer"] = str(layer)
            header[f"Segment{i}_Extent"] = f"0 {shape[0] - 1} 0 {shape[1] - 1} 0 {shape[2] - 1}"
            header[f"Segment{i}_Tags"] = "Segmentation.Status:inprogress|TerminologyEntry:a~b^c^d|"
        if len(layers) == 1:
            layers = layers[0]
            header["kinds"] = header["kinds"][1:]
            header["space directions"] = header["space directions"][1:]
        nrrd.write(str(path), layers, header)

    def test_segments_of_slicer(self):
        rng = np.random.default_rng(1)
        shape, size, offset = (6, 5, 4), (17, 13, 11), (3, 5, 2)
        segments = [("liver", 0, 1), ("liver tumour", 1, 1), ("vessel", 0, 7), ("lung", 2, 3)]
        for n, (encoding, count, dtype) in enumerate(itertools.product(("raw", "gzip"), (1, 3), ("u1", "i2"))):
            affine = crooked(n)
            layers = rng.choice(np.array([0, 0, 1, 3, 7], dtype), (count, *shape))
            chosen = [s for s in segments if s[1] < count]
            path = self.folder / "a.seg.nrrd"
            self.slicer_file(path, layers, chosen, affine, offset, encoding)
            image = self.image(size, affine)
            with self.subTest(encoding=encoding, count=count, dtype=dtype):
                seen = json.loads(run(LABEL_TOOL, "info", path))
                self.assertEqual(seen["layers"], count)
                self.assertEqual(seen["size"], list(shape))
                self.assertEqual(seen["values"], [1, 3, 7])
                self.assertEqual([(s["name"], s["layer"], s["value"]) for s in seen["segments"]], chosen)
                self.assertEqual(seen["segments"][1]["color"], [0.1, 0.5, 1])
                self.assertEqual(seen["segments"][1]["extent"], [0, 5, 0, 4, 0, 3])
                inside = tuple(slice(o, o + s) for o, s in zip(offset, shape))
                for name, layer, value in chosen:
                    wanted = np.zeros(size, "u1")
                    wanted[inside] = layers[layer] == value
                    np.testing.assert_array_equal(self.mask(path, image, name, size), wanted)
                wanted = np.zeros(size, "u1")
                wanted[inside] = (layers == 7).any(axis=0)
                np.testing.assert_array_equal(self.mask(path, image, "=7", size), wanted)

    def mask(self, path, image, what, size):
        run(LABEL_TOOL, "mask", path, image, what, self.folder / "mask")
        return np.fromfile(self.folder / "mask", "u1").reshape(size, order="F")

    def test_a_map_of_another_format(self):
        affine, size = crooked(9), (9, 8, 7)
        data = np.random.default_rng(2).choice(np.array([0, 2, 5], "f4"), size)
        image = self.image(size, affine)
        for ending in (".nii", ".nrrd", ".mha", ".mhd"):
            path = self.folder / f"label{ending}"
            save(path, data, affine)
            with self.subTest(ending=ending):
                self.assertEqual(json.loads(run(LABEL_TOOL, "info", path))["values"], [2, 5])
                np.testing.assert_array_equal(self.mask(path, image, "=5", size), data == 5)

    def test_another_grid_is_refused(self):
        size = (9, 8, 7)
        image = self.image(size, crooked(9))
        save(self.folder / "label.mha", np.zeros(size, "u1"), crooked(10))
        with self.assertRaisesRegex(AssertionError, "not on the image's grid"):
            run(LABEL_TOOL, "mask", self.folder / "label.mha", image, "=1", self.folder / "mask")

    def test_segments_that_we_write(self):
        affine, size = crooked(4), (6, 5, 4)
        data = np.random.default_rng(3).integers(0, 4, size).astype("u1")
        source, path = self.folder / "a.nii", self.folder / "b.seg.nrrd"
        save(source, data, affine)
        run(LABEL_TOOL, "write", source, path, "liver", "tumour", "uncertain")
        got, header = nrrd.read(str(path))
        np.testing.assert_array_equal(got, data)
        self.assertEqual(header["kinds"], ["domain"] * 3)
        self.assertEqual(header["Segmentation_MasterRepresentation"], "Binary labelmap")
        self.assertEqual(header["Segmentation_ContainedRepresentationNames"], "Binary labelmap|")
        self.assertEqual(header["Segmentation_ReferenceImageExtentOffset"], "0 0 0")
        colors = set()
        for i, name in enumerate(("liver", "tumour", "uncertain")):
            self.assertEqual(header[f"Segment{i}_ID"], f"Segment_{i + 1}")
            self.assertEqual(header[f"Segment{i}_Name"], name)
            self.assertEqual(header[f"Segment{i}_LabelValue"], str(i + 1))
            self.assertEqual(header[f"Segment{i}_Layer"], "0")
            self.assertEqual(header[f"Segment{i}_Extent"], "0 5 0 4 0 3")
            self.assertTrue(header[f"Segment{i}_Tags"].startswith("TerminologyEntry:"))
            color = tuple(float(c) for c in header[f"Segment{i}_Color"].split())
            self.assertEqual(len(color), 3)
            self.assertTrue(all(0 <= c <= 1 for c in color))
            colors.add(color)
        self.assertEqual(len(colors), 3)
        self.assertNotIn("Segment3_ID", header)
        place = LPS @ np.column_stack([header["space directions"].T, header["space origin"]])
        self.assertLess(corner_voxels(affine, place, size), 1e-4)


if __name__ == "__main__":
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    unittest.main(argv=sys.argv[:1])
