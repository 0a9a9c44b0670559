"""The server is killed while labels are being saved, the disk fills up, the folder cannot be written, a second server
works in it: what was acknowledged is there and whole, and nothing is left lying about."""

import hashlib
import http.client
import json
import os
import pathlib
import random
import subprocess
import threading
import time
import unittest

import monai_reader
from server_case import PATIENCE, ServerCase, few, multipart, request, write_label

WRITERS = 4
ENDINGS = (".nii.gz", ".nrrd")


class Writer(threading.Thread):
    """Submits labels one after the other, each another one, until the server is gone."""

    def __init__(self, port, number, images, labels):
        super().__init__(daemon=True)
        self.port, self.number, self.images, self.labels = port, number, images, labels
        self.acknowledged = {}  # (image, tag): checksum
        self.sent = {}  # the same, of those that were sent and not answered
        self.refused = []
        self.count = 0

    def run(self):
        dice = random.Random(self.number)
        while True:
            image = dice.choice(self.images)
            tag = f"by_{self.number % WRITERS}" if dice.random() < 0.5 else "final"
            label = dice.choice(self.labels) + self.number.to_bytes(4, "big") + self.count.to_bytes(4, "big")
            ending = dice.choice(ENDINGS)
            key, checksum = (image, tag), hashlib.sha256(label).hexdigest()
            self.sent.setdefault(key, []).append(checksum)
            body, headers = multipart({"params": json.dumps({"n": self.count})}, [("label", "x" + ending, label)])
            try:
                answer = request(self.port, "PUT", f"/datastore/label?image={image}&tag={tag}", body, headers)
            except (OSError, EOFError, http.client.HTTPException):
                return
            if answer.status != 200:
                self.refused.append(answer.status)
                return
            self.acknowledged[key] = checksum
            self.count += 1



class Killed(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(6)
        self.labels = [write_label(self.folder / "l.nii.gz", seed=n).read_bytes() for n in range(4)]

    def left_over(self):
        """Files of the folder that nothing accounts for, and that should be there. A label that got another ending when
        the server was killed may be there with both, whole; the index says which one counts."""
        index = self.index()["objects"]
        known = {"datastore_v2.json", ".lock"} | {f"{name}.nii.gz" for name in self.names}
        twins = set()
        for name, thing in index.items():
            for tag, label in thing["labels"].items():
                known.add(f"labels/{tag}/{name}{label['ext']}")
                twins |= {f"labels/{tag}/{name}{ending}" for ending in ENDINGS}
        found = set()
        for path in self.studies.rglob("*"):
            where = path.relative_to(self.studies).as_posix()
            if path.is_file() and not self.is_own(where):
                found.add(where)
        return sorted(found - known - twins), sorted(known - found - {".lock"})

    def is_own(self, where):
        """The server's own folder of versions and notes; a temporary file is none of it."""
        return where.startswith(".voxlabel/") and not any(word in where for word in (".tmp", ".part", ".new"))

    def stored(self, server, key):
        image, tag = key
        answer = server.call("GET", f"/datastore/label?label={image}&tag={tag}")
        return hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else None

    def test_kill(self):
        rounds = few(200, 10, 4)
        dice = random.Random(7)
        wanted = {}  # key: the checksums that may be there; the first of them was acknowledged last
        saved = 0
        for number in range(rounds):
            server = self.serve()
            self.check(server, wanted)
            writers = [Writer(server.port, n + WRITERS * number, self.names, self.labels) for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(dice.random() * 0.4)
            server.kill()
            for writer in writers:
                writer.join()
                self.assertEqual(writer.refused, [])
                saved += writer.count
            self.merge(wanted, writers)
            json.loads((self.studies / "datastore_v2.json").read_bytes())
        server = self.serve()
        self.check(server, wanted)
        self.delete_one(server, wanted)
        self.assertEqual(server.stop(), 0, server.text())
        self.assertEqual(self.left_over(), ([], []))
        self.assertGreater(saved, rounds)
        print(f"{rounds} rounds, {saved} labels acknowledged, all there", flush=True)
        store = monai_reader.open_folder(self.studies)
        self.assertEqual(store.list_images(), self.names)
        for image, tag in [key for key, may in wanted.items() if may != {None}]:
            self.assertTrue(os.path.exists(store.get_label_uri(image, tag)))

    def what_is_there(self, server, name, tag):
        """For a message."""
        files = [path.relative_to(self.studies).as_posix() for path in self.studies.rglob(f"*{name}*")]
        return self.index()["objects"].get(name), files, server.text()[-1000:]

    def delete_one(self, server, wanted):
        """A label that is deleted does not come back from a file with its old ending."""
        for name, tag in [key for key in wanted if key[1] == "final"]:
            self.assertEqual(server.call("DELETE", f"/datastore/label?id={name}&tag={tag}").status, 200)
            del wanted[name, tag]
        time.sleep(1)
        self.assertNotIn("final", server.get("/datastore/")["label_tags"])
        self.assertEqual([path for path in (self.studies / "labels" / "final").iterdir()], [])

    def merge(self, wanted, writers):
        """Of several writers of one label any one's last may have won, and any that was under way."""
        keys = {key for writer in writers for key in writer.sent}
        for key in keys:
            may = {checksum for writer in writers for checksum in writer.sent.get(key, [])}
            must = any(key in writer.acknowledged for writer in writers)
            alone = [writer for writer in writers if key in writer.sent]
            if len(alone) == 1 and must:
                # What came after the last answer, and that itself.
                sent = alone[0].sent[key]
                may = set(sent[sent.index(alone[0].acknowledged[key]) :])
            wanted[key] = may if must else may | wanted.get(key, {None})

    def check(self, server, wanted):
        for key, may in wanted.items():
            self.assertIn(self.stored(server, key), may, f"{key}: {self.what_is_there(server, *key)}")
        stray, missing = self.left_over()
        self.assertEqual((stray, missing), ([], []))
        for key in wanted:
            may = self.stored(server, key)
            wanted[key] = {may}

    def test_kill_uploads(self):
        """Images that are being sent, and sessions, leave nothing behind either."""
        data = (self.studies / f"{self.names[0]}.nii.gz").read_bytes()
        for number in range(few(20, 3, 2)):
            server = self.serve("--session-dir", self.folder / "sessions")
            body, headers = multipart({}, [("files", "x.nii.gz", data)])
            session = server.call("PUT", "/session/", body, headers)
            self.assertEqual(session.status, 200)
            threads = []
            for n in range(3):
                body, headers = multipart({"params": "{}"}, [("file", "x.nii.gz", data)])
                path = f"/datastore/image?image=new_{number}_{n}"
                threads.append(threading.Thread(target=self.quietly, args=(server.port, path, body, headers)))
                threads[-1].start()
            time.sleep(0.03 * number)
            server.kill()
            for thread in threads:
                thread.join()
        server = self.serve("--session-dir", self.folder / "sessions")
        self.assertEqual(server.call("GET", f"/session/{session.json()['session_id']}").status, 404)
        self.names = list(server.get("/datastore/?output=all")["objects"])
        self.assertEqual(self.left_over(), ([], []))
        self.eventually(lambda: not self.files(self.folder / "sessions"), "the end of old sessions")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.files(self.folder / "tmp") + self.files(self.folder / "sessions"), [])
        self.assertEqual(self.files(self.folder / "cache" / "voxlabel" / "server"), [])

    def files(self, folder):
        """But the locks of those that run."""
        return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith("lock"))

    def quietly(self, port, path, body, headers):
        try:
            request(port, "PUT", path, body, headers)
        except (OSError, EOFError, http.client.HTTPException):
            pass


class Trouble(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(3)
        self.label = write_label(self.folder / "label.nii.gz").read_bytes()

    def save(self, server, name, data=None, tag="final"):
        path = f"/datastore/label?image={name}&tag={tag}"
        return server.form("PUT", path, {}, [("label", "x.nii.gz", data or self.label)])

    def test_full_disk(self):
        """A label that does not fit is refused with a sentence, what was there stays, and there is room again later."""
        prefix = ["unshare", "-rm", "sh", "-c"]
        prefix += ['mount -t tmpfs -o size=320k tmpfs "$0" && cp -a "$1"/. "$0"/ && shift && exec "$@"']
        disk, source = self.folder / "disk", self.folder / "studies"
        disk.mkdir()
        before = [*prefix, str(disk), str(source)]
        if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("nothing can be mounted here")
        server = self.launch(studies=disk, before=before).wait_ready()
        self.assertEqual(self.save(server, "case_00").status, 200)
        large = self.label + bytes(random.Random(1).randbytes(400_000))
        answer = self.save(server, "case_00", large)
        self.assertEqual(answer.status, 507, answer.body)
        self.assertTrue(answer.json()["detail"])
        kept = server.call("GET", "/datastore/label?label=case_00&tag=final")
        self.assertEqual(kept.body, self.label)
        self.assertEqual(self.save(server, "case_01", large).status, 507)
        self.assertEqual(server.get("/datastore/")["label_tags"], {"final": 1})
        self.assertEqual(self.save(server, "case_01").status, 200)
        self.assertEqual(server.get("/datastore/")["completed"], 2)
        inside = pathlib.Path(f"/proc/{server.process.pid}/root") / str(disk).lstrip("/")
        index = json.loads((inside / "datastore_v2.json").read_text(encoding="utf-8"))
        self.assertEqual(sum("final" in thing["labels"] for thing in index["objects"].values()), 2)

    def read_only(self, server):
        info = server.get("/info/")
        self.assertEqual(info["datastore"]["total"], 3)
        self.assertEqual(server.call("GET", "/datastore/image?image=case_00").status, 200)
        self.assertEqual(server.call("POST", "/activelearning/first", {}).json()["id"], "case_00")
        answer = server.infer("case_00", {"intersection": [[6, 5, 1], [15, 14, 1]]})
        self.assertEqual(answer.status, 200)
        for answer in (
            self.save(server, "case_00"),
            server.call("DELETE", "/datastore/image?id=case_00"),
            server.form("PUT", "/datastore/image?image=x", {}, [("file", "x.nii.gz", self.label)]),
            server.form("PUT", "/datastore/image/info?image=case_00", {"info": "{}"}),
        ):
            self.assertIn(answer.status // 100, (4, 5))
            self.assertNotEqual(answer.status, 500)
            self.assertTrue(answer.json()["detail"])
        self.assertEqual(server.get("/datastore/")["total"], 3)

    def test_read_only_by_setting(self):
        before = sorted(path.name for path in self.studies.rglob("*"))
        self.read_only(self.serve("--read-only"))
        self.assertEqual(sorted(path.name for path in self.studies.rglob("*")), before)

    def test_read_only_folder(self):
        """A folder on a disk that is mounted so."""
        prefix = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"']
        before = [*prefix, str(self.studies)]
        if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.read_only(self.launch(before=before).wait_ready())

    def test_two_servers(self):
        """Each follows what the other does; nothing that either acknowledged is lost."""
        servers = [self.serve(), self.serve()]
        rounds, failed = few(20, 6, 3), []

        def work(number):
            for turn in range(rounds):
                label = self.label + bytes([number, turn])
                answer = self.save(servers[number], self.names[turn % 3], label, f"by_{number}_{turn}")
                if answer.status != 200:
                    failed.append((number, turn, answer.status, answer.body))

        threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        wanted = {f"by_{number}_{turn}": 1 for number in (0, 1) for turn in range(rounds)}
        for server in servers:
            self.eventually(lambda: server.get("/datastore/")["label_tags"] == wanted, "the other's labels")
        for number, server in enumerate(servers):
            other = 1 - number
            for turn in range(rounds):
                path = f"/datastore/label?label={self.names[turn % 3]}&tag=by_{other}_{turn}"
                self.assertEqual(server.call("GET", path).body, self.label + bytes([other, turn]))

    def test_broken_index(self):
        """It is kept aside, said, and made again from what lies in the folder."""
        server = self.serve()
        self.assertEqual(self.save(server, "case_01").status, 200)
        self.assertEqual(server.stop(), 0)
        for broken in (b"", b'{"name": "x", "obj', b"[1, 2]", b"\xff\xfe\x00"):
            (self.studies / "datastore_v2.json").write_bytes(broken)
            server = self.serve()
            self.assertEqual(server.get("/datastore/"), {**server.get("/datastore/"), "total": 3, "completed": 1})
            kept = [path.read_bytes() for path in self.studies.glob("datastore_v2.json.broken-*")]
            self.assertIn(broken, kept)
            self.assertIn("broken", server.text())
            self.assertEqual(server.stop(), 0)
            self.assertEqual(set(self.index()["objects"]), set(self.names))

    def test_broken_while_it_runs(self):
        """What was known stays; the next label brings the file back."""
        server = self.serve()
        self.assertEqual(self.save(server, "case_01").status, 200)
        self.index()
        (self.studies / "datastore_v2.json").write_text('{"objects": ', encoding="utf-8")
        time.sleep(1.5)
        self.assertEqual(server.get("/datastore/")["completed"], 1)
        self.assertEqual(self.save(server, "case_02").status, 200)
        self.assertEqual(server.get("/datastore/")["completed"], 2)
        self.assertEqual(sum("final" in thing["labels"] for thing in self.index()["objects"].values()), 2)
        self.assertTrue(list(self.studies.glob("datastore_v2.json.broken-*")))

    def test_index_at_every_instant(self):
        """A hundred requests of all kinds at once; whoever reads the file meanwhile finds it whole."""
        server = self.serve()
        failed, done = [], threading.Event()

        def read():
            while not done.is_set():
                try:
                    json.loads((self.studies / "datastore_v2.json").read_bytes())
                except ValueError as error:
                    failed.append(error)

        def work(number):
            name = self.names[number % 3]
            answers = [
                self.save(server, name, tag=f"t{number % 7}"),
                server.call("POST", "/activelearning/random", {"client_id": f"c{number}"}),
                server.form("PUT", f"/datastore/image/info?image={name}", {"info": json.dumps({f"k{number}": number})}),
                server.call("GET", "/datastore/?output=all"),
                server.call("DELETE", f"/datastore/label?id={name}&tag=t{number % 7}"),
            ]
            failed.extend(answer for answer in answers if answer.status != 200)

        reader = threading.Thread(target=read)
        reader.start()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(few(20, 20, 10))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        done.set()
        reader.join()
        self.assertEqual(failed, [])
        for number in range(few(20, 20, 10)):
            info = self.index()["objects"][self.names[number % 3]]["image"]["info"]
            self.assertEqual(info[f"k{number}"], number)


if __name__ == "__main__":
    unittest.main()
