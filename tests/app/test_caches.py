"""What is kept of slices: taken from the disk by the next run, checked, bounded, private, and never of any influence on
the result."""

import os
import random
import stat
import time
import unittest

from app_case import nifti, wavy
from scan_case import ScanCase

BOX = ["--box", "3:10,12,40,38:1,5"]
SLICES = 5
FILE_BYTES = 4 * 16 * 16 * 128 * 4 + 72 + 32


class Caches(ScanCase):
    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii", wavy(60, 50, 7))
        self.cache = self.folder / "features"

    def run_once(self, *arguments, name="run", box=BOX, **more):
        return self.segment("scan.nii", *box, "--cache-dir", self.cache, *arguments, name=name, **more)

    def kept(self):
        return sorted(self.cache.iterdir())

    def snapshot(self):
        return {path.name: path.read_bytes() for path in self.kept()}

    def test_second_run_encodes_nothing(self):
        plain = self.segment("scan.nii", *BOX)
        first = self.run_once(name="first")
        self.assertEqual(first.work()[0], SLICES)
        self.assertEqual([path.stat().st_size for path in self.kept()], [FILE_BYTES] * SLICES)
        before = self.snapshot()
        second = self.run_once(name="second")
        self.assertEqual(second.work(), (0, first.work()[1] + SLICES))
        self.assertTrue(first.same(plain))
        self.assertTrue(second.same(plain))
        self.assertEqual(self.snapshot(), before)
        # Another prompt on the same slices, another window of grey values on them.
        self.assertEqual(self.run_once(box=["--box", "2:20,15,50,45:1,4"]).work()[0], 0)
        self.assertEqual(self.run_once("--window", "-1000,900").work()[0], SLICES)
        self.assertEqual(len(self.kept()), 2 * SLICES)

    def test_other_weights_share_nothing(self):
        self.run_once()
        self.change_weights()
        other = self.run_once(name="other")
        self.assertEqual(other.work()[0], SLICES)
        self.assertEqual(len(self.kept()), 2 * SLICES)

    def change_weights(self):
        """The same checkpoint but for one bit of one weight."""
        with open(self.checkpoint, "rb") as file:
            content = bytearray(file.read())
        content[len(content) // 2] ^= 1
        (self.folder / "other.pt").write_bytes(content)
        self.checkpoint = "other.pt"

    def test_every_damage_is_repaired(self):
        plain = self.run_once(name="plain")
        whole = self.snapshot()
        order = random.Random(1)

        def flip(content, place):
            damaged = bytearray(content)
            damaged[place] ^= 1 << order.randrange(8)
            return bytes(damaged)

        damages = [
            lambda content: flip(content, 0),
            lambda content: flip(content, 60),
            lambda content: flip(content, 72 + order.randrange(FILE_BYTES - 104)),
            lambda content: flip(content, len(content) - 1),
            lambda content: content[:-1],
            lambda content: content + b"\0",
            lambda content: b"",
            lambda content: bytes(len(content)),
            lambda content: next(other for other in whole.values() if other != content),
        ]
        for number, damage in enumerate(damages):
            name = order.choice(list(whole))
            (self.cache / name).write_bytes(damage(whole[name]))
            run = self.run_once(name="again")
            self.assertEqual(run.work()[0], 1, f"damage {number}")
            self.assertTrue(run.same(plain), f"damage {number}")
            self.assertEqual(self.snapshot(), whole, f"damage {number}")

    def test_things_in_the_place_of_a_file(self):
        """A link, a pipe, a file open to others: not followed, not waited for, replaced. A folder is left alone."""
        plain = self.run_once(name="plain")
        whole = self.snapshot()
        name = next(iter(whole))
        (self.folder / "aside").write_bytes(whole[name])

        def link():
            (self.cache / name).symlink_to(self.folder / "aside")

        def pipe():
            os.mkfifo(self.cache / name, 0o600)

        def shown():
            (self.cache / name).write_bytes(whole[name])
            (self.cache / name).chmod(0o644)

        for make in (link, pipe, shown):
            (self.cache / name).unlink()
            make()
            run = self.run_once(name="again", timeout=60)
            self.assertEqual(run.work()[0], 1, make.__name__)
            self.assertTrue(run.same(plain))
            self.assertEqual(self.snapshot(), whole)
            self.assertTrue(stat.S_ISREG((self.cache / name).lstat().st_mode))
        (self.cache / name).unlink()
        (self.cache / name).mkdir()
        self.assertTrue(self.run_once(name="again").same(plain))

    def test_private(self):
        old = os.umask(0)
        try:
            self.run_once()
        finally:
            os.umask(old)
        self.assertEqual(stat.S_IMODE(self.cache.stat().st_mode), 0o700)
        for path in self.kept():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertRegex(path.name, r"^[0-9a-f]{64}$")
        for mode in (0o750, 0o705, 0o701, 0o770):
            self.cache.chmod(mode)
            said = ": the feature cache's folder is open to other users; make it private with chmod 700"
            self.refuse("scan.nii", *BOX, "--cache-dir", self.cache, status=2, said=said)
        self.cache.chmod(0o700)
        (self.folder / "link").symlink_to(self.cache)
        said = ": the feature cache needs a folder, not a file or a symbolic link"
        self.refuse("scan.nii", *BOX, "--cache-dir", "link", status=2, said=said)

    def test_two_processes_at_once(self):
        """On the same slices, and none is in the other's way."""
        plain = self.segment("scan.nii", *BOX, name="plain")
        for _round in range(2):
            started = []
            for number in range(3):
                command = self.command("scan.nii", *BOX, "--cache-dir", self.cache, name=f"at{number}")
                command[command.index("-")] = f"at{number}.json"
                started.append(self.start(*command, "--quiet"))
            for process in started:
                self.assertEqual(process.wait(timeout=300), 0)
            for number in range(3):
                for ending in (".nii", "-logits.nii"):
                    wanted = (self.folder / f"plain{ending}").read_bytes()
                    self.assertEqual((self.folder / f"at{number}{ending}").read_bytes(), wanted)
            self.assertEqual([path.stat().st_size for path in self.kept()], [FILE_BYTES] * SLICES)
        self.assertEqual(self.run_once().work()[0], 0)
        self.assertTrue(self.run_once().same(plain))

    def kill_while_it_writes(self, pause):
        """Ends a run with SIGKILL some time after its first file is there."""
        command = self.command("scan.nii", "--box", "3:10,12,40,38:0,6", "--cache-dir", self.cache, "--quiet")
        process = self.start(*command)
        try:
            until = time.monotonic() + 100
            while time.monotonic() < until and not (self.cache.is_dir() and any(self.cache.iterdir())):
                time.sleep(0.0005)
            time.sleep(pause)
        finally:
            process.kill()
            process.wait()

    def test_killed_while_it_writes(self):
        plain = self.segment("scan.nii", *BOX, name="plain")
        for attempt in range(6):
            self.kill_while_it_writes(attempt * 0.03)
            for path in self.kept():
                if not path.name.startswith("."):
                    self.assertEqual(path.stat().st_size, FILE_BYTES)
            run = self.run_once("--cache-size", "1G")
            self.assertTrue(run.same(plain), f"attempt {attempt}")
            if attempt % 2 == 1:
                for path in self.kept():
                    path.unlink()
        # What a killed writer left is removed when it is old enough to be nobody's.
        left = self.cache / f".{'0123456789abcdef' * 2}.part"
        left.write_bytes(b"half a file")
        self.run_once()
        self.assertTrue(left.exists())
        os.utime(left, (time.time() - 3600, time.time() - 3600))
        self.run_once()
        self.assertFalse(left.exists())

    def test_bounded(self):
        """Three files fit, and the ones that were used last stay; a cache of less than one keeps none."""
        plain = self.segment("scan.nii", *BOX, name="plain")
        limit = 3 * FILE_BYTES + 1000
        run = self.run_once("--cache-size", limit)
        self.assertTrue(run.same(plain))
        self.assertEqual(len(self.kept()), 3)
        foreign = self.cache / "notes.txt"
        foreign.write_text("not a feature")
        again = self.run_once("--cache-size", limit)
        self.assertTrue(again.same(plain))
        self.assertGreaterEqual(again.work()[0], 2)
        self.assertLess(again.work()[0], SLICES + 1)
        self.assertEqual(len(self.kept()), 4)
        self.assertTrue(foreign.exists())
        self.assertTrue(self.run_once("--cache-size", "1000").same(plain))
        self.assertEqual(self.kept(), [foreign])

    def test_without_memory(self):
        """--cache-memory 0 keeps nothing, with a disk and without; memory for one slice is as good as for all."""
        plain = self.segment("scan.nii", *BOX, name="plain")
        none = self.segment("scan.nii", *BOX, "--cache-memory", "0", name="none")
        self.assertEqual(none.work(), (2 * SLICES - 2, 0))
        one = self.segment("scan.nii", *BOX, "--cache-memory", FILE_BYTES + 4096, name="one")
        self.assertGreater(one.work()[0], SLICES)
        disk = self.run_once("--cache-memory", "0", name="disk")
        self.assertEqual(disk.work()[0], SLICES)
        for run in (none, one, disk):
            self.assertTrue(run.same(plain))

    def test_a_folder_that_cannot_be_written(self):
        """A cache that was filled by its owner and is read-only since is still of use."""
        plain = self.run_once(name="plain")
        self.cache.chmod(0o500)
        try:
            run = self.run_once(name="again")
            self.assertEqual(run.work()[0], 0)
            self.assertTrue(run.same(plain))
            self.assertTrue(self.run_once("--window", "-1000,900").work()[0] >= SLICES)
        finally:
            self.cache.chmod(0o700)


class Batches(ScanCase):
    def test_images_of_one_batch_share(self):
        """The same slices in two files are encoded once, and an image twice in a list is read once."""
        nifti(self.folder / "scan.nii", wavy(60, 50, 7))
        nifti(self.folder / "copy.nii.gz", wavy(60, 50, 7))
        (self.folder / "list.jsonl").write_text(
            "".join(
                f'{{"image": "{image}", "output": "{name}.nii", "json": "{name}.json"}}\n'
                for image, name in (("scan.nii", "a"), ("copy.nii.gz", "b"), ("scan.nii", "c"))
            )
        )
        self.run_program("segment", *self.network(), *BOX, "--batch", "list.jsonl")
        work = [self.load_json((self.folder / f"{name}.json").read_text())["latencies"] for name in "abc"]
        self.assertEqual([latencies["encoded_slices"] for latencies in work], [SLICES, 0, 0])
        self.assertEqual((self.folder / "a.nii").read_bytes(), (self.folder / "c.nii").read_bytes())


if __name__ == "__main__":
    unittest.main()
