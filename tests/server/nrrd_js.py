"""Reads an NRRD file as narrowly as nrrd-js 0.2.1, which OHIF uses: what that reader would stumble over is an error."""

import re

import numpy

TYPES = {"uint8": "u1", "uchar": "u1", "unsigned char": "u1", "uint8_t": "u1", "uint16": "u2", "ushort": "u2"}


def parse(data):
    """(fields, voxels indexed [i, j, k]) of the bytes of a file."""
    head, blank, voxels = data.partition(b"\n\n")
    if not blank:
        raise AssertionError("no empty line behind the header")
    lines = head.decode("ascii").split("\n")
    if not re.fullmatch(r"NRRD000[1-5]", lines[0]):
        raise AssertionError(f"no magic: {lines[0]}")
    fields = {}
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        if ":=" in line:
            continue
        name, colon, value = line.partition(": ")
        if not colon or not value or "\r" in line:
            raise AssertionError(f"not a field: {line}")
        if name in fields:
            raise AssertionError(f"twice: {name}")
        fields[name] = value
    for needed in ("type", "dimension", "sizes", "encoding"):
        if needed not in fields:
            raise AssertionError(f"no {needed}")
    kind = numpy.dtype(TYPES[fields["type"]])
    if kind.itemsize > 1 and fields.get("endian") != "little":
        raise AssertionError("no endian")
    if fields["encoding"] != "raw":
        raise AssertionError(f"encoding {fields['encoding']}")
    sizes = [int(size) for size in fields["sizes"].split(" ")]
    if len(sizes) != int(fields["dimension"]):
        raise AssertionError("sizes and dimension differ")
    for direction in fields.get("space directions", "").split(" "):
        if direction and not re.fullmatch(r"\((-?[\d.]+(e[-+]?\d+)?,?){3}\)|none", direction):
            raise AssertionError(f"direction {direction}")
    if len(voxels) != int(numpy.prod(sizes)) * kind.itemsize:
        raise AssertionError(f"{len(voxels)} bytes of voxels for {sizes}")
    return fields, numpy.frombuffer(voxels, kind).reshape(sizes, order="F")
