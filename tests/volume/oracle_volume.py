"""Our reader and writer against nibabel and pynrrd, both ways.

    oracle_volume.py VOLUME_TOOL SAMPLES_FOLDER
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

TOOL, SAMPLES = sys.argv[1], pathlib.Path(sys.argv[2])
DTYPES = "u1 i1 u2 i2 u4 i4 u8 i8 f4 f8".split()
SHAPES = [(5, 4, 3), (1, 7, 2), (9, 1, 1), (6, 5, 1)]
LPS = np.diag([-1.0, -1.0, 1.0])


def run(*args):
    done = subprocess.run([TOOL, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{args}: {done.stderr}")
    return done.stdout


def info(path):
    seen = json.loads(run("info", path))
    seen["affine"] = np.array(seen["affine"]).reshape(3, 4)
    return seen


def values(path, folder):
    run("dump", path, folder / "dump")
    return np.fromfile(folder / "dump", "f8").reshape(info(path)["size"], order="F")


def some_voxels(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        data = rng.normal(0, 1000, shape)
        data.flat[0] = np.nan
        return data.astype(kind)
    # int64 values stay within what a double holds, since nibabel compares in double.
    bits = min(8 * kind.itemsize, 52)
    low = 0 if kind.kind == "u" else -(2 ** (bits - 1))
    return rng.integers(low, low + 2**bits - 1, shape, dtype=np.int64 if kind.kind == "i" else np.uint64).astype(kind)


def crooked(seed):
    """A rotation, spacings and an offset."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * rng.uniform(0.3, 6, 3)
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return affine


def corner_voxels(a, b, shape):
    """How far the corners of the grid lie apart, in voxels of a."""
    corners = np.array([[*c, 1] for c in itertools.product(*[(0, n - 1) for n in shape])]).T
    off = (np.asarray(b)[:3] - np.asarray(a)[:3]) @ corners
    return np.abs(np.linalg.solve(np.asarray(a)[:3, :3], off)).max()


def nrrd_affine(header):
    """To RAS; pynrrd keeps directions as rows."""
    flip = {"left-posterior-superior": LPS, "right-anterior-superior": np.eye(3)}[header["space"]]
    affine = np.column_stack([np.asarray(header["space directions"]).T, header["space origin"]])
    return flip @ affine


class Volumes(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def nifti_image(self, kind, order, dtype, shape, seed):
        header = (nibabel.Nifti1Header if kind == 1 else nibabel.Nifti2Header)(endianness=order)
        header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
        make = nibabel.Nifti1Image if kind == 1 else nibabel.Nifti2Image
        image = make(some_voxels(shape, dtype, seed), crooked(seed), header)
        image.header.set_xyzt_units("mm", "sec")
        return image

    def test_nibabel_writes_we_read(self):
        cases = itertools.product((1, 2), "<>", DTYPES, (".nii", ".nii.gz"))
        for n, (kind, order, dtype, ending) in enumerate(cases):
            shape = SHAPES[n % len(SHAPES)]
            path = self.folder / f"a{ending}"
            image = self.nifti_image(kind, order, dtype, shape, n)
            if n % 3 == 0:
                image.header.set_slope_inter(0.37, -1024.5)
            nibabel.save(image, path)
            loaded = nibabel.load(path)
            with self.subTest(kind=kind, order=order, dtype=dtype, ending=ending):
                self.assertEqual(loaded.header.endianness, order)
                seen = info(path)
                self.assertEqual(seen["type"], np.dtype(dtype).name)
                self.assertEqual(seen["format"], f"nifti{kind}")
                self.assertEqual(tuple(seen["size"]), shape)
                np.testing.assert_array_equal(seen["affine"], loaded.affine[:3])
                np.testing.assert_array_equal(values(path, self.folder), loaded.get_fdata())

    def test_qform_alone(self):
        for n in range(8):
            path = self.folder / "q.nii"
            image = self.nifti_image(1 + n % 2, "<>"[n // 2 % 2], "i2", (6, 5, 4), n)
            image.set_sform(None, 0)
            image.set_qform(crooked(n), 1)
            nibabel.save(image, path)
            loaded = nibabel.load(path)
            np.testing.assert_allclose(info(path)["affine"], loaded.affine[:3], rtol=0, atol=1e-4)

    def test_we_write_nibabel_reads(self):
        cases = itertools.product((1, 2), "<>", DTYPES, (".nii", ".nii.gz"))
        for n, (kind, order, dtype, ending) in enumerate(cases):
            shape = SHAPES[n % len(SHAPES)]
            source, path = self.folder / "s.nii", self.folder / f"c{ending}"
            nibabel.save(self.nifti_image(kind, order, dtype, shape, n), source)
            run("copy", source, path)
            before, after = nibabel.load(source), nibabel.load(path)
            with self.subTest(kind=kind, order=order, dtype=dtype, ending=ending):
                self.assertEqual(type(before), type(after))
                self.assertEqual(after.shape, shape)
                self.assertEqual(after.get_data_dtype(), np.dtype(dtype))
                np.testing.assert_array_equal(before.dataobj, after.dataobj)
                for field in (
                    "pixdim sform_code qform_code quatern_b quatern_c quatern_d qoffset_x qoffset_y qoffset_z "
                    "srow_x srow_y srow_z xyzt_units"
                ).split():
                    np.testing.assert_array_equal(before.header[field], after.header[field], field)
                self.assertEqual((after.dataobj.slope, after.dataobj.inter), (1, 0))

    def nrrd_header(self, n, order, encoding):
        affine = LPS @ crooked(n)[:3]
        return {
            "space": "left-posterior-superior",
            "space directions": affine[:, :3].T,
            "space origin": affine[:, 3],
            "kinds": ["domain"] * 3,
            "endian": order,
            "encoding": encoding,
        }

    def test_pynrrd_writes_we_read(self):
        cases = itertools.product(DTYPES, ("little", "big"), ("raw", "gzip"))
        for n, (dtype, order, encoding) in enumerate(cases):
            shape = SHAPES[n % len(SHAPES)]
            path = self.folder / "a.nrrd"
            data = some_voxels(shape, dtype, n)
            header = self.nrrd_header(n, order, encoding)
            nrrd.write(str(path), data.astype(np.dtype(dtype).newbyteorder("<>"[order == "big"])), header)
            wanted, loaded = nrrd.read(str(path))
            with self.subTest(dtype=dtype, order=order, encoding=encoding):
                seen = info(path)
                self.assertEqual(seen["type"], np.dtype(dtype).name)
                self.assertEqual(tuple(seen["size"]), shape)
                self.assertLess(np.abs(seen["affine"] - nrrd_affine(loaded)).max(), 1e-12)
                np.testing.assert_array_equal(values(path, self.folder), wanted.astype("f8"))

    def test_we_write_pynrrd_reads(self):
        for n, dtype in enumerate(DTYPES):
            shape = SHAPES[n % len(SHAPES)]
            source, path = self.folder / "s.nrrd", self.folder / "c.nrrd"
            nrrd.write(str(source), some_voxels(shape, dtype, n), self.nrrd_header(n, "little", "raw"))
            run("copy", source, path)
            (before, old), (after, new) = nrrd.read(str(source)), nrrd.read(str(path))
            with self.subTest(dtype=dtype):
                self.assertEqual(after.dtype, np.dtype(dtype))
                np.testing.assert_array_equal(before, after)
                self.assertEqual(new["encoding"], "gzip")
                self.assertEqual(new["space"], old["space"])
                np.testing.assert_array_equal(new["space directions"], old["space directions"])
                np.testing.assert_array_equal(new["space origin"], old["space origin"])

    def test_formats_agree(self):
        shape = (200, 150, 9)
        for n in range(6):
            first, second, third = (self.folder / name for name in ("a.nrrd", "b.nii.gz", "c.nrrd"))
            nrrd.write(str(first), np.zeros(shape, "u1"), self.nrrd_header(n, "little", "gzip"))
            run("copy", first, second)
            run("copy", second, third)
            wanted = nrrd_affine(nrrd.read_header(str(first)))
            image = nibabel.load(second)
            with self.subTest(n=n):
                self.assertEqual(int(image.header["sform_code"]), 1)
                self.assertLess(corner_voxels(wanted, image.affine, shape), 1e-4)
                if int(image.header["qform_code"]) > 0:
                    self.assertLess(corner_voxels(wanted, image.get_qform(), shape), 1e-3)
                self.assertLess(corner_voxels(wanted, nrrd_affine(nrrd.read_header(str(third))), shape), 1e-4)

    def test_samples(self):
        files = sorted(SAMPLES.glob("*.nrrd"))
        self.assertEqual(len(files), 4)
        for path in files:
            wanted, header = nrrd.read(str(path))
            with self.subTest(path=path.name):
                seen = info(path)
                self.assertEqual(seen["type"], wanted.dtype.name)
                self.assertLess(np.abs(seen["affine"] - nrrd_affine(header)).max(), 1e-12)
                np.testing.assert_array_equal(values(path, self.folder), wanted)
                for name in ("m.nrrd", "m.nii.gz"):
                    mask = self.folder / name
                    run("mask", path, mask)
                    if name == "m.nrrd":
                        got, after = nrrd.read(str(mask))
                        np.testing.assert_array_equal(after["space directions"], header["space directions"])
                        np.testing.assert_array_equal(after["space origin"], header["space origin"])
                    else:
                        image = nibabel.load(mask)
                        got = np.asarray(image.dataobj)
                        self.assertLess(corner_voxels(nrrd_affine(header), image.affine, wanted.shape), 1e-4)
                    self.assertEqual(got.dtype, np.uint8)
                    np.testing.assert_array_equal(got, wanted > wanted.mean())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
