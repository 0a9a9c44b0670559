"""Reads checkpoints that make_checkpoint wrote with Python's own zipfile, pickle and json, and compares every value with
the formula in numpy. Usage: oracle_checkpoint.py MAKE_CHECKPOINT SKELETON.yaml
"""

import io
import json
import math
import pathlib
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict

import numpy as np

TYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "F32": "<f4", "F16": "<f2"}


def formula(name, shape, salt):
    h = 2166136261
    for byte in (salt + name).encode("ascii"):
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    n = math.prod(shape)
    x = np.uint32(h) ^ (np.arange(n, dtype=np.uint64) * 2654435769 % 2**32).astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    u = x / 2.0**31 - 1
    if len(shape) >= 2:
        u = u * math.sqrt(3.0 * shape[0] / n)
    else:
        u = 1 + 0.2 * u if name.endswith(".weight") else 0.2 * u
    return u.astype(np.float32).reshape(shape)


class Storage:
    """Stands for the storage classes of torch, which the pickle only names."""

    def __init__(self, name):
        self.name = name


class Reader(pickle.Unpickler):
    """Knows the globals of a state dict and no others."""

    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(root + "/data.pkl")))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.rebuild
        if module == "torch" and name.endswith("Storage"):
            return Storage(name)
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid):
        word, storage, key, location, elements = pid
        assert (word, location) == ("storage", "cpu"), pid
        values = np.frombuffer(self.archive.read(f"{self.root}/data/{key}"), TYPES[storage.name])
        assert len(values) == elements, pid
        return values

    @staticmethod
    def rebuild(storage, offset, sizes, strides, requires_grad, hooks):
        assert offset == 0 and not requires_grad and hooks == OrderedDict()
        array = storage.reshape(sizes)
        assert tuple(s // array.itemsize for s in array.strides) == strides
        return array


def read_pt(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
        assert archive.read("archive/byteorder") == b"little"
        return Reader(archive, "archive").load()["model"]


def read_safetensors(path):
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    body = raw[8 + length:]
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def main():
    program, skeleton = sys.argv[1:]
    bias = "sam_mask_decoder.pred_obj_score_head.layers.2.bias"
    cases = (([], "", False, np.float32, read_pt), (["--salt", "other", "--present"], "other", True, np.float32, read_pt),
             (["--dtype", "f16"], "", False, np.float16, read_pt),
             (["--safetensors", "f32"], "", False, np.float32, read_safetensors),
             (["--safetensors", "f16"], "", False, np.float16, read_safetensors))
    with tempfile.TemporaryDirectory() as folder:
        for options, salt, present, dtype, read in cases:
            path = pathlib.Path(folder) / "checkpoint"
            done = subprocess.run([program, path, "--config", skeleton, *options], check=True, capture_output=True,
                                  text=True)
            tensors = read(path)
            total = 0.0
            for name, array in tensors.items():
                wanted = formula(name, array.shape, salt)
                if present and name == bias:
                    wanted[:] = 1.0
                total += float(wanted.sum(dtype=np.float64))
                assert np.array_equal(array, wanted.astype(dtype)), name
            values = sum(a.size for a in tensors.values())
            assert len(tensors) == 471, len(tensors)
            assert done.stdout == f"{len(tensors)} tensors, {values} values, sum {total:.4f}\n", (done.stdout, total)
    print("5 checkpoints read")


if __name__ == "__main__":
    main()
