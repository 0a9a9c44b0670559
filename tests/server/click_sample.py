"""Segments the tumour of samples/lung2 through a running server, with MONAI Label's own Python client, and compares the
mask with the expert's: click_sample.py ADDRESS IMAGE_ID EXPERT'S_MASK. Prints the Dice; the exit status is 0 where it is
over 0.7.
"""

import sys
import tempfile
import time
import warnings

import numpy
import SimpleITK

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses the module cgi
    from monailabel.client import MONAILabelClient

# The box on the key slice and the tumour's lowest and highest slice; samples/README.md.
PARAMS = {
    "box": {"key": 14, "xyxy": [321, 334, 392, 398], "z": [7, 17]},
    "passes": "from_key",
    "result_extension": ".nrrd",
    "result_dtype": "uint8",
}
LEAST = 0.7


def read(path):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


def main(address, image, expert):
    expert = read(expert) == 1
    with tempfile.TemporaryDirectory() as folder:
        client = MONAILabelClient(address, folder)
        info = client.info()
        start = time.monotonic()
        path, result = client.infer(next(iter(info["models"])), image, PARAMS)
        seconds = time.monotonic() - start
        mask = read(path) == result["label_names"]["intersection"]
    dice = 2 * numpy.count_nonzero(mask & expert) / (numpy.count_nonzero(mask) + numpy.count_nonzero(expert))
    print(f"{image}: Dice with the expert's mask {dice:.3f}, {seconds:.1f} s")
    if not dice > LEAST:
        sys.exit(f"click_sample.py: the Dice must be over {LEAST}")


if __name__ == "__main__":
    main(*sys.argv[1:])
