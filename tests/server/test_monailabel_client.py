"""The Python client of MONAI Label, as its authors publish it, against the server."""

import hashlib
import json
import pathlib
import tempfile
import unittest
import urllib.request
import warnings

import nibabel
import numpy
import SimpleITK

from server_case import ServerCase, write_image, write_label

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses the module cgi
    from monailabel.client import MONAILabelClient
    from monailabel.client.client import MONAILabelClientException, MONAILabelUtils

CLICKS = {"intersection": [[3, 3, 1], [20, 16, 1], [4, 4, 4], [20, 17, 4]], "background": []}


class Client(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(3)
        self.prefix = ""

    def connect(self, *arguments, **environment):
        self.server = self.serve(*arguments, ready=self.prefix + "/info/", **environment)
        received = tempfile.mkdtemp(dir=self.folder)
        self.client = MONAILabelClient(self.server.url + self.prefix, received, "annotator-1")
        return self.client

    def refused(self, status, method, *arguments, **more):
        """The call raises with this status and a sentence."""
        with self.assertRaises(MONAILabelClientException) as caught:
            method(*arguments, **more)
        self.assertIn(f"Status: {status};", caught.exception.msg)
        detail = json.loads(caught.exception.msg.partition("Response: ")[2])["detail"]
        self.assertTrue(detail)
        return detail

    def test_info(self):
        info = self.connect().info()
        self.assertFalse(self.client.auth_enabled())
        self.assertFalse(self.client.auth_valid_token())
        self.assertEqual(info["datastore"], {**info["datastore"], "total": 3, "completed": 0, "label_tags": {}})
        self.assertIn("SAM", info["models"])
        model = info["models"]["SAM"]
        self.assertEqual((model["type"], model["dimension"]), ("deepedit", 3))
        self.assertEqual(model["labels"], {"intersection": 1, "background": 0, "uncertain": 2})
        self.assertTrue(model["description"])

    def test_below_a_path(self):
        """Its base address may have a path."""
        self.prefix = "/voxels"
        info = self.connect(MONAI_LABEL_API_STR="/voxels").info()
        self.assertEqual(info["datastore"]["total"], 3)
        image = self.client.next_sample("first", {})
        self.assertEqual(image["id"], "case_00")
        mask, _result = self.client.infer("SAM", image["id"], dict(CLICKS))
        self.assertTrue(pathlib.Path(mask).exists())
        self.assertEqual(self.server.call("GET", "/info/").status, 404)

    def test_every_strategy(self):
        strategies = self.connect().info()["strategies"]
        self.assertEqual(list(strategies)[:2], ["first", "random"])
        self.assertEqual(list(strategies)[2:], ["img_0000", "img_0001", "img_0002"])
        self.assertEqual([strategies[f"img_{n:04d}"]["description"] for n in range(3)], self.names)
        for key, strategy in strategies.items():
            sample = self.client.next_sample(key, {"an": "option"})
            self.assertIn(sample["id"], self.names)
            if key.startswith("img_"):
                self.assertEqual(sample["id"], strategy["description"])
            path = pathlib.Path(sample["path"])
            self.assertEqual(path.resolve(), (self.studies / f"{sample['id']}.nii.gz").resolve())
            self.assertEqual(sample["name"], path.name)
            self.assertEqual(sample["checksum"], "SHA256:" + hashlib.sha256(path.read_bytes()).hexdigest())
        for key in strategies:
            infos = [thing["image"]["info"] for thing in self.client.datastore()["objects"].values()]
            self.assertTrue(any(info["strategy"][key]["client_id"] == "annotator-1" for info in infos if "strategy" in info
                                and key in info["strategy"]), key)

    def test_download_image(self):
        sample = self.connect().next_sample("img_0001", {})
        with urllib.request.urlopen(f"{self.server.url}/datastore/image?image={sample['id']}") as answer:
            data = answer.read()
            self.assertEqual(int(answer.headers["Content-Length"]), len(data))
            self.assertIn('filename="case_01.nii.gz"', answer.headers["Content-Disposition"])
        self.assertEqual(data, (self.studies / "case_01.nii.gz").read_bytes())

    def test_infer(self):
        self.connect()
        mask, result = self.client.infer("SAM", "case_01", {**CLICKS, "result_extension": ".nrrd", "result_dtype": "uint8"})
        self.assertTrue(mask.endswith(".nrrd"))
        self.assertEqual(result["label_names"], {"intersection": 1, "background": 0, "uncertain": 2})
        self.assertIn("total", result["latencies"])
        found = SimpleITK.ReadImage(mask)
        image = SimpleITK.ReadImage(str(self.studies / "case_01.nii.gz"))
        self.assertEqual(found.GetSize(), image.GetSize())
        for wanted, got in zip(image.GetDirection() + image.GetOrigin() + image.GetSpacing(),
                               found.GetDirection() + found.GetOrigin() + found.GetSpacing()):
            self.assertAlmostEqual(wanted, got, places=4)
        got = SimpleITK.GetArrayFromImage(found).transpose(2, 1, 0)
        by_hand = self.segment(self.studies / "case_01.nii.gz", CLICKS)
        self.assertTrue(by_hand.any())
        self.assertTrue(numpy.array_equal(got, by_hand))

    def test_infer_uploaded(self):
        """An image that the datastore does not know; another ending is asked for."""
        self.connect()
        image = write_image(self.folder / "elsewhere.nii.gz", 7)
        mask, _result = self.client.infer("SAM", "", {**CLICKS, "result_extension": ".nii.gz"}, file=str(image))
        self.assertTrue(mask.endswith(".nii.gz"))
        self.assertTrue(numpy.array_equal(numpy.asanyarray(nibabel.load(mask).dataobj), self.segment(image, CLICKS)))
        self.assertEqual(self.client.info()["datastore"]["total"], 3)

    def test_infer_without_prompts(self):
        """No object is named: an empty mask, not an error."""
        self.connect()
        for params in (None, {"intersection": [], "background": []}):
            mask, result = self.client.infer("SAM", "case_00", params)
            found = SimpleITK.ReadImage(mask) if not mask.endswith(".nii.gz") else None
            values = SimpleITK.GetArrayFromImage(found) if found else numpy.asanyarray(nibabel.load(mask).dataobj)
            self.assertFalse(values.any())
            self.assertIn("label_names", result)

    def test_labels(self):
        self.connect()
        label = write_label(self.folder / "mine.nii.gz")
        params = {"label_info": [{"name": "intersection", "idx": 1}], "model": "SAM"}
        saved = self.client.save_label("case_01", str(label), params=params)
        self.assertEqual(saved, {"image": "case_01", "label": "case_01"})
        self.client.save_label("case_01", str(label), tag="version_1", params={})
        info = self.client.info()["datastore"]
        self.assertEqual((info["completed"], info["label_tags"]), (1, {"final": 1, "version_1": 1}))
        labels = self.client.datastore()["objects"]["case_01"]["labels"]
        self.assertEqual(labels["final"]["ext"], ".nii.gz")
        self.assertEqual(labels["final"]["info"]["label_info"], params["label_info"])
        self.assertEqual(labels["final"]["info"]["client_id"], "annotator-1")
        self.assertEqual(labels["final"]["info"]["name"], "case_01.nii.gz")
        for tag in ("final", "version_1"):
            fetched = pathlib.Path(self.client.download_label("case_01", tag))
            self.assertTrue(fetched.name.endswith(".nii.gz"))
            self.assertEqual(fetched.read_bytes(), label.read_bytes())
        strategies = self.client.info()["strategies"]
        self.assertNotIn("img_0001", strategies)
        self.assertEqual(strategies["img_0002"]["description"], "case_02")
        self.assertIn("img_0000", self.refused(404, self.client.next_sample, "img_0001", {}))

    def test_upload_image(self):
        self.connect()
        image = write_image(self.folder / "volume.nii.gz", 5)
        for name in ("new", "2: CT Chest (a/b)", "\u80f8\u90e8 CT"):
            self.assertEqual(self.client.upload_image(str(image), name, {"PatientID": "p1"}), {"image": name})
            kept = self.client.datastore()["objects"][name]
            self.assertEqual(kept["image"]["info"]["PatientID"], "p1")
            mask, _result = self.client.infer("SAM", name, dict(CLICKS))
            self.assertTrue(pathlib.Path(mask).exists())
            self.client.save_label(name, mask)
            fetched = self.client.download_label(name, "final")
            self.assertEqual(pathlib.Path(fetched).read_bytes(), pathlib.Path(mask).read_bytes())
        self.assertEqual(self.client.info()["datastore"]["total"], 6)

    def test_sessions(self):
        self.connect()
        image = write_image(self.folder / "scan of today.nii.gz", 3)
        made = self.client.create_session(str(image))
        number = made["session_id"]
        facts = self.client.get_session(number)
        self.assertEqual(set(facts), {"name", "path", "image", "meta", "create_ts", "last_access_ts", "expiry"})
        self.assertEqual(pathlib.Path(facts["image"]).read_bytes(), image.read_bytes())
        mask, _result = self.client.infer("SAM", "a node of that name", dict(CLICKS), session_id=number)
        got = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(mask)).transpose(2, 1, 0)
        self.assertTrue(numpy.array_equal(got, self.segment(image, CLICKS)))
        self.assertEqual(self.client.remove_session(number)["name"], number)
        self.assertFalse(pathlib.Path(facts["path"]).exists())
        self.assertEqual(self.refused(404, self.client.get_session, number), f"Session ({number}) Not Found")
        self.assertEqual(self.refused(404, self.client.remove_session, number), "Session Not Found")
        self.refused(404, self.client.infer, "SAM", "a node of that name", dict(CLICKS), session_id=number)
        mask, _result = self.client.infer("SAM", "case_00", dict(CLICKS), session_id=number)
        self.assertTrue(pathlib.Path(mask).exists())

    def test_training_panels(self):
        self.connect()
        self.assertFalse(self.client.train_status(check_if_running=True))
        self.assertEqual(self.refused(404, self.client.train_status), "No Train Tasks Found")
        self.assertEqual(self.client.train_start(None, {}), {})
        self.assertIsNone(self.client.train_stop())

    def test_errors(self):
        self.connect()
        label = str(write_label(self.folder / "mine.nii.gz"))
        self.refused(404, self.client.next_sample, "nonsense", {})
        self.refused(404, self.client.infer, "nonsense", "case_00", dict(CLICKS))
        self.refused(404, self.client.infer, "SAM", "nobody", dict(CLICKS))
        self.refused(404, self.client.save_label, "nobody", label)
        self.refused(404, self.client.download_label, "case_00", "final")
        self.refused(404, self.client.download_label, "nobody", "final")
        self.refused(400, self.client.infer, "SAM", "case_00", {"intersection": [[1, 2]]})
        self.refused(422, self.client.save_label, "case_00", label, tag="../up")
        with self.assertRaises(MONAILabelClientException):
            self.client.wsi_infer("SAM", "case_00")
        status, body, _files, _headers = MONAILabelUtils.http_method("GET", self.server.url, "/nothing/here")
        self.assertEqual((status, json.loads(body)), (404, {"detail": "Not Found"}))


if __name__ == "__main__":
    unittest.main()
