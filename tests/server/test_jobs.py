"""Jobs: asked for, watched, fetched, continued; and what an inference takes besides an id and points."""

import http.client
import json
import unittest

import nibabel
import numpy
from server_case import PATIENCE, ServerCase, multipart, write_image

BOX = {"box": {"key": 2, "xyxy": [4, 3, 18, 15], "z": [1, 4]}}
CLICKS = {"intersection": [[5, 5, 1], [15, 14, 1], [5, 5, 4], [15, 14, 4]]}


def unpack(answer):
    """A multipart answer: (result, file name, bytes)."""
    limit = answer.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
    parts = answer.body.split(b"--" + limit)[1:-1]
    heads = [part.partition(b"\r\n\r\n") for part in parts]
    result = json.loads(heads[0][2].strip())
    name = heads[1][0].split(b'filename="')[1].split(b'"')[0].decode()
    return result, name, heads[1][2][:-2]


def events(server, job, query=""):
    """All events of a job that ends."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("GET", f"/v1/jobs/{job}/events{query}")
        response = connection.getresponse()
        if response.status != 200:
            raise AssertionError(response.read())
        text = response.read().decode("utf-8")
    finally:
        connection.close()
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


class Jobs(ServerCase):
    def mask(self, data, name="got.nii.gz"):
        path = self.folder / name
        path.write_bytes(data)
        return numpy.asanyarray(nibabel.load(path).dataobj)

    def start(self, *arguments):
        self.names = self.images(2)
        self.image = self.studies / "case_00.nii.gz"
        self.server = self.serve(*arguments)
        return self.server

    def ask(self, params, query="?image=case_00", files=()):
        return self.server.form("POST", f"/v1/jobs{query}", {"params": json.dumps(params)}, files)

    def done(self, params, query="?image=case_00", files=()):
        """A job that is done: its id and the mask."""
        answer = self.ask(params, query, files)
        self.assertEqual(answer.status, 200, answer.body)
        job = answer.json()["id"]
        self.assertEqual(events(self.server, job)[-1][0], "done")
        result = self.server.call("GET", f"/v1/jobs/{job}/result?output=image")
        self.assertEqual(result.status, 200, result.body[:200])
        return job, self.mask(result.body)

    def test_a_job(self):
        server = self.start()
        job, got = self.done({**BOX, "job": "mine.1"})
        self.assertEqual(job, "mine.1")
        self.assertTrue(numpy.array_equal(got, self.segment(self.image, BOX)))
        self.assertTrue(got.any())
        state = server.get("/v1/jobs/mine.1")
        self.assertEqual((state["state"], state["done"], state["valid"]), ("done", state["total"], True))
        self.assertEqual([each["id"] for each in server.get("/v1/jobs")], ["mine.1"])
        result, name, data = unpack(server.call("GET", "/v1/jobs/mine.1/result"))
        self.assertEqual((result["job"], name), ("mine.1", "mask_mine.1.nii.gz"))
        self.assertTrue(numpy.array_equal(self.mask(data), got))
        self.assertEqual(server.get("/v1/jobs/mine.1/result?output=json"), result)
        self.assertEqual(self.ask({**BOX, "job": "mine.1"}).status, 409)
        self.assertEqual(self.ask({**BOX, "job": "a/b"}).status, 400)
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/result")):
            self.assertEqual(server.call(method, f"/v1/jobs/none{path}").status, 404)

    def test_events(self):
        """What the slices say of a pass without the other is what that pass alone gives."""
        self.start()
        params = {**BOX, "largest_cc": False, "clip": "off"}
        answer = self.ask({**params, "passes": "forward"})
        found = events(self.server, answer.json()["id"])
        self.assertEqual([kind for kind, _data in found[:2]], ["queued", "plan"])
        self.assertEqual(found[1][1]["size"], [24, 20, 6])
        self.assertEqual(found[1][1]["plan"]["objects"][0]["z"], [1, 4])
        seen = numpy.zeros((6, 24 * 20), bool)
        for _kind, data in found[2:-1]:
            at = 0
            for number, run in enumerate(data["runs"]):
                seen[data["k"], at : at + run] = number % 2 == 1
                at += run
            self.assertEqual((data["label"], data["pass"]), ("intersection", "forward"))
        self.assertEqual([data["done"] for _kind, data in found[2:-1]], [1, 2, 3, 4])
        wanted = self.segment(self.image, {**params, "passes": "forward"})
        self.assertTrue(numpy.array_equal(seen.reshape(6, 20, 24).transpose(2, 1, 0), wanted != 0))
        late = events(self.server, answer.json()["id"], "?after=3")
        self.assertEqual(late, found[3:])
        known = events(self.server, answer.json()["id"], "?after=1000")
        self.assertEqual(known, found[-1:], "a stream of a job that has ended must end")

    def test_refine(self):
        """Points that are new are corrections: the mask is that of a run with them, bit for bit."""
        self.start()
        more = {**CLICKS, "intersection": [*CLICKS["intersection"], [9, 8, 2]], "background": [[2, 2, 3]]}
        corrections = [
            {"k": 2, "points": [[9, 8]], "labels": [1]},
            {"k": 3, "points": [[2, 2]], "labels": [0]},
        ]
        wanted = self.segment(self.image, {**CLICKS, "corrections": corrections})
        job, _first = self.done({**CLICKS, "client_id": "anna"})
        second, got = self.done({**more, "client_id": "anna", "refine": job})
        self.assertTrue(numpy.array_equal(got, wanted))
        # From the same job again, whose run has gone on: the same.
        third, got = self.done({**more, "client_id": "anna", "refine": job})
        self.assertTrue(numpy.array_equal(got, wanted))
        # The one went on, and ended with what its last correction changed; the other tracked everything.
        totals = [self.server.get(f"/v1/jobs/{each}")["total"] for each in (second, third)]
        self.assertLess(totals[0], totals[1])
        _fourth, got = self.done({**more, "client_id": "anna", "refine": second})
        self.assertTrue(numpy.array_equal(got, wanted))
        answer = self.ask({**more, "client_id": "bert", "refine": job})
        self.assertEqual(answer.status, 404)
        self.assertIn("refine", answer.json()["detail"])

    def test_masks(self):
        """A mask as prompt: a file, bare voxels, a stored label."""
        server = self.start()
        mask = numpy.zeros((24, 20, 6), numpy.uint8)
        mask[6:16, 5:13, 2] = 1
        path = self.folder / "mask.nii.gz"
        nibabel.save(nibabel.Nifti1Image(mask, nibabel.load(self.image).affine), path)
        params = {"intersection": [[10, 9, 1], [10, 9, 4]]}
        _job, got = self.done(params, files=[("label", "C:\\scans\\mask.nii.gz", path.read_bytes())])
        self.assertTrue(numpy.array_equal(got, self.segment(self.image, params, "--mask", str(path))))
        _job, raw = self.done(params, files=[("label", "label.bin", mask.tobytes(order="F"))])
        self.assertTrue(numpy.array_equal(raw, got))
        saved = server.form("PUT", "/datastore/label?image=case_00&tag=draft", {}, [("label", "a.nii.gz", path.read_bytes())])
        self.assertEqual(saved.status, 200, saved.body)
        _job, stored = self.done({**params, "mask_from": "draft"})
        self.assertTrue(numpy.array_equal(stored, got))
        self.assertEqual(self.ask({**params, "mask_from": "nothing"}).status, 404)

    def test_uploads(self):
        """An image that comes with the request; its job can be refined, and nothing of it stays."""
        self.start("--jobs-kept", "2")
        other = write_image(self.folder / "other.nii.gz", 7)
        files = [("file", "/home of anna/other.nii.gz", other.read_bytes())]
        job, got = self.done({**CLICKS, "client_id": "anna"}, "", files)
        self.assertTrue(numpy.array_equal(got, self.segment(other, CLICKS)))
        more = {"intersection": [*CLICKS["intersection"], [9, 8, 2]], "client_id": "anna", "refine": job}
        _second, got = self.done(more, "")
        corrected = {**CLICKS, "corrections": [{"k": 2, "points": [[9, 8]]}]}
        self.assertTrue(numpy.array_equal(got, self.segment(other, corrected)))

    def test_saving(self):
        server = self.start()
        answer = server.infer("case_01", {**BOX, "save_label": True}, "&output=json")
        self.assertEqual(answer.status, 200, answer.body)
        label = server.call("GET", "/datastore/label?label=case_01&tag=original")
        wanted = self.segment(self.studies / "case_01.nii.gz", BOX)
        self.assertTrue(numpy.array_equal(self.mask(label.body), wanted))
        info = self.index()["objects"]["case_01"]["labels"]["original"]["info"]
        self.assertEqual(info["model"], "SAM")
        self.assertEqual(info["params"]["label_names"], {"intersection": 1, "background": 0, "uncertain": 2})
        refused = server.infer("case_01", {**BOX, "save_label": True, "label_tag": "final"})
        self.assertEqual(refused.status, 400)

    def test_forms_of_answers(self):
        server = self.start()
        answer = server.form("POST", "/infer/?image=case_00", {"params": "{}"})
        result, name, data = unpack(answer)
        self.assertFalse(result["valid"])
        self.assertTrue(result["reason"])
        self.assertFalse(self.mask(data).any())
        self.assertTrue(name.endswith(".nii.gz"))
        self.assertIn("infer;dur=", answer.headers["Server-Timing"])
        _result, name, _data = unpack(server.infer("case_00", {**BOX, "result_extension": ".nrrd"}))
        self.assertTrue(name.endswith(".nrrd"))
        for query, status in (("&output=dicom_seg", 501), ("&output=pdf", 422)):
            self.assertEqual(server.infer("case_00", BOX, query).status, status)
        self.assertEqual(server.form("POST", "/infer/SAM", {"params": "{}"}).status, 400)
        self.assertEqual(server.infer("case_00", {**BOX, "model": "another"}).status, 404)
        choices = {key: values[0] for key, values in server.get("/info/")["models"]["SAM"]["config"].items()}
        _result, _name, data = unpack(server.infer("case_00", {**BOX, **choices}))
        self.assertTrue(numpy.array_equal(self.mask(data), self.segment(self.image, BOX)))

    def test_sessions(self):
        server = self.start("--session-size", "1M", "--session-count", "2")
        data = self.image.read_bytes()

        def put(query="", count=1, size=0):
            files = [("files", f"{number}.nii.gz", data + bytes(size)) for number in range(count)]
            return server.form("PUT", f"/session/{query}", {}, files)

        brief = put("?expiry=1").json()
        self.eventually(lambda: server.call("GET", f"/session/{brief['session_id']}").status == 404, "the end")
        folder = brief["session_info"]["path"]
        self.eventually(lambda: not self.exists(folder), "the removal of its files")
        self.assertEqual(put(size=1 << 20).status, 413)
        several = put(count=2).json()
        self.assertEqual(server.infer("x", BOX, f"&session_id={several['session_id']}").status, 415)
        self.assertEqual(put().status, 200)
        full = put()
        self.assertEqual(full.status, 503)
        self.assertTrue(full.headers["Retry-After"])
        self.assertEqual(server.call("PUT", "/session/", *multipart()).status, 422)
        self.assertEqual(server.stop(), 0)
        self.assertFalse(self.exists(several["session_info"]["path"]))

    @staticmethod
    def exists(path):
        try:
            open(path, encoding="ascii").close()
        except FileNotFoundError:
            return False
        except OSError:
            pass
        return True


if __name__ == "__main__":
    unittest.main()
