"""voxlabel model: a folder of models with names; what segment --model makes of a name."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import unittest

from app_case import CHECKPOINT, CONFIG, PROGRAM, nifti
from model_case import ModelCase

MEDSAM2 = "c92743b99f00d078bf32a3afcc38aaa9faf1c1692dffe3eaa7a90938c1991060"


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Models(ModelCase):
    def import_narrow(self, name="narrow"):
        return self.run_model("import", CHECKPOINT, "--name", name, "--config", CONFIG)

    # ---- list ----

    def test_list_of_nothing(self):
        out, err = self.run_model("list")
        self.assertEqual(err, "")
        inside = "".join(f"  {name} .*\n" for name in self.listed("embedded"))
        self.assertRegex(out, f"here, in {re.escape(str(self.models))}:\n" + (inside or "  none\n") + "\n")
        self.assertRegex(out, r"\n  medsam2 +148\.8 MiB +")
        self.assertFalse(self.models.exists())
        published = self.listed("published")
        self.assertEqual(published["medsam2"]["size"], 156040129)
        self.assertEqual(published["medsam2"]["sha256"], MEDSAM2)
        self.assertEqual(published["medsam2"]["published_file"], "MedSAM2_latest.pt")
        supported = {name for name, model in published.items() if model["supported"]}
        self.assertEqual(set(published) - supported, {"eff-medsam2-small", "eff-medsam2-tiny"})
        self.assertIsNone(published["medsam2-2411"]["sha256"])
        self.assertEqual(self.listed("folder"), {})

    def test_list_of_what_is_here(self):
        self.import_narrow()
        self.models.joinpath("by-hand.safetensors").write_bytes(b"whatever")
        self.models.joinpath("README.txt").write_text("not a model")
        self.models.joinpath(".hidden.pt").write_bytes(b"not a model")
        self.models.joinpath("folder.pt").mkdir()
        here = self.listed("folder")
        self.assertEqual(set(here), {"narrow", "by-hand"})
        self.assertEqual(here["narrow"]["config"], "narrow256")
        self.assertEqual(here["narrow"]["sha256"], sha256(CHECKPOINT))
        self.assertEqual(here["narrow"]["file"], str(self.models / "narrow.pt"))
        self.assertEqual(here["narrow"]["yaml"], str(self.models / "narrow.yaml"))
        self.assertEqual((here["by-hand"]["sha256"], here["by-hand"]["size"]), (None, 8))
        out, _err = self.run_model("list")
        self.assertRegex(out, r"\n  by-hand +8 bytes +not recorded, ")
        self.assertRegex(out, r"\n  narrow +\d+\.\d MiB +narrow256, ")

    def test_folders(self):
        """The option, then the environment, then the user's own folder."""
        for name, folder in (("HOME", "home"), ("XDG_DATA_HOME", "data"), ("VOXLABEL_MODELS", "named")):
            self.set_environment("VOXLABEL_MODELS", None)
            self.set_environment(name, str(self.folder / folder))
            tail = {"HOME": ".local/share/voxlabel/models", "XDG_DATA_HOME": "voxlabel/models"}.get(name, "")
            found = self.load_json(self.run_model("list", "--json")[0])["folder"]
            self.assertEqual(pathlib.Path(found), self.folder / folder / tail)
        found = self.load_json(self.run_model("list", "--json", "--models", "other")[0])["folder"]
        self.assertEqual(found, "other")
        for name in ("HOME", "XDG_DATA_HOME", "VOXLABEL_MODELS"):
            self.set_environment(name, None)
        self.assertIn("name a folder with --models", self.run_model("list", status=2)[1])
        (self.folder / "file").write_text("no folder")
        self.assertIn("file: cannot read the folder", self.run_model("list", "--models", "file", status=1)[1])

    # ---- import ----

    def test_import(self):
        _out, err = self.import_narrow()
        self.assertEqual(err.count("\n"), 1)
        self.assertIn("narrow: narrow256, ", err)
        self.assertEqual(self.model_files(), ["narrow.json", "narrow.pt", "narrow.yaml"])
        self.assertEqual(sha256(self.models / "narrow.pt"), sha256(CHECKPOINT))
        self.assertEqual(sha256(self.models / "narrow.yaml"), sha256(CONFIG))
        record = json.loads((self.models / "narrow.json").read_text())
        wanted = {
            "name": "narrow",
            "size": pathlib.Path(CHECKPOINT).stat().st_size,
            "sha256": sha256(CHECKPOINT),
            "config": "narrow256",
            "source": "imported",
        }
        self.assertEqual(record, wanted)
        out, err = self.run_model("import", CHECKPOINT, "--name", "quiet", "--config", CONFIG, "--quiet")
        self.assertEqual((out, err), ("", ""))

    def test_import_names(self):
        shutil.copy(CHECKPOINT, self.folder / "My_Model-2.1.pt")
        self.run_model("import", "My_Model-2.1.pt", "--config", CONFIG)
        self.assertIn("My_Model-2.1", self.listed("folder"))
        for name in ("a/b", "..", ".hidden", "-x", "", "a b", "a" * 65, "caf\u00e9"):
            self.run_model("import", CHECKPOINT, "--config", CONFIG, "--name", name, status=2)
        shutil.copy(CHECKPOINT, self.folder / "with blank.pt")
        err = self.run_model("import", "with blank.pt", "--config", CONFIG, status=2)[1]
        self.assertIn("give one with --name", err)
        self.assertEqual(len(self.listed("folder")), 1)

    def test_import_twice(self):
        self.import_narrow()
        self.run_model("convert", CHECKPOINT, "other.safetensors", "--dtype", "bf16")
        err = self.run_model("import", "other.safetensors", "--name", "narrow", "--config", CONFIG, status=2)[1]
        self.assertIn("there is a model of this name already", err)
        self.assertEqual(sha256(self.models / "narrow.pt"), sha256(CHECKPOINT))
        # The file itself is recorded again.
        (self.models / "narrow.json").unlink()
        self.run_model("import", self.models / "narrow.pt", "--config", self.models / "narrow.yaml")
        self.assertEqual(self.model_files(), ["narrow.json", "narrow.pt", "narrow.yaml"])
        self.assertEqual(self.listed("folder")["narrow"]["sha256"], sha256(CHECKPOINT))

    def test_import_safetensors(self):
        self.run_model("convert", CHECKPOINT, "half.safetensors", "--dtype", "bf16")
        self.run_model("import", "half.safetensors", "--config", CONFIG)
        self.assertEqual(self.model_files(), ["half.json", "half.safetensors", "half.yaml"])
        self.assertTrue(self.run_model("verify", "half")[0].startswith("ok    half: "))

    def test_import_refuses(self):
        err = self.run_model("import", CHECKPOINT, "--name", "narrow", status=1)[1]
        self.assertIn("no built-in configuration fits", err)
        whole = pathlib.Path(CHECKPOINT).read_bytes()
        (self.folder / "half.pt").write_bytes(whole[: len(whole) // 2])
        self.run_model("import", "half.pt", "--config", CONFIG, status=1)
        (self.folder / "text.pt").write_text("no checkpoint")
        self.run_model("import", "text.pt", "--config", CONFIG, status=1)
        self.assertIn("none.pt: cannot open", self.run_model("import", "none.pt", status=2)[1])
        err = self.run_model("import", CHECKPOINT, "--config", "none.yaml", status=2)[1]
        self.assertIn("none.yaml: cannot open", err)
        err = self.run_model("import", CHECKPOINT, "--config", CONFIG, "--name", "medsam2", status=1)[1]
        self.assertIn("is not the published MedSAM2_latest.pt", err)
        self.assertEqual(self.model_files(), [])

    def test_import_leaves_nothing(self):
        """A limit on the size of files stands in for a full disk."""
        self.models.mkdir()
        process = self.start_limited("model", "import", CHECKPOINT, "--name", "narrow", "--config", CONFIG)
        _out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("cannot write the file", err)
        self.assertEqual(self.model_files(), [])

    def start_limited(self, *arguments):
        """With files of at most 500 KiB."""
        return subprocess.Popen(
            ["sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_import_where_a_file_is_in_the_way(self):
        self.models.write_text("no folder")
        err = self.run_model("import", CHECKPOINT, "--name", "n", "--config", CONFIG, status=1)[1]
        self.assertIn("models: ", err)
        self.assertEqual(self.models.read_text(), "no folder")

    # ---- verify ----

    def verdicts(self, *names, status=0):
        shown = self.load_json(self.run_model("verify", *names, "--json", status=status)[0])["models"]
        text = self.run_model("verify", *names, status=status)[0]
        self.assertEqual(len(text.splitlines()), len(shown))
        for line, model in zip(text.splitlines(), shown):
            self.assertTrue(line.startswith(f"{model['verdict']:4}  {model['name']}: "), line)
            if model["why"]:
                self.assertIn(model["why"], line)
        return {model["name"]: model for model in shown if model["name"] != "voxlabel-nano"}

    def test_verify(self):
        self.assertEqual(self.verdicts(), {})
        self.import_narrow()
        self.import_narrow("other")
        verdicts = self.verdicts()
        self.assertEqual({name: model["verdict"] for name, model in verdicts.items()}, {"narrow": "ok", "other": "ok"})
        self.assertEqual(verdicts["narrow"]["sha256"], sha256(CHECKPOINT))
        self.assertEqual(verdicts["narrow"]["config"], "narrow256")
        # One bit of one value.
        path = self.models / "narrow.pt"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        verdicts = self.verdicts(status=1)
        self.assertEqual((verdicts["narrow"]["verdict"], verdicts["other"]["verdict"]), ("fail", "ok"))
        self.assertIn(sha256(CHECKPOINT), verdicts["narrow"]["why"])
        self.assertIn(sha256(path), verdicts["narrow"]["why"])
        self.assertEqual(set(self.verdicts("other")), {"other"})
        self.assertIn("nobody: there is no model of this name", self.run_model("verify", "nobody", status=2)[1])

    def test_verify_without_a_record(self):
        self.import_narrow()
        for text in (None, "{", '{"size": 1}', '{"size": 1, "sha256": "xyz", "config": "c", "source": "s"}'):
            record = self.models / "narrow.json"
            record.unlink()
            if text is not None:
                record.write_text(text)
            narrow = self.verdicts()["narrow"]
            self.assertEqual(narrow["verdict"], "warn")
            self.assertIn("import the file to record one", narrow["why"])
            record.touch()
        (self.models / "narrow.pt").write_bytes(b"no checkpoint")
        self.assertEqual(self.verdicts(status=1)["narrow"]["verdict"], "fail")

    def test_verify_a_published_name(self):
        """A file that was put there by hand is compared with what is published."""
        self.models.mkdir()
        shutil.copy(CHECKPOINT, self.models / "medsam2.pt")
        self.assertIn(MEDSAM2, self.verdicts(status=1)["medsam2"]["why"])
        self.assertNotIn("medsam2", self.listed("published"))

    def test_verify_configuration(self):
        self.import_narrow()
        (self.models / "narrow.yaml").unlink()
        self.assertIn("no built-in configuration fits", self.verdicts(status=1)["narrow"]["why"])

    # ---- remove ----

    def test_remove(self):
        self.import_narrow()
        self.import_narrow("other")
        err = self.run_model("remove", "narrow", status=2)[1]
        self.assertEqual(err, "voxlabel: narrow: to remove it without a terminal add --yes\n")
        self.assertIn("narrow", self.listed("folder"))
        self.run_model("remove", "narrow", "--yes")
        self.assertEqual(self.model_files(), ["other.json", "other.pt", "other.yaml"])
        self.assertIn("there is no model", self.run_model("remove", "narrow", "--yes", status=2)[1])
        self.assertIn("there is no model", self.run_model("remove", "../models/other", "--yes", status=2)[1])

    def test_remove_on_a_terminal(self):
        self.import_narrow()
        for answer in ("no", "", "yess"):
            shown = self.on_terminal("model", "remove", "narrow", answer=answer, status=1)
            self.assertIn("Remove the model 'narrow'?", shown)
            self.assertIn("nothing was removed", shown)
        self.assertEqual(len(self.model_files()), 3)
        self.on_terminal("model", "remove", "narrow", answer="yes")
        self.assertEqual(self.model_files(), [])

    def test_remove_an_interrupted_download(self):
        self.models.mkdir()
        for name in ("medsam2.pt.part", "medsam2.pt.part.json"):
            (self.models / name).write_text("{}")
        self.assertEqual(self.listed()["medsam2"]["begun"], 2)
        self.run_model("remove", "medsam2", "--yes")
        self.assertEqual(self.model_files(), [])

    # ---- segment --model NAME ----

    def segment(self, *arguments, **more):
        command = ["segment", "scan.nii", "--box", "2:5,5,25,20", "-o", "mask.nii", "--json", "-", "--quiet"]
        out, err = self.run_program(*command, *arguments, **more)
        return (out, err) if more else ((self.folder / "mask.nii").read_bytes(), self.load_json(out))

    def test_segment_by_name(self):
        nifti(self.folder / "scan.nii")
        self.import_narrow()
        mask, report = self.segment("--model", CHECKPOINT, "--config", CONFIG)
        self.assertGreater(sum(report["voxels"].values()), 0)
        named, named_report = self.segment("--model", "narrow")
        self.assertEqual(mask, named)
        self.assertEqual(named_report["model"]["sha256"], sha256(CHECKPOINT))
        self.assertEqual(mask, self.segment("--model", "narrow", "--models", self.models)[0])
        self.set_environment("VOXLABEL_MODEL", "narrow")
        self.assertEqual(mask, self.segment()[0])

    def test_segment_names_that_are_none(self):
        nifti(self.folder / "scan.nii")
        self.import_narrow()
        err = self.segment("--model", "nobody", status=2)[1]
        self.assertIn("nobody: there is neither a model nor a file of this name", err)
        err = self.segment("--model", "medsam2", status=2)[1]
        self.assertIn("medsam2: this model is not here yet; 'voxlabel model pull medsam2' fetches it", err)
        err = self.segment("--model", "eff-medsam2-tiny", status=2)[1]
        self.assertIn("not supported", err)
        err = self.segment("--model", "none.pt", status=2)[1]
        self.assertIn("none.pt: cannot open the file", err)
        err = self.segment("--model", "narrow", "--models", "elsewhere", status=2)[1]
        self.assertIn("neither a model nor a file", err)

    def test_segment_names_and_files(self):
        """A model goes before a file of its name; with a folder in front it is a file."""
        nifti(self.folder / "scan.nii")
        self.import_narrow()
        (self.folder / "narrow").write_text("no checkpoint")
        self.segment("--model", "narrow")
        self.assertIn("./narrow: the file is neither", self.segment("--model", "./narrow", status=1)[1])
        shutil.copy(CHECKPOINT, self.folder / "file")
        self.segment("--model", "file", "--config", CONFIG)

    def test_segment_with_another_configuration(self):
        """--config goes before the YAML that came with the name."""
        nifti(self.folder / "scan.nii")
        self.import_narrow()
        (self.models / "narrow.yaml").write_text("damaged: [")
        self.segment("--model", "narrow", status=1)
        self.segment("--model", "narrow", "--config", CONFIG)

    # ---- arguments ----

    def test_arguments(self):
        for arguments, said in (
            (["list", "more"], "one argument too many: more"),
            (["list", "--dtype", "f32"], "'list' takes no --dtype"),
            (["verify", "--yes"], "'verify' takes no --yes"),
            (["import"], "name the checkpoint to import"),
            (["pull"], "name the model to fetch"),
            (["remove"], "name the model to remove"),
            (["convert", "a.pt"], "name the checkpoint to convert and the file to write"),
            (["inspect", CHECKPOINT, "--models", "x"], "'inspect' takes no --models"),
            (["fetch", "medsam2"], "name what to do"),
        ):
            self.assertIn(said, self.run_model(*arguments, status=2)[1])

    def test_full_output(self):
        self.import_narrow()
        for arguments in (["list"], ["list", "--json"], ["verify"], ["verify", "--json"]):
            with open("/dev/full", "w") as full:
                process = self.start("model", *arguments, stdout=full, stderr=-1)
                _out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"), arguments)


if __name__ == "__main__":
    unittest.main()
