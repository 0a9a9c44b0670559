"""What the tests of the packages share. The environment, set by CMakeLists.txt, names

VOXLABEL_BUILD, VOXLABEL_SOURCE    the folders of the build and of the sources
VOXLABEL_VERSION                   the project's version
VOXLABEL_CPACK, VOXLABEL_CC        cpack and the C compiler
"""

import functools
import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD, SOURCE = (pathlib.Path(os.environ[name]) for name in ("VOXLABEL_BUILD", "VOXLABEL_SOURCE"))
VERSION = os.environ["VOXLABEL_VERSION"]
DEBS = ["libvoxlabel-dev", "libvoxlabel1", "voxlabel"]


def run(*command, **more):
    done = subprocess.run(
        [str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200, **more
    )
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


@functools.cache
def packages():
    """The folder of the packages of this build, made once for all tests of a module."""
    holder = tempfile.TemporaryDirectory(prefix="voxlabel-packages-")
    unittest.addModuleCleanup(holder.cleanup)
    run(os.environ["VOXLABEL_CPACK"], "-B", holder.name, cwd=BUILD)
    return pathlib.Path(holder.name)


class PackageCase(unittest.TestCase):
    """The packages of this build, and a folder."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.packages = packages()
        cls.architecture = run("dpkg", "--print-architecture").strip()
        cls.debs = {name: cls.packages / f"{name}_{VERSION}-1_{cls.architecture}.deb" for name in DEBS}
        (cls.tarball,) = cls.packages.glob("*.tar.gz")
