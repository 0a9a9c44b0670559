"""Wrong arguments: each has its exit status and says in one line what to do."""

import os
import struct
import unittest

import nibabel
import numpy

from app_case import EMBEDDED, AppCase, nifti


class Commands(AppCase):
    def test_overview(self):
        for arguments in (["help"], ["--help"], ["-h"]):
            out, err = self.run_program(*arguments)
            self.assertIn("usage: voxlabel COMMAND", out)
            self.assertEqual(err, "")
        out, err = self.run_program(status=2)
        self.assertEqual(out, "")
        self.assertIn("usage: voxlabel COMMAND", err)

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
    """No model is loaded here, m.pt is none: what is wrong is found before."""

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii.gz")
        (self.folder / "m.pt").write_bytes(b"no checkpoint")
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
        self.refuse(said="name the image to segment")
        if not EMBEDDED:
            self.refuse("scan.nii.gz", model="", said="name the model's checkpoint with --model")
        self.refuse("scan.nii.gz", box="", said="say what to segment, with --point, --box, --points, --mask or")

    def test_options(self):
        self.refuse("scan.nii.gz", "--modle", "x", said="there is no option --modle")
        self.refuse("scan.nii.gz", "--mod", "x", said="there is no option --mod")
        self.refuse("scan.nii.gz", "--quiet=yes", said="--quiet takes no value")
        self.refuse("scan.nii.gz", "--json=", said="--json needs a value")
        self.refuse("scan.nii.gz", "--model", "n.pt", said="--model is given twice")
        for option in ("--box", "-o", "--point"):
            _out, err = self.run_program("segment", "scan.nii.gz", "--model", "m.pt", option, status=2)
            self.assertIn(f"{option} needs a value", err)

    def test_box_spelling(self):
        for box in [
            "2",
            "2:1,2,3",
            "2:1,2,3,4,5",
            "2:1,2,3,4:",
            "2:1,2,3,4:1",
            "2:1,2,3,4:1,2,3",
            "2:1,2,3,4:1,2:",
            "2:1,2,3,4:1,2:a:b",
            "2:1,2,3,x",
            "2:1,2,3,nan",
            "2:1,2,3,inf",
            "2:1,2,3,1e999",
            "2:1,2,3,0x10",
            "2: 1,2,3,4",
            "2:1,2,3,4 ",
            "2:1,,3,4",
            "-",
        ]:
            said = "'a:b' is no label" if box.endswith("a:b") else f"--box {box} is not K:I0,J0,I1,J1"
            self.refuse("scan.nii.gz", box=box, said=said)

    def test_box_place(self):
        for box, said in [
            ("6:1,2,3,4", "scan.nii.gz: slice 6 of the box of 'intersection' is not there; slices are 0 to 5"),
            ("-1:1,2,3,4", "slice -1 of the box of 'intersection' is not there"),
            ("2:60,2,70,4", "lies outside the slice; i is 0 to 59 and j is 0 to 49"),
            ("2:1,-9,3,-1", "lies outside the slice"),
            ("2:1,2,3,4:3,5", "--box 2:1,2,3,4:3,5: the key slice of a box must lie between its first and last"),
            ("2:1,2,3,4:0,6", "slice 6 of the box of 'intersection' is not there"),
            ("2:1,2,3,4:-1,4", "slice -1 of the box of 'intersection' is not there"),
            ("2:1,2,3,4:liver", "--box 2:1,2,3,4:liver: 'liver' is no label"),
        ]:
            self.refuse("scan.nii.gz", box=box, said=said)

    def test_points(self):
        for point in ["1,2", "1,2,3,4", "1,2,x", "1,2,nan", "1,2,inf", "1,2,3:", " 1,2,3", "1;2;3"]:
            self.refuse("scan.nii.gz", "--point", point, said=f"--point {point} is not I,J,K or I,J,K:LABEL")
            self.refuse("scan.nii.gz", "--negative", point, said=f"--negative {point} is not I,J,K")
        self.refuse("scan.nii.gz", "--point", "1,2,3:liver", said="--point 1,2,3:liver: 'liver' is no label")
        self.refuse("scan.nii.gz", *(["--point", "1,2,3"] * 4097), said="--point 1,2,3: more than 4096 points")

    def test_points_as_json(self):
        for points, said in [
            ("{", "--points: params: not JSON"),
            ('{"intersection": [[1, 2, 3], [1, 2]]}', "--points: point 1 of 'intersection' has 2 numbers"),
            ('{"intersection": [[1, 2, NaN]]}', "--points: point 0 of 'intersection' "),
            ('{"intersection": [[1, 2, "3"]]}', "--points: point 0 of 'intersection' "),
            ('{"intersection": 3}', "--points: 'intersection' must be a list of points"),
            ('{"window": {"center": 1, "width": 3}}', "--points: 'window' must be a list of points"),
            (f'{{"intersection": {[[1, 2, 3]] * 4097}}}', "--points: more than 4096 points"),
        ]:
            self.refuse("scan.nii.gz", "--points", points, said=said)
        (self.folder / "list.json").write_text("[[1, 2, 3]]")
        self.refuse("scan.nii.gz", "--points", "list.json", said='list.json: must be {"label": [[i, j, k], ...]}')
        self.refuse("scan.nii.gz", "--points", "none.json", said="none.json: cannot open the file: No such file")

    def test_params(self):
        for params, said in [
            ("[1]", "params.json: "),
            ("{", "params.json: params: not JSON at line 1"),
            ('{"passes": "sideways"}', "params.json: 'passes' must be one of"),
            ('{"intersection": [[1, 2]]}', "params.json: point 0 of 'intersection' has 2 numbers"),
            ('{"box": {"key": 2, "xyxy": [1, 2, 3, 4], "label": "liver"}}', "params.json: the label of box 0 is none"),
        ]:
            (self.folder / "params.json").write_text(params)
            self.refuse("scan.nii.gz", "--params", "params.json", said=said)
        self.refuse("scan.nii.gz", "--params", "none.json", said="none.json: cannot open the file: No such file")

    def test_labels(self):
        for names, said in [
            ("liver,liver", "two labels are called 'liver'"),
            ("liver,,tumour", "label 2 has no name"),
            ("box", "a label cannot be called 'box'"),
            ("a" * 1000, "--label-names: the name of label 1 is longer than"),
        ]:
            self.refuse("scan.nii.gz", "--label-names", names, said=said)
        self.refuse("scan.nii.gz", "--label", "liver", said="--label liver: is none of the labels")

    def test_flags(self):
        """Each message names the flag and what was given."""
        for option, values in [
            ("--window", ["10", "1,2,3", "10,10", "20,10", "0, 3", "0,inf", "nan,3", "lng", "1e999,2"]),
            ("--zoom", ["0.5", "101", "on", "nan"]),
            ("--min-box", ["-1", "x", "nan"]),
            ("--passes", ["all", "5", "Union"]),
            ("--extent", ["open", "1"]),
            ("--clip", ["tighter"]),
            ("--broadcast", ["all"]),
            ("--points-as", ["boxes"]),
            ("--mask-slices", ["x", "1,", ",1", "1.5", "1;2"]),
            ("--cache-memory", ["x", "-1", "1Q", "1GiBs", "1e99"]),
            ("--cache-size", ["0", "big"]),
            ("--max-memory", ["0", "1 G"]),
            ("--threads", ["0", "-1", "1025", "2x", "1.5", "99999999999999999999"]),
        ]:
            for value in values:
                self.refuse("scan.nii.gz", option, value, said=f"voxlabel: {option} {value}")
        self.refuse("scan.nii.gz", "--threads=", said="--threads needs a value")
        self.refuse("scan.nii.gz", "--cache-dir", "m.pt", said="--cache-dir m.pt: is no folder")
        for name in ("no/where", "no/where/", "m.pt/where"):
            self.refuse("scan.nii.gz", "--cache-dir", name, said=f"--cache-dir {name}: there is no folder to make it")

    def test_image(self):
        self.refuse("none.nii.gz", said="none.nii.gz: cannot open the file: No such file")
        self.refuse("scan.nii.gz", "none.nii.gz", said="none.nii.gz: cannot open the file: No such file")
        (self.folder / "text.nii.gz").write_text("not an image")
        self.refuse("text.nii.gz", status=1, said="text.nii.gz: ")
        (self.folder / "empty.nii").write_bytes(b"")
        self.refuse("empty.nii", status=1, said="empty.nii: ")
        (self.folder / "folder.nii").mkdir()
        self.refuse("folder.nii", status=1, said="folder.nii: ")

    def test_images_that_are_none(self):
        """What no network can look at is told by the header alone."""
        nibabel.save(nibabel.Nifti1Image(numpy.zeros((8, 8, 4, 3), numpy.int16), None), self.folder / "4d.nii.gz")
        rgb = numpy.zeros((8, 8, 4), numpy.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
        nibabel.save(nibabel.Nifti1Image(rgb, numpy.eye(4)), self.folder / "rgb.nii.gz")
        huge = bytearray(400)
        struct.pack_into("<i", huge, 0, 348)
        struct.pack_into("<8h", huge, 40, 3, 32000, 32000, 1000, 1, 1, 1, 1)
        struct.pack_into("<hh", huge, 70, 4, 16)
        struct.pack_into("<8f", huge, 76, 1, 1, 1, 1, 1, 1, 1, 1)
        struct.pack_into("<f", huge, 108, 352)
        huge[344:348] = b"n+1\0"
        (self.folder / "huge.nii").write_bytes(huge)
        for name in ("4d.nii.gz", "rgb.nii.gz", "huge.nii"):
            self.refuse(name, status=1, said=f"{name}: ")

    def test_control_bytes_in_a_name(self):
        self.refuse("two\nlines\x1b[31m.nii", said="two?lines?[31m.nii: cannot open")

    def test_model(self):
        self.refuse("scan.nii.gz", model="none.pt", said="none.pt: cannot open the file: No such file")
        self.refuse("scan.nii.gz", "--config", "none.yaml", said="none.yaml: cannot open the file: No such file")
        (self.folder / "half.pt").write_bytes(b"PK\3\4 and no more")
        self.refuse("scan.nii.gz", model="half.pt", status=1, said="half.pt: ")

    def test_outputs(self):
        self.refuse("scan.nii.gz", "-o", "nowhere/mask.nii.gz", status=1, said="nowhere/mask.nii.gz: cannot create")
        self.refuse("scan.nii.gz", "--logits", "nowhere/l.nii.gz", status=1, said="nowhere/l.nii.gz: cannot create")
        self.refuse("scan.nii.gz", "--json", "nowhere/r.json", status=1, said="nowhere/r.json: cannot create")
        self.refuse("scan.nii.gz", "--preview", "nowhere/p.png", status=1, said="nowhere/p.png: cannot create")
        if os.path.isdir("/proc/self"):  # root may write elsewhere
            self.refuse("scan.nii.gz", "-o", "/proc/mask.nii.gz", status=1, said="/proc/mask.nii.gz: cannot create")
        self.refuse("scan.nii.gz", "-o", "mask.dcm", said="mask.dcm: the name of a mask must end in .nii.gz, .nii")
        self.refuse("scan.nii.gz", "-o", ".nii.gz", said=".nii.gz: the name of a mask must end in")
        self.refuse("scan.nii.gz", "--logits", "l.npy", said="l.npy: the name of a file of logits must end in")
        self.refuse("scan.nii.gz", "--logits", "l.seg.nrrd", said="l.seg.nrrd: the name of a file of logits")
        self.refuse("scan.nii.gz", "--preview", "p.jpg", said="p.jpg: the name of a preview must end in .png")
        self.refuse("scan.nii.gz", "--json", "/dev/null", said="/dev/null: is no regular file")

    def test_one_file_for_two(self):
        (self.folder / "p.json").write_text("{}")
        (self.folder / "link.nii.gz").hardlink_to(self.folder / "scan.nii.gz")
        (self.folder / "soft.nii.gz").symlink_to("scan.nii.gz")
        (self.folder / "loop").symlink_to(".")
        twice = "one file cannot hold two different outputs"
        self.refuse("scan.nii.gz", "-o", "a.nii", "--logits", "a.nii", said=f"a.nii: {twice}")
        self.refuse("scan.nii.gz", "-o", "a.nii", "--logits", "./a.nii", said=f"a.nii: {twice}")
        self.refuse("scan.nii.gz", "-o", "a.nii", "--json", "loop/a.nii", said=f"a.nii: {twice}")
        for name in ("scan.nii.gz", "link.nii.gz", "soft.nii.gz", "loop/scan.nii.gz"):
            self.refuse("scan.nii.gz", "-o", name, said=f"{name}: is an input, name another file for the output")
        self.refuse("scan.nii.gz", "--json", "p.json", "--params", "p.json", said="p.json: is an input")
        self.refuse("scan.nii.gz", "--mask", "link.nii.gz", "-o", "link.nii.gz", said="link.nii.gz: is an input")
        self.refuse("scan.nii.gz", "--json", "m.pt", said="m.pt: is an input")

    def test_folder_without_permission(self):
        locked = self.folder / "locked"
        locked.mkdir()
        locked.chmod(0o500)
        # Root may write everywhere but into the kernel's own folder.
        name = "/proc/mask.nii.gz" if os.geteuid() == 0 else "locked/mask.nii.gz"
        self.refuse("scan.nii.gz", "-o", name, status=1, said=f"{name}: cannot create")

    def test_several_images(self):
        nifti(self.folder / "more.nii.gz")
        (self.folder / "sub").mkdir()
        nifti(self.folder / "sub" / "scan.nii.gz")
        both = ["scan.nii.gz", "more.nii.gz"]
        self.refuse(*both, "-o", "mask.nii.gz", said="-o mask.nii.gz: must be a folder that is there")
        for option in ("--logits", "--json", "--preview"):
            self.refuse(*both, option, "x.nii", said=f"{option} is for one image; list several with --batch")
        self.refuse("scan.nii.gz", "sub/scan.nii.gz", said="scan-mask.nii.gz: one file cannot hold two different")
        # A mask of a first run among the images of a second.
        nifti(self.folder / "scan-mask.nii.gz")
        self.refuse("scan.nii.gz", "scan-mask.nii.gz", said="scan-mask.nii.gz: is an input")

    def test_list(self):
        def refuse(text, said, *more, status=2):
            (self.folder / "list.jsonl").write_text(text)
            self.refuse(*more, "--batch", "list.jsonl", said=said, status=status)

        good = '{"image": "scan.nii.gz"}\n'
        refuse(good, "images stand in the list of --batch, or after the command", "scan.nii.gz")
        refuse("", "list.jsonl: holds no image")
        refuse(" \n\n", "list.jsonl: holds no image")
        refuse(good + "\n{", "list.jsonl: line 3: not JSON at column 1")
        refuse(good + "[]", "list.jsonl: line 2: is no JSON object")
        refuse('{"output": "x.nii"}', 'list.jsonl: line 1: "image" is missing')
        refuse('{"image": 3}', "list.jsonl: line 1: \"image\" must be a file's name")
        refuse('{"image": "scan.nii.gz", "ouput": "x.nii"}', 'list.jsonl: line 1: there is no key "ouput"')
        refuse('{"image": "scan.nii.gz", "params": []}', 'list.jsonl: line 1: "params" must be an object')
        refuse(good + good, "list.jsonl: line 2: scan-mask.nii.gz: one file cannot hold two different outputs")
        refuse('{"image": "scan.nii.gz", "output": "scan.nii.gz"}', "list.jsonl: line 1: scan.nii.gz: is an input")
        self.refuse("--batch", "none.jsonl", said="none.jsonl: cannot open the file")


if __name__ == "__main__":
    unittest.main()
