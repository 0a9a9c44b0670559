"""Fetches the real scans named in DATA.md through apt and pip into a folder.

    python fetch.py [FOLDER]      default: build/training/data of the source tree

Debian packages are only unpacked, not installed; a machine without apt-get skips them.
"""

import glob
import os
import shutil
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIAN = ["mricron-data", "invesalius-examples"]
SOURCE_DISTRIBUTION = "TotalSegmentator==2.18.0"
WANTED = (
    "/tests/reference_files/example_ct",
    "/tests/reference_files/example_mr_sm.nii.gz",
    "/tests/reference_files/example_seg",
    "/tests/reference_files/aorta_report/example_ct.nii.gz",
    "/LICENSE",
)


def debian(folder):
    for package in DEBIAN:
        target = os.path.join(folder, package)
        if os.path.isdir(target):
            continue
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        archive = glob.glob(os.path.join(folder, package + "_*.deb"))[0]
        subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        os.remove(archive)


def cranium(folder):
    target = os.path.join(folder, "cranium")
    found = glob.glob(
        os.path.join(folder, "invesalius-examples", "**", "Cranium.inv3"), recursive=True
    )
    if os.path.isdir(target) or not found:
        return
    with tarfile.open(found[0]) as archive:
        archive.extractall(target + ".part", filter="data")
    inner = glob.glob(os.path.join(target + ".part", "*", "main.plist"))[0]
    os.rename(os.path.dirname(inner), target)
    shutil.rmtree(target + ".part")


def totalsegmentator(folder):
    target = os.path.join(folder, "totalsegmentator")
    if os.path.isdir(target):
        return
    name = SOURCE_DISTRIBUTION.split("==")[0]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--no-binary",
            name,
            "-d",
            folder,
            SOURCE_DISTRIBUTION,
        ],
        check=True,
    )
    archive_path = glob.glob(os.path.join(folder, name.lower() + "-*.tar.gz"))[0]
    with tarfile.open(archive_path) as archive:
        for member in archive:
            if member.isfile() and any(w in member.name for w in WANTED):
                member.name = member.name.split("/", 1)[1].replace("tests/reference_files/", "")
                archive.extract(member, target, filter="data")
    os.remove(archive_path)


def main():
    default = os.path.join(HERE, "..", "build", "training", "data")
    folder = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else default)
    os.makedirs(folder, exist_ok=True)
    if shutil.which("apt-get"):
        debian(folder)
        cranium(folder)
    totalsegmentator(folder)
    print("scans are in", folder)


if __name__ == "__main__":
    main()
