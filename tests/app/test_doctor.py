"""voxlabel doctor: what it finds on this machine, and on one that somebody broke."""

import os
import pathlib
import shutil
import subprocess
import unittest

from app_case import CHECKPOINT, CONFIG, EMBEDDED, PROGRAM, SANITIZED
from model_case import ModelCase

CHECKS = ["version", "cpu", "kernels", "threads", "memory", "model folder", "model", "cache folder", "clock"]


class Doctor(ModelCase):
    def setUp(self):
        super().setUp()
        self.set_environment("VOXLABEL_MODEL", None)

    def findings(self, *arguments, status=0, before=()):
        """{what: [findings]} of the JSON report, which the text says too."""
        shown = {}
        for more in ([], ["--json"]):
            done = subprocess.run(
                [*before, PROGRAM, "doctor", *map(str, arguments), *more],
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            shown[bool(more)] = done.stdout
        report = self.load_json(shown[True])
        lines = shown[False].splitlines()
        self.assertEqual(len(lines), len(report["checks"]))
        found = {}
        for line, finding in zip(lines, report["checks"]):
            self.assertTrue(line.startswith(f"{finding['verdict']:4}  {finding['what']}: "), line)
            self.assertTrue(finding["remedy"] is None or line.endswith("; " + finding["remedy"]), line)
            found.setdefault(finding["what"], []).append(finding)
        verdicts = [finding["verdict"] for finding in report["checks"]]
        worst = next(word for word in ("fail", "warn", "ok") if word in verdicts)
        self.assertEqual((report["verdict"], status), (worst, int(worst == "fail")))
        self.assertEqual(list(found), CHECKS)
        return found

    def of_folder(self, findings):
        """What is said of models but that inside the program."""
        return [finding for finding in findings["model"] if not finding["facts"].startswith("voxlabel-nano: ")]

    def one(self, findings, what):
        self.assertEqual(len(findings[what]), 1)
        return findings[what][0]

    def test_this_machine(self):
        found = self.findings()
        version = self.run_program("version")[0].split()[1]
        self.assertIn(f"voxlabel {version}, built by ", self.one(found, "version")["facts"])
        self.assertEqual(len(found["kernels"]), len(self.backends()))
        for name, finding in zip(self.backends(), found["kernels"]):
            self.assertEqual(finding["verdict"], "ok")
            self.assertTrue(finding["facts"].startswith(name), finding)
        if len(found["kernels"]) > 1:
            self.assertIn("agrees with plain C", found["kernels"][0]["facts"])
        cpus = len(os.sched_getaffinity(0))
        self.assertTrue(self.one(found, "threads")["facts"].startswith(f"{cpus} of "))
        self.assertEqual(self.one(found, "clock")["verdict"], "ok")
        self.assertIn("is made when it is needed", self.one(found, "model folder")["facts"])
        self.assertFalse(self.models.exists())
        model = self.one(found, "model")
        if EMBEDDED:
            self.assertEqual((model["verdict"], model["remedy"]), ("ok", None))
            self.assertIn("inside the program, SHA-256 as it should be", model["facts"])
        else:
            self.assertEqual((model["verdict"], model["remedy"]), ("warn", "'voxlabel model pull medsam2'"))

    def test_threads(self):
        cpu = min(os.sched_getaffinity(0))
        found = self.findings(before=["taskset", "-c", str(cpu)])
        self.assertTrue(self.one(found, "threads")["facts"].startswith("1 of "))

    @unittest.skipIf(SANITIZED, "sanitizers reserve more addresses than the limit")
    def test_little_memory(self):
        for kibibytes, verdict in ((350_000, "fail"), (1_000_000, "warn")):
            limited = ["sh", "-c", f'ulimit -v {kibibytes}; exec "$@"', "sh"]
            found = self.findings(before=limited, status=int(verdict == "fail"))
            memory = self.one(found, "memory")
            self.assertEqual(memory["verdict"], verdict)
            self.assertIn("by the limit on the process", memory["facts"])
            self.assertIsNotNone(memory["remedy"])

    def test_models(self):
        self.run_model("import", CHECKPOINT, "--name", "narrow", "--config", CONFIG)
        (narrow,) = self.of_folder(self.findings())
        self.assertEqual(narrow["facts"], "narrow: narrow256, SHA-256 as it should be")
        shutil.copy(CHECKPOINT, self.models / "by-hand.pt")
        shutil.copy(CONFIG, self.models / "by-hand.yaml")
        verdicts = {finding["facts"].split(":")[0]: finding["verdict"] for finding in self.of_folder(self.findings())}
        self.assertEqual(verdicts, {"by-hand": "warn", "narrow": "ok"})
        path = self.models / "narrow.pt"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        model = self.of_folder(self.findings(status=1))[1]
        self.assertEqual(model["verdict"], "fail")
        self.assertIn("remove it and fetch or import it again", model["facts"])

    def test_named_model(self):
        found = self.findings("--model", CHECKPOINT, "--config", CONFIG)
        (narrow,) = self.of_folder(found)
        self.assertIn("narrow256", narrow["facts"])
        self.findings("--model", CHECKPOINT, status=1)
        (self.folder / "text.pt").write_text("no checkpoint")
        self.findings("--model", "text.pt", status=1)
        self.set_environment("VOXLABEL_MODEL", "nobody")
        (model,) = self.of_folder(self.findings(status=1))
        self.assertIn("nobody: there is neither a model nor a file", model["facts"])
        self.run_model("import", CHECKPOINT, "--name", "nobody", "--config", CONFIG)
        self.findings()

    def test_folders(self):
        (self.folder / "file").write_text("no folder")
        for folder in ("file", "file/models"):
            found = self.findings("--models", folder, status=1)
            self.assertEqual(self.one(found, "model folder")["verdict"], "fail")
        found = self.findings("--models", "new/deep/er")
        self.assertTrue(self.one(found, "model folder")["facts"].startswith("new/deep/er: is made when it is needed, "))
        self.assertFalse((self.folder / "new").exists())

    def test_cache_folder(self):
        cache = self.folder / "cache"
        self.assertEqual(self.one(self.findings("--cache-dir", cache), "cache folder")["verdict"], "ok")
        self.assertFalse(cache.exists())
        cache.mkdir(mode=0o700)
        self.assertIn(" free", self.one(self.findings("--cache-dir", cache), "cache folder")["facts"])
        cache.chmod(0o755)
        finding = self.one(self.findings("--cache-dir", cache, status=1), "cache folder")
        self.assertIn("mode 0700", finding["remedy"])
        pathlib.Path(self.folder / "link").symlink_to("cache")
        cache.chmod(0o700)
        self.findings("--cache-dir", "link", status=1)

    def test_small_disk(self):
        """A disk of 16 MiB, where this test may mount one."""
        disk = self.folder / "disk"
        disk.mkdir()
        found = self.findings("--models", disk / "models", before=self.on_small_disk(disk, "16m"))
        folder = self.one(found, "model folder")
        self.assertEqual(folder["verdict"], "warn")
        self.assertIn("MiB free", folder["facts"])
        self.assertIn("make room", folder["remedy"])

    def test_arguments(self):
        self.assertIn("one argument too many: more", self.run_program("doctor", "more", status=2)[1])
        with open("/dev/full", "w") as full:
            process = self.start("doctor", stdout=full, stderr=-1)
            _out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"))


if __name__ == "__main__":
    unittest.main()
