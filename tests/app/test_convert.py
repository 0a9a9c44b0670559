"""voxlabel model convert: the same values in another container or type, read by others."""

import json
import math
import pathlib
import random
import struct
import subprocess
import unittest

import numpy
import safetensors
import safetensors.numpy

from app_case import CHECKPOINT, CONFIG, PROGRAM, nifti
from model_case import ModelCase

TYPES = {"F32": numpy.dtype("<u4"), "F16": numpy.dtype("<u2"), "BF16": numpy.dtype("<u2")}


def read(path):
    """(header without metadata, metadata, {name: (type, shape, bits)}) of a .safetensors file."""
    raw = pathlib.Path(path).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    metadata = header.pop("__metadata__", None)
    body, tensors = raw[8 + length :], {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], numpy.frombuffer(body[begin:end], TYPES[entry["dtype"]]))
    return header, metadata, tensors, (length, len(body))


def write(path, tensors, metadata=None, gap=b""):
    """Writes {name: (type, shape, bytes)} in the order given."""
    header, body = {} if metadata is None else {"__metadata__": metadata}, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + body + gap)


def nearest_bf16(value):
    """The bits of the bfloat16 that is nearest to a float32, ties to even, by exact arithmetic."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    sign, magnitude = bits & 0x80000000, bits & 0x7FFFFFFF
    low = magnitude & 0xFFFF0000

    def real(pattern):
        # Beyond the largest finite number lies what would be the next one.
        if pattern >= 0x7F800000:
            return 2.0**128
        return struct.unpack("<f", struct.pack("<I", pattern))[0]

    below, above, here = real(low), real(low + 0x10000), real(magnitude)
    if here - below == above - here:
        chosen = low if (low >> 16) % 2 == 0 else low + 0x10000
    else:
        chosen = low if here - below < above - here else low + 0x10000
    return (sign | chosen) >> 16


class Convert(ModelCase):
    def convert(self, *arguments, **more):
        return self.run_model("convert", *arguments, **more)

    def test_from_pt(self):
        """What torch.save wrote, as safetensors of others reads it."""
        _out, err = self.convert(CHECKPOINT, "out.safetensors")
        self.assertRegex(err, r"^voxlabel: out\.safetensors: 471 tensors, \d+\.\d MiB\n$")
        header, metadata, tensors, (length, size) = read(self.folder / "out.safetensors")
        self.assertEqual(metadata, {"format": "pt"})
        self.assertEqual(list(header), sorted(header))
        self.assertEqual(length % 8, 0)
        at = 0
        for entry in header.values():
            self.assertEqual(entry["data_offsets"][0], at)
            at = entry["data_offsets"][1]
        self.assertEqual(at, size)
        inspected = self.load_json(self.run_model("inspect", CHECKPOINT, "--config", CONFIG, "--json")[0])
        shapes = {tensor["name"]: tensor["shape"] for tensor in inspected["tensors"]}
        self.assertEqual({name: tensor[1] for name, tensor in tensors.items()}, shapes)
        loaded = safetensors.numpy.load_file(self.folder / "out.safetensors")
        self.assertEqual(set(loaded), set(tensors))
        with open(CHECKPOINT, "rb") as file:
            whole = file.read()
        for name, array in loaded.items():
            self.assertEqual(array.dtype, numpy.float32)
            self.assertEqual(list(array.shape), shapes[name])
            if array.nbytes >= 64:
                self.assertIn(array.tobytes(), whole, name)

    def test_there_and_back(self):
        """f32 of a safetensors file is that file; bf16 twice is bf16 once."""
        self.convert(CHECKPOINT, "a.safetensors")
        self.convert("a.safetensors", "b.safetensors", "--dtype", "f32")
        self.assertEqual((self.folder / "a.safetensors").read_bytes(), (self.folder / "b.safetensors").read_bytes())
        self.convert(CHECKPOINT, "half.safetensors", "--dtype", "bf16")
        self.convert("half.safetensors", "wide.safetensors", "--dtype", "f32")
        self.convert("wide.safetensors", "again.safetensors", "--dtype", "bf16")
        half, again = (self.folder / "half.safetensors"), (self.folder / "again.safetensors")
        self.assertEqual(half.read_bytes(), again.read_bytes())
        self.assertLess(half.stat().st_size, 0.51 * (self.folder / "a.safetensors").stat().st_size)
        wide, narrow = read(self.folder / "wide.safetensors")[2], read(half)[2]
        for name, (dtype, _shape, bits) in wide.items():
            self.assertEqual(dtype, "F32")
            self.assertTrue(numpy.array_equal(bits >> 16, narrow[name][2]))
            self.assertFalse(numpy.any(bits & 0xFFFF))

    def test_rounding(self):
        rng = random.Random(7)
        patterns = [rng.getrandbits(32) for _ in range(5000)]
        # Ties, their neighbours, and both ends of the range.
        for high in (0x3F80, 0x3F81, 0x0000, 0x0001, 0x007F, 0x0080, 0x7F7F, 0x7F7E):
            patterns += [high << 16 | low for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]
        patterns += [pattern | 0x80000000 for pattern in patterns]
        values = [struct.unpack("<f", struct.pack("<I", pattern))[0] for pattern in patterns]
        kept = [(p, v) for p, v in zip(patterns, values) if not math.isnan(v) and not math.isinf(v)]
        data = numpy.array([pattern for pattern, _value in kept], "<u4").tobytes()
        write(self.folder / "in.safetensors", {"x": ("F32", [len(kept)], data)})
        self.convert("in.safetensors", "out.safetensors", "--dtype", "bf16")
        _header, metadata, tensors, _sizes = read(self.folder / "out.safetensors")
        self.assertIsNone(metadata)
        self.assertEqual(tensors["x"][:2], ("BF16", [len(kept)]))
        for (pattern, value), bits in zip(kept, tensors["x"][2]):
            self.assertEqual(int(bits), nearest_bf16(value), hex(pattern))

    def test_what_is_no_number(self):
        patterns = [0x7F800000, 0xFF800000, 0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x7F80FFFF, 0x80000000]
        data = numpy.array(patterns, "<u4").tobytes()
        write(self.folder / "in.safetensors", {"x": ("F32", [len(patterns)], data)})
        self.convert("in.safetensors", "out.safetensors", "--dtype", "bf16")
        bits = read(self.folder / "out.safetensors")[2]["x"][2]
        self.assertEqual([int(b) for b in bits[:2]], [0x7F80, 0xFF80])
        for b, pattern in zip(bits[2:6], patterns[2:6]):
            self.assertEqual(int(b) & 0x7F80, 0x7F80)
            self.assertNotEqual(int(b) & 0x7F, 0)  # not an infinity
            self.assertEqual(int(b) >> 15, pattern >> 31)
        self.assertEqual(int(bits[6]), 0x8000)

    def test_half_precision(self):
        every = numpy.arange(1 << 16, dtype="<u2")
        write(self.folder / "in.safetensors", {"x": ("F16", [1 << 16], every.tobytes())})
        self.convert("in.safetensors", "same.safetensors")
        self.assertTrue(numpy.array_equal(read(self.folder / "same.safetensors")[2]["x"][2], every))
        self.convert("in.safetensors", "wide.safetensors", "--dtype", "f32")
        wide = read(self.folder / "wide.safetensors")[2]["x"][2].view("<f4")
        wanted = every.view("<f2").astype("<f4")
        numbers = ~numpy.isnan(wanted)
        self.assertTrue(numpy.array_equal(wide[numbers].view("<u4"), wanted[numbers].view("<u4")))
        self.assertTrue(numpy.all(numpy.isnan(wide[~numbers])))
        self.convert("in.safetensors", "half.safetensors", "--dtype", "bf16")
        half = read(self.folder / "half.safetensors")[2]["x"][2]
        for at in range(0, 1 << 16, 37):
            if numbers[at] and not math.isinf(wanted[at]):
                self.assertEqual(int(half[at]), nearest_bf16(float(wanted[at])), at)

    def test_order_shapes_and_texts(self):
        texts = {"format": "pt", "note": "caf\u00e9 \"quoted\" \\ \n line", "z": "", "a": "1"}
        tensors = {
            "z.last": ("F32", [2, 3], struct.pack("<6f", *range(6))),
            "B.upper": ("BF16", [1], b"\x80\x3f"),
            "b.scalar": ("F32", [], struct.pack("<f", 7)),
            "b.none": ("F32", [0, 5], b""),
            "a.half": ("F16", [3], struct.pack("<3e", 1, 2, 3)),
        }
        write(self.folder / "in.safetensors", tensors, texts)
        self.convert("in.safetensors", "out.safetensors")
        header, metadata, written, _sizes = read(self.folder / "out.safetensors")
        self.assertEqual(metadata, texts)
        self.assertEqual(list(header), sorted(tensors, key=str.encode))
        for name, (dtype, shape, data) in tensors.items():
            self.assertEqual(written[name][:2], (dtype, shape))
            self.assertEqual(written[name][2].tobytes(), data)
        self.convert("in.safetensors", "wide.safetensors", "--dtype", "f32")
        loaded = safetensors.numpy.load_file(self.folder / "wide.safetensors")
        self.assertEqual(loaded["z.last"].tolist(), [[0, 1, 2], [3, 4, 5]])
        self.assertEqual((loaded["b.scalar"].shape, float(loaded["b.scalar"])), ((), 7.0))
        self.assertEqual(loaded["b.none"].shape, (0, 5))
        self.assertEqual(loaded["a.half"].tolist(), [1, 2, 3])
        self.assertEqual(loaded["B.upper"].tolist(), [1])
        with safetensors.safe_open(self.folder / "wide.safetensors", "numpy") as file:
            self.assertEqual(file.metadata(), texts)

    def test_texts_that_are_none(self):
        for metadata in ({"a": 1}, [], None):
            write(self.folder / "in.safetensors", {"x": ("F32", [1], b"\0" * 4)}, metadata)
            self.convert("in.safetensors", "out.safetensors")
            self.assertIsNone(read(self.folder / "out.safetensors")[1])

    def test_masks(self):
        """The same masks from the same values; nearly the same from rounded ones."""
        nifti(self.folder / "scan.nii")
        self.convert(CHECKPOINT, "wide.safetensors", "--dtype", "f32")
        self.convert(CHECKPOINT, "half.safetensors", "--dtype", "bf16")
        masks = {}
        for model in (CHECKPOINT, "wide.safetensors", "half.safetensors"):
            more = ["--model", model, "--config", CONFIG, "--box", "2:5,5,25,20"]
            self.run_program("segment", "scan.nii", *more, "-o", "mask.nii", "--logits", "logits.nii", "--quiet")
            masks[model] = [(self.folder / name).read_bytes() for name in ("mask.nii", "logits.nii")]
        self.assertEqual(masks[CHECKPOINT], masks["wide.safetensors"])
        self.assertNotEqual(masks[CHECKPOINT][1], masks["half.safetensors"][1])

    def test_refuses(self):
        before = (self.folder / "a.safetensors")
        self.convert(CHECKPOINT, before)
        bytes_before = before.read_bytes()
        for arguments, status, said in (
            (["a.safetensors", "a.safetensors"], 2, "is an input, name another file"),
            (["a.safetensors", "b.pt"], 2, "must end in .safetensors"),
            (["a.safetensors", ".safetensors"], 2, "must end in .safetensors"),
            (["a.safetensors", "b.safetensors", "--dtype", "f16"], 2, "neither f32 nor bf16"),
            (["none.pt", "b.safetensors"], 2, "none.pt: cannot open"),
            (["a.safetensors", "none/b.safetensors"], 1, "cannot create a file"),
        ):
            self.assertIn(said, self.convert(*arguments, status=status)[1])
        (self.folder / "text.pt").write_text("no checkpoint")
        self.convert("text.pt", "b.safetensors", status=1)
        self.assertEqual(before.read_bytes(), bytes_before)
        self.assertEqual(self.files(), ["a.safetensors", "text.pt"])

    def test_full_disk(self):
        (self.folder / "out.safetensors").write_text("old")
        process = subprocess.run(
            ["sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", PROGRAM, "model", "convert", CHECKPOINT, "out.safetensors"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(process.returncode, 1)
        self.assertIn("out.safetensors: cannot write the file", process.stderr)
        self.assertEqual(self.files(), ["out.safetensors"])
        self.assertEqual((self.folder / "out.safetensors").read_text(), "old")


if __name__ == "__main__":
    unittest.main()
