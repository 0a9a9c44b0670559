"""voxlabel model pull to the end: a checkpoint of the published shape arrives, whatever the connection does."""

import hashlib
import json
import os
import pathlib
import unittest

from https_host import Proxy
from pull_case import PUBLISHED_BYTES, PullCase

CHECKPOINT = pathlib.Path(os.environ["VOXLABEL_CHECKPOINT"])
NAME, FILE = "medsam2-2411", "MedSAM2_2411.pt"


class Whole(PullCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.body = CHECKPOINT.read_bytes()
        cls.sha256 = hashlib.sha256(cls.body).hexdigest()

    def serve_whole(self, **how):
        return self.serve(FILE, self.body, **how)

    def expect_model(self):
        self.assertEqual(self.model_files(), [f"{NAME}.json", f"{NAME}.pt"])
        self.assertEqual((self.models / f"{NAME}.pt").read_bytes(), self.body)
        record = json.loads((self.models / f"{NAME}.json").read_text())
        wanted = {
            "name": NAME,
            "size": len(self.body),
            "sha256": self.sha256,
            "config": "sam2.1_hiera_t512",
            "source": f"https://huggingface.co/wanglab/MedSAM2/resolve/main/{FILE}",
        }
        self.assertEqual(record, wanted)

    def test_first_pull_records(self):
        self.serve_whole()
        err = self.pull(NAME)
        self.assertRegex(err.splitlines()[-1], rf"^voxlabel: {NAME}: \d+\.\d MiB, SHA-256 recorded; ")
        self.expect_model()
        self.assertIn(f"ok    {NAME}: sam2.1_hiera_t512, SHA-256 {self.sha256}\n", self.run_model("verify")[0])
        self.assertNotIn(NAME, self.listed("published"))
        self.assertEqual(self.listed("folder")[NAME]["sha256"], self.sha256)
        # Nothing is fetched again, and nobody is asked for a licence.
        self.host.requests.clear()
        err = self.run_program("model", "pull", NAME)[1]
        self.assertEqual(err, f"voxlabel: {NAME}: is here already, {self.models}/{NAME}.pt\n")
        self.assertEqual(self.host.requests, [])
        # From then on it is checked.
        path = self.models / f"{NAME}.pt"
        with open(path, "r+b") as file:
            file.seek(len(self.body) // 2)
            file.write(bytes([self.body[len(self.body) // 2] ^ 1]))
        self.run_model("verify", status=1)
        self.assertIn("is damaged or another file", self.run_program("model", "pull", NAME, status=1)[1])
        self.assertEqual(self.host.requests, [])
        self.run_model("remove", NAME, "--yes")
        self.pull(NAME, "--quiet")
        self.expect_model()

    def test_dropped_and_gone_on_with(self):
        self.serve_whole(cuts=[10_000_000, 20_000_000])
        err = self.pull(NAME)
        self.assertEqual(err.count("; trying again\n"), 2)
        self.assertEqual([asked for _path, asked, _version in self.host.requests], [None, "bytes=10000000-", "bytes=30000000-"])
        self.expect_model()

    def test_gives_up_and_goes_on_another_day(self):
        served = self.serve_whole(cuts=[50_000_000] + 10 * [0])
        err = self.pull(NAME, status=1)
        self.assertRegex(err, rf"\nvoxlabel: {NAME}: the transfer failed .*; 47\.7 MiB are kept, and the same command goes on")
        served.cuts.clear()
        self.pull(NAME)
        self.assertEqual(self.host.requests[-1], (f"/models/{FILE}", "bytes=50000000-", '"1"'))
        self.expect_model()

    def test_changes_in_between(self):
        self.serve(FILE, bytes(len(self.body)), cuts=[50_000_000] + 10 * [0])
        self.pull(NAME, status=1)
        self.serve_whole(etag='"2"')
        self.pull(NAME)
        self.assertEqual(self.host.requests[-1], (f"/models/{FILE}", "bytes=50000000-", '"1"'))
        self.expect_model()

    def test_killed(self):
        served = self.serve_whole(pace=0.002)
        process = self.start_pull(NAME)
        self.wait_for_bytes(NAME, 40_000_000)
        process.kill()
        process.wait()
        served.pace = None
        self.pull(NAME)
        asked = self.host.requests[-1][1]
        self.assertGreaterEqual(int(asked.removeprefix("bytes=").removesuffix("-")), 16 << 20)
        self.expect_model()

    def test_full_disk_and_room_again(self):
        self.serve_whole()
        process = self.start_limited(60_000, *self.command(NAME, "--cacert", self.host.ca_file))
        _out, err = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 1)
        self.assertIn("cannot write the file", err)
        self.assertNotIn(f"{NAME}.pt", self.model_files())
        self.pull(NAME)
        self.assertIsNotNone(self.host.requests[-1][1])
        self.expect_model()

    def test_through_a_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.close)
        self.set_environment("https_proxy", proxy.url)
        self.serve_whole()
        self.pull(NAME)
        self.assertEqual(len(proxy.asked), 1)
        self.expect_model()

    def test_wrong_hash(self):
        """The right size alone is not enough, where the SHA-256 is known."""
        self.serve("MedSAM2_latest.pt", bytes(PUBLISHED_BYTES))
        err = self.pull("medsam2", status=1)
        self.assertIn("c92743b99f00d078bf32a3afcc38aaa9faf1c1692dffe3eaa7a90938c1991060", err)
        self.assertIn(hashlib.sha256(bytes(PUBLISHED_BYTES)).hexdigest(), err)
        self.assertEqual(self.model_files(), [])

    def test_put_by_hand(self):
        """What the program says where there is no network works."""
        err = self.pull(NAME, status=1)
        path = err.rsplit("put it here as ", 1)[1].strip()
        pathlib.Path(path).write_bytes(self.body)
        self.assertTrue(self.run_model("verify", NAME)[0].startswith(f"warn  {NAME}: "))
        self.run_model("import", path, "--quiet")
        self.assertTrue(self.run_model("verify", NAME)[0].startswith(f"ok    {NAME}: "))


if __name__ == "__main__":
    unittest.main()
