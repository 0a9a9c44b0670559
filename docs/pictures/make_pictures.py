#!/usr/bin/env python3
"""Makes the pictures of this folder anew, with the program's own previews of what it finds in samples/.

usage: make_pictures.py PROGRAM

A preview is shrunk and gets fewer grey values, so that it is small enough for the repository. Needs Pillow, which the
Python of the tests has:

    .venv/bin/python3 docs/pictures/make_pictures.py build/release/src/app/voxlabel
"""

import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "samples"
WIDTH, GREY_BITS, LARGEST = 798, 5, 150_000
# {picture: image and prompt}; each tumour's key slice with its box, and its slices, of samples/README.md.
PICTURES = {
    "lung2.png": ["lung2_image.nrrd", "--box", "14:321,334,392,398:7,17"],
    "brain1.png": ["brain1_image.nrrd", "--box", "16:162,84,206,115:11,17"],
}


def shrink(preview, picture):
    image = Image.open(preview).convert("RGB")
    if image.width > WIDTH:
        height = round(image.height * WIDTH / image.width)
        image = image.resize((WIDTH, height), Image.Resampling.BOX)
    image = ImageOps.posterize(image, GREY_BITS)
    image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(picture, optimize=True)
    if picture.stat().st_size > LARGEST:
        sys.exit(f"{picture} has more than {LARGEST} bytes")


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        preview, mask = f"{folder}/preview.png", f"{folder}/mask.nii.gz"
        for name, (image, *prompt) in PICTURES.items():
            written = ["-o", mask, "--preview", preview, "--quiet"]
            subprocess.run([program, "segment", SAMPLES / image, *prompt, *written], check=True)
            shrink(preview, HERE / name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]).resolve())
