"""Writes a large .nii.gz, or .nii, of int16 slice by slice, so that little memory is needed: a CT-like body with an
ellipsoid in it.

usage: make_large_volume.py PATH W H D

The ellipsoid's centre is the volume's and its half axes are a sixth of the sides; it is 90 HU brighter than what is
around it. Prints a box prompt for it: K:I0,J0,I1,J1:Z0,Z1.
"""

import gzip
import pathlib
import struct
import sys

import numpy


def header(size):
    """struct nifti_1_header with an sform of 0.8 x 0.8 x 1 mm."""
    w, h, d = size
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, w, h, d, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, 0.8, 0.8, 1, 1, 1, 1, 1)
    struct.pack_into("<3f", head, 108, 352, 1, 0)
    head[123] = 2
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, 0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1, 0)
    head[344:348] = b"n+1\0"
    return bytes(head)


def slices(size):
    w, h, d = size
    x = (numpy.arange(w) - w / 2)[None, :]
    y = (numpy.arange(h) - h / 2)[:, None]
    body = (x / (0.45 * w)) ** 2 + (y / (0.4 * h)) ** 2 < 1
    lesion = (x * 6 / w) ** 2 + (y * 6 / h) ** 2
    rng = numpy.random.default_rng(1)
    # One field of noise, shifted from slice to slice: making it anew would take most of the time.
    noise = rng.normal(0, 12, (h, w)).astype(numpy.int16)
    for k in range(d):
        plane = numpy.where(body, numpy.int16(40), numpy.int16(-1000))
        plane = plane + numpy.where(lesion + ((k - d / 2) * 6 / d) ** 2 < 1, numpy.int16(90), numpy.int16(0))
        yield (plane + numpy.roll(noise, (31 * k, 17 * k), (0, 1))).astype("<i2").tobytes()


def prompt(size):
    w, h, d = size
    box = [w // 2 - w // 6, h // 2 - h // 6, w // 2 + w // 6, h // 2 + h // 6]
    return f"{d // 2}:{','.join(map(str, box))}:{d // 2 - d // 6},{d // 2 + d // 6}"


def write(path, size):
    packed = path.name.endswith(".gz")
    with gzip.open(path, "wb", compresslevel=1) if packed else open(path, "wb") as file:
        file.write(header(size))
        for plane in slices(size):
            file.write(plane)


def main():
    size = [int(text) for text in sys.argv[2:5]]
    write(pathlib.Path(sys.argv[1]), size)
    print(prompt(size))


if __name__ == "__main__":
    main()
