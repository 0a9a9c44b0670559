"""voxlabel model pull where no model arrives: licence, network, certificates, files that are others."""

import os
import random
import signal
import time
import unittest

from https_host import Proxy, make_authority, nobody
from pull_case import PUBLISHED_BYTES, PullCase

BY_HAND = "; fetch https://huggingface.co/wanglab/MedSAM2/resolve/main/MedSAM2_latest.pt on another machine and put it here as "
NOISE = random.Random(5).randbytes(32 << 20)  # half a minute of it at the pace below


class Pull(PullCase):
    def expect_by_hand(self, err, said):
        """One sentence, which says where to put the file."""
        line = err.splitlines()[-1]
        self.assertTrue(line.startswith("voxlabel: medsam2: "), line)
        self.assertIn(said, line)
        self.assertTrue(line.endswith(BY_HAND + str(self.models / "medsam2.pt")), line)
        self.assertEqual(self.model_files(), [])

    # ---- licence ----

    def test_licence_without_a_terminal(self):
        command = [part for part in self.command("medsam2") if part != "--accept-licence"]
        out, err = self.run_program(*command, status=2)
        said = "medsam2: read the licence at https://huggingface.co/wanglab/MedSAM2, and add --accept-licence if you agree"
        self.assertEqual((out, err), ("", f"voxlabel: {said}\n"))
        self.assertEqual(self.host.requests, [])
        self.assertFalse(self.models.exists())

    def test_licence_on_a_terminal(self):
        command = [part for part in self.command("medsam2") if part != "--accept-licence"]
        command += ["--cacert", self.host.ca_file]
        for answer in ("no", "", "nyes"):
            shown = self.on_terminal(*command, answer=answer, status=1)
            self.assertIn("can only be used for research and education purposes", shown)
            self.assertIn("Do you agree? [yes/no]", shown)
            self.assertIn("voxlabel: medsam2: not fetched\n", shown)
        self.assertEqual(self.host.requests, [])
        self.assertFalse(self.models.exists())
        self.on_terminal(*command, answer="Yes", status=1)
        self.assertEqual(len(self.host.requests), 1)

    def test_licence_is_shown_and_kept_quiet(self):
        self.assertIn("Attribution-ShareAlike", self.pull("medsam2", status=1))
        self.assertEqual(self.pull("medsam2", "--quiet", status=1).count("\n"), 1)

    # ---- names ----

    def test_names(self):
        self.assertIn("no published model has this name", self.pull("nobody", status=2))
        self.assertIn("EfficientTAM image encoder is not supported", self.pull("eff-medsam2-small", status=1))
        self.assertEqual(self.host.requests, [])
        for name, file in (("medsam2-us-heart", "MedSAM2_US_Heart.pt"), ("medsam2-2411", "MedSAM2_2411.pt")):
            self.pull(name, status=1)
            self.assertEqual(self.host.requests[-1][0], "/models/" + file)

    # ---- network ----

    def test_no_network(self):
        with nobody() as alone:
            mirror = f"https://127.0.0.1:{alone.getsockname()[1]}/models"
            err = self.run_program("model", "pull", "medsam2", "--accept-licence", "--mirror", mirror, status=1)[1]
        self.expect_by_hand(err, "the server cannot be reached")

    def test_not_there(self):
        self.expect_by_hand(self.pull("medsam2", status=1), "HTTP status 404")

    def test_redirect_loop(self):
        self.serve("MedSAM2_latest.pt", b"", location="/models/MedSAM2_latest.pt")
        self.expect_by_hand(self.pull("medsam2", status=1), "from one address to the next")

    def test_nothing_but_https(self):
        for mirror in ("http://127.0.0.1/models", "file:///tmp", "ftp://127.0.0.1/", "127.0.0.1"):
            arguments = ["model", "pull", "medsam2", "--accept-licence", "--mirror", mirror]
            self.assertIn("must be an https:// address", self.run_program(*arguments, status=2)[1])
        self.serve("MedSAM2_latest.pt", b"", location="http://127.0.0.1/models/MedSAM2_latest.pt")
        self.expect_by_hand(self.pull("medsam2", status=1), "is not https")

    def test_mirror(self):
        """The option, then the environment; slashes at the end do not matter."""
        self.set_environment("VOXLABEL_MODEL_MIRROR", self.host.url + "/environment//")
        certificates = ["--cacert", self.host.ca_file]
        self.run_program("model", "pull", "medsam2", "--accept-licence", *certificates, status=1)
        self.pull("medsam2", status=1)
        paths = [path for path, _range, _if_range in self.host.requests]
        self.assertEqual(paths, ["/environment/MedSAM2_latest.pt", "/models/MedSAM2_latest.pt"])
        err = self.pull("medsam2", "--quiet", "--models", "x" * 5000, status=1)
        self.assertIn("File name too long", err)

    # ---- certificates ----

    def test_certificates(self):
        self.expect_by_hand(self.pull("medsam2", ca=False, status=1), "not trusted")
        other = make_authority(self.folder, "other")[0]
        self.set_environment("CURL_CA_BUNDLE", str(other))
        self.expect_by_hand(self.pull("medsam2", ca=False, status=1), "not trusted")
        self.assertEqual(self.host.requests, [])
        self.set_environment("VOXLABEL_CACERT", self.host.ca_file)
        self.expect_by_hand(self.pull("medsam2", ca=False, status=1), "404")
        self.set_environment("VOXLABEL_CACERT", str(other))
        self.expect_by_hand(self.pull("medsam2", status=1), "404")
        self.set_environment("VOXLABEL_CACERT", None)
        self.set_environment("CURL_CA_BUNDLE", self.host.ca_file)
        self.expect_by_hand(self.pull("medsam2", ca=False, status=1), "404")
        self.assertIn("none.pem: cannot open", self.pull("medsam2", "--cacert", "none.pem", ca=False, status=2))

    def test_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.close)
        self.set_environment("https_proxy", proxy.url)
        self.expect_by_hand(self.pull("medsam2", status=1), "404")
        self.assertEqual(proxy.asked, [("CONNECT", f"127.0.0.1:{self.host.port}")])

    # ---- files that are others ----

    def test_wrong_size(self):
        self.serve("MedSAM2_latest.pt", NOISE)
        err = self.pull("medsam2", status=1)
        self.assertIn(f"the server's file has {len(NOISE)} bytes and not {PUBLISHED_BYTES}", err)
        self.assertEqual(self.model_files(), [])

    def test_no_checkpoint(self):
        """Where no SHA-256 is known, the file must be a checkpoint that fits."""
        self.serve("MedSAM2_2411.pt", NOISE)
        self.assertIn("neither a .pt nor a .safetensors", self.pull("medsam2-2411", status=1))
        with open(os.environ["VOXLABEL_CHECKPOINT"], "rb") as file:
            self.serve("MedSAM2_2411.pt", file.read())
        self.assertIn("no built-in configuration fits", self.pull("medsam2-2411", status=1))
        self.assertEqual(self.model_files(), [])

    def test_too_large(self):
        self.serve("MedSAM2_2411.pt", NOISE, claims=3 << 30)
        self.assertIn("more than", self.pull("medsam2-2411", status=1))
        self.assertEqual(self.model_files(), [])

    # ---- interrupted ----

    def stop(self, number):
        self.serve("MedSAM2_latest.pt", NOISE, claims=PUBLISHED_BYTES, pace=0.05)
        process = self.start_pull("medsam2")
        self.wait_for_bytes("medsam2", 200_000)
        err = self.interrupt(process, number)
        last = err.splitlines()[-1]
        self.assertRegex(last, r"^voxlabel: cancelled; \d+\.\d KiB are kept, and the same command goes on from there$")
        self.assertEqual(self.model_files(), ["medsam2.pt.part", "medsam2.pt.part.json"])
        begun = self.listed()["medsam2"]["begun"]
        self.assertGreaterEqual(begun, 200_000)
        self.assertRegex(self.run_model("list")[0], r"\n  medsam2 .*; \d+\.\d KiB of it are here\n")
        # It is no model yet.
        err = self.run_program("segment", "x.nii", "--model", "medsam2", "--point", "1,1,1", status=2)[1]
        self.assertIn("'voxlabel model pull medsam2' fetches it", err)
        process = self.start_pull("medsam2")
        self.wait_for_bytes("medsam2", begun + 1)
        self.interrupt(process)
        self.assertEqual(self.host.requests[-1], ("/models/MedSAM2_latest.pt", f"bytes={begun}-", '"1"'))

    def test_interrupt(self):
        self.stop(signal.SIGINT)

    def test_terminate(self):
        self.stop(signal.SIGTERM)

    def test_interrupted_before_anything_came(self):
        self.serve("MedSAM2_latest.pt", b"", silent=True)
        process = self.start_pull("medsam2", "--quiet")
        deadline = time.monotonic() + 60
        while not self.host.requests:
            self.assertIsNone(process.poll(), "ended before it asked")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertEqual(self.interrupt(process), "voxlabel: cancelled; nothing was fetched\n")
        self.assertEqual(self.model_files(), [])

    def test_progress(self):
        """A line now and then, or one that is redrawn."""
        self.serve("MedSAM2_latest.pt", NOISE, claims=PUBLISHED_BYTES, pace=0.2)
        process = self.start_pull("medsam2")
        line = self.wait_for_line(process.stderr, "MiB of")
        while "/s" not in line:
            line = self.wait_for_line(process.stderr, "MiB of")
        self.assertRegex(line, r"^voxlabel: medsam2: \d+\.\d MiB of 148\.8 MiB, \d+\.\d KiB/s, \d+ min left\n$")
        self.interrupt(process)
        command = self.command("medsam2", "--cacert", self.host.ca_file)
        shown = self.on_terminal(*command, until="/s", act=lambda process: process.send_signal(signal.SIGINT), status=130)
        self.assertRegex(shown, r"\rmedsam2: \d+\.\d [KM]iB of 148\.8 MiB, \d+\.\d KiB/s, \d+ min left\x1b\[K")
        self.assertRegex(shown, r"\x1b\[K(\^C)?\nvoxlabel: cancelled; ")

    def test_two_at_once(self):
        self.serve("MedSAM2_latest.pt", NOISE, claims=PUBLISHED_BYTES, pace=0.05)
        process = self.start_pull("medsam2")
        self.wait_for_bytes("medsam2", 100_000)
        self.assertIn("another process is downloading", self.pull("medsam2", status=1))
        self.interrupt(process)

    # ---- the disk ----

    def test_full_disk(self):
        self.serve("MedSAM2_latest.pt", NOISE, claims=PUBLISHED_BYTES)
        process = self.start_limited(2048, *self.command("medsam2", "--cacert", self.host.ca_file))
        _out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn(f"voxlabel: {self.models}/medsam2.pt: cannot write the file: ", err)
        self.assertNotIn("medsam2.pt", self.model_files())

    def test_small_disk(self):
        """Where this test may mount one: nothing is fetched that will not fit."""
        disk = self.folder / "disk"
        disk.mkdir()
        err = self.pull("medsam2", "--models", disk, status=1, before=self.on_small_disk(disk, "16m"))
        self.assertRegex(err, r"148\.8 MiB are needed and \d+\.\d MiB are free; make room, or choose another folder")
        self.assertEqual(self.host.requests, [])

    def test_folder_that_cannot_be(self):
        self.models.write_text("no folder")
        self.assertIn(f"{self.models}: ", self.pull("medsam2", status=1))
        self.assertEqual(self.host.requests, [])


if __name__ == "__main__":
    unittest.main()
