"""One request has one result, to the last bit: for any number of threads, with and without caches, however the request is
spelled, read whole or streamed, alone or after others."""

import json
import random
import unittest

from app_case import nifti, wavy
from scan_case import ScanCase

LABELS = ["liver", "spleen", "tumour"]
PARAMS = {
    "liver": [[8, 9, 1], [30, 26, 1], [6, 11, 5], [33, 24, 5]],
    "spleen": [[40, 30, 2], [44.5, 33.25, 2]],
    "background": [[50, 40, 3], [20, 40, 2]],
    "box": [{"key": 4, "xyxy": [20, 12, 55, 44], "z": [2, 5], "label": "tumour"}],
    "corrections": [
        {"k": 4, "points": [[20, 20]], "labels": [0], "label": "liver"},
        {"k": 3, "points": [[30, 30], [28, 25]], "labels": [1, 0], "label": "tumour"},
    ],
    "extent": "strict",
    "zoom": 2.5,
    "fill_holes": True,
}
TIMES = {"latencies", "threads", "mask", "logits"}


class Determinism(ScanCase):
    def setUp(self):
        super().setUp()
        nifti(self.folder / "scan.nii.gz", wavy(60, 50, 7))

    def ask(self, params, *arguments, image="scan.nii.gz", **more):
        return self.segment(image, "--label-names", ",".join(LABELS), *arguments, params=params, **more)

    def told(self, run):
        """The report without what may differ."""
        return {key: value for key, value in run.report.items() if key not in TIMES}

    def check(self, run, wanted, what):
        self.assertTrue(run.same(wanted), what)
        self.assertEqual(self.told(run), self.told(wanted), what)

    def test_threads_and_caches(self):
        wanted = self.ask(PARAMS, "--threads", "1", "--cache-memory", "0")
        self.assertEqual(set(wanted.report["scores"]), set(LABELS))
        self.assertGreater(min(wanted.report["voxels"][label] for label in LABELS), 0)
        for threads, memory, disk in [(2, "0", False), (2, "1G", False), (1, "1G", True), (2, "0", True), (3, "300K", True)]:
            arguments = ["--threads", threads, "--cache-memory", memory]
            arguments += ["--cache-dir", "features"] if disk else []
            self.check(self.ask(PARAMS, *arguments, name="again"), wanted, arguments)
        # Slice by slice, from a file that is larger than the room for it.
        self.check(self.ask(PARAMS, "--max-memory", "20000", name="again"), wanted, "streamed")

    def test_order_of_keys_and_points(self):
        cache = ["--cache-dir", "features"]
        wanted = self.ask(PARAMS, *cache)
        order = random.Random(1)
        for attempt in range(5):
            keys = list(PARAMS)
            order.shuffle(keys)
            params = {key: PARAMS[key] for key in keys}
            for label in ("liver", "spleen", "background"):
                params[label] = order.sample(params[label], len(params[label]))
            self.check(self.ask(params, *cache, name="again"), wanted, (attempt, params))
        # Corrections are in the order that was given.
        params = {**PARAMS, "corrections": PARAMS["corrections"][::-1]}
        self.check(self.ask(params, *cache, name="again"), wanted, "corrections of two labels")

    def test_alone_and_after_others(self):
        """A model that has looked at other images gives what a new one gives, in any order."""
        params = {key: PARAMS[key] for key in ("liver", "background", "extent", "zoom")}
        for number in range(3):
            nifti(self.folder / f"{number}.nii", wavy(60 + number, 50, 7))
            self.ask(params, image=f"{number}.nii", name=f"alone{number}")
        for order in ((0, 1, 2), (2, 0, 1)):
            lines = [
                {"image": f"{number}.nii", "params": params, "output": f"b{number}.nii", "logits": f"b{number}-logits.nii"}
                for number in order
            ]
            (self.folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            names = ["--label-names", ",".join(LABELS), "--batch", "list.jsonl", "--quiet"]
            self.run_program("segment", *self.network(), *names)
            for number in order:
                for ending in (".nii", "-logits.nii"):
                    found, wanted = (self.folder / f"{kind}{number}{ending}" for kind in ("b", "alone"))
                    self.assertEqual(found.read_bytes(), wanted.read_bytes(), (order, number))
                    found.unlink()

    def test_each_object_alone(self):
        """Objects do not change each other's logits: what one has with others it has alone, where no other is."""
        cache = ["--cache-dir", "features"]
        together = self.ask({"liver": PARAMS["liver"], "spleen": PARAMS["spleen"], "extent": "strict"}, *cache)
        one = self.ask({"liver": PARAMS["liver"], "extent": "strict"}, *cache, name="one")
        other = self.ask({"spleen": PARAMS["spleen"], "extent": "strict"}, *cache, name="other")
        for label, run in (("liver", one), ("spleen", other)):
            self.assertEqual(together.report["scores"][label], run.report["scores"][label])
        slices = [k for k in range(7) if k != 2]
        self.assertEqual(together.logits[:, :, slices].tobytes(), one.logits[:, :, slices].tobytes())


if __name__ == "__main__":
    unittest.main()
