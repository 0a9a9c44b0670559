"""Addresses of studies, model and log, as MONAI Label answers them and where it should have."""

import hashlib
import io
import json
import shutil
import unittest
import zipfile

from server_case import CHECKPOINT, ServerCase, write_image, write_label

ID = "2: CT Chest (a/b) \u80f8\u90e8"
QUOTED = "2%3A+CT+Chest+%28a%2Fb%29+%E8%83%B8%E9%83%A8"


class Studies(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(2)
        self.server = self.serve()

    def detail(self, status, method, path, *form):
        answer = self.server.form(method, path, *form) if form else self.server.call(method, path)
        self.assertEqual(answer.status, status, answer.body)
        detail = answer.json()["detail"]
        self.assertTrue(detail)
        return detail

    def save(self, image, tag="final", params=None, name="C:\\scans\\a.nii.gz", seed=0):
        """Saves a label; its bytes."""
        path = self.folder / "label.nii.gz"
        write_label(path, seed=seed)
        data = path.read_bytes()
        fields = {} if params is None else {"params": params if isinstance(params, str) else json.dumps(params)}
        answer = self.server.form("PUT", f"/datastore/label?image={image}&tag={tag}", fields, [("label", name, data)])
        self.assertEqual((answer.status, answer.json()), (200, {"image": image, "label": image}))
        return data

    def image_file(self, seed=9):
        path = self.folder / "image.nii.gz"
        write_image(path, seed)
        return path.read_bytes()


class Info(Studies):
    def test_order_of_members(self):
        info = self.server.get("/info/")
        self.assertEqual(
            list(info),
            ["name", "description", "version", "labels", "models"]
            + ["trainers", "strategies", "scoring", "train_stats", "datastore"],
        )
        self.assertEqual(info["labels"], ["intersection", "background", "uncertain"])
        self.assertEqual((info["trainers"], info["scoring"], info["train_stats"]), ({}, {}, {}))
        self.assertEqual(list(info["strategies"])[:2], ["first", "random"])
        for values in info["models"]["SAM"]["config"].values():
            self.assertTrue(all(isinstance(value, str) for value in values), "lists of texts")


class Next(Studies):
    def ask(self, strategy, body=None):
        return self.server.call("POST", f"/activelearning/{strategy}", body)

    def test_sample(self):
        sample = self.ask("first", {"client_id": "me"}).json()
        file = self.studies / sample["name"]
        self.assertEqual((sample["id"], sample["path"]), ("case_00", str(file)))
        self.assertEqual(sample["checksum"], "SHA256:" + hashlib.sha256(file.read_bytes()).hexdigest())
        everything = self.server.get("/datastore/?output=all")["objects"]["case_00"]
        self.assertEqual(everything["image"]["info"]["strategy"]["first"]["client_id"], "me")

    def test_another_has_it(self):
        self.ask("img_0000", {"client_id": "me"})
        self.assertEqual(self.ask("first", {"client_id": "you"}).json()["id"], "case_01")
        self.assertTrue(self.ask("img_0000", {"client_id": "you"}).json()["warnings"])

    def test_body_wins_and_all_is_labelled(self):
        self.assertEqual(self.ask("unknown", {"strategy": "img_0001"}).json()["id"], "case_01")
        self.save("case_00")
        self.save("case_01")
        answer = self.ask("first")
        self.assertEqual((answer.status, answer.json()), (200, {}))

    def test_refused(self):
        self.assertIn("img_0001", self.detail(404, "POST", "/activelearning/img_0002"))
        self.detail(404, "POST", "/activelearning/unknown")
        self.assertEqual(self.ask("first", [1]).status, 422)
        self.assertEqual(self.server.call("GET", "/activelearning/first").status, 405)


class Images(Studies):
    def test_any_id(self):
        data = self.image_file()
        for path in ("/datastore/image", "/datastore/"):
            form = {"params": '{"a": 1}'}, [("file", "/x/y.nii.gz", data)]
            answer = self.server.form("PUT", f"{path}?image={QUOTED}", *form)
            self.assertEqual((answer.status, answer.json()), (200, {"image": ID}))
        self.assertEqual(self.server.call("GET", f"/datastore/image?image={QUOTED}").body, data)
        info = self.server.get(f"/datastore/image/info?image={QUOTED}")
        self.assertEqual((info["a"], info["user"]), (1, "admin"))
        for path in (f"/datastore/image?id={QUOTED}", f"/datastore/?id={QUOTED}"):
            self.assertEqual(self.server.call("DELETE", path).status, 200 if "image" in path else 404)
        self.assertEqual(self.server.get("/datastore/")["total"], 2)

    def test_id_of_the_name(self):
        files = [("file", "C:\\a\\weird.name.nii.gz", self.image_file())]
        answer = self.server.form("PUT", "/datastore/image", {}, files)
        self.assertEqual(answer.json(), {"image": "weird"})

    def test_download(self):
        file = self.studies / "case_00.nii.gz"
        answer = self.server.call("GET", "/datastore/image/?image=case_00")
        self.assertEqual(answer.body, file.read_bytes())
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="case_00.nii.gz"')
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")

    def test_check_sum(self):
        digest = hashlib.sha256((self.studies / "case_00.nii.gz").read_bytes()).hexdigest()
        right, wrong = [f"SHA256:{digest}", digest, ""], ["SHA256:00", f"MD5:{digest}"]
        for given, status in [(text, 200) for text in right] + [(text, 404) for text in wrong]:
            answer = self.server.call("HEAD", f"/datastore/image?image=case_00&check_sum={given}")
            self.assertEqual((answer.status, answer.body), (status, b""), given)
        self.assertEqual(self.server.call("HEAD", "/datastore/image?image=case_09").status, 404)

    def test_info(self):
        self.assertEqual(self.server.get("/datastore/image/info?image=unknown"), {})
        answer = self.server.form("PUT", "/datastore/image/info?image=case_00", {"info": '{"seen": "yes"}'})
        self.assertEqual((answer.status, answer.json()), (200, None))
        info = self.server.get("/datastore/image/info?image=case_00")
        self.assertEqual((info["seen"], info["path"]), ("yes", str(self.studies / "case_00.nii.gz")))
        self.detail(404, "PUT", "/datastore/image/info?image=unknown", {"info": "{}"})
        self.detail(422, "PUT", "/datastore/image/info?image=case_00", {"info": "[1]"})

    def test_refused(self):
        data = self.image_file()
        self.assertEqual(self.detail(422, "PUT", "/datastore/image?image=x", {})[0]["loc"], ["body", "file"])
        self.detail(422, "PUT", "/datastore/image?image=x", {"params": "{"}, [("file", "a.nii.gz", data)])
        self.detail(422, "PUT", "/datastore/image?image=x", {}, [("file", "a.nii.gz", b"no image")])
        self.detail(422, "GET", "/datastore/?output=images")
        self.assertEqual(self.detail(422, "GET", "/datastore/image")[0]["loc"], ["query", "image"])
        detail = self.detail(404, "GET", "/datastore/image?image=..%2F..%2Fetc%2Fpasswd")
        self.assertEqual(detail, "Image NOT Found or is a directory")
        self.detail(404, "DELETE", "/datastore/image?id=unknown")
        self.assertEqual(sorted(path.name for path in self.folder.parent.glob("x*")), [])


class Labels(Studies):
    def test_save_and_fetch(self):
        params = {"label_info": [{"name": "liver", "idx": 1}], "model": "SAM", "client_id": "me"}
        data = self.save("case_00", "", params)
        answer = self.server.call("GET", "/datastore/label?label=case_00&tag=final")
        self.assertEqual(answer.body, data)
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="case_00.nii.gz"')
        info = self.server.get("/datastore/label/info?label=case_00&tag=final")
        self.assertEqual({key: info[key] for key in params}, params)
        self.assertEqual(self.server.get("/datastore/")["completed"], 1)
        files = self.server.get("/datastore/?output=train")
        image, label = self.studies / "case_00.nii.gz", self.studies / "labels/final/case_00.nii.gz"
        self.assertEqual(files, [{"image": str(image), "label": str(label)}])
        for query in ("image=case_00&tag=final", "label=case_00&tag=final"):
            self.assertEqual(self.server.call("HEAD", f"/datastore/label?{query}").status, 200)
        self.assertEqual(self.server.call("HEAD", "/datastore/label?image=case_00&tag=other").status, 404)

    def test_versions(self):
        first, second = self.save("case_00", seed=1), self.save("case_00", seed=2)
        self.assertNotEqual(first, second)
        versions = self.server.get("/datastore/label/versions?label=case_00&tag=final")["versions"]
        self.assertEqual(len(versions), 1)
        path = "/datastore/label?label=case_00&tag=final"
        self.assertEqual(self.server.call("GET", f"{path}&version={versions[0]}").body, first)
        self.assertEqual(self.server.call("GET", path).body, second)
        self.detail(404, "GET", f"{path}&version=77")

    def test_info(self):
        self.save("case_00", "version_1")
        for path, field in (("/datastore/label/info", "info"), ("/datastore/updatelabelinfo/", "params")):
            form = {field: json.dumps({field: "seen"})}
            answer = self.server.form("PUT", f"{path}?label=case_00&tag=version_1", form)
            self.assertEqual((answer.status, answer.json()), (200, None))
            self.assertEqual(self.server.get("/datastore/label/info?label=case_00&tag=version_1")[field], "seen")
        self.assertEqual(self.server.get("/datastore/label/info?label=case_00&tag=none"), {})
        self.detail(404, "PUT", "/datastore/label/info?label=case_00&tag=none", {"info": "{}"})

    def test_delete(self):
        self.save("case_00", "version_1")
        for _time in range(2):
            answer = self.server.call("DELETE", "/datastore/label?id=case_00&tag=version_1")
            self.assertEqual((answer.status, answer.json()), (200, {}))
        self.assertEqual(self.server.get("/datastore/")["label_tags"], {})

    def test_refused(self):
        label = [("label", "a.nrrd", b"x")]
        self.detail(404, "PUT", "/datastore/label?image=unknown", {}, label)
        self.detail(422, "PUT", "/datastore/label?image=case_00&tag=..%2F..%2Fx", {}, label)
        self.assertEqual(self.detail(422, "PUT", "/datastore/label?image=case_00", {})[0]["loc"], ["body", "label"])
        self.assertEqual(self.detail(422, "GET", "/datastore/label?label=case_00")[0]["loc"], ["query", "tag"])
        detail = self.detail(404, "GET", "/datastore/label?label=case_00&tag=final")
        self.assertEqual(detail, "Label NOT Found or is a directory")


class Dataset(Studies):
    def test_archive(self):
        self.detail(404, "GET", "/datastore/dataset")
        labels = {name: self.save(name, seed=seed) for seed, name in enumerate(self.names)}
        answer = self.server.call("GET", "/datastore/dataset")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/zip"))
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="dataset.zip"')
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(
                sorted(archive.namelist()),
                sorted([f"{part}/{name}.nii.gz" for part in ("image", "label") for name in labels] + ["metadata.json"]),
            )
            for name, data in labels.items():
                self.assertEqual(archive.read(f"label/{name}.nii.gz"), data)
                self.assertEqual(archive.read(f"image/{name}.nii.gz"), (self.studies / f"{name}.nii.gz").read_bytes())
            self.assertEqual(set(json.loads(archive.read("metadata.json"))["objects"]), set(labels))
        for limit, files in ((1, 3), (0, 5), (2, 5), (-1, 5)):
            body = self.server.call("GET", f"/datastore/dataset?limit_cases={limit}").body
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                self.assertEqual(len(archive.namelist()), files, limit)
        work = self.folder / "cache/voxlabel/server/uploads"
        self.assertEqual([path for path in work.rglob("*") if path.is_file() and path.stat().st_size], [])

    def test_an_archive_that_cannot_be_stored(self):
        self.save("case_00")
        uploads = self.folder / "cache/voxlabel/server/uploads"
        for spool in uploads.glob("voxlabel-uploads-*"):
            shutil.rmtree(spool)
        self.assertIn("No such file", self.detail(500, "GET", "/datastore/dataset"))


class Model(Studies):
    def test_file(self):
        with open(CHECKPOINT, "rb") as file:
            data = file.read()
        answer = self.server.call("GET", "/model/SAM")
        self.assertEqual(answer.body, data)
        self.assertEqual(answer.headers["Content-Disposition"], 'attachment; filename="SAM.pt"')
        info = self.server.get("/model/info/SAM")
        self.assertEqual(info["checksum"], "SHA256:" + hashlib.sha256(data).hexdigest())
        self.assertGreater(info["modified_time"], 0)

    def test_refused(self):
        for path in ("/model/unknown", "/model/info/unknown"):
            self.assertEqual(self.detail(404, "GET", path), "Model File NOT Found for unknown")
        self.detail(403, "PUT", "/model/SAM", {}, [("file", "a.pt", b"x")])
        self.detail(403, "DELETE", "/model/SAM")
        self.detail(404, "DELETE", "/model/unknown")


class Logs(Studies):
    def test_lines(self):
        def said():
            return self.server.call("GET", "/logs/?lines=0").body.decode()

        for _time in range(6):
            self.server.call("GET", "/datastore/image?image=case_00")
        self.eventually(lambda: said().count("http: GET /datastore/image 200") == 6, "lines of the requests")
        everything = said()
        self.assertNotIn("case_00", everything)
        last = self.server.call("GET", "/logs/?lines=1&html=false").body.decode()
        self.assertEqual(last.count("\n"), 1)
        answer = self.server.call("GET", "/logs/?lines=5&text=true")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.body.count(b"\n"), 5)

    def test_the_last_lines_are_kept(self):
        server = self.serve("--log-lines", "3")
        for _time in range(8):
            server.call("GET", "/datastore/")
        self.eventually(
            lambda: server.call("GET", "/logs/?lines=0").body.count(b"\n") == 3, "a log that is full"
        )

    def test_page(self):
        page = self.server.call("GET", "/logs/")
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertNotIn(b"//", page.body.replace(b"<!doctype", b""), "nothing is fetched from elsewhere")
        self.assertEqual(self.server.call("GET", "/logs/gpu").status, 404)
        self.detail(422, "GET", "/logs/?lines=many")


if __name__ == "__main__":
    unittest.main()
