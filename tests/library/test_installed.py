"""The installed library: what it exports, and the example built outside the tree against it.

usage: test_installed.py BUILD SOURCE; the environment is that of tests/app, and VOX_CC, VOX_CMAKE, VOX_TEST_SANITIZE.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import nibabel
import numpy

BUILD, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
CC, CMAKE = os.environ["VOX_CC"], os.environ["VOX_CMAKE"]
# A program and its libraries have one sanitizer; where the library has none the program takes this one.
SANITIZE = os.environ["VOX_TEST_SANITIZE"] or "address,undefined"
CHECKPOINT, CONFIG = os.environ["VOXLABEL_CHECKPOINT"], os.environ["VOXLABEL_CONFIG"]
BOXES = [[2, 10, 12, 40, 38], [3, 20, 8, 50, 30]]


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.prefix = cls.folder / "prefix"
        for component in ("library", "development"):
            run(CMAKE, "--install", BUILD, "--prefix", cls.prefix, "--component", component)
        cls.libraries = next(cls.prefix.rglob("libvoxlabel.so")).parent
        cls.package = {**os.environ, "PKG_CONFIG_PATH": str(cls.libraries / "pkgconfig")}

    def environment(self):
        return {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)}

    def image(self):
        i, j, k = numpy.meshgrid(numpy.arange(60), numpy.arange(50), numpy.arange(6), indexing="ij")
        voxels = ((37 * i + 23 * j + 190 * k + ((i * j) >> 3)) % 1900 - 1000).astype(numpy.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, numpy.diag([-0.7, 0.9, 5, 1])), self.folder / "scan.nii.gz")

    def test_exports_are_ours(self):
        lines = run("nm", "-D", "--defined-only", self.libraries / "libvoxlabel.so").splitlines()
        names = {line.split()[-1].split("@")[0] for line in lines}
        header = (self.prefix / "include/voxlabel/voxlabel.h").read_text()
        header += (self.prefix / "include/voxlabel/types.h").read_text()
        if not os.environ["VOX_TEST_SANITIZE"]:  # sanitizers export names of their own
            self.assertEqual({name for name in names if not name.startswith("vox_")}, set())
        ours = {name for name in names if name.startswith("vox_")}
        header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
        declared = set(re.findall(r"\b(vox_\w+)\(", header))
        self.assertEqual(ours, declared)

    def test_soname(self):
        text = run("readelf", "-d", self.libraries / "libvoxlabel.so")
        (soname,) = re.findall(r"Library soname: \[(libvoxlabel\.so\.\d+)\]", text)
        self.assertTrue((self.libraries / soname).is_file())
        self.assertRegex(run("pkg-config", "--modversion", "voxlabel", env=self.package), r"^\d+\.\d+\.\d+\n$")

    def test_example_through_pkg_config(self):
        flags = run("pkg-config", "--cflags", "--libs", "voxlabel", env=self.package).split()
        program = self.folder / "segment_boxes"
        source = SOURCE / "examples/segment_boxes.c"
        warnings = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-g", f"-fsanitize={SANITIZE}"]
        run(CC, *warnings, source, *flags, "-o", program)
        self.image()
        numbers = [str(number) for box in BOXES for number in box]
        command = [program, CHECKPOINT, CONFIG, "scan.nii.gz", *numbers]
        # Sanitizers of gcc 12 cannot work with every layout that address randomisation gives.
        run("setarch", "-R", *command, cwd=self.folder, env=self.environment())
        for number, box in enumerate(BOXES):
            text = f"{box[0]}:" + ",".join(map(str, box[1:]))
            alone = ["segment", "scan.nii.gz", "--model", CHECKPOINT, "--config", CONFIG, "--box", text]
            run(os.environ["VOXLABEL_PROGRAM"], *alone, "-o", "alone.nii.gz", cwd=self.folder)
            mask = numpy.asanyarray(nibabel.load(self.folder / f"mask{number}.nii.gz").dataobj)
            wanted = numpy.asanyarray(nibabel.load(self.folder / "alone.nii.gz").dataobj)
            self.assertTrue(numpy.array_equal(mask, wanted))
            self.assertTrue(mask.any())

    def test_found_by_cmake(self):
        project = self.folder / "project"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(user C CXX)\nfind_package(voxlabel 0.1 REQUIRED)\n"
            "foreach(language c cc)\n  add_executable(user_${language} user.${language})\n"
            "  target_link_libraries(user_${language} PRIVATE voxlabel::voxlabel)\nendforeach()\n"
        )
        for name in ("user.c", "user.cc"):
            (project / name).write_text(
                "#include <stdio.h>\n#include <voxlabel/voxlabel.h>\nint main(void) { puts(vox_version()); return 0; }\n"
            )
        options = [f"-DCMAKE_PREFIX_PATH={self.prefix}"]
        if os.environ["VOX_TEST_SANITIZE"]:
            options += [f"-DCMAKE_{kind}_FLAGS=-fsanitize={SANITIZE}" for kind in ("C", "CXX")]
        run(CMAKE, "-S", project, "-B", project / "build", *options)
        run(CMAKE, "--build", project / "build")
        for language in ("c", "cc"):
            said = run("setarch", "-R", project / f"build/user_{language}", env=self.environment())
            self.assertRegex(said, r"^\d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
