"""The model inside the program: where it is taken, what is said of it, and a program whose model was damaged."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import unittest

import nibabel
import numpy

from app_case import CHECKPOINT, CONFIG, PROGRAM, nifti
from model_case import ModelCase

FILES = pathlib.Path(os.environ["VOXLABEL_NANO"])
WEIGHTS = FILES / "voxlabel-nano.safetensors"
BOX = ["--box", "3:22,16,38,32:2,4"]


def ball():
    """A bright ball in a grainy surrounding, and where it is."""
    i, j, k = numpy.meshgrid(numpy.arange(60), numpy.arange(50), numpy.arange(7), indexing="ij")
    inside = (i - 30) ** 2 + (j - 24) ** 2 + (5 * (k - 3)) ** 2 <= 81
    grain = numpy.random.default_rng(1).integers(-15, 16, inside.shape)
    return (numpy.where(inside, 60, -60) + grain).astype(numpy.int16), inside


class Embedded(ModelCase):
    def setUp(self):
        super().setUp()
        voxels, self.inside = ball()
        nifti(self.folder / "scan.nii.gz", voxels)

    def report(self, *arguments, **more):
        out, _err = self.run_program(
            "segment", "scan.nii.gz", *BOX, "--json", "-", "--quiet", "-o", "mask.nii.gz", *arguments, **more
        )
        return self.load_json(out)

    def mask(self):
        return numpy.asanyarray(nibabel.load(self.folder / "mask.nii.gz").dataobj)

    def sha256(self):
        return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()

    # ---- segment ----

    def test_is_taken_where_none_is_named(self):
        model = self.report()["model"]
        self.assertEqual((model["name"], model["sha256"]), ("voxlabel-nano", self.sha256()))
        found, inside = self.mask() == 1, self.inside
        dice = 2 * (found & inside).sum() / (found.sum() + inside.sum())
        self.assertTrue(dice > 0.5, dice)

    def test_its_names(self):
        self.report()
        mask = self.mask()
        for name in ("nano", "voxlabel-nano"):
            self.report("--model", name)
            self.assertTrue(numpy.array_equal(self.mask(), mask))

    def test_order(self):
        """The flag, the environment, the model inside."""
        narrow = {"VOXLABEL_MODEL": CHECKPOINT}
        self.assertEqual(self.report("--config", CONFIG, environment=narrow)["model"]["name"], "narrow256")
        self.assertEqual(self.report("--model", "nano", environment=narrow)["model"]["name"], "voxlabel-nano")
        self.assertEqual(self.report(environment={"VOXLABEL_MODEL": ""})["model"]["name"], "voxlabel-nano")

    def test_a_file_of_its_name(self):
        shutil.copy(CHECKPOINT, self.folder / "nano")
        self.assertEqual(self.report("--model", "nano")["model"]["name"], "voxlabel-nano")
        self.assertEqual(self.report("--model", "./nano", "--config", CONFIG)["model"]["name"], "narrow256")

    def test_its_defaults(self):
        """Those of its YAML, unless another is named."""
        plan = ["segment", "scan.nii.gz", "--explain", *BOX]
        (self.folder / "other.yaml").write_text(
            (FILES / "voxlabel-nano.yaml").read_text().split("\nvoxlabel:")[0]
            + "\nvoxlabel:\n  zoom: 3.5\n  passes: union\n"
        )
        own, _err = self.run_program(*plan)
        other, _err = self.run_program(*plan, "--config", "other.yaml")
        self.assertNotEqual(own, other)
        self.assertEqual(other, self.run_program(*plan, "--zoom", "3.5", "--passes", "union")[0])
        _out, err = self.run_program(*plan, "--config", CONFIG, status=1)
        self.assertIn("voxlabel-nano: it does not fit the configuration: ", err)

    # ---- model ----

    def test_list(self):
        model = self.listed("embedded")["voxlabel-nano"]
        self.assertEqual((model["size"], model["sha256"]), (WEIGHTS.stat().st_size, self.sha256()))
        self.assertEqual((model["short_name"], model["config"]), ("nano", "voxlabel-nano"))

    def test_verify(self):
        wanted = f"ok    voxlabel-nano: voxlabel-nano, SHA-256 {self.sha256()}\n"
        self.assertEqual(self.run_model("verify"), (wanted, ""))
        self.assertEqual(self.run_model("verify", "nano"), (wanted, ""))
        self.run_model("import", CHECKPOINT, "--name", "narrow", "--config", CONFIG)
        for names, found in (([], 2), (["narrow"], 1), (["narrow", "nano"], 2), (["nano", "voxlabel-nano"], 1)):
            self.assertEqual(len(self.run_model("verify", *names)[0].splitlines()), found)
        self.assertIn("nobody: there is no model", self.run_model("verify", "nano", "nobody", status=2)[1])

    def test_inspect(self):
        out, _err = self.run_model("inspect", "nano")
        self.assertEqual(out, self.run_model("inspect", WEIGHTS)[0])
        self.assertIn("\nfits        voxlabel-nano\n", out)

    def test_convert(self):
        """On disk it is the same model, and needs no YAML."""
        self.report()
        mask = self.mask()
        for more in ([], ["--dtype", "f32"]):
            self.run_model("convert", "nano", "copy.safetensors", *more)
            self.assertEqual(self.report("--model", "./copy.safetensors")["model"]["name"], "voxlabel-nano")
            self.assertTrue(numpy.array_equal(self.mask(), mask))

    def test_what_cannot_be(self):
        for name in ("nano", "voxlabel-nano"):
            for said, *action in (
                ("cannot be removed", "remove", name, "--yes"),
                ("nothing to fetch", "pull", name),
                ("give another name with --name", "import", CHECKPOINT, "--name", name, "--config", CONFIG),
            ):
                _out, err = self.run_model(*action, status=2)
                self.assertIn(said, err)
                self.assertEqual(err.count("\n"), 1)

    # ---- a damaged program ----

    def test_damage_is_found(self):
        program = bytearray(pathlib.Path(PROGRAM).read_bytes())
        weights = WEIGHTS.read_bytes()
        start = program.find(weights)
        self.assertGreater(start, 0)
        program[start + len(weights) // 2] ^= 64
        damaged = self.folder / "damaged"
        damaged.write_bytes(program)
        damaged.chmod(0o700)
        for command in (["model", "verify"], ["doctor"]):
            done = subprocess.run([damaged, *command], capture_output=True, text=True, timeout=100, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"fail  (model: )?voxlabel-nano: its SHA-256 is [0-9a-f]{64} and not ")


if __name__ == "__main__":
    unittest.main()
