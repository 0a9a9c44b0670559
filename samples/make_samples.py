#!/usr/bin/env python3
"""Makes the sample volumes again from the source distribution of pyradiomics 3.0.1.

    python3 make_samples.py [FOLDER]

The distribution comes through pip and its checksum is tested; only the four files named below are taken out of it.
The headers keep their text except for the lines that a cut changes, so nothing is rounded.
"""

import gzip
import hashlib
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import venv

PACKAGE = "pyradiomics-3.0.1"
SHA256 = "47c57f441d6cb7973fa3b2ea48d3948df78e3348e1c69e1e2ff19001601fc2f5"
# name: (first slice, number of slices), None for the whole volume
CUTS = {"lung2": (8, 24), "brain1": None}
BYTES = {"short": 2, "int": 4}


def download(folder):
    """pip asks a source distribution for its metadata, which this one can give only where numpy is installed."""
    venv.create(folder / "env", with_pip=True)
    pip = [str(folder / "env" / "bin" / "pip"), "--disable-pip-version-check", "-q"]
    subprocess.run(pip + ["install", "numpy", "setuptools<70", "wheel"], check=True)
    subprocess.run(
        pip
        + ["download", "--no-build-isolation", "--no-deps", "--no-binary", ":all:"]
        + ["--dest", str(folder), PACKAGE.replace("-", "==")],
        check=True,
    )
    archive = folder / f"{PACKAGE}.tar.gz"
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"the distribution's SHA-256 is {found}, wanted {SHA256}")
    return archive


def cut(nrrd, first, count):
    """Keeps `count` slices from `first` on and moves the origin along the third direction."""
    head, data = nrrd.split(b"\n\n", 1)
    lines = head.decode("ascii").split("\n")
    fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line and line[0] != "#")
    sizes = [int(n) for n in fields["sizes"].split()]
    step = [float(n) for n in fields["space directions"].split()[2].strip("()").split(",")]
    origin = [float(n) for n in fields["space origin"].strip("()").split(",")]
    moved = ",".join(repr(o + first * s) for o, s in zip(origin, step))
    changed = {
        "sizes": f"{sizes[0]} {sizes[1]} {count}",
        "space origin": f"({moved})",
    }
    text = []
    for line in lines:
        name = line.split(": ", 1)[0]
        text.append(f"{name}: {changed[name]}" if name in changed else line)
    plane = sizes[0] * sizes[1] * BYTES[fields["type"]]
    voxels = gzip.decompress(data)
    assert len(voxels) == plane * sizes[2]
    part = voxels[first * plane : (first + count) * plane]
    return "\n".join(text).encode("ascii") + b"\n\n" + gzip.compress(part, 9, mtime=0)


def main():
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        with tarfile.open(download(pathlib.Path(temporary))) as archive:

            def member(path):
                return archive.extractfile(f"{PACKAGE}/{path}").read()

            (target / "LICENSE.pyradiomics").write_bytes(member("LICENSE.txt"))
            for name, part in CUTS.items():
                for kind in ("image", "label"):
                    nrrd = member(f"data/{name}_{kind}.nrrd")
                    if part is not None:
                        nrrd = cut(nrrd, *part)
                    (target / f"{name}_{kind}.nrrd").write_bytes(nrrd)


if __name__ == "__main__":
    main()
