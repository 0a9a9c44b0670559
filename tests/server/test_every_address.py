"""Every address of the server's OpenAPI file with values that fit, nearly fit and do not: no answer is a 500, the server
lives and says so. The values come from the file's schemas and from a list of what has broken servers before."""

import http.client
import json
import random
import socket
import unittest
from urllib.parse import quote

from server_case import PATIENCE, ServerCase, few, multipart, write_label

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH")
STRANGE = [
    "",
    " ",
    "0",
    "-1",
    "1e999",
    "NaN",
    "true",
    "null",
    "[]",
    "{}",
    '{"a":',
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "C:\\x",
    "a" * 5000,
    "\u80f8\u90e8",
    "\U0001f9e0",
    "a\r\nX-Injected: 1",
    "'; DROP TABLE x; --",
    "<script>",
    "%s%n",
    "%00",
    "case_00",
    "SAM",
    "final",
    "99999999999999999999",
]
PARAMS = [
    "",
    "{}",
    "null",
    "[]",
    "3",
    "{",
    '{"intersection": [[6, 5, 1], [15, 14, 1]]}',
    '{"intersection": [[1, 2]]}',
    '{"intersection": "x", "background": {}}',
    '{"intersection": [[1e308, -1e308, 1]]}',
    '{"intersection": [[NaN, 1, 1]]}',
    '{"roi": [1, 2, 3]}',
    '{"box": {"key": 99999, "xyxy": [0, 0, 1, 1]}}',
    '{"model": "../../x", "image": "/etc/passwd", "label": "x", "device": "cuda", "result_extension": "/../x"}',
    '{"result_dtype": "float1024"}',
    '{"window": [5, 5], "zoom": -3}',
    '{"job": "../x"}',
    '{"refine": "none"}',
    "[" * 500 + "]" * 500,
    '{"a":' * 200 + "1" + "}" * 200,
    '{"intersection": [' + ",".join(["[6,5,1]"] * 5000) + "]}",
    '{"label_info": [{"name": "\\ud800", "idx": 1}]}',
]


class EveryAddress(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(2)
        self.server = self.serve("--request-timeout", "5", ready="/ready")
        self.dice = random.Random(20251124)
        self.label = write_label(self.folder / "label.nii.gz").read_bytes()
        self.image = (self.studies / "case_00.nii.gz").read_bytes()
        self.file = self.server.get("/openapi.json")
        self.counts = {}

    def resolve(self, thing):
        while isinstance(thing, dict) and "$ref" in thing:
            path = thing["$ref"].removeprefix("#/").split("/")
            thing = self.file
            for part in path:
                thing = thing[part]
        return thing

    def value(self, schema, name):
        """A text for a parameter: one that its schema allows, or a strange one."""
        schema = self.resolve(schema or {})
        fits = {"image": self.names, "id": self.names, "label": self.names, "tag": ["final"], "model": ["SAM"],
                "strategy": ["first", "img_0000"]}
        dice = self.dice.random()
        if dice < 0.35 and name in fits:
            return self.dice.choice(fits[name])
        if dice < 0.7:
            if "enum" in schema:
                return str(self.dice.choice(schema["enum"]))
            kind = schema.get("type")
            kind = kind[0] if isinstance(kind, list) else kind
            if kind == "boolean":
                return self.dice.choice(["true", "false"])
            if kind in ("integer", "number"):
                return str(self.dice.choice([0, 1, -1, schema.get("minimum", 2), schema.get("maximum", 300)]))
        return self.dice.choice(STRANGE)

    def body(self, operation):
        """(bytes, headers) of a body as the file describes it, or nearly."""
        content = self.resolve(operation.get("requestBody", {})).get("content", {})
        if not content or self.dice.random() < 0.1:
            return (None, {}) if self.dice.random() < 0.5 else (b"\x00\xff garbage", {"Content-Type": "text/plain"})
        kind = self.dice.choice(sorted(content))
        if "json" in kind:
            return self.dice.choice(PARAMS).encode("utf-8", "surrogatepass"), {"Content-Type": "application/json"}
        known = self.resolve(content[kind].get("schema", {})).get("properties", {})
        fields, files = {}, []
        for name, schema in known.items():
            schema = self.resolve(schema)
            if self.dice.random() < 0.2:
                continue
            inner = self.resolve(schema.get("items", {}))
            binary = "contentMediaType" in schema or "binary" in (schema.get("format"), inner.get("format"))
            binary = binary or "contentMediaType" in inner or name in ("file", "files", "label")
            if binary:
                data = self.dice.choice([self.image, self.label, b"", b"not an image", self.image[: len(self.image) // 2]])
                ending = self.dice.choice([".nii.gz", ".nrrd", ".mha", ".json", "", "." * 300, ".bin"])
                files.append((name, "x" + ending, data))
            else:
                fields[name] = self.dice.choice(PARAMS) if self.dice.random() < 0.8 else self.dice.choice(STRANGE[:-4])
        data, headers = multipart(fields, files)
        if self.dice.random() < 0.1:
            data = data[: len(data) * 2 // 3]
        return data, headers

    def one(self, method, pattern, operation, shared):
        path, query = pattern, []
        for parameter in [self.resolve(p) for p in shared + operation.get("parameters", [])]:
            text = self.value(parameter.get("schema"), parameter["name"])
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", quote(text, safe="") or "x")
            elif parameter["in"] == "query" and (parameter.get("required") or self.dice.random() < 0.7):
                query.append(quote(parameter["name"]) + "=" + (text if "%" in text else quote(text)))
        if query:
            path += "?" + "&".join(query)
        data, headers = self.body(operation)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            connection.request(method, path.replace(" ", "%20"), data, headers)
            answer = connection.getresponse()
            if (answer.getheader("Content-Type") or "").startswith("text/event-stream"):
                text = b""
            else:
                text = answer.read()
        except (http.client.HTTPException, ConnectionError, socket.timeout) as error:
            self.assertIsNone(self.server.process.poll(), f"{method} {path[:300]}: {error!r}: {self.server.text()[-2000:]}")
            self.counts["closed"] = self.counts.get("closed", 0) + 1
            return
        finally:
            connection.close()
        what = f"{method} {path[:300]} {data[:600] if data else None}: {answer.status} {text[:300]}"
        self.counts[answer.status] = self.counts.get(answer.status, 0) + 1
        self.assertTrue(answer.status < 500 or answer.status in (501, 503), what)
        self.assertNotIn("X-Injected", answer.headers, what)
        self.assertTrue(answer.getheader("Server-Timing"), what)
        if answer.status >= 400 and method != "HEAD":
            self.assertTrue(json.loads(text).get("detail"), what)
            self.assertNotIn(str(self.folder).encode(), text, what)
        elif (answer.getheader("Content-Type") or "").startswith("application/json") and text and method != "HEAD":
            json.loads(text, parse_constant=self.fail)

    def test_every_address(self):
        operations = []
        for pattern, item in self.file["paths"].items():
            for method, operation in item.items():
                if method.upper() in METHODS:
                    operations.append((method.upper(), pattern, operation, item.get("parameters", [])))
        self.assertGreater(len(operations), 30)
        for _turn in range(few(60, 4, 1)):
            self.dice.shuffle(operations)
            for operation in operations:
                self.one(*operation)
        for name, data in ((name, self.image) for name in self.names):
            body, headers = multipart({}, [("file", "x.nii.gz", data)])
            self.server.call("PUT", f"/datastore/image?image={name}", body, headers)
        self.assertEqual(self.server.call("GET", "/info/").status, 200)
        print(f"{len(operations)} operations, answers: {dict(sorted(self.counts.items(), key=str))}", flush=True)
        self.assertGreater(self.counts.get(200, 0), 10)
        outside = {path.name for path in self.folder.iterdir()}
        self.assertLessEqual(outside, {"studies", "cache", "tmp", "label.nii.gz"})

    def test_methods(self):
        """What the file does not list is refused with the methods that there are."""
        for pattern, item in self.file["paths"].items():
            path = pattern.replace("{", "").replace("}", "")
            known = {method.upper() for method in item} & set(METHODS)
            for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - known:
                answer = self.server.call(method, path)
                if answer.status != 405:
                    self.assertEqual(answer.status, 404, (method, path, answer))  # a variable that is a word
                    continue
                allowed = {word.strip() for word in answer.headers["Allow"].split(",")}
                self.assertLessEqual(known, allowed, (method, path))
                self.assertNotIn(method, allowed)


if __name__ == "__main__":
    unittest.main()
