"""3D Slicer's MONAI Label module against the server: the calls of each button, in their order and to the byte, and what
becomes of the answers."""

import gzip
import hashlib
import http.client
import json
import pathlib
import re
import socket
import unittest

import numpy
import SimpleITK

from server_case import PATIENCE, ServerCase, write_image, write_label
from slicer_module import LIMIT, Failed, Slicer, form, segments

CLICKS = [[3, 3, 1], [20, 16, 1], [4, 4, 4], [20, 17, 4]]


class SlicerCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(3)
        self.received = self.folder / "received"
        self.received.mkdir()

    def start(self, *arguments):
        self.server = self.serve(*arguments)
        self.slicer = Slicer(self.server.url, str(self.received))
        self.info = self.slicer.connect()
        return self.info

    def values(self, path):
        return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).transpose(2, 1, 0)

    def click(self, image, points, session=None, **more):
        """A click on the segment intersection: a list of points for each known name, then the options."""
        params = {name: [] for name in self.info["labels"]}
        params |= {"background": [], "label": "intersection", **points}
        return self.slicer.infer("SAM", image, {**params, **self.slicer.options(self.info, "SAM"), **more}, None, session)


class Buttons(SlicerCase):
    def test_connect(self):
        info = self.start()
        self.assertFalse(self.slicer.running)
        self.assertIsInstance(info["labels"], list)
        self.assertIn("intersection", info["labels"])
        model = info["models"]["SAM"]
        self.assertEqual((model["type"], model["dimension"]), ("deepedit", 3))
        for name in ("model", "extent", "passes", "window", "zoom", "keep_uncertain", "largest_cc"):
            choices = model["config"][name]
            self.assertIsInstance(choices, list, name)
            self.assertTrue(choices and all(isinstance(choice, str) for choice in choices), name)
        self.assertEqual(info["trainers"], {})
        self.assertEqual(info["train_stats"], {})
        paths = [(method, path, status) for method, path, status, _headers in self.slicer.answers]
        self.assertEqual([(method, path) for method, path, _s in paths], [
            ("GET", "/auth/"), ("GET", "/info/"), ("GET", "/auth/"), ("GET", "/train/?check_if_running=true")])
        self.assertEqual([status for _m, _p, status in paths][1::2], [200, 404])
        self.assertIn(paths[0][2], (200, 404))

    def test_every_option(self):
        """Each choice of the table of options is one that the model takes."""
        config = self.start()["models"]["SAM"]["config"]
        for name, choices in config.items():
            for choice in choices if isinstance(choices, list) else [choices]:
                _mask, result = self.click("case_00", {"intersection": CLICKS}, **{name: choice})
                self.assertTrue(result.get("valid", True), (name, choice, result))

    def test_next_sample(self):
        self.start()
        for key, name in zip(["first", "img_0001", "img_0002"], self.names):
            sample = self.slicer.next_sample(key)
            self.assertEqual(sample["id"], name)
            path = pathlib.Path(self.slicer.download(sample))
            self.assertEqual(path.read_bytes(), (self.studies / f"{name}.nii.gz").read_bytes())
            # Without it a file of the same name from another server would be taken.
            self.assertEqual(sample["checksum"], "SHA256:" + hashlib.sha256(path.read_bytes()).hexdigest())
            names, label = self.slicer.original_label(sample)
            self.assertIn("intersection", names)
            self.assertIsNone(label)
            self.assertFalse(self.slicer.training_runs())

    def test_automatic_run_without_a_name(self):
        """The run behind Next Sample where there is no automatic model: the default one, without a prompt."""
        self.start()
        mask, result = self.slicer.infer("", "case_00", {})
        self.assertFalse(any(found.any() for found in segments(mask, result["label_names"]).values()))

    def test_click(self):
        self.start()
        image = self.studies / "case_01.nii.gz"
        for points in (CLICKS[:1], CLICKS[:2], CLICKS):
            mask, result = self.click("case_01", {"intersection": points})
            self.assertTrue(re.fullmatch(r".+\.nrrd", pathlib.Path(mask).name))
            found = segments(mask, result["label_names"])
            self.assertEqual(set(found), {"intersection", "uncertain"})
            wanted = self.segment(image, {"intersection": points})
            self.assertTrue(numpy.array_equal(found["intersection"], wanted == 1))
            self.assertTrue(numpy.array_equal(found["uncertain"], wanted == 2))
            read, asked = SimpleITK.ReadImage(mask), SimpleITK.ReadImage(str(image))
            self.assertEqual(read.GetPixelID(), SimpleITK.sitkUInt8)
            self.assertEqual(read.GetSize(), asked.GetSize())
            geometry = [value.GetOrigin() + value.GetSpacing() + value.GetDirection() for value in (read, asked)]
            self.assertLess(numpy.abs(numpy.subtract(*geometry)).max(), 1e-4)
            self.assertFalse(self.slicer.training_runs())
        self.assertTrue(found["intersection"].any())
        method, path, status, headers = next(a for a in reversed(self.slicer.answers) if a[0] == "POST")
        self.assertEqual((method, path, status), ("POST", "/infer/SAM?image=case_01", 200))
        self.assertTrue(headers["Content-Length"])
        self.assertIsNone(headers["Transfer-Encoding"])
        self.assertIsNone(headers["Content-Encoding"])

    def test_clicks_that_mean_nothing(self):
        """Points outside, none at all, and names that the model does not know."""
        self.start()
        mask, result = self.click("case_00", {})
        self.assertFalse(any(found.any() for found in segments(mask, result["label_names"]).values()))
        mask, result = self.click("case_00", {"intersection": [[-4, 3, 2], [500, 1, 1]]}, liver=[[1, 1, 1]])
        self.assertFalse(any(found.any() for found in segments(mask, result["label_names"]).values()))
        mask, _result = self.click("case_00", {"intersection": CLICKS + [[500, 1, 1]]}, reset_state=True)
        inside, _result = self.click("case_00", {"intersection": CLICKS})
        self.assertTrue(numpy.array_equal(self.values(mask), self.values(inside)))

    def test_roi(self):
        """Its pairs may be in either order."""
        self.start()
        self.info["labels"] = []
        masks = [self.click("case_02", {}, roi=roi)[0] for roi in ([4, 15, 5, 16, 1, 4], [15, 4, 16, 5, 4, 1])]
        first, second = map(self.values, masks)
        wanted = self.segment(self.studies / "case_02.nii.gz", {"roi": [4, 15, 5, 16, 1, 4]})
        self.assertTrue(wanted.any())
        self.assertTrue(numpy.array_equal(first, wanted))
        self.assertTrue(numpy.array_equal(first, second))

    def test_session(self):
        """A volume that was open in Slicer: uploaded once, clicked under the name of its node."""
        self.start()
        image = write_image(self.folder / "2 CT Chest.nii.gz", 4)
        session = self.slicer.session(str(image))
        for points in (CLICKS[:2], CLICKS):
            self.assertEqual(self.slicer.json("GET", f"/session/{session}")["name"], session)
            mask, result = self.click("2: CT Chest (a/b)", {"intersection": points}, session)
            found = segments(mask, result["label_names"])
            self.assertTrue(numpy.array_equal(found["intersection"], self.segment(image, {"intersection": points}) == 1))
        self.assertEqual(self.slicer.json("GET", "/datastore/")["total"], 3)

    def test_submit_a_volume_of_slicer(self):
        """Its id is the node's name, whatever that is."""
        self.start()
        image = write_image(self.folder / "volume.nii.gz", 4)
        name = "2: CT Chest (a/b)"
        self.assertEqual(self.slicer.upload(name, str(image)), {"image": name})
        key = next(k for k, s in self.slicer.json("GET", "/info/")["strategies"].items() if s["description"] == name)
        sample = self.slicer.next_sample(key)
        self.assertEqual(sample["id"], name)
        mask, result = self.click(name, {"intersection": CLICKS})
        self.assertTrue(segments(mask, result["label_names"])["intersection"].any())
        self.slicer.submit(name, mask, ["intersection"])
        everything = self.slicer.json("GET", "/datastore/?output=all")["objects"]
        self.assertEqual(everything[name]["labels"]["final"]["info"]["label_info"], [{"name": "intersection", "idx": 1}])
        self.slicer.look_at_auth()
        status, data = self.slicer.call("GET", "/datastore/label?label=2%3A+CT+Chest+%28a%2Fb%29&tag=final")
        self.assertEqual((status, data), (200, pathlib.Path(mask).read_bytes()))
        # Nothing of it became a path.
        known = {"by-hand.nii", "cache", "params.json", "received", "studies", "tmp", "volume.nii.gz"}
        self.assertLessEqual({path.name for path in self.folder.iterdir()}, known)
        self.assertFalse([path for path in self.studies.rglob("*") if path.name.startswith("b)")])

    def test_submit(self):
        self.start()
        for ending in (".nii.gz", ".seg.nrrd", ".nrrd", ".json"):
            label = self.folder / f"label{ending}"
            if ending == ".nii.gz":
                write_label(label)
            else:
                label.write_bytes(b"as it came\x00\xff" + ending.encode())
            answer = self.slicer.submit("case_01", str(label), ["intersection"])
            self.assertEqual(answer, {"image": "case_01", "label": "case_01"})
            info = self.slicer.connect()
            self.assertEqual(info["datastore"]["completed"], 1)
            self.assertNotIn("img_0001", info["strategies"])
            status, data = self.slicer.call("GET", "/datastore/label?label=case_01&tag=final")
            self.assertEqual((status, data), (200, label.read_bytes()))
        self.assertNotEqual(self.slicer.next_sample("random")["id"], "case_01")
        for name in ("case_00", "case_02"):
            self.slicer.submit(name, str(write_label(self.folder / "label.nii.gz")), ["intersection"])
        self.assertIsNone(self.slicer.next_sample("first"))
        self.assertIsNone(self.slicer.next_sample("random"))

    def test_original_label(self):
        """The label of a model is offered when the image is opened."""
        self.start()
        mask, result = self.click("case_00", {"intersection": CLICKS}, save_label=True)
        names, label = self.slicer.original_label({"id": "case_00"})
        self.assertEqual(names[0], "intersection")
        self.assertEqual(set(names), set(result["label_names"]))
        (self.folder / "original.nrrd").write_bytes(label)
        self.assertTrue(numpy.array_equal(self.values(mask), self.values(self.folder / "original.nrrd")))
        info = self.slicer.json("GET", "/datastore/?output=all")["objects"]["case_00"]["labels"]["original"]["info"]
        self.assertEqual(info["model"], "SAM")
        self.assertEqual(self.slicer.json("GET", "/datastore/")["completed"], 0)

    def test_train_and_stop(self):
        self.start()
        self.assertEqual(self.slicer.json("POST", "/train/", {"client_id": "slicer-user"}), {})
        self.assertFalse(self.slicer.training_runs())
        with self.assertRaisesRegex(Failed, "No Train Tasks Found"):
            self.slicer.json("GET", "/train/")
        self.assertIsNone(self.slicer.json("DELETE", "/train/"))

    def test_errors_are_sentences(self):
        self.start()
        wrong = [("none", "case_00", {}), ("SAM", "nobody", {}), ("SAM", "case_00", {"intersection": 3})]
        for model, image, params in wrong:
            with self.assertRaises(Failed) as caught:
                self.slicer.infer(model, image, params)
            detail = json.loads(str(caught.exception).partition("Response: ")[2])["detail"]
            self.assertTrue(detail)
            self.assertNotIn(str(self.folder), json.dumps(detail))


class Bytes(SlicerCase):
    """What only the bytes show."""

    def exchange(self, *pieces):
        """Sends the pieces and reads to the end of the connection, or to the announced length."""
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE) as connection:
            for piece in pieces:
                connection.sendall(piece)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, response.msg, response.read()

    def request(self, method, path, body=b"", kind=None):
        """The bytes that Python's http.client sends for the module."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nAccept-Encoding: identity\r\n"
        if kind:
            head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def test_answer_of_infer(self):
        self.start()
        kind, body = form({"params": json.dumps({"intersection": CLICKS, "result_extension": ".nrrd"})}, {})
        self.assertIn(b"lImIt_of_THE_fIle_eW_$", body)
        status, headers, data = self.exchange(self.request("POST", "/infer/SAM?image=case_00", body, kind))
        self.assertEqual(status, 200)
        boundary = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{32})", headers["Content-Type"])[1]
        self.assertEqual(int(headers["Content-Length"]), len(data))
        self.assertIsNone(headers["Transfer-Encoding"])
        start = f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\nContent-Type: application/json\r\n\r\n{{'
        self.assertTrue(data.startswith(start.encode()), data[:200])
        second = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="'
        rest = rb'[^/"]+\.nrrd"\r\nContent-Type: application/octet-stream\r\n\r\nNRRD'
        self.assertRegex(data, re.escape(second).encode() + rest)
        self.assertTrue(data.rstrip(b"\r\n").endswith(f"\r\n--{boundary}--".encode()))
        self.assertNotRegex(data.partition(b'name="image"')[0], rb"NaN|Infinity")

    def test_names_of_files(self):
        """Full paths, of Windows too: only how they end matters."""
        self.start()
        image = (self.studies / "case_00.nii.gz").read_bytes()
        for name in ("C:\\Users\\a\\AppData\\Temp\\x.nii.gz", "/tmp/Slicer-u/abc.nii.gz", "../../etc/x.nii.gz"):
            kind, body = form({"params": "{}"}, {"file": (name, image)})
            status, _headers, data = self.exchange(self.request("PUT", "/datastore/?image=by+name", body, kind))
            self.assertEqual((status, json.loads(data)), (200, {"image": "by name"}))
            kind, body = form({"params": "{}"}, {"label": (name, image)})
            status, _headers, data = self.exchange(self.request("PUT", "/datastore/label?image=by+name", body, kind))
            self.assertEqual((status, json.loads(data)), (200, {"image": "by name", "label": "by name"}))
        kept = self.slicer.json("GET", "/datastore/?output=all")["objects"]["by name"]
        self.assertEqual((kept["image"]["ext"], kept["labels"]["final"]["ext"]), (".nii.gz", ".nii.gz"))

    def test_absent_and_empty_bodies(self):
        self.start()
        self.assertEqual(self.exchange(self.request("POST", "/train/"))[0], 200)
        self.assertEqual(self.exchange(self.request("POST", "/activelearning/first"))[0], 200)
        self.assertEqual(self.exchange(self.request("POST", "/infer/SAM?image=case_00"))[0], 200)
        kind, body = form({"params": ""}, {})
        self.assertEqual(self.exchange(self.request("POST", "/infer/SAM?image=case_00", body, kind))[0], 200)
        kind, body = form({}, {})
        self.assertEqual(self.exchange(self.request("POST", "/infer/SAM?image=case_00", body, kind))[0], 200)

    def test_no_redirects(self):
        """Both forms of an address answer themselves."""
        self.start()
        for path in ("/info", "/info/", "/datastore", "/datastore/", "/train", "/session", "/datastore/label/", "/auth"):
            status, headers, _data = self.exchange(self.request("GET", path))
            self.assertNotIn(status // 100, (3, 5), path)
            self.assertIsNone(headers["Location"])
        for path in ("/activelearning/first/", "/infer/SAM/?image=case_00", "/infer/?image=case_00", "/infer?image=case_00"):
            self.assertEqual(self.exchange(self.request("POST", path))[0], 200, path)

    def test_length_without_a_body(self):
        """Headers of an upload that stick to the next GET: it must answer without waiting for the bytes they promise."""
        self.start()
        head = self.request("GET", "/info/", b"", "multipart/form-data; boundary=" + LIMIT)
        head = head.replace(b"content-length: 0", b"content-length: 98765")
        status, headers, data = self.exchange(head)
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(data)["datastore"]["total"], 3)
        self.assertEqual((headers["Connection"] or "").lower(), "close")

    def test_continue(self):
        """curl asks first whether a large body is welcome."""
        self.start()
        kind, body = form({"params": "{}"}, {"label": ("x.nii.gz", gzip.compress(b"label"))})
        head = self.request("PUT", "/datastore/label?image=case_00", body, kind)[: -len(body)]
        head = head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE) as connection:
            connection.sendall(head)
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 100"))
            connection.sendall(body)
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))

    def test_root(self):
        """Slicer's reviewer looks at / to see whether the server lives."""
        self.start()
        self.assertEqual(self.exchange(self.request("GET", "/"))[0], 200)


if __name__ == "__main__":
    unittest.main()
