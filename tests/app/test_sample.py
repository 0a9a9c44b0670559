"""scripts/segment_sample.sh, what it prints, and when it is content."""

import os
import pathlib
import subprocess
import unittest

import nibabel
import nrrd
import numpy

from app_case import PROGRAM, AppCase

SAMPLES = pathlib.Path(os.environ["VOXLABEL_SAMPLES"])
SCRIPT = SAMPLES.parent / "scripts/segment_sample.sh"


class Sample(AppCase):
    def run_script(self, *more, program=PROGRAM, status=0):
        done = subprocess.run(
            [SCRIPT, program, self.folder, *more], capture_output=True, text=True, timeout=500, check=False
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_dice(self):
        said = self.run_script("--check").stdout
        lines = dict(line.split(":", 1) for line in said.splitlines())
        dice = float(lines["Dice with the expert's mask"])
        mask = numpy.asanyarray(nibabel.load(lines["mask"].strip()).dataobj) == 1
        expert = nrrd.read(str(SAMPLES / "lung2_label.nrrd"))[0] == 1
        self.assertAlmostEqual(dice, 2 * (mask & expert).sum() / (mask.sum() + expert.sum()), places=3)
        self.assertTrue(dice > 0.7)
        self.assertEqual(pathlib.Path(lines["picture"].strip()).read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def stand_in(self, dice):
        """A program whose comparisons say this."""
        path = self.folder / "stand-in"
        path.write_text(f'#!/bin/sh\n[ "$1" = segment ] || printf "label  dice  jaccard\\n1  {dice}  0.5\\n"\n')
        path.chmod(0o700)
        return path

    def test_not_good_enough(self):
        for dice, content in (("0.7001", True), ("0.7000", False), ("0.0000", False), ("nan", False), ("-", False)):
            program = self.stand_in(dice)
            self.assertIn(f"mask: {dice}\n", self.run_script(program=program).stdout)
            done = self.run_script("--check", program=program, status=0 if content else 1)
            self.assertEqual("the Dice must be over 0.7" in done.stderr, not content)

    def test_a_program_that_fails(self):
        self.run_script(program="false", status=1)


if __name__ == "__main__":
    unittest.main()
