"""Addresses that need no image: pages, what operators ask, and what says that something is not there."""

import html.parser
import json
import re
import unittest

from server_case import CONFIG, ServerCase


class Page(html.parser.HTMLParser):
    """What a page fetches or runs, and whether its elements close."""

    def __init__(self, text):
        super().__init__()
        self.links, self.fetched, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a":
            self.links.append(attributes["href"])
        if tag in ("script", "link", "img", "iframe", "object"):
            self.fetched.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise AssertionError(f"{tag} closes what is not open")


class Quiet(ServerCase):
    def test_training_and_scoring_never_run(self):
        server = self.serve()
        for path, kind in (("/train", "Train"), ("/scoring", "Scoring")):
            for form in (path, path + "/"):
                for query, said in [
                    ("", f"No {kind} Tasks Found"),
                    ("?all=true", f"No {kind} Tasks Found"),
                    ("?check_if_running=true", f"No {kind} Tasks are currently Running"),
                ]:
                    answer = server.call("GET", form + query)
                    self.assertEqual((answer.status, answer.json()), (404, {"detail": said}))
                self.assertEqual(server.call("GET", form + "?all=perhaps").status, 422)
                answer = server.call("POST", form, {"client_id": "x", "max_epochs": 5})
                self.assertEqual((answer.status, answer.body), (200, b"{}"))
                self.assertEqual(server.call("POST", form + "?run_sync=true").body, b"{}")
                answer = server.call("DELETE", form)
                self.assertEqual((answer.status, answer.body), (200, b"null"))
            self.assertEqual(server.call("POST", path + "/SAM", {}).status, 404)

    def test_what_is_not_there_says_so(self):
        server = self.serve()
        self.assertEqual(server.get("/auth/"), {"enabled": False})
        self.assertEqual(server.get("/auth"), {"enabled": False})
        for method, path in [
            ("POST", "/auth/token"), ("GET", "/auth/token/valid"), ("GET", "/ohif"), ("GET", "/ohif/"), ("GET", "/ohif/a/b.js"),
            ("GET", "/proxy/dicom/wado/studies"), ("GET", "/proxy/dicom/qido/studies?limit=1"), ("POST", "/proxy/dicom/stow/studies"),
            ("GET", "/proxy/dicom/../../etc/passwd"), ("GET", "/static/x"), ("POST", "/infer/wsi/SAM"), ("POST", "/infer/wsi_v2/SAM"),
        ]:  # fmt: skip
            answer = server.call(method, path)
            self.assertEqual(answer.status, 501 if path.startswith("/infer/") else 404, path)
            self.assertGreater(len(answer.json()["detail"]), 5)
        answer = server.call("POST", "/reload")
        self.assertEqual((answer.status, answer.body), (200, b"{}"))


class Pages(ServerCase):
    def test_they_are_complete_in_themselves(self):
        server = self.serve()
        for path in ("/", "/docs", "/docs/"):
            answer = server.call("GET", path)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
            page = Page(answer.body.decode("utf-8"))
            self.assertEqual((page.fetched, page.open), ([], []))
            for link in page.links:
                self.assertRegex(link, "^/")
                self.assertIn(server.call("GET", link).status, (200, 503), link)
        self.assertIn(server.url, server.call("GET", "/").body.decode())
        self.assertEqual(server.call("HEAD", "/").status, 200)

    def test_docs_name_every_address(self):
        server = self.serve()
        page = server.call("GET", "/docs").body.decode()
        document = server.get("/openapi.json")
        shown = re.findall(r"<b>(\w+)</b> <code>([^<]+)</code>", page)
        wanted = [
            (method.upper(), path)
            for path, item in document["paths"].items()
            for method in item
            if method != "servers"
        ]
        self.assertEqual(sorted(shown), sorted(wanted))
        self.assertEqual(document["openapi"], "3.1.0")

    def test_below_a_prefix(self):
        server = self.serve(ready="/monai/info/", MONAI_LABEL_API_STR="/monai")
        document = server.get("/openapi.json")
        self.assertEqual(document["servers"], [{"url": "/monai"}])
        self.assertIn("<code>/monai/info/</code>", server.call("GET", "/docs").body.decode())
        self.assertIn("<code>/health</code>", server.call("GET", "/docs").body.decode())
        for path, item in document["paths"].items():
            if "get" in item and "{" not in path and "parameters" not in item["get"]:
                place = path if "servers" in item else "/monai" + path
                self.assertIn(server.call("GET", place).status, (200, 404, 503), place)
                self.assertNotEqual(server.call("GET", place).body, b'{"detail":"Not Found"}', place)
        self.assertEqual(server.call("GET", "/info/").status, 404)
        self.assertEqual(server.call("GET", "/health").status, 200)

    def test_the_icon(self):
        answer = self.serve().call("GET", "/favicon.ico")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "image/svg+xml"))


class Operators(ServerCase):
    def test_health_and_ready(self):
        server = self.serve(ready="/health")
        self.assertEqual(server.get("/health"), {"status": "ok"})
        self.eventually(lambda: server.call("GET", "/ready").status == 200, "readiness")
        self.assertEqual(server.get("/ready"), {"status": "ready"})

    def test_not_ready_without_a_model(self):
        broken = self.folder / "broken.pt"
        broken.write_bytes(b"no checkpoint")
        self.arguments = lambda *_more, studies: [
            "serve", "--studies", self.studies, "--port", "0", "--model", broken, "--model-config", CONFIG,
        ]  # fmt: skip
        server = self.serve(ready="/health")
        self.eventually(lambda: server.call("GET", "/ready").json()["status"] == "failed", "the refusal")
        answer = server.call("GET", "/ready")
        self.assertEqual(answer.status, 503)
        self.assertNotIn(str(broken), answer.body.decode())
        self.assertEqual(server.call("GET", "/health").status, 200)

    def test_metrics(self):
        self.images(1)
        server = self.serve()
        self.assertEqual(server.call("GET", "/datastore/image/info?image=case_00").status, 200)
        server.call("GET", "/nothing/Jane")
        text = server.call("GET", "/metrics").body.decode()
        values, kinds = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, kinds)
                kinds[name] = kind
            elif not line.startswith("#"):
                found = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="[^"\n]*",?)+\})? (\d+(?:\.\d+)?)', line)
                self.assertIsNotNone(found, line)
                family = re.sub("_(bucket|sum|count)$", "", found[1])
                self.assertIn(family if family in kinds else found[1], kinds, line)
                self.assertNotIn(found[1] + (found[2] or ""), values)
                values[found[1] + (found[2] or "")] = float(found[3])
        self.assertNotIn("case_00", text)
        self.assertNotIn("Jane", text)
        total = "voxlabel_http_requests_total"
        route = 'method="GET",route="/datastore/image/info"'
        self.assertEqual(values[f'{total}{{{route},status="200"}}'], 1)
        self.assertEqual(values[f'{total}{{method="other",route="other",status="404"}}'], 1)
        seconds = "voxlabel_http_request_duration_seconds"
        self.assertEqual(values[f"{seconds}_count{{{route}}}"], 1)
        self.assertEqual(values[f'{seconds}_bucket{{{route},le="+Inf"}}'], 1)
        self.assertGreater(values["voxlabel_resident_memory_bytes"], 1 << 20)
        self.assertGreater(values["voxlabel_open_files"], 3)
        self.assertIn('voxlabel_jobs{class="click",state="waiting"}', values)

    def test_errors_are_json_with_cors(self):
        server = self.serve()
        origin = {"Origin": "http://viewer.example"}
        for method, path, status in [("GET", "/nothing", 404), ("PATCH", "/info/", 405), ("GET", "/datastore/?output=x", 422)]:
            answer = server.call(method, path, headers=origin)
            self.assertEqual(answer.status, status)
            self.assertIn("detail", json.loads(answer.body))
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
            self.assertIn("total;dur=", answer.headers["Server-Timing"])


if __name__ == "__main__":
    unittest.main()
