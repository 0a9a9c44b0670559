"""What cannot be done: hostile prompts and images, disks that are full or read-only. Each is one sentence and the exit
status of its cause, and no file is left behind."""

import gzip
import os
import struct
import subprocess
import unittest

import nibabel
from app_case import PROGRAM, SANITIZED, nifti, wavy
from scan_case import ScanCase

BOX = ["--box", "1:10,12,40,38:1,2"]
SIDE = 40000


def nifti1(size, datatype=4, bits=16):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(size), *size, *[1] * (7 - len(size)))
    struct.pack_into("<2h", header, 70, datatype, bits)
    struct.pack_into("<8f", header, 76, *[1] * 8)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[344:348] = b"n+1\0"
    return bytes(header)


def nifti2(size, datatype=4, bits=16):
    header = bytearray(544)
    struct.pack_into("<i8s2h", header, 0, 540, b"n+2\0\r\n\x1a\n", datatype, bits)
    struct.pack_into("<8q", header, 16, len(size), *size, *[1] * (7 - len(size)))
    struct.pack_into("<8d", header, 104, *[1] * 8)
    struct.pack_into("<q2d", header, 168, 544, 1, 0)
    return bytes(header)


def nrrd(size, lines=""):
    sizes = " ".join(map(str, size))
    text = f"NRRD0004\ntype: short\ndimension: {len(size)}\nsizes: {sizes}\nencoding: raw\nendian: little\n{lines}\n"
    return text.encode()


def meta(size, lines=""):
    sizes = " ".join(map(str, size))
    text = f"ObjectType = Image\nNDims = {len(size)}\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
    return (text + f"DimSize = {sizes}\n{lines}ElementType = MET_SHORT\nElementDataFile = LOCAL\n").encode()


# What an image of 40,000 x 40,000 can say of itself: its first dimension does not fit into NIfTI-1, which then holds
# the number that is left of it, or the largest that it can.
DECLARED = {
    "wrapped.nii": nifti1([SIDE - 65536, SIDE - 65536, 3]),
    "large.nii": nifti1([32767, 32767, 3]),
    "second.nii": nifti2([SIDE, SIDE, 3]),
    "scan.nrrd": nrrd([SIDE, SIDE, 3]),
    "gzipped.nrrd": nrrd([SIDE, SIDE, 3]).replace(b"raw", b"gzip"),
    "scan.mha": meta([SIDE, SIDE, 3]),
    "packed.mha": meta([SIDE, SIDE, 3], "CompressedData = True\nCompressedDataSize = 8\n"),
}


class Prompts(ScanCase):
    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii")

    def test_not_finite(self):
        for text in ("nan", "inf", "-inf", "1e999"):
            self.refuse("scan.nii", "--point", f"{text},3,2", status=2, said=f"--point {text},3,2 ")
            self.refuse("scan.nii", "--box", f"2:{text},3,20,20", status=2, said=f"--box 2:{text},3,20,20 ")
        for text in ("NaN", "Infinity", "-Infinity", "1e999"):
            points = f'{{"intersection": [[4, 4, 2], [{text}, 1, 2]]}}'
            said = "point 1 of 'intersection' holds something that is no finite number"
            self.refuse("scan.nii", "--params", points, status=2, said=said)
            box = f'{{"box": {{"key": {text}, "xyxy": [1, 2, 20, 30]}}}}'
            self.refuse("scan.nii", "--params", box, status=2, said="box")
            click = f'{{"corrections": [{{"k": 2, "points": [[{text}, 3]]}}]}}'
            self.refuse("scan.nii", "--params", click, status=2, said="correction")

    def test_outside(self):
        """Dropped by name; where none is left the mask is blank."""
        outside = [[60, 3, 2], [-0.6, 3, 2], [3, 50, 2], [3, 3, 6], [3, 3, -1], [1e300, -1e300, 2]]
        run = self.segment("scan.nii", params={"intersection": [*outside, [-0.5, 49.49, 2]], "extent": "strict"})
        self.assertTrue(run.report["valid"])
        self.assertIn("points 0, 1, 2, 3, 4 and 5 of 'intersection' lie outside the image", run.report["warnings"][0])
        self.assertEqual(len(run.report["warnings"]), 1)
        self.assertEqual(run.report["plan"]["objects"][0]["prompts"][0]["points"], [[-0.5, 49.49]])
        run = self.segment("scan.nii", params={"intersection": outside})
        self.assertFalse(run.report["valid"])
        self.assertRegex(run.report["reason"], "outside the image")
        self.assertFalse(run.mask.any())
        self.assertEqual(run.mask.shape, (60, 50, 6))
        self.assertRegex(run.err, r"(?m)^voxlabel: warning: run\.nii: the mask is empty: ")
        scan, mask = (nibabel.load(self.folder / name).header for name in ("scan.nii", "run.nii"))
        for field in ("srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x", "pixdim", "sform_code", "qform_code"):
            self.assertEqual(mask[field].tobytes(), scan[field].tobytes())

    def test_too_many_points(self):
        def points(n):
            return {"intersection": [[n % 50, n % 40, 2] for n in range(n)], "extent": "strict"}

        self.refuse("scan.nii", params=points(5000), status=2, said="4096")
        half = {**points(2500), "background": points(2500)["intersection"]}
        self.refuse("scan.nii", params=half, status=2, said="4096")
        self.assertTrue(self.segment("scan.nii", params=points(4096)).report["valid"])

    def test_box_inverted(self):
        right = self.segment("scan.nii", "--box", "2:10,12,40,38:1,3")
        for text in ("2:40,38,10,12:3,1", "2:10,38,40,12:1,3", "2:40,12,10,38:3,1"):
            self.assertTrue(self.segment("scan.nii", "--box", text, name="inverted").same(right), text)

    def test_box_outside(self):
        for text, said in [
            ("2:60,12,70,38", "outside the slice; i is 0 to 59 and j is 0 to 49"),
            ("2:10,-20,40,-1", "outside the slice"),
            ("2:1e300,12,1e301,38", "outside the slice"),
            ("6:10,12,40,38", "slice 6 .* is not there; slices are 0 to 5"),
            ("-1:10,12,40,38", "slice -1 .* is not there"),
            ("2:10,12,40,38:1,6", "is not there"),
            ("1e300:10,12,40,38", "is not there"),
            ("2:10,12,40,38:3,5", "slice"),
        ]:
            self.refuse("scan.nii", "--box", text, status=2, said=said)
        # One that reaches beyond is cut.
        run = self.segment("scan.nii", "--box", "2:-20,12,80,1e300:2,2")
        self.assertEqual(run.report["plan"]["objects"][0]["prompts"][0]["box"], [0, 12, 59, 49])


class Images(ScanCase):
    def refuse_image(self, name, content, said=r": "):
        (self.folder / name).write_bytes(content)
        line = self.refuse(name, *BOX, status=1, said=said)
        self.assertTrue(line.startswith(f"voxlabel: {name}: "), line)
        self.assertLess(len(line), 250)

    def test_empty(self):
        for ending in ("nii", "nii.gz", "nrrd", "mha", "mhd", "seg.nrrd"):
            self.refuse_image(f"empty.{ending}", b"")

    def test_not_three_dimensions(self):
        pixels = bytes(8 * 8 * 4 * 2 * 3)
        many = r"(?i)\b(dimensions?|four|4|axes|3)\b"
        self.refuse_image("four.nii", nifti1([8, 8, 4, 3]) + pixels, many)
        self.refuse_image("four.nrrd", nrrd([8, 8, 4, 3]) + pixels, many)
        self.refuse_image("four.mha", meta([8, 8, 4, 3]) + pixels, many)
        for size in ([8, 8, 0], [8, 0, 4], [-8, 8, 4]):
            self.refuse_image("none.nii", nifti1(size) + pixels)
            self.refuse_image("none.nrrd", nrrd(size) + pixels)
            self.refuse_image("none.mha", meta(size) + pixels)

    def test_colours(self):
        pixels = bytes(8 * 8 * 4 * 2 * 4)
        colour = r"(?i)(rgb|colour|color|one (value|number|component)|channel|per voxel|vector)"
        self.refuse_image("colour.nii", nifti1([8, 8, 4], 128, 24) + pixels, colour)
        self.refuse_image("alpha.nii", nifti1([8, 8, 4], 2304, 32) + pixels, colour)
        kinds = "kinds: RGB-color domain domain domain\n"
        self.refuse_image("colour.nrrd", nrrd([3, 8, 8, 4], kinds) + pixels, r"(?i)(colour|rgb|list|kind|per voxel|3|4)")
        self.refuse_image("colour.mha", meta([8, 8, 4], "ElementNumberOfChannels = 3\n") + pixels, colour)
        self.refuse_image("complex.nii", nifti1([8, 8, 4], 32, 64) + pixels * 2)

    def test_more_declared_than_there_is(self):
        """Found out without room for it, in files of 400 bytes (544 with the header of NIfTI-2)."""
        limit = [] if SANITIZED else ["sh", "-c", 'ulimit -v 1000000; exec "$@"', "sh"]
        for name, header in DECLARED.items():
            (self.folder / name).write_bytes(header + bytes(max(0, 400 - len(header))))
            line = self.refuse(name, *BOX, status=1, said=r": ", within=limit)
            self.assertTrue(line.startswith(f"voxlabel: {name}: "), line)
        (self.folder / "apart.raw").write_bytes(bytes(400))
        self.refuse_image("apart.mhd", meta([SIDE, SIDE, 3]).replace(b"LOCAL", b"apart.raw"))
        (self.folder / "alone.mhd").write_bytes(meta([8, 8, 3]).replace(b"LOCAL", b"nowhere.raw"))
        self.refuse("alone.mhd", *BOX, status=2, said="^voxlabel: alone.mhd: .*file of voxels: cannot open the file")
        # Slices that are too large are refused before any of their voxels is unpacked.
        packed = gzip.compress(nifti2([SIDE, SIDE, 3]) + bytes(400))
        self.refuse_image("packed.nii.gz", packed, "slices of 40000 x 40000 pixels are too large")
        # A billion slices of one voxel, and sizes whose product wraps around to a small one.
        self.refuse_image("deep.nrrd", nrrd([1, 1, 10**9]) + bytes(400))
        self.refuse_image("wraps.nrrd", nrrd([2**32, 2**32, 4]) + bytes(400))
        self.refuse_image("wraps.mha", meta([2**32 + 8, 2**32 + 8, 4]) + bytes(400))
        self.refuse_image("wraps.nii", nifti2([2**62, 4, 4]) + bytes(400))

    def test_cut_off(self):
        nifti(self.folder / "whole.nii")
        content = (self.folder / "whole.nii").read_bytes()
        self.refuse_image("cut.nii", content[: len(content) // 2])
        nifti(self.folder / "whole.nii.gz")
        content = (self.folder / "whole.nii.gz").read_bytes()
        self.refuse_image("cut.nii.gz", content[: len(content) // 2])
        broken = bytearray(content)
        broken[len(broken) // 2] ^= 0xFF
        self.refuse_image("broken.nii.gz", bytes(broken))


def may_mount():
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Disks(ScanCase):
    """Folders on a disk of their own, where this user may mount one; else a limit on the size of files stands in."""

    mounts = may_mount()

    @classmethod
    def setUpClass(cls):
        if not cls.mounts:
            print("no disk can be mounted here; a limit on the size of files stands in for full ones", flush=True)

    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii", wavy(200, 180, 3))
        (self.folder / "small").mkdir()

    def outputs(self, **names):
        command = ["segment", "scan.nii", *self.network(), "--box", "1:30,30,160,150:1,1", "--quiet"]
        for option, name in names.items():
            command += ["-o" if option == "o" else f"--{option}", f"small/{name}"]
        return command

    def run_on(self, disk, command):
        """Runs the program with `small` on a disk made by a line of shell; returns what is left in it."""
        script = f'{disk}; "$@"; status=$?; ls -A small 2>/dev/null; exit $status'
        within = ["unshare", "-rm"] if self.mounts else []
        command = [*within, "sh", "-c", script, "sh", PROGRAM, *map(str, command)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout.split(), done.stderr

    def full(self, kilobytes):
        if self.mounts:
            return f"mount -t tmpfs -o size={kilobytes}k none small"
        return f"ulimit -f {2 * kilobytes}"

    def test_full(self):
        """Whatever is written when there is no more room, nothing is left."""
        everything = {"o": "mask.nii", "logits": "logits.nii", "json": "report.json", "preview": "preview.png"}
        for kilobytes, broken, outputs in [
            (64, "mask.nii", everything),
            (200, "logits.nii", everything),
            (16, "logits.nii.gz", {"o": "mask.nii.gz", "logits": "logits.nii.gz"}),
            (64, "mask.mha", {"o": "mask.mha"}),
            # Each file takes a page of a disk, so that the one does not fit beside the other.
            (8, "preview.png", {"o": "mask.nii.gz", "preview": "preview.png"}),
            (8, "report.json", {"o": "mask.nii.gz", "json": "report.json"}),
        ]:
            with self.subTest(broken=broken, kilobytes=kilobytes):
                if kilobytes < 16 and not self.mounts:
                    self.skipTest("no disk can be mounted here")
                status, left, err = self.run_on(self.full(kilobytes), self.outputs(**outputs))
                self.assertEqual((status, left), (1, []), f"{kilobytes}: {err}")
                self.assertRegex(err, rf"^voxlabel: small/{broken}: cannot write the file: [^\n]+\n$")

    def test_older_files_stay(self):
        """What stood there before is there after a failure, byte for byte."""
        disk = f'{self.full(140)}; echo old > small/mask.nii; echo old > small/logits.nii; old=$(cat small/*)'
        check = self.outputs(o="mask.nii", logits="logits.nii")
        script = ["sh", "-c", 'p=$1; shift; "$p" "$@"; s=$?; grep -L "^old$" small/*; exit $s', "sh"]
        within = ["unshare", "-rm"] if self.mounts else []
        command = [*within, "sh", "-c", f'{disk}; "$@"', "sh", *script, PROGRAM, *map(str, check)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, r"^voxlabel: small/logits\.nii: cannot write the file: ")

    def test_cache_on_a_full_disk(self):
        """What cannot be kept is computed again; the result is what it is without."""
        plain = ["segment", "scan.nii", *self.network(), "--box", "1:30,30,160,150:1,1", "--quiet"]
        self.run_program(*plain, "-o", "plain.nii")
        command = [*plain, "-o", "cached.nii", "--cache-dir", "small/features"]
        status, left, err = self.run_on(f"{self.full(128)}; mkdir -m 700 small/features", command)
        self.assertEqual((status, left), (0, ["features"]), err)
        self.assertEqual((self.folder / "cached.nii").read_bytes(), (self.folder / "plain.nii").read_bytes())

    def test_read_only(self):
        if self.mounts:
            disk, why = "mount -t tmpfs -o ro none small", "Read-only file system"
        elif os.geteuid() != 0:
            disk, why = "chmod 0500 small", "Permission denied"
        else:
            disk, why = "rm -rf small; ln -s /proc/self small", "(No such file|Permission denied)"
        for option, name in [("o", "m.nii"), ("logits", "l.nii"), ("json", "r.json"), ("preview", "p.png")]:
            before = self.tree()
            status, _left, err = self.run_on(disk, [*self.outputs(**{option: name}), *(["-o", "m.nii"] if option != "o" else [])])
            self.assertEqual(status, 1, err)
            self.assertRegex(err, rf"^voxlabel: small/{name}: cannot create a file in the output folder: {why}[^\n]*\n$")
            if self.mounts:
                self.assertEqual(self.tree(), before)

    def test_cache_that_cannot_be_made(self):
        self.refuse("scan.nii", *BOX, "--cache-dir", "nowhere/features", status=2, said="nowhere/features: there is no folder")
        self.refuse("scan.nii", *BOX, "--cache-dir", "scan.nii", status=2, said="scan.nii: is no folder")

    def test_missing_folder(self):
        for option, name in [("o", "m.nii"), ("logits", "l.nii"), ("json", "r.json"), ("preview", "p.png")]:
            status, left, err = self.run_on("rm -rf small; mkdir -p other", self.outputs(**{option: name}))
            self.assertEqual((status, left), (1, []), err)
            said = f"^voxlabel: small/{name}: cannot create a file in the output folder: No such file or directory\n"
            self.assertRegex(err, said)

    def test_no_voxel_is_lost_on_a_disk_that_holds_all(self):
        """The disk is what made the others fail."""
        command = self.outputs(o="mask.nii", logits="logits.nii", json="report.json", preview="preview.png")
        disk = self.full(2000) if self.mounts else ":"
        status, left, err = self.run_on(f"{disk}", command)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(left, ["logits.nii", "mask.nii", "preview.png", "report.json"])


if __name__ == "__main__":
    unittest.main()
