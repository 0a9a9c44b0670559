"""Inference over many images: prompts by each rule, progress, stopping, going on after a restart."""

import http.client
import json
import unittest

import nibabel
import numpy
from server_case import PATIENCE, SANITIZE, ServerCase, few

BOX = {"box": {"key": 2, "xyxy": [4, 3, 18, 15], "z": [1, 4]}}


class Batch(ServerCase):
    def start(self, count, size=(24, 20, 6), *arguments):
        self.names = self.images(count, size=size)
        self.server = self.serve(*arguments)

    def store_prompts(self, name, prompts):
        form = {"info": json.dumps({"prompts": prompts})}
        answer = self.server.form("PUT", f"/datastore/image/info?image={name}", form)
        self.assertEqual(answer.status, 200, answer.body)

    def begin(self, query="", **body):
        answer = self.server.call("POST", f"/batch/infer/SAM{query}", body)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    def task(self):
        return self.server.get("/batch/infer")

    def finish(self):
        self.eventually(lambda: self.task()["status"] != "RUNNING", "the end of the task", 20 * PATIENCE)
        return self.task()

    def label(self, name, tag="original"):
        answer = self.server.call("GET", f"/datastore/label?label={name}&tag={tag}")
        if answer.status != 200:
            return None
        path = self.folder / "label.nii.gz"
        path.write_bytes(answer.body)
        return numpy.asanyarray(nibabel.load(path).dataobj)

    def test_stored(self):
        self.start(3)
        answer = self.server.call("GET", "/batch/infer")
        self.assertEqual((answer.status, answer.json()["detail"]), (404, "No Batch_infer Tasks Found"))
        self.store_prompts("case_00", BOX)
        self.store_prompts("case_02", {"intersection": [[12, 10, 3]]})
        task = self.begin("?images=unlabeled")
        self.assertEqual(task["status"], "RUNNING")
        self.assertTrue(task["details"])
        task = self.finish()
        self.assertEqual((task["status"], task["total"], task["done"], task["skipped"]), ("DONE", 3, 2, 1))
        self.assertRegex(task["end_ts"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        self.assertTrue(numpy.array_equal(self.label("case_00"), self.segment(self.studies / "case_00.nii.gz", BOX)))
        self.assertIsNone(self.label("case_01"))
        self.assertIsNotNone(self.label("case_02"))
        self.assertEqual(self.server.get("/batch/infer?all=true"), [task])
        answer = self.server.call("GET", "/batch/infer?check_if_running=true")
        self.assertEqual(answer.status, 404)

    def test_rules(self):
        self.start(2)
        results = self.begin("?run_sync=true", prompts="centre_box", label_tag="box", params={"largest_cc": False})
        self.assertEqual(sorted(results), self.names)
        self.assertEqual((results["case_00"]["label"], results["case_00"]["tag"]), ("case_00", "box"))
        self.assertTrue(results["case_00"]["params"]["valid"])
        roi = {"roi": [6, 17, 5, 14, 0, 5], "largest_cc": False}
        wanted = self.segment(self.studies / "case_00.nii.gz", roi)
        self.assertTrue(numpy.array_equal(self.label("case_00", "box"), wanted))
        # Of the second image there is no label of that tag: that of the first one is taken.
        mask = numpy.zeros((24, 20, 6), numpy.uint8)
        mask[6:16, 5:13, 2] = 1
        path = self.folder / "mask.nii.gz"
        nibabel.save(nibabel.Nifti1Image(mask, nibabel.load(self.studies / "case_00.nii.gz").affine), path)
        files = [("label", "mask.nii.gz", path.read_bytes())]
        self.assertEqual(self.server.form("PUT", "/datastore/label?image=case_00&tag=draft", {}, files).status, 200)
        results = self.begin("?run_sync=true", prompts="previous_label", label_from="draft", label_tag="next")
        for name in self.names:
            wanted = self.segment(self.studies / f"{name}.nii.gz", {}, "--mask", str(path))
            self.assertTrue(numpy.array_equal(self.label(name, "next"), wanted))

    def test_refused(self):
        self.start(1)
        for path, body, status in (
            ("none", {}, 404),
            ("SAM?images=some", {}, 400),
            ("SAM", {"prompts": "guess"}, 400),
            ("SAM", {"label_tag": "final"}, 400),
            ("SAM", {"label_tag": "../up"}, 400),
            ("SAM", {"images": [1]}, 400),
        ):
            answer = self.server.call("POST", f"/batch/infer/{path}", body)
            self.assertEqual(answer.status, status, (path, body, answer.body))
        self.assertEqual(self.server.call("DELETE", "/batch/infer").body.strip(), b"null")

    def test_stop(self):
        self.start(2, size=(24, 20, few(400, 120, 60)))
        self.begin(prompts="centre_box")
        again = self.server.call("POST", "/batch/infer/SAM", {"prompts": "centre_box"})
        if again.status != 200:  # it may be done already
            self.assertEqual((again.status, int(again.headers["Retry-After"]) > 0), (429, True))
        task = self.server.call("DELETE", "/batch/infer").json()
        if task is not None:
            self.assertEqual(task["status"], "STOPPED")
            self.assertTrue(task["details"])
        self.assertNotEqual(self.task()["status"], "RUNNING")

    def test_client_leaves(self):
        """A client that hangs up stops the task that it waits for."""
        self.start(2, size=(24, 20, 300))
        body = json.dumps({"prompts": "centre_box"})
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        connection.request("POST", "/batch/infer/SAM?run_sync=true", body, {"Content-Type": "application/json"})
        self.eventually(lambda: self.server.call("GET", "/batch/infer").status == 200, "the task")
        connection.close()
        self.assertEqual(self.finish()["status"], "STOPPED")

    def test_goes_on(self):
        """After kill -9 each image is done all the same, and those that were done not again; memory has its bound."""
        count = few(500, 5, 4)
        self.start(count, (24, 20, 40), "--cache-memory", "16M")
        self.begin(prompts="centre_box")
        self.eventually(lambda: self.task()["done"] >= 2, "two images")
        self.server.kill()
        before = {name: entry["labels"] for name, entry in self.index()["objects"].items() if entry["labels"]}
        self.server = self.serve("--cache-memory", "16M")
        before_rest = self.server.resident()
        task = self.finish()
        resident = self.server.resident()
        print(f"{count} images: resident {before_rest / 1e6:.1f} MB before, {resident / 1e6:.1f} MB after", flush=True)
        if not SANITIZE:
            self.assertLess(resident - before_rest, 200e6)
        self.assertEqual((task["status"], task["done"], task["failed"]), ("DONE", count, 0))
        after = {name: entry["labels"] for name, entry in self.index()["objects"].items()}
        self.assertEqual(len([labels for labels in after.values() if "original" in labels]), count)
        # The one that was under way may have been stored just before its task was told.
        again = [name for name in before if after[name] != before[name]]
        self.assertLessEqual(len(again), 1)
        self.assertEqual(self.server.stop(), 0)
        self.server = self.serve()
        self.assertEqual(self.server.call("GET", "/batch/infer").status, 404)


if __name__ == "__main__":
    unittest.main()
