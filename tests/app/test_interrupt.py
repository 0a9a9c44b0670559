"""While a run goes on: Ctrl-C, SIGTERM, folders and disks that fail, the bar on a terminal."""

import itertools
import os
import pty
import select
import signal
import subprocess
import time
import unittest

import numpy

from app_case import PROGRAM, AppCase, nifti, wavy

DEPTH = 2000  # more slices than any machine tracks before the signal comes


class Interrupt(AppCase):
    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii.gz", wavy(40, 30, DEPTH))
        self.outputs = ["mask.nii.gz", "logits.nii.gz", "report.json", "preview.png"]
        outputs = itertools.chain.from_iterable(zip(["-o", "--logits", "--json", "--preview"], self.outputs, strict=True))
        prompt = ["--box", "9:5,5,25,20:0,1999", "--passes", "from_key"]
        self.command = ["segment", "scan.nii.gz", *self.model(), *prompt, *outputs, "--threads", "1"]

    def short(self, depth=12):
        """A scan of few slices, and the box that goes with it; each slice is in one pass, the key slice in both."""
        nifti(self.folder / "scan.nii.gz", wavy(40, 30, depth))
        self.command[self.command.index("9:5,5,25,20:0,1999")] = f"9:5,5,25,20:0,{depth - 1}"

    def start_on_terminal(self, *before):
        """Starts the program with a terminal as stderr, where it shows every slice."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen(
            [*before, PROGRAM, *map(str, self.command)],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        self.addCleanup(self.end, process)
        return process, ours

    def read_until(self, terminal, what, seconds=60):
        """What the terminal got, up to `what`, or to the end of the program where it is None."""
        got, deadline = b"", time.monotonic() + seconds
        while what is None or what not in got:
            if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self.fail(f"no {what} in {got[-300:]}")
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # the other end is closed
                piece = b""
            if not piece:
                break
            got += piece
        return got

    def stop(self, number):
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"2 of 2001 slices")
        process.send_signal(number)
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertTrue(rest.replace(b"\r\n", b"\n").endswith(b"\nvoxlabel: cancelled; nothing was written\n"), rest)
        self.assertNotIn(b"2001 of 2001", rest)
        self.assertEqual(self.files(), ["scan.nii.gz"])

    def test_interrupt(self):
        self.stop(signal.SIGINT)

    def test_terminate(self):
        self.stop(signal.SIGTERM)

    def test_second_of_two_images(self):
        """What is done stays."""
        nifti(self.folder / "first.nii.gz", wavy(40, 30, 12))
        self.command[1:] = ["first.nii.gz", "scan.nii.gz", *self.model(), "--box", "9:5,5,25,20", "--extent", "free"]
        self.command += ["--passes", "from_key", "--threads", "1"]
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"first-mask.nii.gz: ")
        self.read_until(terminal, b"2 of 2001 slices")
        process.send_signal(signal.SIGINT)
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertTrue(rest.replace(b"\r\n", b"\n").endswith(b"\nvoxlabel: cancelled; 1 of 2 images were done before\n"), rest)
        self.assertEqual(self.files(), ["first-mask.nii.gz", "first.nii.gz", "scan.nii.gz"])

    def two_at_once(self):
        """What the process says after both signals."""
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"1 of 2001 slices")
        # Stopped, the process takes both signals together when it goes on.
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual(self.files(), ["scan.nii.gz"])
        return rest

    def test_second_one_ends_at_once(self):
        """ThreadSanitizer may put the second one off until the first has been obeyed; hardly every time."""
        self.assertTrue(any(b"cancelled" not in self.two_at_once() for _ in range(5)))

    def test_old_outputs_stay(self):
        (self.folder / "mask.nii.gz").write_bytes(b"old")
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"1 of 2001 slices")
        process.send_signal(signal.SIGINT)
        self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual((self.folder / "mask.nii.gz").read_bytes(), b"old")
        self.assertEqual(self.files(), ["mask.nii.gz", "scan.nii.gz"])

    def test_ignored_stays_ignored(self):
        """As a shell without job control starts what runs in the background."""
        self.short()
        process, terminal = self.start_on_terminal("sh", "-c", 'trap "" INT; exec "$@"', "sh")
        self.read_until(terminal, b"1 of 13 slices")
        process.send_signal(signal.SIGINT)
        self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertIn("mask.nii.gz", self.files())

    def start_writing(self):
        """Starts a run with much to write, a mask already there, and returns when the logits are being written."""
        nifti(self.folder / "scan.nii.gz", numpy.zeros((400, 300, 200), numpy.int16))
        (self.folder / "mask.nii.gz").write_bytes(b"old")
        self.command[self.command.index("logits.nii.gz")] = "logits.nii"
        self.command[self.command.index("9:5,5,25,20:0,1999")] = "9:5,5,25,20:8,10"
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"1 of 4 slices")  # by then the outputs have been tried
        deadline = time.monotonic() + 60
        while not any(name.startswith(".logits.nii.") for name in os.listdir(self.folder)):
            self.assertLess(time.monotonic(), deadline)
        return process, terminal

    def expect_nothing_written(self, process, terminal):
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertTrue(rest.replace(b"\r\n", b"\n").endswith(b"\nvoxlabel: cancelled; nothing was written\n"), rest)
        self.assertEqual(self.files(), ["mask.nii.gz", "scan.nii.gz"])
        self.assertEqual((self.folder / "mask.nii.gz").read_bytes(), b"old")

    def test_terminate_while_writing(self):
        process, terminal = self.start_writing()
        process.send_signal(signal.SIGTERM)
        self.expect_nothing_written(process, terminal)

    def test_two_signals_while_writing(self):
        process, terminal = self.start_writing()
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        self.expect_nothing_written(process, terminal)

    def test_report_that_cannot_be_written(self):
        """The mask, complete by then, does not take the place of the older one."""
        self.short()
        (self.folder / "mask.nii.gz").write_bytes(b"old")
        (self.folder / "sub").mkdir()
        self.command[self.command.index("report.json")] = "sub/report.json"
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"1 of 13 slices")
        (self.folder / "sub").rmdir()
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 1)
        self.assertIn(b"\nvoxlabel: sub/report.json: cannot create a file", rest)
        self.assertEqual(self.files(), ["mask.nii.gz", "scan.nii.gz"])
        self.assertEqual((self.folder / "mask.nii.gz").read_bytes(), b"old")

    def test_full_standard_output(self):
        self.short()
        self.command[self.command.index("report.json")] = "-"
        with open("/dev/full", "w") as full:
            process = self.start(*self.command, stdout=full, stderr=-1)
            _out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("\nvoxlabel: -: cannot write the report to standard output\n", err)
        self.assertEqual(self.files(), ["scan.nii.gz"])

    def test_folder_that_goes_away(self):
        """What could not be written is named, and nothing else is written either."""
        self.short()
        (self.folder / "sub").mkdir()
        self.command[self.command.index("logits.nii.gz")] = "sub/logits.nii.gz"
        process, terminal = self.start_on_terminal()
        self.read_until(terminal, b"1 of 13 slices")
        (self.folder / "sub").rmdir()
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 1)
        self.assertIn(b"\nvoxlabel: sub/logits.nii.gz: cannot create a file", rest)
        self.assertEqual(self.files(), ["scan.nii.gz"])

    def test_full_disk(self):
        """A limit on the size of files stands in for the disk: 20 blocks of 512 bytes."""
        self.short()
        process, terminal = self.start_on_terminal("sh", "-c", 'ulimit -f 20; exec "$@"', "sh")
        rest = self.read_until(terminal, None)
        self.assertEqual(process.wait(timeout=60), 1)
        self.assertIn(b"\nvoxlabel: logits.nii.gz: cannot write the file", rest)
        self.assertEqual(self.files(), ["scan.nii.gz"])

    def test_bar(self):
        self.short()
        process, terminal = self.start_on_terminal()
        got = self.read_until(terminal, None).decode()
        self.assertEqual(process.wait(timeout=60), 0)
        states = [state for state in got.split("\r") if " of 13 slices" in state]
        self.assertEqual(len(states), 13)
        self.assertIn("[###", states[0])
        self.assertRegex(states[0], r"1 of 13 slices, \d+ s left")
        self.assertRegex(states[-1], r"\[#+\] 13 of 13 slices, \d+ s\x1b\[K$")
        self.assertTrue(all(len(state) < 80 + len("\x1b[K") for state in states))
        self.assertRegex(got, r"\nvoxlabel: mask\.nii\.gz: intersection \d+ voxels.*\r\n$")


if __name__ == "__main__":
    unittest.main()
