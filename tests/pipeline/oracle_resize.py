"""The resize of slices equals Pillow's, byte for byte, on many sizes.

usage: oracle_resize.py PROGRAM   (the test helper pipeline_bytes)
"""

import subprocess
import sys

import numpy
from PIL import Image

SIZES = [  # (width, height), (out width, out height)
    *[((w, h), (512, 512)) for w, h in [(180, 200), (512, 512), (512, 400), (400, 512), (1024, 1024), (256, 256)]],
    *[((w, h), (512, 512)) for w, h in [(1, 1), (1, 7), (7, 1), (2, 3), (700, 3), (3, 700), (513, 511), (511, 513)]],
    *[((w, h), (512, 512)) for w, h in [(97, 1031), (1031, 97), (3000, 5), (333, 2048), (640, 480)]],
    *[((w, h), (64, 64)) for w, h in [(40, 50), (64, 64), (65, 63), (1, 900), (900, 1), (129, 127)]],
    *[((w, h), (1024, 1024)) for w, h in [(512, 512), (600, 77)]],
    ((5, 9), (1, 1)),
    ((1000, 1000), (1, 3)),
    ((31, 17), (17, 31)),
]


def pictures(rng, width, height):
    yield "noise", rng.integers(0, 256, (height, width), dtype=numpy.uint8)
    yield "edges", (rng.integers(0, 2, (height, width)) * 255).astype(numpy.uint8)
    y, x = numpy.mgrid[0:height, 0:width]
    yield "ramp", ((x * 3 + y * 5) % 256).astype(numpy.uint8)


def main():
    program = sys.argv[1]
    rng = numpy.random.default_rng(11)
    wrong = compared = 0
    for (width, height), out in SIZES:
        for name, picture in pictures(rng, width, height):
            command = [program, "resize", *map(str, (width, height, *out))]
            got = subprocess.run(command, input=picture.tobytes(), capture_output=True, check=True).stdout
            # As medsam2_infer_3D_CT.py does it: grey to RGB, resized with Pillow's own default.
            want = numpy.array(Image.fromarray(picture).convert("RGB").resize(out))
            compared += 1
            if want.shape != (out[1], out[0], 3) or got != want[:, :, 0].tobytes() or got != want[:, :, 2].tobytes():
                print(f"{width} x {height} -> {out}, {name}: bytes differ")
                wrong += 1
    print(f"{compared} pictures compared, {wrong} differ")
    return 1 if wrong or compared != 3 * len(SIZES) else 0


if __name__ == "__main__":
    sys.exit(main())
