"""Files, parts of files, the multipart answer, CORS, HEAD."""

import email
import pathlib
import re
import subprocess
import tempfile
import unittest

from http_case import HttpCase, Server

CONTENT = bytes(range(256)) * 2000 + b"end"


class Files(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.stop()
        cls.path = cls.root / "content"
        cls.path.write_bytes(CONTENT)
        cls.server = Server(uploads=cls.root, file=cls.path)

    def test_whole(self):
        answer = self.ask("GET", "/file/case_1.nii.gz")
        self.assertEqual((answer.status, answer.body), (200, CONTENT))
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(answer.headers["Content-Length"], str(len(CONTENT)))
        self.assertEqual(answer.headers["Accept-Ranges"], "bytes")
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="case_1.nii.gz"')
        self.assertRegex(answer.headers["ETag"], r'^"[0-9a-f-]+"$')
        self.assertRegex(answer.headers["Last-Modified"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_types(self):
        for name, kind in [
            ("a.nii", "application/octet-stream"), ("a.nrrd", "application/octet-stream"), ("a", "application/octet-stream"),
            ("a.json", "application/json"), ("a.dcm", "application/dicom"), ("a.PNG", "image/png"), ("a.zip", "application/zip"),
            ("a.tif", "image/tiff"), ("a.xml", "application/xml"), ("a.jpg", "image/jpeg"),
        ]:  # fmt: skip
            self.assertEqual(self.ask("GET", "/file/" + name).headers["Content-Type"], kind)

    def test_names(self):
        for name, said in [
            ("%E8%83%B8%20CT.nrrd", "attachment; filename*=utf-8''%E8%83%B8%20CT.nrrd"),
            ("a%20b.nrrd", 'attachment; filename="a b.nrrd"'),
            ('a%22;b.nrrd', "attachment; filename*=utf-8''a%22%3Bb.nrrd"),
            ("a%0d%0aX: y.nrrd".replace(" ", "%20"), "attachment; filename*=utf-8''a%0D%0AX%3A%20y.nrrd"),
        ]:
            self.assertEqual(self.ask("GET", "/file/" + name).headers["Content-Disposition"], said)

    def test_head(self):
        whole = self.ask("GET", "/file/a.nrrd")
        head = self.ask("HEAD", "/file/a.nrrd")
        self.assertEqual((head.status, head.body), (200, b""))
        for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Content-Disposition", "Accept-Ranges"):
            self.assertEqual(head.headers[name], whole.headers[name])

    def test_ranges(self):
        size = len(CONTENT)
        for text, first, last in [
            ("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), (f"bytes={size - 5}-", size - 5, size - 1), ("bytes=-3", size - 3, size - 1),
            (f"bytes=-{size + 10}", 0, size - 1), (f"bytes=5-{size * 9}", 5, size - 1), ("Bytes=1-2", 1, 2),
        ]:  # fmt: skip
            answer = self.ask("GET", "/file/a.nrrd", headers={"Range": text})
            self.assertEqual(answer.status, 206, text)
            self.assertEqual(answer.body, CONTENT[first : last + 1], text)
            self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{last}/{size}")
        for text in (f"bytes={size}-", "bytes=-0", f"bytes={size + 7}-{size + 9}"):
            answer = self.ask("GET", "/file/a.nrrd", headers={"Range": text})
            self.assertEqual(answer.status, 416, text)
            self.assertEqual(answer.headers["Content-Range"], f"bytes */{size}")
            self.assertIn("detail", answer.json())
        for text in ("bytes=5-2", "bytes=a-b", "bytes=-", "bytes=1-2,5-6", "lines=1-2", "bytes=1", "bytes=--1"):
            answer = self.ask("GET", "/file/a.nrrd", headers={"Range": text})
            self.assertEqual((answer.status, len(answer.body)), (200, size), text)

    def test_conditions(self):
        whole = self.ask("GET", "/file/a.nrrd")
        tag = whole.headers["ETag"]
        self.assertEqual(self.ask("GET", "/file/a.nrrd", headers={"If-None-Match": tag}).status, 304)
        self.assertEqual(self.ask("GET", "/file/a.nrrd", headers={"If-None-Match": '"x"'}).status, 200)
        for condition, status in [(tag, 206), (whole.headers["Last-Modified"], 206), ('"x"', 200)]:
            headers = {"Range": "bytes=0-3", "If-Range": condition}
            self.assertEqual(self.ask("GET", "/file/a.nrrd", headers=headers).status, status)

    def test_a_file_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(uploads=folder, file=pathlib.Path(folder))
            try:
                answer = subprocess.run(
                    ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", server.url + "/file/a.nrrd"],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                self.assertEqual(answer.stdout, "404")
            finally:
                server.stop()

    def test_keep_alive_behind_files(self):
        connection = self.connect()
        for _ in range(5):
            self.assertEqual(self.ask("GET", "/file/a.nrrd", connection=connection).body, CONTENT)
            self.assertEqual(self.ask("HEAD", "/file/a.nrrd", connection=connection).body, b"")
            self.assertEqual(
                self.ask("GET", "/file/a.nrrd", headers={"Range": "bytes=1-1"}, connection=connection).body, b"\x01"
            )
        connection.close()

    def parts_of(self, answer):
        head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
        return email.message_from_bytes(head + answer.body).get_payload()

    def test_the_multipart_answer_byte_by_byte(self):
        for path, content in [("/mask", CONTENT), ("/mask?memory=1", b"\x07" * 300000)]:
            answer = self.ask("POST", path)
            self.assertEqual(answer.status, 200)
            self.assertNotIn("Transfer-Encoding", answer.headers)
            self.assertNotIn("Content-Encoding", answer.headers)
            boundary = re.fullmatch(
                r"multipart/form-data; boundary=([0-9a-f]{32})", answer.headers["Content-Type"]
            ).group(1)
            wanted = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\nContent-Type: application/json\r\n\r\n'
                '{"label_names": {"spleen": 1}, "latencies": {}}\r\n'
                f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="mask.nrrd"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode() + content + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
            self.assertEqual(answer.body, wanted)
            self.assertEqual(answer.headers["Content-Length"], str(len(wanted)))
            self.assertEqual(len(self.parts_of(answer)), 2)

    def test_boundaries_differ(self):
        kinds = {self.ask("POST", "/mask").headers["Content-Type"] for _ in range(5)}
        self.assertEqual(len(kinds), 5)

    def test_the_image_alone(self):
        answer = self.ask("POST", "/mask?memory=1&image=1")
        self.assertEqual((answer.status, answer.body), (200, b"\x07" * 300000))
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="mask.nrrd"')
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")


class Cors(HttpCase):
    ORIGIN = {"Origin": "http://viewer.example:3000"}

    def test_any_origin(self):
        for method, path in [("GET", "/echo"), ("GET", "/nothing"), ("GET", "/silent"), ("PATCH", "/echo"), ("GET", "/error/3")]:
            answer = self.ask(method, path, headers=self.ORIGIN)
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*", path)
            self.assertEqual(answer.headers["Access-Control-Allow-Credentials"], "true")
            self.assertIn("Server-Timing", answer.headers)
        self.assertNotIn("Access-Control-Allow-Origin", self.ask("GET", "/echo").headers)

    def test_with_a_cookie(self):
        answer = self.ask("GET", "/echo", headers={**self.ORIGIN, "Cookie": "a=b"})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], self.ORIGIN["Origin"])
        self.assertEqual(answer.headers["Vary"], "Origin")

    def test_preflight(self):
        asked = {**self.ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a, content-type"}
        for path in ("/echo", "/nothing"):
            answer = self.ask("OPTIONS", path, headers=asked)
            self.assertEqual((answer.status, answer.body), (200, b"OK"))
            self.assertEqual(answer.headers["Content-Type"].split(";")[0], "text/plain")
            self.assertEqual(answer.headers["Access-Control-Allow-Methods"], "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
            self.assertEqual(answer.headers["Access-Control-Max-Age"], "600")
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], self.ORIGIN["Origin"])
            self.assertEqual(answer.headers["Access-Control-Allow-Headers"], "x-a, content-type")
            self.assertEqual(answer.headers["Vary"], "Origin")


class CorsList(HttpCase):
    options = {"origins": "http://a.example:3000,https://b.example"}

    def test_listed_origins_alone(self):
        for origin, allowed in [("http://a.example:3000", True), ("https://b.example", True), ("http://b.example", False)]:
            answer = self.ask("GET", "/echo", headers={"Origin": origin})
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers.get("Access-Control-Allow-Origin"), origin if allowed else None)
            asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            self.assertEqual(self.ask("OPTIONS", "/echo", headers=asked).status, 200 if allowed else 400)


class Heads(HttpCase):
    def test_head_is_get_without_a_body(self):
        for path in ("/echo?a=1", "/nothing", "/later?seconds=0.01", "/error/9"):
            get = self.ask("GET", path)
            head = self.ask("HEAD", path)
            self.assertEqual(head.status, get.status)
            self.assertEqual(head.body, b"")
        answer = self.ask("HEAD", "/events?count=-1")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "text/event-stream")
        self.wait_for(lambda: self.state()["feeds"] == 0)

    def test_no_head_where_there_is_no_get(self):
        self.assertEqual(self.ask("HEAD", "/take").status, 405)


if __name__ == "__main__":
    unittest.main()
