"""voxlabel model inspect: what a checkpoint holds, as text and as JSON, and whether a configuration fits it."""

import hashlib
import math
import unittest

from app_case import CHECKPOINT, CONFIG, AppCase

BUFFER = "positional_encoding_gaussian_matrix"  # saved with the parameters, but none


class Inspect(AppCase):
    def inspect(self, *arguments, **more):
        return self.run_program("model", "inspect", *arguments, **more)

    def sha256(self):
        with open(CHECKPOINT, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def read_table(self, text):
        """The tensors of the text, as {name: (type, [sides])}, and the lines behind them as {word: rest}."""
        tensors, summary = text.split("\n\n")
        lines = [line.split() for line in tensors.splitlines()]
        table = {name: (dtype, [int(side) for side in shape[0].split("x")] if shape else []) for name, dtype, *shape in lines}
        self.assertEqual(len(table), len(lines))
        return table, dict(line.split(maxsplit=1) for line in summary.splitlines())

    def test_fits(self):
        out, err = self.inspect(CHECKPOINT, "--config", CONFIG)
        self.assertEqual(err, "")
        table, summary = self.read_table(out)
        values = sum(math.prod(shape) for _dtype, shape in table.values())
        parameters = values - sum(math.prod(shape) for name, (_dtype, shape) in table.items() if name.endswith(BUFFER))
        self.assertLess(parameters, values)
        self.assertIn("maskmem_tpos_enc", table)
        wanted = {
            "container": summary["container"],
            "sha256": self.sha256(),
            "tensors": str(len(table)),
            "values": str(values),
            "parameters": str(parameters),
            "fits": "narrow256",
        }
        self.assertEqual(summary, wanted)

    def test_fits_as_json(self):
        out, err = self.inspect(CHECKPOINT, "--config", CONFIG, "--json")
        self.assertEqual(err, "")
        shown = self.load_json(out)
        self.assertEqual((shown["config"], shown["compared"], shown["misfit"]), ("narrow256", "narrow256", None))
        self.assertEqual(shown["sha256"], self.sha256())
        # Text and JSON say the same.
        table, summary = self.read_table(self.inspect(CHECKPOINT, "--config", CONFIG)[0])
        self.assertEqual({tensor["name"]: (tensor["dtype"], tensor["shape"]) for tensor in shown["tensors"]}, table)
        self.assertEqual(len(shown["tensors"]), len(table))
        for key in ("container", "values", "parameters"):
            self.assertEqual(str(shown[key]), summary[key])

    def test_fits_no_builtin(self):
        """The checkpoint is narrower than the configuration in the program, with which it is compared."""
        out, err = self.inspect(CHECKPOINT, status=1)
        self.assertEqual(err, "")
        self.assertRegex(out, r"\nfits +nothing; sam2\.1_hiera_t512: \S")
        shown = self.load_json(self.inspect(CHECKPOINT, "--json", status=1)[0])
        self.assertEqual((shown["config"], shown["compared"]), (None, "sam2.1_hiera_t512"))
        self.assertIn(f"fits        nothing; sam2.1_hiera_t512: {shown['misfit']}\n", out)

    def test_does_not_fit_the_named_one(self):
        # The same model with another width of its feed-forward layers.
        with open(CONFIG) as file:
            text = file.read()
        self.assertIn("dim_feedforward: ", text)
        (self.folder / "other.yaml").write_text(text.replace("dim_feedforward: ", "dim_feedforward: 1"))
        shown = self.load_json(self.inspect(CHECKPOINT, "--config", "other.yaml", "--json", status=1)[0])
        self.assertEqual((shown["config"], shown["compared"]), (None, "other"))
        self.assertIn("linear1", shown["misfit"])

    def test_cannot_be_read(self):
        _out, err = self.inspect("none.pt", status=2)
        self.assertIn("voxlabel: none.pt: cannot open", err)
        (self.folder / "text.pt").write_text("no checkpoint")
        out, err = self.inspect("text.pt", "--json", status=1)
        self.assertEqual(out, "")
        self.assertTrue(err.startswith("voxlabel: text.pt: "), err)
        with open(CHECKPOINT, "rb") as file:
            whole = file.read()
        (self.folder / "half.pt").write_bytes(whole[: len(whole) // 2])
        _out, err = self.inspect("half.pt", status=1)
        self.assertTrue(err.startswith("voxlabel: half.pt: "), err)
        _out, err = self.inspect(CHECKPOINT, "--config", "none.yaml", status=2)
        self.assertIn("voxlabel: none.yaml: cannot open", err)

    def test_arguments(self):
        _out, err = self.run_program("model", status=2)
        self.assertIn("name what to do: list, pull, import, verify, remove, convert or inspect", err)
        self.run_program("model", "show", CHECKPOINT, status=2)
        _out, err = self.inspect(status=2)
        self.assertIn("name the checkpoint to inspect", err)
        _out, err = self.inspect(CHECKPOINT, "more", status=2)
        self.assertIn("one argument too many: more", err)

    def test_full_disk(self):
        for more in ([], ["--json"]):
            with open("/dev/full", "w") as full:
                process = self.start("model", "inspect", CHECKPOINT, "--config", CONFIG, *more, stdout=full, stderr=-1)
                _out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"))


if __name__ == "__main__":
    unittest.main()
