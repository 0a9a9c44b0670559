"""The server as operators handle it: where it listens, how it ends, what a signal changes, what it refuses."""

import http.client
import re
import signal
import ssl
import subprocess
import threading
import time
import unittest
import urllib.request

from server_case import CHECKPOINT, CONFIG, PROGRAM, Server, ServerCase, request

CLICKS = {"intersection": [[3, 3, 1], [20, 16, 4]]}


class Serving(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(2)

    def refused(self, said, *arguments, status=2, **environment):
        done = subprocess.run(
            [PROGRAM, *map(str, self.arguments(*arguments))],
            cwd=self.folder, capture_output=True, text=True, timeout=100, check=False,
            env=self.environment(**environment),
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertIn(said, done.stderr)

    def log(self, server):
        return server.call("GET", "/logs/?text=true").body.decode()


class Start(Serving):
    def test_one_line_says_where(self):
        server = self.serve("--log-level", "error")
        self.assertRegex(server.text(), rf"\AVoxlabel \S+ serves at {server.url}/\n\Z")

    def test_model_that_cannot_be_loaded(self):
        broken = self.folder / "broken.pt"
        broken.write_bytes(b"nothing of the kind")
        server = Server(
            ["serve", "--studies", self.studies, "--port", "0", "--model", broken], self.environment(), cwd=self.folder
        )
        self.addCleanup(self.end, server)
        server.wait_ready()
        self.eventually(lambda: "could not be loaded" in self.log(server), "the failure in the log")
        self.assertIn("detail", server.infer("case_00", CLICKS).json())
        self.assertEqual(server.call("GET", "/model/info/SAM").status, 404)
        self.assertEqual(server.call("GET", "/ready").status, 503)
        self.assertEqual(server.get("/datastore/")["total"], 2)

    def test_address_taken(self):
        server = self.serve()
        done = subprocess.run(
            [PROGRAM, "serve", "--studies", self.studies, "--port", str(server.port)],
            capture_output=True, text=True, timeout=100, check=False, env=self.environment(),
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"127.0.0.1, port {server.port}: ", done.stderr)

    def test_address_of_others(self):
        self.refused("--host: '0.0.0.0' can be reached", "--host", "0.0.0.0")
        self.refused("VOXLABEL_HOST: '0.0.0.0' can be reached", VOXLABEL_HOST="0.0.0.0")
        server = self.serve("--host", "0.0.0.0", "--insecure")
        self.assertEqual(server.get("/info/")["datastore"]["total"], 2)

    def test_prefix(self):
        server = self.serve("--api-prefix", "monai/", ready="/monai/info/")
        self.assertIn(f"{server.url}/monai/\n", server.text())
        self.assertEqual(server.call("GET", "/info/").status, 404)
        self.assertEqual(server.call("GET", "/health").status, 200)

    def test_start_server(self):
        server = Server(
            ["start_server", "--app", "apps/radiology", "-s", self.studies, "-p", "0", "--conf", "models", "all",
             "--conf", "model", CHECKPOINT, "-c", "model_config", CONFIG, "-c", "labels", "liver, left lung"],
            self.environment(), cwd=self.folder,
        )  # fmt: skip
        self.addCleanup(self.end, server)
        server.wait_ready()
        self.assertIn("--app has no effect", server.text())
        info = server.get("/info/")
        self.assertEqual(info["labels"], ["liver", "left lung", "background", "uncertain"])
        self.assertEqual(server.infer("case_00", {"left lung": CLICKS["intersection"]}).status, 200)

    def test_labels_that_cannot_be(self):
        self.refused("box", "--labels", "liver,box", status=2)

    def test_read_only_studies(self):
        server = self.serve("--read-only")
        answer = server.form("PUT", "/datastore/label?image=case_00", {}, [("label", "a.nrrd", b"NRRD")])
        self.assertEqual(answer.status, 403)
        self.assertIn("read-only", answer.json()["detail"])
        self.assertEqual(server.call("DELETE", "/datastore/image?id=case_00").status, 403)
        self.assertEqual(server.infer("case_00", CLICKS).status, 200)
        self.assertEqual(server.call("POST", "/activelearning/first").json()["id"], "case_00")
        self.assertEqual({path.name for path in self.studies.iterdir()}, {"case_00.nii.gz", "case_01.nii.gz"})

    def test_https(self):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
            capture_output=True, check=False,
        )  # fmt: skip
        self.assertEqual(made.returncode, 0, made.stderr)
        server = self.launch("--tls-key", key, "--tls-certificate", certificate)
        self.eventually(lambda: "https://" in server.text(), "the address")
        port = int(re.search(r"https://[^:]+:(\d+)", server.text())[1])
        trust = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/info/", context=trust) as answer:
            self.assertEqual(answer.status, 200)


class End(Serving):
    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(100), 0, server.text())
            work = self.folder / "cache/voxlabel/server"
            self.assertEqual([path for path in work.rglob("*") if not path.is_dir()], [], "nothing is left")

    def test_ignored_interrupt(self):
        """As shells start programs in the background."""
        server = self.launch(before=["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]).wait_ready()
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertEqual(server.get("/info/")["datastore"]["total"], 2)
        self.assertEqual(server.stop(), 0)

    def test_what_runs_is_finished(self):
        server = self.serve()
        self.assertEqual(server.infer("case_00", CLICKS).status, 200)  # the model is there
        answers = []
        askers = [
            threading.Thread(target=lambda: answers.append(server.infer("case_01", CLICKS))) for _asker in range(4)
        ]
        for asker in askers:
            asker.start()
        self.eventually(lambda: server.get("/v1/jobs") and True, "jobs")
        server.process.send_signal(signal.SIGTERM)
        for asker in askers:
            asker.join()
        self.assertEqual(server.process.wait(100), 0, server.text())
        # One that came behind the signal is told to come again; none is cut off.
        self.assertEqual({answer.status for answer in answers} - {200, 503}, set(), server.text())

    def test_deadline(self):
        """A client that never reads ends with the deadline."""
        server = self.serve("--drain-timeout", "1")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=100)
        connection.putrequest("PUT", "/datastore/image?image=x")
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders()
        connection.send(b"half")
        time.sleep(0.2)
        self.assertEqual(server.stop(), 0, server.text())
        connection.close()


class Reload(Serving):
    def test_settings(self):
        file = self.folder / "settings.yaml"
        file.write_text("app_name: Before\nlog_lines: 100\n")
        server = self.serve("--config", file)
        self.assertEqual(server.get("/info/")["name"], "Before")
        file.write_text("app_name: After\nstrategies: off\nlog_lines: 200\n")
        server.process.send_signal(signal.SIGHUP)
        self.eventually(lambda: server.get("/info/")["name"] == "After", "the new name")
        self.eventually(lambda: "log-lines has another value, which counts when" in server.text(), "the note")
        self.assertEqual(server.get("/info/")["strategies"], {})
        self.assertEqual(server.call("POST", "/activelearning/first").status, 404)

    def test_wrong_settings_change_nothing(self):
        file = self.folder / "settings.yaml"
        file.write_text("app_name: Before\n")
        server = self.serve("--config", file)
        file.write_text("app_name: After\nqueue_length: many\n")
        server.process.send_signal(signal.SIGHUP)
        self.eventually(lambda: "the settings stay as they are" in server.text(), "the refusal")
        self.assertEqual(server.get("/info/")["name"], "Before")

    def test_often(self):
        server = self.serve()
        for _time in range(20):
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(request(server.port, "GET", "/info/").status, 200)


if __name__ == "__main__":
    unittest.main()
