"""util/fetch: downloads from a host of the test's own that drops connections, changes files, lies and stalls."""

import hashlib
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from https_host import Host, Proxy, Served, make_authority, nobody, without_proxies

TOOL = os.environ["VOXLABEL_FETCH_TOOL"]
ENVIRONMENT = without_proxies(os.environ)
BODY = random.Random(1).randbytes(700_001)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Fetch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        cls.host = Host(cls.shared.name)

    @classmethod
    def tearDownClass(cls):
        cls.host.close()
        cls.shared.cleanup()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.host.files.clear()
        self.host.requests.clear()

    def serve(self, body=BODY, path="/file", **how):
        self.host.files[path] = Served(body, **how)
        return self.host.files[path]

    def start(self, *more, path="/file", url=None, ca=True, environment=None, limit=None):
        def limit_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        options = ["--ca", self.host.ca_file] if ca is True else ["--ca", ca] if ca else []
        return subprocess.Popen(
            [TOOL, url or self.host.url + path, "file", *options, *map(str, more)],
            cwd=self.folder,
            env={**ENVIRONMENT, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit_files if limit else None,
        )

    def fetch(self, *more, **how):
        """The tool's last line, as a list of words, and all lines."""
        process = self.start(*more, **how)
        out, err = process.communicate(timeout=100)
        self.assertEqual(err, "")
        lines = out.splitlines()
        self.assertEqual(process.returncode, 0 if lines[-1].startswith("done ") else 1, out)
        return lines[-1].split(), lines

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def expect_file(self, result, body=BODY):
        self.assertEqual(result, ["done", str(len(body)), sha256(body)])
        self.assertEqual((self.folder / "file").read_bytes(), body)
        self.assertEqual(self.files(), ["file"])

    def expect_failure(self, result, code, *said, files=()):
        self.assertTrue(" ".join(result).startswith(f"failed {code} "), result)
        for words in said:
            self.assertIn(words, " ".join(result[3:]))
        self.assertEqual(self.files(), sorted(files))

    def notes(self):
        return json.loads((self.folder / "file.part.json").read_text())

    # ---- whole files ----

    def test_whole(self):
        self.serve()
        result, lines = self.fetch("--size", len(BODY), "--sha256", sha256(BODY))
        self.expect_file(result)
        self.assertEqual(self.host.requests, [("/file", None, None)])
        self.assertFalse(any(line.startswith("again") for line in lines))
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual((self.folder / "file").stat().st_mode & 0o777, 0o666 & ~mask)

    def test_takes_the_place_of_an_older_file(self):
        (self.folder / "file").write_text("old")
        self.serve()
        self.expect_file(self.fetch()[0])

    def test_unknown_length(self):
        self.serve(length=False)
        self.expect_file(self.fetch()[0])

    def test_empty(self):
        self.serve(b"")
        self.expect_failure(self.fetch()[0], "format", "is empty")

    # ---- interrupted ----

    def test_dropped_connections_are_gone_on_with(self):
        self.serve(cuts=[100_000, 1, 250_000])
        result, lines = self.fetch("--sha256", sha256(BODY))
        self.expect_file(result)
        self.assertEqual(sum(line.startswith("again") for line in lines), 3)
        self.assertEqual(
            self.host.requests,
            [("/file", None, None)] + [("/file", f"bytes={at}-", '"1"') for at in (100_000, 100_001, 350_001)],
        )

    def test_gives_up_and_goes_on_another_day(self):
        served = self.serve(cuts=[300_000] + 10 * [0])
        self.expect_failure(self.fetch()[0], "busy", "the transfer failed", files=["file.part", "file.part.json"])
        self.assertEqual(self.notes(), {"version": '"1"', "kept": 300_000, "total": len(BODY)})
        served.cuts.clear()
        self.host.requests.clear()
        self.expect_file(self.fetch("--sha256", sha256(BODY))[0])
        self.assertEqual(self.host.requests, [("/file", "bytes=300000-", '"1"')])

    def leave_part(self, at=300_000, **how):
        """An interrupted download."""
        served = self.serve(cuts=[at] + 10 * [0], **how)
        process = self.start()
        while not process.stdout.readline().startswith("again"):
            pass
        self.cancel(process)
        served.cuts.clear()
        self.host.requests.clear()
        return served

    def test_another_version_begins_anew(self):
        self.leave_part()
        other = BODY[::-1]
        self.serve(other, etag='"2"')
        self.expect_file(self.fetch()[0], other)
        self.assertEqual(self.host.requests, [("/file", "bytes=300000-", '"1"')])

    def test_another_version_in_parts(self):
        """The server takes no notice of If-Range and sends a part of the other version."""
        for other, etag in ((BODY[::-1], '"2"'), (BODY + b"more", '"1"')):
            self.leave_part()
            self.serve(other, etag=etag, blind=True)
            self.expect_file(self.fetch()[0], other)
            self.assertEqual(self.host.requests, [("/file", "bytes=300000-", '"1"'), ("/file", None, None)])

    def test_parts_that_are_not_what_they_say(self):
        """Such a part is not taken, and the file is fetched whole."""
        for said in (
            "bytes 300001-700000/700001",
            "bytes 300000-700000/700002",
            "bytes 300000-700001/700001",
            "bytes 300000-299999/700001",
            "bytes 18446744073709851616-18446744073710251616/18446744073710251617",
            "bytes -1-700000/700001",
            "bytes 300000-700000/*",
            "bytes 300000",
            "pages 300000-700000/700001",
            "bytes",
            "x" * 70000,
        ):
            self.leave_part()
            self.serve(range_said=said)
            result, _lines = self.fetch("--sha256", sha256(BODY))
            self.expect_file(result)
            self.assertEqual(self.host.requests[-1], ("/file", None, None), said[:100])

    def test_long_versions(self):
        """What does not fit into the notes is not gone on with."""
        self.serve(etag='"' + "v" * 1000 + '"', cuts=[300_000])
        self.expect_file(self.fetch()[0])
        self.assertEqual([asked for _path, asked, _version in self.host.requests], [None, None])

    def test_a_shorter_version(self):
        self.leave_part()
        other = BODY[:1000]
        self.serve(other, blind=True)
        self.expect_file(self.fetch()[0], other)

    def test_changes_during_the_download(self):
        self.serve(cuts=[400_000])
        process = self.start()
        while not process.stdout.readline().startswith("again"):
            pass
        other = BODY[::-1]
        self.serve(other, etag='"2"')
        out, _err = process.communicate(timeout=60)
        self.expect_file(out.splitlines()[-1].split(), other)

    def test_without_parts(self):
        self.leave_part(ranges=False)
        self.expect_file(self.fetch()[0])

    def test_by_date(self):
        date = "Sat, 01 Mar 2025 12:00:00 GMT"
        self.leave_part(etag='W/"weak"', modified=date)
        self.expect_file(self.fetch()[0])
        self.assertEqual(self.host.requests, [("/file", "bytes=300000-", date)])

    def test_without_a_version(self):
        """Without a name of its version nothing is gone on with."""
        self.serve(etag='W/"weak"', cuts=[300_000])
        result, lines = self.fetch()
        self.expect_file(result)
        self.assertEqual(self.host.requests, 2 * [("/file", None, None)])
        self.assertTrue(any(line.startswith("again") for line in lines))

    def test_errors_on_the_way(self):
        """Once something has come, a server that is too busy is asked again."""
        self.serve(cuts=[300_000], statuses=[None, 503, 429])
        self.expect_file(self.fetch()[0])
        self.assertEqual(len(self.host.requests), 4)

    def test_killed(self):
        body = random.Random(2).randbytes(40 << 20)
        served = self.serve(body, pace=0.002)
        process = self.start()
        while int(process.stdout.readline().split()[1]) < 20 << 20:
            pass
        process.kill()
        process.communicate()
        served.pace = None
        self.host.requests.clear()
        kept = self.notes()["kept"]
        self.assertGreaterEqual(kept, 16 << 20)
        # What lies beyond may be anything after a power cut.
        with open(self.folder / "file.part", "r+b") as part:
            part.seek(kept)
            part.write(b"\0" * 1000)
        self.expect_file(self.fetch("--sha256", sha256(body))[0], body)
        self.assertEqual(self.host.requests, [("/file", f"bytes={kept}-", '"1"')])

    def test_damaged_notes(self):
        for text in ("", "{", '{"version": 7}', '{"version": "\\"1\\"", "kept": 900000, "total": 0}', "[" * 3000):
            self.leave_part()
            (self.folder / "file.part.json").write_text(text)
            self.expect_file(self.fetch()[0])
            self.assertEqual(self.host.requests, [("/file", None, None)], text)

    def test_complete_but_without_its_name(self):
        (self.folder / "file.part").write_bytes(BODY)
        notes = {"version": '"1"', "kept": len(BODY), "total": len(BODY)}
        (self.folder / "file.part.json").write_text(json.dumps(notes))
        self.expect_file(self.fetch("--sha256", sha256(BODY))[0])
        self.assertEqual(self.host.requests, [])

    def test_two_at_once(self):
        self.serve(pace=0.05, piece=1 << 15)
        first = self.start()
        first.stdout.readline()
        result, _lines = self.fetch()
        self.assertEqual(result[:3], ["failed", "busy", "0"])
        self.assertIn("another process", " ".join(result))
        out, _err = first.communicate(timeout=60)
        self.expect_file(out.splitlines()[-1].split())

    # ---- cancelled ----

    def cancel(self, process):
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _err = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - began, 4.0)  # a second, and what a busy machine adds to it
        self.assertEqual(out.splitlines()[-1], "failed cancelled 0 cancelled")

    def test_cancelled(self):
        served = self.serve(pace=0.1)
        process = self.start()
        while int(process.stdout.readline().split()[1]) < 200_000:
            pass
        self.cancel(process)
        self.assertEqual(self.files(), ["file.part", "file.part.json"])
        kept = self.notes()["kept"]
        self.assertGreaterEqual(kept, 200_000)
        served.pace = None
        self.expect_file(self.fetch("--sha256", sha256(BODY))[0])
        self.assertEqual(self.host.requests[-1], ("/file", f"bytes={kept}-", '"1"'))

    def test_cancelled_in_silence(self):
        self.serve(silent=True)
        process = self.start()
        while not self.host.requests:
            time.sleep(0.01)
        self.cancel(process)
        self.assertEqual(self.files(), [])

    def test_cancelled_between_attempts(self):
        self.serve(cuts=[300_000] + 10 * [0])
        process = self.start()
        while not process.stdout.readline().startswith("again"):
            pass
        self.cancel(process)
        self.assertEqual(self.notes()["kept"], 300_000)

    # ---- files that are not what was asked for ----

    def test_wrong_size(self):
        self.serve()
        result, lines = self.fetch("--size", len(BODY) + 1)
        self.expect_failure(result, "format", f"{len(BODY)} bytes and not {len(BODY) + 1}")
        self.assertEqual(len(lines), 1)  # not a byte was taken

    def test_wrong_size_of_unknown_length(self):
        self.serve(length=False)
        self.expect_failure(self.fetch("--size", len(BODY) - 1)[0], "limit", f"more than {len(BODY) - 1} bytes")
        result, _lines = self.fetch("--size", len(BODY) + 1)
        self.assertEqual(result[:2], ["failed", "busy"])

    def test_too_large(self):
        self.serve()
        self.expect_failure(self.fetch("--max", 500_000)[0], "limit", "more than 500000")
        self.serve(length=False)
        self.expect_failure(self.fetch("--max", 500_000)[0], "limit", "more than 500000 bytes")

    def test_part_that_is_too_large(self):
        self.leave_part()
        self.serve(BODY[:1000])
        self.expect_file(self.fetch("--max", 2000)[0], BODY[:1000])

    def test_claims_more_than_it_sends(self):
        self.serve(claims=len(BODY) + 10)
        result, _lines = self.fetch()
        self.assertEqual(result[:2], ["failed", "busy"])
        self.assertNotIn("file", self.files())

    def test_wrong_hash(self):
        self.serve()
        wrong = sha256(b"")
        self.expect_failure(self.fetch("--sha256", wrong)[0], "format", sha256(BODY), wrong)

    def test_refused(self):
        self.serve()
        (self.folder / "file").write_text("old")
        result, lines = self.fetch("--refuse")
        self.expect_failure(result, "unsupported", "refused", files=["file"])
        self.assertIn(f"asked about {len(BODY)} bytes there", lines)
        self.assertEqual((self.folder / "file").read_text(), "old")

    # ---- servers ----

    def test_statuses(self):
        self.expect_failure(self.fetch()[0], "not found", "404")
        for status in (403, 500, 503):
            self.host.requests.clear()
            self.serve(statuses=[status])
            self.expect_failure(self.fetch()[0], "busy", str(status))
            self.assertEqual(len(self.host.requests), 1)

    def test_redirects(self):
        self.serve()
        self.serve(path="/relative", location="/file")
        self.expect_file(self.fetch(path="/relative")[0])
        self.serve(path="/absolute", location=f"https://localhost:{self.host.port}/file")
        self.expect_file(self.fetch(path="/absolute")[0])

    def test_redirects_are_gone_on_with(self):
        self.serve(cuts=[300_000])
        self.serve(path="/elsewhere", location="/file")
        self.expect_file(self.fetch(path="/elsewhere")[0])
        self.assertEqual(self.host.requests[-1], ("/file", "bytes=300000-", '"1"'))

    def test_redirect_loop(self):
        self.serve(path="/a", location="/b")
        self.serve(path="/b", location="/a")
        self.expect_failure(self.fetch(path="/a")[0], "busy", "from one address to the next")
        self.assertLess(len(self.host.requests), 20)

    def test_nothing_but_https(self):
        self.serve(path="/away", location=f"http://127.0.0.1:{self.host.port}/file")
        self.expect_failure(self.fetch(path="/away")[0], "busy", "is not https")
        for url in (f"http://127.0.0.1:{self.host.port}/file", "file:///etc/passwd"):
            self.expect_failure(self.fetch(url=url)[0], "busy", "is not https")

    def test_no_address(self):
        self.expect_failure(self.fetch(url="https://")[0], "argument", "address")

    def test_nobody_there(self):
        with nobody() as alone:
            result, lines = self.fetch(url=f"https://127.0.0.1:{alone.getsockname()[1]}/file")
        self.expect_failure(result, "busy", "cannot be reached")
        self.assertEqual(len(lines), 1)

    # ---- trust ----

    def test_not_trusted(self):
        self.serve()
        self.expect_failure(self.fetch(ca=None)[0], "busy", "not trusted")
        other = str(make_authority(self.folder, "other")[0])
        result, _lines = self.fetch(ca=other)
        self.assertEqual(result[:2], ["failed", "busy"])
        self.assertEqual(self.host.requests, [])

    def test_name_of_another(self):
        with tempfile.TemporaryDirectory(prefix="voxlabel-test-") as folder:
            host = Host(folder, "DNS:other.invalid", self.host.authority)
            self.addCleanup(host.close)
            host.files["/file"] = Served(BODY)
            self.expect_failure(self.fetch(url=host.url + "/file")[0], "busy", "not trusted")
            self.assertEqual(host.requests, [])

    def test_certificates_that_are_none(self):
        self.serve()
        for ca in ("none.pem", "text.pem"):
            (self.folder / "text.pem").write_text("no certificate")
            result, _lines = self.fetch(ca=ca)
            self.assertEqual(result[0], "failed")
            self.assertIn(result[1], ("argument", "busy"))
        self.assertEqual(self.host.requests, [])

    # ---- proxies ----

    def test_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.close)
        self.serve()
        self.expect_file(self.fetch(environment={"https_proxy": proxy.url})[0])
        self.assertEqual(proxy.asked, [("CONNECT", f"127.0.0.1:{self.host.port}")])
        self.expect_file(self.fetch(environment={"https_proxy": proxy.url, "no_proxy": "127.0.0.1"})[0])
        self.assertEqual(len(proxy.asked), 1)

    def test_proxy_that_refuses(self):
        proxy = Proxy(refuses=True)
        self.addCleanup(proxy.close)
        self.serve()
        self.expect_failure(self.fetch(environment={"https_proxy": proxy.url})[0], "busy", "403")
        self.assertEqual(self.host.requests, [])

    # ---- the disk ----

    def test_full_disk(self):
        """A limit on the size of files stands in for the disk."""
        self.serve()
        result, _lines = self.fetch(limit=500_000)
        self.assertEqual(result[:2], ["failed", "io"])
        self.assertIn("cannot write the file", " ".join(result))
        self.assertNotIn("file", self.files())
        self.expect_file(self.fetch("--sha256", sha256(BODY))[0])

    def test_no_folder(self):
        self.serve()
        process = subprocess.run(
            [TOOL, self.host.url + "/file", "none/file", "--ca", self.host.ca_file],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertTrue(process.stdout.startswith("failed io"), process.stdout)
        self.assertEqual(self.host.requests, [])

    def test_part_that_is_a_link(self):
        (self.folder / "target").write_text("mine")
        (self.folder / "file.part").symlink_to("target")
        self.serve()
        self.expect_failure(self.fetch()[0], "io", files=["file.part", "target"])
        self.assertEqual((self.folder / "target").read_text(), "mine")


if __name__ == "__main__":
    unittest.main()
