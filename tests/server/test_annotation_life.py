"""The life of annotations: images are chosen by name, clicked, submitted, and are there after a restart; what hands and
MONAI Label do in the folder is seen, and MONAI Label sees what was done here."""

import json
import os
import pathlib
import time
import unittest

import nibabel
import numpy

import monai_reader
from server_case import Server, ServerCase, write_image, write_label
from slicer_module import Slicer, segments

CLICKS = [[3, 3, 1], [20, 16, 1], [4, 4, 4], [20, 17, 4]]


class Life(ServerCase):
    def setUp(self):
        super().setUp()
        self.names = self.images(3)

    def user(self, server):
        received = self.folder / "received"
        received.mkdir(exist_ok=True)
        return Slicer(server.url, str(received))

    def annotate(self, slicer, name):
        """By its name: next sample, clicks, mask, submitted. Returns the mask's file."""
        info = slicer.connect()
        key = next(key for key, strategy in info["strategies"].items() if strategy["description"] == name)
        sample = slicer.next_sample(key)
        self.assertEqual(sample["id"], name)
        for count in (1, 4):
            mask, result = slicer.infer("SAM", name, {"intersection": CLICKS[:count], "background": []})
        found = segments(mask, result["label_names"])["intersection"]
        wanted = self.segment(self.studies / f"{name}.nii.gz", {"intersection": CLICKS}) == 1
        self.assertTrue(wanted.any())
        self.assertTrue(numpy.array_equal(found, wanted))
        slicer.submit(name, mask, ["intersection"])
        return pathlib.Path(mask)

    def test_from_image_to_label(self):
        server = self.serve()
        slicer = self.user(server)
        self.assertEqual(list(slicer.connect()["strategies"]), ["first", "random", "img_0000", "img_0001", "img_0002"])
        mask = self.annotate(slicer, "case_01").read_bytes()
        strategies = slicer.connect()["strategies"]
        self.assertEqual(list(strategies), ["first", "random", "img_0000", "img_0002"])
        self.assertEqual(server.stop(), 0, server.text())

        server = self.serve()
        slicer = self.user(server)
        info = slicer.connect()
        self.assertEqual(info["datastore"]["completed"], 1)
        self.assertNotIn("img_0001", info["strategies"])
        answer = server.call("GET", "/datastore/label?label=case_01&tag=final")
        self.assertEqual((answer.status, answer.body), (200, mask))
        self.edit_by_hand(server)
        self.annotate(slicer, "case_00")
        self.assertEqual(server.get("/datastore/")["completed"], 2)
        served = server.get("/datastore/?output=all")
        stats = server.get("/datastore/")
        self.assertEqual(server.stop(), 0, server.text())
        self.compare_with_monai(served, stats)

    def edit_by_hand(self, server):
        index = self.index()
        index["objects"]["case_02"]["image"]["info"]["comment"] = {"by": "a hand", "on": [1, None, "\u65e5"]}
        index["description"] = "edited"
        scratch = self.studies / "datastore_v2.json.edit"
        scratch.write_text(json.dumps(index, indent=2), encoding="utf-8")
        os.replace(scratch, self.studies / "datastore_v2.json")
        start = time.monotonic()
        self.eventually(lambda: server.get("/datastore/?output=all")["description"] == "edited", "the edit")
        print(f"edit by hand seen after {time.monotonic() - start:.2f} s", flush=True)
        info = server.get("/datastore/image/info?image=case_02")
        self.assertEqual(info["comment"], {"by": "a hand", "on": [1, None, "\u65e5"]})

    def compare_with_monai(self, served, stats):
        """Its own reader finds the same images, labels, files and facts, and changes nothing."""
        before = (self.studies / "datastore_v2.json").read_bytes()
        store = monai_reader.open_folder(self.studies)
        self.assertEqual((self.studies / "datastore_v2.json").read_bytes(), before)
        self.assertEqual((store.name(), store.description()), (served["name"], "edited"))
        self.assertEqual(store.list_images(), self.names)
        self.assertEqual(store.get_labeled_images(), ["case_00", "case_01"])
        self.assertEqual(store.get_unlabeled_images(), ["case_02"])
        status = store.status()
        self.assertEqual(status, {key: stats[key] for key in status})
        for name in self.names:
            self.assertTrue(os.path.exists(store.get_image_uri(name)))
            known = store.get_image_info(name)
            for key, value in served["objects"][name]["image"]["info"].items():
                self.assertEqual(known[key], value)
        for name in ("case_00", "case_01"):
            self.assertTrue(os.path.exists(store.get_label_uri(name, "final")))
            info = store.get_label_info(name, "final")
            self.assertEqual(info, served["objects"][name]["labels"]["final"]["info"])
            self.assertEqual(info["label_info"], [{"name": "intersection", "idx": 1}])
        self.assertIn("comment", store.get_image_info("case_02"))
        self.assertEqual(len(store.datalist()), 2)

    def test_monai_label_made_the_folder(self):
        """And works on in it while it is served."""
        store = monai_reader.open_folder(self.studies)
        label = write_label(self.folder / "label.nii.gz")
        store.save_label("case_02", str(label), "final", {"label_info": [{"name": "intersection", "idx": 1}]})
        server = self.serve()
        self.assertEqual(server.get("/datastore/")["label_tags"], {"final": 1})
        self.assertNotIn("img_0002", server.get("/info/")["strategies"])
        store.save_label("case_00", str(label), "reviewed", {"by": "monai"})
        self.eventually(lambda: "reviewed" in server.get("/datastore/")["label_tags"], "its label")
        answer = server.form("PUT", "/datastore/label?image=case_01", {}, [("label", "x.nii.gz", label.read_bytes())])
        self.assertEqual(answer.status, 200)
        store.refresh()
        self.assertEqual(store.get_labeled_images(), ["case_01", "case_02"])
        self.assertEqual(store.get_label_info("case_00", "reviewed")["by"], "monai")

    def test_files_that_come_and_go(self):
        server = self.serve()

        def offered():
            return set(server.get("/datastore/?output=all")["objects"])

        write_image(self.folder / "away.nii.gz", 8)
        os.rename(self.folder / "away.nii.gz", self.studies / "moved.nii.gz")
        write_image(self.studies / "made.nii.gz", 9)
        (self.studies / "made.part").write_bytes((self.studies / "made.nii.gz").read_bytes())
        os.rename(self.studies / "made.part", self.studies / "renamed.nii.gz")
        (self.studies / "notes.txt").write_text("not an image", encoding="utf-8")
        (self.studies / "broken.nii.gz").write_bytes(b"not an image")
        new = {"moved", "made", "renamed"}
        self.eventually(lambda: offered() >= set(self.names) | new, "the new images")
        os.unlink(self.studies / "made.nii.gz")
        os.rename(self.studies / "moved.nii.gz", self.folder / "away.nii.gz")
        self.eventually(lambda: not offered() & {"made", "moved"}, "the images that left")
        strategies = {strategy["description"] for strategy in server.get("/info/")["strategies"].values()}
        self.assertNotIn("broken", strategies)
        self.assertTrue((self.studies / "broken.nii.gz").exists() and (self.studies / "notes.txt").exists())
        for tag in ("final", "second_opinion"):
            folder = self.studies / "labels" / tag
            folder.mkdir(parents=True, exist_ok=True)
            write_label(self.folder / "label.nii.gz")
            os.rename(self.folder / "label.nii.gz", folder / "case_00.nii.gz")
        self.eventually(
            lambda: server.get("/datastore/")["label_tags"] == {"final": 1, "second_opinion": 1}, "the labels"
        )
        os.unlink(self.studies / "labels" / "final" / "case_00.nii.gz")
        self.eventually(lambda: server.get("/datastore/")["label_tags"] == {"second_opinion": 1}, "the label that left")

    def test_old_lists_open_nobody_else(self):
        """A key stays with its image while the server runs."""
        server = self.serve()
        old = {k: s["description"] for k, s in server.get("/info/")["strategies"].items() if k.startswith("img_")}
        os.unlink(self.studies / "case_00.nii.gz")
        write_image(self.studies / "aaa.nii.gz", 5)
        self.eventually(lambda: server.get("/datastore/")["total"] == 3 and "aaa" in
                        server.get("/datastore/?output=all")["objects"], "the exchange of images")
        new = {k: s["description"] for k, s in server.get("/info/")["strategies"].items() if k.startswith("img_")}
        self.assertEqual(set(new.values()), {"aaa", "case_01", "case_02"})
        for key, name in new.items():
            self.assertEqual(old.get(key, name), name)
        self.assertEqual(server.call("POST", "/activelearning/img_0000", {}).status, 404)
        self.assertEqual(server.call("POST", "/activelearning/img_0001", {}).json()["id"], "case_01")

    def test_two_annotators(self):
        """What one has opened the other is not offered, but may take, and is told."""
        server = self.serve()
        first = server.call("POST", "/activelearning/first", {"client_id": "a"}).json()
        second = server.call("POST", "/activelearning/first", {"client_id": "b"}).json()
        self.assertEqual((first["id"], second["id"]), ("case_00", "case_01"))
        self.assertEqual(server.get("/datastore/?output=all")["objects"]["case_00"]["checkout"]["client_id"], "a")
        taken = server.call("POST", "/activelearning/img_0000", {"client_id": "b"}).json()
        self.assertEqual(taken["id"], "case_00")
        self.assertTrue(taken["warnings"])
        self.assertNotIn("checkout", self.index()["objects"]["case_00"])


class FromTheSpecification(ServerCase):
    """datastore_v2.json as the specification prints it."""

    def test_label_dir(self):
        name = "IMAGE_FILE_NAME"
        write_image(self.studies / f"{name}.nii.gz")
        (self.studies / "datastore_v2.json").write_text(
            """{
   "name": "new-dataset",
   "description": "NEW Dataset",
   "images_dir": ".",
   "label_dir": "labels",
   "objects": {
        "IMAGE_FILE_NAME": {
            "image": { "ext": ".nii.gz", "info": { "ts": 1754010873, "name": "FILE_NAME_WITH_EXT" } },
            "labels": {}
        }
    }
}
""",
            encoding="utf-8",
        )
        server = self.serve()
        everything = server.get("/datastore/?output=all")
        self.assertEqual((everything["name"], everything["description"]), ("new-dataset", "NEW Dataset"))
        self.assertEqual(everything["images_dir"], ".")
        self.assertEqual(everything["label_dir"], "labels")
        thing = everything["objects"][name]
        self.assertEqual((thing["image"]["ext"], thing["image"]["info"]["ts"]), (".nii.gz", 1754010873))
        strategy = server.get("/info/")["strategies"]["img_0000"]
        self.assertEqual(strategy["description"], name)
        sample = server.call("POST", "/activelearning/img_0000", {}).json()
        self.assertEqual((sample["id"], os.path.basename(sample["path"])), (name, f"{name}.nii.gz"))
        mask = server.infer(name, {"intersection": CLICKS, "result_extension": ".nii.gz"}, "&output=image")
        self.assertEqual(mask.status, 200)
        answer = server.form("PUT", f"/datastore/label?image={name}", {}, [("label", "x.nii.gz", mask.body)])
        self.assertEqual(answer.status, 200)
        self.assertEqual((self.studies / "labels" / "final" / f"{name}.nii.gz").read_bytes(), mask.body)
        written = self.index()
        self.assertEqual(written["label_dir"], "labels")
        self.assertEqual(written["labels_dir"], "labels")
        self.assertEqual(written["objects"][name]["labels"]["final"]["ext"], ".nii.gz")
        self.assertNotIn("img_0000", server.get("/info/")["strategies"])
        self.assertEqual(server.stop(), 0)
        self.assertEqual(monai_reader.open_folder(self.studies).get_labeled_images(), [name])

    def test_another_label_dir(self):
        """With a label that lies there."""
        write_image(self.studies / "scan.nii.gz")
        folder = self.studies / "annotations" / "final"
        folder.mkdir(parents=True)
        write_label(folder / "scan.nii.gz")
        index = {"name": "n", "description": "d", "images_dir": ".", "label_dir": "annotations", "objects": {}}
        (self.studies / "datastore_v2.json").write_text(json.dumps(index), encoding="utf-8")
        server = self.serve()
        self.assertEqual(server.get("/datastore/")["label_tags"], {"final": 1})
        self.assertEqual(server.call("GET", "/datastore/label?label=scan&tag=final").status, 200)

    def test_environment(self):
        """The variable that names the folder, as the specification has it; a folder that is not there is named by it."""
        self.images(2)
        arguments = [argument for argument in self.arguments() if argument not in ("--studies", self.studies)]
        environment = self.environment(MONAI_LABEL_DATASTORE=str(self.studies))
        server = Server(arguments, environment, cwd=self.folder)
        self.addCleanup(self.end, server)
        server.wait_ready()
        self.assertEqual(server.get("/datastore/")["total"], 2)
        self.assertEqual(server.stop(), 0)
        environment["MONAI_LABEL_DATASTORE"] = str(self.folder / "nowhere")
        server = Server(arguments, environment, cwd=self.folder)
        self.assertNotEqual(server.process.wait(timeout=60), 0)
        server.kill()
        self.assertIn("MONAI_LABEL_DATASTORE", server.text())


class Numbers(ServerCase):
    def test_image_reads_back(self):
        """A mask that is saved is the mask that is read, voxel for voxel, through every format."""
        self.images(1)
        server = self.serve()
        wanted = self.segment(self.studies / "case_00.nii.gz", {"intersection": CLICKS})
        for ending in (".nii.gz", ".nii"):
            answer = server.infer("case_00", {"intersection": CLICKS, "result_extension": ending}, "&output=image")
            path = self.folder / f"mask{ending}"
            path.write_bytes(answer.body)
            self.assertTrue(numpy.array_equal(numpy.asanyarray(nibabel.load(path).dataobj), wanted))


if __name__ == "__main__":
    unittest.main()
