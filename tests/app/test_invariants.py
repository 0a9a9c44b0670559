"""Random requests through the whole program, and what holds of every result: voxels stay where the plan lets them, and the
report counts what the file holds."""

import json
import random
import unittest

import numpy
from scipy import ndimage

from app_case import nifti, wavy
from scan_case import ScanCase, load

SIZE = (40, 32, 6)
LABELS = ["liver", "spleen", "tumour"]
UNCERTAIN = len(LABELS) + 1
VOXEL_ML = 0.7 * 0.9 * 5.0 / 1000
ROUNDS = 24


class Asker:
    """Makes requests."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def place(self, axis):
        whole = self.random.randrange(-2 if self.random.random() < 0.1 else 0, SIZE[axis])
        return whole + self.random.choice([0, 0, 0, 0.25, 0.5]) if axis < 2 else whole

    def point(self):
        return [self.place(axis) for axis in range(3)]

    def rectangle(self):
        # Always with a part inside.
        corner = [self.random.randrange(SIZE[axis]) for axis in range(2)]
        other = [corner[axis] + self.random.randrange(-20, 21) for axis in range(2)]
        return corner + other

    def slices(self):
        return [self.random.randrange(SIZE[2]) for _ in range(2)]

    def prompts(self, label):
        kind = self.random.choice(["points", "click", "box", "nothing"])
        if kind == "points":
            return {label: [self.point() for _ in range(self.random.randrange(2, 6))]}
        if kind == "click":
            return {label: [self.point()]}
        if kind == "box":
            z = sorted(self.slices())
            box = {"key": self.random.randrange(z[0], z[1] + 1), "xyxy": self.rectangle(), "label": label}
            return {"box": [box if self.random.random() < 0.3 else {**box, "z": z}]}
        return {}

    def options(self):
        choices = {
            "passes": ["intersection", "union", "forward", "backward", "from_key"],
            "extent": ["strict", "strict", "free"],
            "clip": ["loose", "tight", "off"],
            "broadcast": ["box", "propagate"],
            "points_as": ["box", "clicks"],
            "zoom": ["off", "off", 1, 2.5],
            "min_box": [0, 20],
            "largest_cc": [False],
            "fill_holes": [True],
            "keep_uncertain": [False],
            "background": [[self.point() for _ in range(2)]],
            "result_dtype": ["uint16"],
        }
        return {key: self.random.choice(values) for key, values in choices.items() if self.random.random() < 0.4}

    def correction(self):
        n = self.random.randrange(1, 3)
        points = [self.point()[:2] for _ in range(n)]
        labels = [self.random.randrange(2) for _ in range(n)]
        k = self.random.randrange(SIZE[2])
        return {"k": k, "points": points, "labels": labels, "label": self.random.choice(LABELS)}

    def request(self):
        params = self.options()
        for label in LABELS:
            for key, value in self.prompts(label).items():
                params[key] = params.get(key, []) + value if key == "box" else value
        if self.random.random() < 0.2:
            i, j, k = ([self.random.randrange(SIZE[axis]) for _ in range(2)] for axis in range(3))
            params |= {"roi": [*i, *j, *k], "label": self.random.choice(LABELS)}
        if self.random.random() < 0.4:
            params["corrections"] = [self.correction() for _ in range(self.random.randrange(1, 3))]
        return params


class Invariants(ScanCase):
    def test_random_requests(self):
        nifti(self.folder / "scan.nii", wavy(*SIZE))
        label = numpy.zeros(SIZE, numpy.uint8)
        label[10:25, 8:20, 1:4] = 2
        nifti(self.folder / "label.nii", label)
        asker = Asker(20)
        lines = []
        for number in range(ROUNDS):
            line = {"image": "scan.nii", "params": asker.request(), "output": f"{number}.nii"}
            line |= {"logits": f"{number}-l.nii", "json": f"{number}.json"}
            if number % 6 == 5:
                line["mask"] = "label.nii"
            lines.append(line)
        (self.folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        names = ["--label-names", ",".join(LABELS), "--batch", "list.jsonl", "--quiet"]
        self.run_program("segment", *self.network(), *names, timeout=500)
        valid = 0
        for line in lines:
            with self.subTest(line=json.dumps(line)):
                valid += self.check(line)
        self.assertGreater(valid, ROUNDS / 2)

    def check(self, line):
        params = line["params"]
        report = self.load_json((self.folder / line["json"]).read_text())
        mask, logits = load(self.folder / line["output"]), load(self.folder / line["logits"])
        self.assertEqual((mask.shape, logits.shape), (SIZE, SIZE))
        self.assertEqual(mask.dtype, numpy.uint16 if params.get("result_dtype") == "uint16" else numpy.uint8)
        objects = {one["label"]: one for one in report["plan"]["objects"]}
        self.check_counts(report, mask)
        self.assertEqual(report["valid"], bool(objects))
        self.assertEqual(set(report["scores"]), set(objects))
        if not objects:
            self.assertFalse(mask.any())
            self.assertTrue(numpy.isnan(logits).all())
            return False
        allowed = {label: self.allowed(one) for label, one in objects.items()}
        for value, label in enumerate(LABELS, 1):
            within = allowed.get(label, numpy.zeros(SIZE, bool))
            self.assertFalse((mask == value)[~within].any(), label)
        anywhere = numpy.logical_or.reduce(list(allowed.values()))
        self.assertFalse(mask[~anywhere].any())
        self.check_agreement(params, objects, mask, logits)
        for label, one in objects.items():
            self.check_scores(report["scores"][label], one)
        self.check_corrections(report, objects)
        return True

    def check_counts(self, report, mask):
        names = {**{name: n for n, name in enumerate(LABELS, 1)}, "background": 0, "uncertain": UNCERTAIN}
        self.assertEqual(report["label_names"], names)
        self.assertLessEqual(int(mask.max()), UNCERTAIN)
        for value, name in enumerate([*LABELS, "uncertain"], 1):
            found = numpy.argwhere(mask == value)
            self.assertEqual(report["voxels"][name], len(found))
            self.assertAlmostEqual(report["volume_ml"][name], len(found) * VOXEL_ML, places=5)
            bounds = [*found.min(axis=0).tolist(), *found.max(axis=0).tolist()] if len(found) else None
            self.assertEqual(report["bbox"][name], bounds)

    def allowed(self, planned):
        """Where the plan lets an object be."""
        inside = numpy.zeros(SIZE, bool)
        window = planned["zoom"]["window"]
        i, j, width, height = window if window and not planned["zoom"]["grows"] else (0, 0, *SIZE[:2])
        strict = planned["extent"] == "strict"
        first, last = planned["z"] if strict else (0, SIZE[2] - 1)
        inside[max(i, 0) : i + width, max(j, 0) : j + height, first : last + 1] = True
        for cut in planned["cuts"]:
            for k in range(cut["z"][0], cut["z"][1] + 1):
                outside = numpy.ones(SIZE[:2], bool)
                outside[cut["i"][0] : cut["i"][1] + 1, cut["j"][0] : cut["j"][1] + 1] = False
                inside[:, :, k][outside] = False
        return inside

    def check_agreement(self, params, objects, mask, logits):
        for label, one in objects.items():
            mine = mask == LABELS.index(label) + 1
            if one["passes"] != "union" and not params.get("fill_holes"):
                self.assertTrue((logits[mine] > 0).all(), label)
            if params.get("largest_cc", True) and len(objects) == 1 and mine.any():
                self.assertEqual(ndimage.label(mine, numpy.ones((3, 3, 3)))[1], 1)
        doubtful = all(one["passes"] != "intersection" for one in objects.values())
        if doubtful or params.get("keep_uncertain") is False:
            self.assertFalse((mask == UNCERTAIN).any())

    def check_scores(self, scores, planned):
        for name, most in (("agreement_dice", 1), ("entropy", 1)):
            self.assertTrue(scores[name] is None or 0 <= scores[name] <= most)
        told = [score["k"] for score in scores["object_score"]]
        self.assertEqual(told, list(range(told[0], told[-1] + 1)))
        if planned["extent"] == "strict":
            self.assertEqual([told[0], told[-1]], planned["z"])
        else:
            self.assertLessEqual(told[0], planned["prompts"][0]["k"])
            self.assertGreaterEqual(told[-1], planned["prompts"][-1]["k"])
        ways = {"forward": ["forward"], "backward": ["backward"]}.get(planned["passes"], ["forward", "backward"])
        for prompt in planned["prompts"]:
            (score,) = (score for score in scores["object_score"] if score["k"] == prompt["k"])
            if planned["extent"] == "strict" and planned["passes"] != "from_key":
                self.assertTrue(all(score[way] is not None for way in ways))

    def check_corrections(self, report, objects):
        planned = [(label, one["k"]) for label, plan in objects.items() for one in plan["corrections"]]
        self.assertEqual([(one["label"], one["k"]) for one in report["corrections"]], planned)
        for one in report["corrections"]:
            self.assertEqual(one["propagated"], sorted(set(one["propagated"])))
            if objects[one["label"]]["extent"] == "strict":
                first, last = objects[one["label"]]["z"]
                self.assertTrue(all(first <= k <= last for k in one["propagated"]))


if __name__ == "__main__":
    unittest.main()
