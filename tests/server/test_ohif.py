"""What OHIF's extension for MONAI Label asks, from a browser on another origin."""

import json
import unittest

import numpy

import nrrd_js
from server_case import ServerCase, write_image, write_label

SERIES = "1.2.840.113619.2.55.3.604688435.12.1117"
ORIGIN = "http://viewer.example:3000"
ALWAYS = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, "restore_label_idx": False}
CLICKS = [[3, 3, 1], [20, 16, 1], [4, 4, 4], [20, 17, 4]]


class Ohif(ServerCase):
    def setUp(self):
        super().setUp()
        self.image = write_image(self.studies / f"{SERIES}.nii.gz", 2)
        self.server = self.serve()

    def form(self, fields):
        """A form as axios sends it."""
        limit = "----WebKitFormBoundary3xQ0cM2q9WbYhG7d"
        body = ""
        for name, value in fields.items():
            body += f'--{limit}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        return (body + f"--{limit}--\r\n").encode(), {"Content-Type": f"multipart/form-data; boundary={limit}"}

    def ask(self, method, path, body=None, headers=None):
        answer = self.server.call(method, "/" + path, body, {"Origin": ORIGIN, **(headers or {})})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(answer.headers["Access-Control-Allow-Credentials"], "true")
        return answer

    def infer(self, params, status=200):
        body, headers = self.form({"params": json.dumps({**params, **ALWAYS})})
        answer = self.ask("POST", f"infer/SAM?image={SERIES}&output=image", body, headers)
        self.assertEqual(answer.status, status, answer.body[:300])
        return answer

    def test_connect(self):
        info = self.ask("GET", "info/").json()
        self.assertIsInstance(info["labels"], list)
        self.assertTrue(info["name"])
        self.assertNotIn("config", info)
        for model in info["models"].values():
            self.assertTrue(model["type"])
            self.assertIsInstance(model["labels"], dict)
            # Its tables show lists whose elements are texts.
            for value in model["config"].values():
                if isinstance(value, list):
                    self.assertTrue(value and all(isinstance(choice, str) for choice in value), model["config"])
        for stats in info["train_stats"].values():
            self.assertIsInstance(stats["best_metric"], (int, float))
        self.assertEqual(self.ask("GET", "train/?check_if_running=true").status, 404)

    def test_preflight(self):
        headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-a"}
        answer = self.server.call("OPTIONS", "/infer/SAM", None, {"Origin": ORIGIN, **headers})
        self.assertEqual((answer.status, answer.body), (200, b"OK"))
        self.assertIn(answer.headers["Access-Control-Allow-Origin"], (ORIGIN, "*"))
        self.assertIn("content-type", answer.headers["Access-Control-Allow-Headers"].lower())
        for method in ("GET", "POST", "PUT", "DELETE"):
            self.assertIn(method, answer.headers["Access-Control-Allow-Methods"])

    def test_cookie(self):
        """With a cookie the origin itself must be named."""
        answer = self.server.call("GET", "/info/", None, {"Origin": ORIGIN, "Cookie": "a=b"})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], ORIGIN)
        self.assertIn("Origin", answer.headers["Vary"])

    def test_points(self):
        answer = self.infer({"intersection": CLICKS, "background": []})
        fields, found = nrrd_js.parse(answer.body)
        self.assertEqual(fields["encoding"], "raw")
        wanted = self.segment(self.image, {"intersection": CLICKS})
        self.assertEqual(found.shape, wanted.shape)
        self.assertTrue(wanted.any())
        self.assertTrue(numpy.array_equal(found, wanted))
        self.assertIn(".nrrd", answer.headers["Content-Disposition"])
        self.assertEqual(answer.headers["Content-Length"], str(len(answer.body)))

    def test_no_points(self):
        """Its tab for automatic segmentation sends no prompt."""
        _fields, found = nrrd_js.parse(self.infer({}).body)
        self.assertEqual(found.shape, (24, 20, 6))
        self.assertFalse(found.any())

    def test_foreground(self):
        """Models that are no deepedit get foreground and background."""
        _fields, found = nrrd_js.parse(self.infer({"foreground": CLICKS, "background": []}).body)
        self.assertTrue(numpy.array_equal(found, self.segment(self.image, {"intersection": CLICKS})))

    def test_class_prompts(self):
        """Its tab for class prompts sends numbers of labels, which mean nothing to this model."""
        _fields, found = nrrd_js.parse(self.infer({"label_prompt": [1, 2]}).body)
        self.assertFalse(found.any())

    def test_sixteen_bits(self):
        """Its older version asks for 16 bits."""
        body, headers = self.form({"params": json.dumps({"intersection": CLICKS, **ALWAYS, "result_dtype": "uint16"})})
        answer = self.ask("POST", f"infer/SAM?image={SERIES}&output=image", body, headers)
        fields, found = nrrd_js.parse(answer.body)
        self.assertEqual((found.dtype, fields["endian"]), (numpy.uint16, "little"))
        self.assertTrue(numpy.array_equal(found, self.segment(self.image, {"intersection": CLICKS})))

    def test_next_sample(self):
        body, headers = json.dumps({}), {"Content-Type": "application/json"}
        sample = self.ask("POST", "activelearning/first", body, headers).json()
        self.assertEqual(sample["id"], SERIES)

    def test_train(self):
        headers = {"Content-Type": "application/json"}
        answer = self.ask("POST", "train/", json.dumps({"SAM": {"max_epochs": 5}}), headers)
        self.assertEqual((answer.status, answer.json()), (200, {}))
        answer = self.ask("DELETE", "train/")
        self.assertEqual((answer.status, answer.body.strip()), (200, b"null"))

    def test_submit(self):
        """Its older version submits labels as bare voxels."""
        label = write_label(self.folder / "mine.nii.gz").read_bytes()
        limit = "----WebKitFormBoundaryA1b2C3"
        info = {"label_info": [{"id": "a", "labelmapIndex": 0, "segmentIndex": 1, "name": "intersection"}]}
        body = f'--{limit}\r\nContent-Disposition: form-data; name="params"\r\n\r\n{json.dumps(info)}\r\n'.encode()
        body += f'--{limit}\r\nContent-Disposition: form-data; name="label"; filename="label.bin"\r\n'.encode()
        body += b"Content-Type: application/octet-stream\r\n\r\n" + label + f"\r\n--{limit}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={limit}"}
        answer = self.ask("PUT", f"datastore/label?image={SERIES}", body, kind)
        self.assertEqual((answer.status, answer.json()), (200, {"image": SERIES, "label": SERIES}))
        kept = self.ask("GET", f"datastore/label?label={SERIES}&tag=final")
        self.assertEqual(kept.body, label)
        self.assertIn(".bin", kept.headers["Content-Disposition"])

    def test_errors(self):
        """The browser hides an answer without these headers, so errors have them too."""
        body, headers = self.form({"params": json.dumps(ALWAYS)})
        for path, status in (("infer/SAM?image=nobody&output=image", 404), ("infer/none?image=" + SERIES, 404)):
            self.assertEqual(self.ask("POST", path, body, headers).status, status)
        broken, headers = self.form({"params": "{"})
        self.assertEqual(self.ask("POST", f"infer/SAM?image={SERIES}", broken, headers).status, 422)
        self.assertEqual(self.ask("GET", "nothing").status, 404)
        self.assertEqual(self.ask("DELETE", "info/").status, 405)
        self.assertEqual(self.ask("GET", "proxy/dicom/qido/studies").status, 404)


if __name__ == "__main__":
    unittest.main()
