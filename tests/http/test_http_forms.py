"""Uploads as clients send them."""

import os
import pathlib
import subprocess
import unittest

from http_case import HttpCase, Server, multipart, read_answer, statuses, sum_of


class Forms(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.stop()
        cls.server = Server(uploads=cls.root, file=cls.root / "content")

    def post(self, parts, path="/echo", **more):
        body, headers = multipart(parts, **more)
        return self.ask("POST", path, body, headers)

    def spool(self):
        folder = pathlib.Path(self.state()["spool"])
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        return sorted(path.name for path in folder.iterdir())

    def test_as_slicer_sends_it(self):
        data = os.urandom(300_000) + b"\r\n------------lImIt"
        said = self.post([("params", '{"a": "\u80f8"}'), ("file", "C:\\Users\\Jane Doe\\scan.nii.gz", data)]).json()
        self.assertEqual(said["fields"], {"params": '{"a": "\u80f8"}'})
        (file,) = said["files"]
        self.assertEqual((file["field"], file["name"]), ("file", "scan.nii.gz"))
        self.assertEqual((file["size"], file["on_disk"], file["sum"]), (len(data), len(data), sum_of(data)))
        self.assertRegex(file["own_name"], r"^\d+\.nii\.gz$")
        self.assertEqual(self.spool(), ["lock"])

    def test_names_never_become_paths(self):
        for name, base in [("../../etc/passwd", "passwd"), ("/etc/passwd.nrrd", "passwd.nrrd"), ("..", ".."), ("a/", "")]:
            (file,) = self.post([("file", name, b"x")]).json()["files"]
            self.assertEqual(file["name"], base)
            self.assertRegex(file["own_name"], r"^\d+(\.nrrd)?$")

    def test_repeated_fields_and_several_files(self):
        said = self.post([("a", "1"), ("f", "x.nii", b"1"), ("a", "2"), ("f", "y.nrrd", b"22")]).json()
        self.assertEqual(said["fields"], {"a": "2"})
        self.assertEqual([(f["name"], f["size"]) for f in said["files"]], [("x.nii", 1), ("y.nrrd", 2)])

    def test_empty_forms_and_files(self):
        self.assertEqual(self.post([]).json()["files"], [])
        self.assertEqual(self.post([("params", "")]).json()["fields"], {"params": ""})
        self.assertEqual(self.post([("file", "", b"")]).json()["files"], [])
        self.assertEqual(self.post([("file", "a.nii", b"")]).json()["files"][0]["size"], 0)

    def test_urlencoded(self):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        said = self.ask("PUT", "/echo", "params=%7B%22a%22%3A+1%7D&a=x&a=y", headers).json()
        self.assertEqual(said["fields"], {"params": '{"a": 1}', "a": "y"})

    def test_another_content_type_is_no_form(self):
        said = self.ask("POST", "/echo", '{"params": 1}', {"Content-Type": "application/json"}).json()
        self.assertEqual((said["fields"], said["files"]), ({}, []))

    def test_broken_forms(self):
        body, headers = multipart([("file", "x.nii", b"x" * 1000)])
        for broken, kind in [
            (body[:500], headers["Content-Type"]),
            (body, "multipart/form-data"),
            (body, "multipart/form-data; boundary=other"),
            (body.replace(b'name="file"', b'nome="file"'), headers["Content-Type"]),
        ]:
            answer = self.ask("POST", "/echo", broken, {"Content-Type": kind})
            self.assertEqual(answer.status, 400)
            self.assertIn("error parsing the body", answer.detail())
        self.assertEqual(self.spool(), ["lock"])

    def test_chunked(self):
        body, headers = multipart([("params", "{}"), ("file", "x.nii", b"y" * 100_000)])

        def pieces():
            for i in range(0, len(body), 777):
                yield body[i : i + 777]

        connection = self.connect()
        connection.request("POST", "/echo", pieces(), headers, encode_chunked=True)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertIn(b'"size": 100000', response.read())
        self.assertEqual(self.ask("GET", "/echo", connection=connection).status, 200)
        connection.close()

    def test_expect_100_continue(self):
        body, headers = multipart([("file", "x.nii", b"z" * 5000)])
        client = self.raw()
        head = f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: {headers['Content-Type']}\r\nContent-Length: {len(body)}\r\n"
        client.sendall((head + "Expect: 100-continue\r\n\r\n").encode())
        self.assertEqual(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(body)
        status, _head, said = read_answer(client)
        self.assertEqual(status, 200)
        self.assertIn(b'"size": 5000', said)

    def test_expect_of_what_is_refused(self):
        client = self.raw()
        client.sendall(b"POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\nExpect: 100-continue\r\n\r\n")
        data = b""
        while piece := client.recv(65536):
            data += piece
        self.assertEqual(statuses(data), [404])

    def test_taken_files(self):
        answer = self.post([("file", "x.nii", b"kept")], "/take")
        self.assertEqual(answer.status, 200, answer.body)
        taken = pathlib.Path(answer.detail())
        self.assertEqual(taken.read_bytes(), b"kept")
        taken.unlink()
        self.assertEqual(self.post([("a", "b")], "/take").detail()[0]["loc"], ["body", "file"])

    def test_curl(self):
        file = self.root / 'na"me.nii.gz'
        file.write_bytes(b"q" * 2_000_000)
        out = subprocess.run(
            ["curl", "-sS", "-F", "params={}", "-F", f"file=@{self.root}/na\\\"me.nii.gz", self.server.url + "/echo"],
            capture_output=True, check=False,
        )  # fmt: skip
        if out.returncode == 26:  # a curl that reads the name in another way
            out = subprocess.run(
                ["curl", "-sS", "-F", "params={}", "-F", f'file=@"{self.root}/na\\"me.nii.gz"', self.server.url + "/echo"],
                capture_output=True, check=True,
            )  # fmt: skip
        self.assertIn(b'"size": 2000000', out.stdout, out.stderr)
        file.unlink()

    def test_a_client_that_leaves_in_the_middle(self):
        body, headers = multipart([("file", "x.nii", b"z" * 5000)])
        for _ in range(5):
            client = self.raw()
            head = f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: {headers['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body[:3000])
            self.wait_for(lambda: len(self.spool()) > 1)
            client.close()
            self.wait_for(lambda: self.spool() == ["lock"])


if __name__ == "__main__":
    unittest.main()
