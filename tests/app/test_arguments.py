"""Wrong arguments: each has its exit status and says in one line what to do."""

import os
import unittest

from app_case import AppCase, nifti


class Commands(AppCase):
    def test_overview(self):
        for arguments in (["help"], ["--help"], ["-h"], ["help", "help"]):
            out, err = self.run_program(*arguments)
            self.assertIn("usage: voxlabel COMMAND", out)
            self.assertEqual(err, "")
        out, err = self.run_program(status=2)
        self.assertEqual(out, "")
        self.assertIn("usage: voxlabel COMMAND", err)

    def test_every_command_explains_itself(self):
        overview, _err = self.run_program("help")
        names = [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]
        for name in ("segment", "version", "help"):
            self.assertIn(name, names)
        for name in names:
            out, _err = self.run_program(name, "--help")
            self.assertIn("usage: voxlabel", out)
            self.assertEqual(self.run_program("help", name)[0], out)
            self.assertLessEqual(max(map(len, out.splitlines())), 100, name)

    def test_version(self):
        out, _err = self.run_program("version")
        self.assertRegex(out, r"^voxlabel \d+\.\d+\.\d+\nbackends:.* ref\n$")
        self.assertEqual(self.run_program("--version")[0], out)
        self.run_program("version", "now", status=2)

    def test_unknown(self):
        _out, err = self.run_program("segmnt", status=2)
        self.assertEqual(err, "voxlabel: there is no command 'segmnt'; 'voxlabel help' lists them\n")
        self.run_program("help", "segmnt", status=2)

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            process = self.start("help", stdout=full, stderr=-1)
            _out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"))


class Segment(AppCase):
    """No model is read here: what is wrong is found before."""

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii.gz")
        self.box = "2:10,10,30,30"

    def refuse(self, *arguments, said, status=2, model="m.pt", box=None):
        """Runs segment with what it needs and these, and expects this line."""
        command = ["segment", *arguments]
        if model:
            command += ["--model", model]
        if box != "":
            command += ["--box", self.box if box is None else box]
        before = self.files()
        out, err = self.run_program(*command, status=status)
        self.assertEqual(out, "")
        self.assertRegex(err, r"\Avoxlabel: [^\n]*\n\Z")
        self.assertIn(said, err)
        self.assertEqual(self.files(), before)

    def test_missing(self):
        self.refuse(said="name the image")
        self.refuse("scan.nii.gz", model="", said="--model")
        self.refuse("scan.nii.gz", box="", said="--box")

    def test_options(self):
        self.refuse("scan.nii.gz", "--modle", "x", said="there is no option --modle")
        self.refuse("scan.nii.gz", "--mod", "x", said="there is no option --mod")
        self.refuse("scan.nii.gz", "--quiet=yes", said="--quiet takes no value")
        self.refuse("scan.nii.gz", "--json=", said="--json needs a value")
        self.refuse("scan.nii.gz", "--model", "n.pt", said="--model is given twice")
        self.refuse("scan.nii.gz", "other.nii.gz", said="one argument too many: other.nii.gz")
        self.refuse("scan.nii.gz", "--", "--quiet", said="one argument too many: --quiet")
        _out, err = self.run_program("segment", "scan.nii.gz", "--box", status=2)
        self.assertIn("--box needs a value", err)
        _out, err = self.run_program("segment", "scan.nii.gz", "--box", self.box, "--model", "m.pt", "-o", status=2)
        self.assertIn("-o needs a value", err)

    def test_box_spelling(self):
        for box in [
            "2",
            "2:1,2,3",
            "2:1,2,3,4,5",
            "2:1,2,3,4:",
            "2:1,2,3,4:1",
            "2:1,2,3,4:1,2,3",
            "2:1,2,3,4:1.5,2",
            "2.5:1,2,3,4",
            "2:1,2,3,x",
            "2:1,2,3,nan",
            "2:1,2,3,inf",
            "2:1,2,3,1e999",
            "2:1,2,3,0x10",
            "2: 1,2,3,4",
            "2:1,2,3,4 ",
            "2:1,,3,4",
            "99999999999999999999:1,2,3,4",
            "-",
        ]:
            self.refuse("scan.nii.gz", box=box, said=f"--box {box} is not K:I0,J0,I1,J1")

    def test_box_place(self):
        for box, said in [
            ("6:1,2,3,4", "slice 6 of the box is not there; slices are 0 to 5"),
            ("-1:1,2,3,4", "slice -1 of the box is not there"),
            ("2:60,2,70,4", "the box lies outside the slice; i is 0 to 59 and j is 0 to 49"),
            ("2:1,-9,3,-1", "the box lies outside the slice"),
            ("2:1,2,3,4:3,5", "slice 2 of the box must lie in the box's range 3 to 5"),
            ("2:1,2,3,4:0,6", "the box's range 0 to 6 leaves the volume; slices are 0 to 5"),
            ("2:1,2,3,4:4,-1", "the box's range -1 to 4 leaves the volume"),
        ]:
            self.refuse("scan.nii.gz", box=box, said=f"--box: {said}")

    def test_numbers(self):
        for window in ["10", "10,10", "20,10", "1,2,3", "a,b", "nan,3", "0,inf", "0, 3", "automatic"]:
            self.refuse("scan.nii.gz", "--window", window, said=f"--window {window} is neither")
        for threads in ["0", "-1", "1025", "2x", "1.5", "", "99999999999999999999"]:
            said = f"--threads {threads} is not a number" if threads else "--threads needs a value"
            self.refuse("scan.nii.gz", "--threads", threads, said=said)
        self.refuse("scan.nii.gz", "--passes", "union", said="--passes union is not known; there is 'from_key'")

    def test_image(self):
        self.refuse("none.nii.gz", said="none.nii.gz: cannot open the file: No such file")
        (self.folder / "text.nii.gz").write_text("not an image")
        self.refuse("text.nii.gz", status=1, said="text.nii.gz: ")
        (self.folder / "empty.nii").write_bytes(b"")
        self.refuse("empty.nii", status=1, said="empty.nii: ")
        whole = (self.folder / "scan.nii.gz").read_bytes()
        (self.folder / "half.nii.gz").write_bytes(whole[: len(whole) // 2])
        self.refuse("half.nii.gz", status=1, said="half.nii.gz: ")
        (self.folder / "folder.nii").mkdir()
        self.refuse("folder.nii", status=1, said="folder.nii: ")

    def test_control_bytes_in_a_name(self):
        self.refuse("two\nlines\x1b[31m.nii", said="two?lines?[31m.nii: cannot open")

    def test_model(self):
        self.refuse("scan.nii.gz", said="m.pt: cannot open the file: No such file")
        (self.folder / "m.pt").write_bytes(b"PK\3\4 and no more")
        self.refuse("scan.nii.gz", status=1, said="m.pt: ")

    def test_outputs(self):
        self.refuse("scan.nii.gz", "-o", "nowhere/mask.nii.gz", status=1, said="nowhere/mask.nii.gz: cannot create")
        self.refuse("scan.nii.gz", "--logits", "nowhere/l.nii.gz", status=1, said="nowhere/l.nii.gz: cannot create")
        self.refuse("scan.nii.gz", "--json", "nowhere/r.json", status=1, said="nowhere/r.json: cannot create")
        if os.path.isdir("/proc/self"):  # root may write elsewhere
            self.refuse("scan.nii.gz", "-o", "/proc/mask.nii.gz", status=1, said="/proc/mask.nii.gz: cannot create")
        self.refuse("scan.nii.gz", "-o", "mask.dcm", said="-o mask.dcm must end in .nii.gz, .nii or .nrrd")
        self.refuse("scan.nii.gz", "--logits", "l.npy", said="--logits l.npy must end in")
        self.refuse("scan.nii.gz", "-o", ".nii.gz", said="-o .nii.gz must end in")
        self.refuse("scan.nii.gz", "-o", "a.nii", "--logits", "a.nii", said="a.nii is to hold two different outputs")
        self.refuse("scan.nii.gz", "-o", "scan.nii.gz", said="scan.nii.gz: is an input")
        (self.folder / "link.nii.gz").hardlink_to(self.folder / "scan.nii.gz")
        self.refuse("scan.nii.gz", "-o", "link.nii.gz", said="link.nii.gz: is an input")
        self.refuse("scan.nii.gz", "--json", "/dev/null", said="/dev/null: is no regular file")
        (self.folder / "taken.nii.gz").mkdir()
        self.refuse("scan.nii.gz", "-o", "taken.nii.gz", said="taken.nii.gz: is a folder")

    def test_folder_without_permission(self):
        locked = self.folder / "locked"
        locked.mkdir()
        locked.chmod(0o500)
        # Root may write everywhere but into the kernel's own folder.
        name = "/proc/mask.nii.gz" if os.geteuid() == 0 else "locked/mask.nii.gz"
        self.refuse("scan.nii.gz", "-o", name, status=1, said=f"{name}: cannot create")


if __name__ == "__main__":
    unittest.main()
