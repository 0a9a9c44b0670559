"""Nothing that was acknowledged is lost: processes that are killed, several that write at once, full disks, folders that
cannot be written.

Usage: test_store_losses.py STORE_TOOL ROUNDS [unittest arguments]
"""

import fcntl
import json
import os
import pathlib
import random
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TOOL, ROUNDS = "", 0
IMAGES = 12


def nifti(path, value=0):
    """A small uncompressed NIfTI-1 image."""
    header = bytearray(352)
    struct.pack_into("<i8h", header, 0, 348, 0, 0, 0, 0, 0, 0, 0, 0)
    struct.pack_into("<8h", header, 40, 3, 4, 4, 4, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<h", header, 254, 1)
    for row in range(3):
        struct.pack_into("<4f", header, 280 + 16 * row, *[float(row == column) for column in range(4)])
    header[344:348] = b"n+1\0"
    path.write_bytes(bytes(header) + bytes([value] * 64))


class StoreCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "studies"
        self.folder.mkdir()
        for i in range(IMAGES):
            nifti(self.folder / f"case_{i:02d}.nii", i)

    def run_tool(self, *arguments, before=(), status=0):
        done = subprocess.run(
            [*before, TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.splitlines()

    def json(self):
        return json.loads((self.folder / "datastore_v2.json").read_text(encoding="utf-8"))

    def temporary_files(self):
        found = [path.name for path in self.folder.rglob("*") if path.name.startswith(".voxlabel-")]
        return found + [path.name for path in self.folder.glob(".datastore_v2*")]

    def labels(self):
        """{(id, tag): count} of what a new process reads."""
        found = {}
        for line in self.run_tool("read", self.folder):
            case, tag, count = line.split()
            self.assertNotEqual(count, "broken", line)
            found[case, tag] = int(count)
        return found

    def told(self, case, tag):
        return self.json()["objects"][case]["labels"][tag]["info"]["count"]


class Killed(StoreCase):
    def test_kill(self):
        """Killed at any moment: what was acknowledged is there and whole, and nothing else is left."""
        acknowledged = {}
        saved = 0
        for number in range(ROUNDS):
            with subprocess.Popen(
                [TOOL, "save", str(self.folder), "final", "4", "0", str(1000 * number + 1)], stdout=subprocess.PIPE, text=True
            ) as process:
                first = process.stdout.readline()  # it is at work
                time.sleep(random.uniform(0.0, 0.15))
                process.kill()
                # A line that was cut off was not read by a client either.
                lines = [line for line in [first, *process.stdout] if line.endswith("\n")]
            newest = {}
            for line in lines:
                case, count = line.split()
                newest[case] = max(newest.get(case, 0), int(count))
            saved += len(lines)
            self.json()
            labels = self.labels()
            self.assertEqual(self.temporary_files(), [], f"round {number}")
            for case, count in newest.items():
                # A newer one may have been on its way.
                self.assertGreaterEqual(labels[case, "final"], count, f"round {number}, {case}")
                self.assertGreaterEqual(self.told(case, "final"), count, f"round {number}, {case}")
            acknowledged.update(newest)
            self.assertLessEqual(acknowledged.keys(), {case for case, _ in labels}, f"round {number}")
        print(f"{ROUNDS} rounds, {saved} labels acknowledged", flush=True)
        self.assertGreater(saved, ROUNDS)


class Together(StoreCase):
    def bump(self, wanted, stop):
        """What MONAI Label does: reads the file under its lock and writes it in place."""
        done = 0
        while done < wanted and not stop.is_set():
            with open(self.folder / ".lock", "a", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                path = self.folder / "datastore_v2.json"
                model = json.loads(path.read_text(encoding="utf-8"))
                info = model["objects"]["case_03"]["image"]["info"]
                info["bumped"] = info.get("bumped", 0) + 1
                path.write_text(json.dumps(model, indent=2), encoding="utf-8")
            done += 1
            time.sleep(0.005)
        self.bumped = done

    def test_two_servers_and_another_program(self):
        self.run_tool("read", self.folder)  # makes the file
        stop = threading.Event()
        other = threading.Thread(target=self.bump, args=(40, stop))
        processes = [
            subprocess.Popen(
                [TOOL, "save", str(self.folder), tag, "3", "24", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for tag in ("one", "two")
        ]
        other.start()
        outputs = [process.communicate(timeout=600) for process in processes]
        other.join()
        self.assertEqual(self.bumped, 40)
        newest = {}
        for tag, process, (out, err) in zip(("one", "two"), processes, outputs):
            self.assertEqual(process.returncode, 0, err)
            self.assertEqual(err, "")
            for line in out.splitlines():
                case, count = line.split()
                newest[case, tag] = max(newest.get((case, tag), 0), int(count))
        self.assertGreater(len(newest), IMAGES)
        self.assertEqual(self.labels(), newest)
        for (case, tag), count in newest.items():
            self.assertEqual(self.told(case, tag), count)
        self.assertEqual(self.json()["objects"]["case_03"]["image"]["info"]["bumped"], 40)
        self.assertEqual(list(self.folder.glob("*.broken*")), [])


class Disks(StoreCase):
    def on_small_disk(self, size):
        script = f'mount -t tmpfs -o size={size} tmpfs "$0" && cp -a "$0.aside/." "$0" && "$@"; s=$?; '
        script += 'find "$0" -name ".voxlabel-*" >&2; cat "$0/datastore_v2.json" > "$0.json"; exit $s'
        prefix = ["unshare", "-rm", "sh", "-c", script, str(self.folder)]
        probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
        if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
            self.skipTest("nothing can be mounted here")
        return prefix

    def test_full(self):
        """Saves fail when there is no room, and what was saved before stays whole; with room they work again."""
        for size in ("200k", "264k", "333k"):
            with self.subTest(size=size):
                aside = self.folder.with_name("studies.aside")
                if not aside.exists():
                    self.folder.rename(aside)
                    self.folder.mkdir()
                lines = self.run_tool("fill", self.folder, before=self.on_small_disk(size))
                full = lines.index("full")
                newest = {}
                for line in lines[:full]:
                    case, count = line.split()
                    newest[case] = int(count)
                kept = {line.split()[0]: line.split()[2] for line in lines[full + 1 : -1]}
                self.assertEqual(kept, {case: str(count) for case, count in newest.items()})
                self.assertGreater(len(newest), 5)
                self.assertEqual(lines[-1].split()[0], "again")
                model = json.loads(self.folder.with_name("studies.json").read_text(encoding="utf-8"))
                self.assertEqual(len(model["objects"]), IMAGES - 1)

    def test_folder_that_cannot_be_written(self):
        """Served as it is, with a word about it."""
        self.run_tool("save", self.folder, "final", "1", "2", "1")
        if os.geteuid() == 0:
            before = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"']
            before.append(str(self.folder))
            if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
                self.skipTest("nothing can be mounted here")
        else:
            before = []
            self.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
            self.addCleanup(self.folder.chmod, stat.S_IRWXU)
        found = self.run_tool("read", self.folder, before=before)
        self.assertEqual(len(found), 2)
        done = subprocess.run(
            [*before, TOOL, "save", self.folder, "final", "1", "1", "1"], capture_output=True, text=True, timeout=600, check=False
        )
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("note: the datastore's folder cannot be written; it is served read-only\n", done.stderr)
        self.assertIn("store_tool: save: the datastore is read-only; nothing was changed\n", done.stderr)


if __name__ == "__main__":
    TOOL, ROUNDS = sys.argv[1], int(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
