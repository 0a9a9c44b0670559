"""Settings of the server: three spellings and those of MONAI Label, which comes first, and what stops the start."""

import os
import pathlib
import re
import unittest

from app_case import AppCase

for name in list(os.environ):
    if name.startswith(("VOXLABEL_", "MONAI_")) and name not in ("VOXLABEL_SANITIZE", "VOXLABEL_ISA"):
        os.environ.pop(name)  # PROGRAM and the others are read already


class Settings(AppCase):
    def setUp(self):
        super().setUp()
        self.studies = self.folder / "studies"
        self.studies.mkdir()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.usual = {"HOME": str(self.home), "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}

    def settings(self, *arguments, command="serve", studies=True, **environment):
        """({key: (value, source or None)}, what was said) of the settings that come out."""
        arguments = [*arguments, "--studies", self.studies] if studies else list(arguments)
        arguments.append("--print-settings" if command == "serve" else "--dryrun")
        out, err = self.run_program(command, *arguments, environment={**self.usual, **environment})
        found, source = {}, None
        for line in out.splitlines():
            match = re.fullmatch(r"(#?)([a-z_]+): (.*)", line)
            if match:
                found[match[2]] = match[3].strip("'"), source
                self.assertEqual(match[1] == "#", source is None, line)
                source = None
            else:
                source = line.removeprefix("# ")
        return found, err

    def refused(self, said, *arguments, command="serve", studies=True, **environment):
        arguments = [*arguments, "--studies", self.studies] if studies else list(arguments)
        out, err = self.run_program(command, *arguments, status=2, environment={**self.usual, **environment})
        self.assertEqual(out, "")
        self.assertIn(said, err.splitlines()[-1])

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Order(Settings):
    def test_flag_variable_theirs_file_default(self):
        file = self.write(self.folder / "a.yaml", "port: 1004\n")
        more = {"VOXLABEL_PORT": "1002", "MONAI_LABEL_SERVER_PORT": "1003", "VOXLABEL_CONFIG": str(file)}
        self.assertEqual(self.settings("--port", 1001, **more)[0]["port"], ("1001", "--port"))
        self.assertEqual(self.settings(**more)[0]["port"], ("1002", "VOXLABEL_PORT"))
        more["VOXLABEL_PORT"] = ""
        self.assertEqual(self.settings(**more)[0]["port"], ("1003", "MONAI_LABEL_SERVER_PORT"))
        more["MONAI_LABEL_SERVER_PORT"] = ""
        self.assertEqual(self.settings(**more)[0]["port"], ("1004", f"{file}, line 1: port"))
        more["VOXLABEL_CONFIG"] = ""
        self.assertEqual(self.settings(**more)[0]["port"], ("8000", None))

    def test_which_file(self):
        self.write(self.home / ".config/voxlabel/voxlabel.yaml", "port: 1001\n")
        xdg = self.folder / "xdg"
        self.assertEqual(self.settings()[0]["port"][0], "1001")
        self.write(xdg / "voxlabel/voxlabel.yaml", "port: 1002\n")
        more = {"XDG_CONFIG_HOME": str(xdg)}
        self.assertEqual(self.settings(**more)[0]["port"][0], "1002")
        more["VOXLABEL_CONFIG"] = str(self.write(self.folder / "b.yaml", "port: 1003\n"))
        self.assertEqual(self.settings(**more)[0]["port"][0], "1003")
        named = self.write(self.folder / "c.yaml", "port: 1004\n")
        self.assertEqual(self.settings("--config", named, **more)[0]["port"][0], "1004")
        self.write(self.folder / "voxlabel.yaml", "port: 1005\n")  # of the current folder
        self.assertEqual(self.settings()[0]["port"][0], "1001")

    def test_every_setting_has_three_spellings(self):
        values, _err = self.settings()
        words, _err = self.run_program("serve", "--help")
        for key in values:
            self.assertRegex(words, rf"(?m)^  --{key.replace('_', '-')}( |$)")
        for key, value in {"log_level": "error", "max_body": "2G", "read_only": "true", "poll_interval": "1.5"}.items():
            self.assertEqual(self.settings(**{f"VOXLABEL_{key.upper()}": value})[0][key][0], value)
            file = self.write(self.folder / "d.yaml", f"{key}: {value}\n")
            self.assertEqual(self.settings("--config", file)[0][key][0], value)

    def test_the_page_knows_them_all(self):
        page = (pathlib.Path(__file__).parents[2] / "docs/serving.md").read_text(encoding="utf-8")
        told = set()
        for first, _meaning, _standard in re.findall(r"^\| (`[a-z].*?) \| (.*) \| (.*) \|$", page, re.MULTILINE):
            told.update(re.findall(r"`([a-z_]+)`", first))
        values, _err = self.settings()
        self.assertEqual(told, set(values))

    def test_lists(self):
        file = self.write(self.folder / "e.yaml", "labels: [liver, left lung]\ncors_origins:\n  - http://a\n")
        values, _err = self.settings("--config", file)
        self.assertEqual(values["labels"][0], "liver,left lung")
        self.assertEqual(values["cors_origins"][0], "http://a")

    def test_printed_settings_can_be_read(self):
        arguments = ["serve", "--studies", self.studies, "--port", 90, "--print-settings"]
        out, _err = self.run_program(*arguments, environment=self.usual)
        values, _err = self.settings("--config", self.write(self.folder / "f.yaml", out), studies=False)
        self.assertEqual(values["port"][0], "90")
        self.assertEqual(values["studies"][0], str(self.studies))

    def test_password_is_not_shown(self):
        out, _err = self.run_program(
            "serve", "--studies", self.studies, "--tls-key-password", "hush", "--print-settings", environment=self.usual
        )
        self.assertNotIn("hush", out)


class Wrong(Settings):
    def test_studies(self):
        missing = self.folder / "missing"
        self.refused("no folder of studies is named", studies=False)
        self.refused(f"--studies: '{missing}' is a folder that is not there", "--studies", missing, studies=False)
        for name in ("VOXLABEL_STUDIES", "MONAI_LABEL_DATASTORE", "MONAI_LABEL_STUDIES"):
            self.refused(f"{name}: '{missing}' is a folder that is not there", studies=False, **{name: str(missing)})
        file = self.write(self.folder / "file", "")
        self.refused("is no folder", "--studies", file, studies=False)
        self.refused("does not speak DICOMweb yet", "--studies", "https://host/dicom", studies=False)

    def test_values(self):
        for arguments, said in [
            (["--port", "x"], "--port: 'x' is no number from 0 to 65535"),
            (["--port", "65536"], "no number from 0 to 65535"),
            (["--port", "8e3"], "no number"),
            (["--poll-interval", "nan"], "no number"),
            (["--max-body", "many"], "is no number"),
            (["--max-body", "1"], "--max-body: "),
            (["--session-size", "0"], "is too small"),
            (["--watch", "never"], "is none of: auto inotify poll off"),
            (["--prefetch", "maybe"], "is neither on nor off"),
            (["--tls-key", "nowhere.pem"], "is a file that is not there"),
            (["--tls-ca", __file__], "needs HTTPS"),
            (["--tls-key", __file__], "both --tls-certificate and --tls-key"),
            (["--api-prefix", "/a b"], "is no path"),
            (["--model", "nothing"], "nothing"),
            (["--config", "nowhere.yaml"], "nowhere.yaml"),
            (["--bogus"], "there is no option --bogus"),
            (["folder"], "'folder' is no option"),
        ]:
            with self.subTest(arguments=arguments):
                self.refused(said, *arguments)

    def test_addresses_of_others(self):
        for host in ("0.0.0.0", "::", "192.0.2.1", "128.0.0.1", "example.org"):
            self.refused(f"--host: '{host}' can be reached from other machines", "--host", host)
            self.settings("--host", host, "--insecure")
        for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1"):
            self.settings("--host", host)

    def test_file(self):
        for text, said in [
            ("port: 80\nstudys: x\n", "a.yaml, line 2: there is no setting 'studys'"),
            ("port: x\n", "line 1: port: 'x' is no number"),
            ("- port\n", "'setting: value' lines are needed"),
            ("port: [1, 2]\n", "a text or a number is needed"),
            ("port: {a: 1}\n", "a text or a number is needed"),
            ("port: 1\nport: 2\n", "a.yaml"),
        ]:
            with self.subTest(text=text):
                self.refused(said, "--config", self.write(self.folder / "a.yaml", text))
        self.settings("--config", self.write(self.folder / "a.yaml", ""))
        self.settings("--config", self.write(self.folder / "a.yaml", "port:\n"))


class Theirs(Settings):
    def test_taken(self):
        values, err = self.settings(
            studies=False,
            MONAI_LABEL_DATASTORE=str(self.studies),
            MONAI_LABEL_STUDIES="/elsewhere",
            MONAI_LABEL_API_STR="/monai/",
            MONAI_LABEL_CORS_ORIGINS='["http://a:3000/", "http://b"]',
            MONAI_LABEL_DATASTORE_AUTO_RELOAD="false",
            MONAI_LABEL_SESSION_EXPIRY="30",
            MONAI_LABEL_INFER_CONCURRENCY="-1",
            MONAI_LABEL_TASKS_BATCH_INFER="False",
            MONAI_LABEL_APP_CONF='{"labels": "liver", "skip_strategies": true, "queue_length": 7}',
        )
        self.assertEqual(err, "")
        for key, value in {
            "studies": str(self.studies),
            "api_prefix": "/monai/",
            "cors_origins": "http://a:3000/,http://b",
            "watch": "off",
            "session_expiry": "3600",
            "clicks_running": "8",
            "batch": "False",
            "labels": "liver",
            "strategies": "off",
            "queue_length": "7",
        }.items():
            self.assertEqual(values[key][0], value, key)

    def test_refused(self):
        for name, value in {
            "MONAI_LABEL_DATASTORE": "XNAT",
            "MONAI_LABEL_DATASTORE_URL": "http://xnat",
            "MONAI_LABEL_AUTH_ENABLE": "true",
            "MONAI_LABEL_AUTH_REALM_URI": "http://keys/realm",
            "MONAI_LABEL_DATASTORE_FILE_EXT": '["*.nii.gz"]',
            "MONAI_LABEL_DICOMWEB_USERNAME": "me",
            "MONAI_LABEL_QIDO_PREFIX": "qido",
            "MONAI_LABEL_CORS_ORIGINS": "http://a",
            "MONAI_LABEL_APP_CONF": '{"bundles": "spleen"}',
            "MONAI_SAM_MODEL_PT": "http://model",
        }.items():
            with self.subTest(name=name):
                self.refused(name, **{name: value})

    def test_their_defaults_pass_in_silence(self):
        _values, err = self.settings(
            MONAI_LABEL_AUTH_ENABLE="False",
            MONAI_LABEL_AUTH_REALM_URI="http://localhost:8080/realms/monailabel",
            MONAI_LABEL_DATASTORE="",
            MONAI_LABEL_DATASTORE_FILE_EXT='["*.nii.gz", "*.nii", "*.nrrd", "*.jpg", "*.png", "*.tif", "*.svs", "*.xml"]',
            MONAI_LABEL_QIDO_PREFIX="null",
        )
        self.assertEqual(err, "")

    def test_idle_ones_are_named(self):
        _values, err = self.settings(MONAI_LABEL_TRACKING_ENABLED="true", MONAI_LABEL_SURPRISE="1")
        self.assertIn("MONAI_LABEL_TRACKING_ENABLED has no effect", err)
        self.assertIn("MONAI_LABEL_SURPRISE has no effect", err)


class StartServer(Settings):
    def theirs(self, *arguments, **environment):
        return self.settings(*arguments, command="start_server", **environment)

    def test_their_command_line(self):
        values, err = self.theirs(
            "--app", "apps/radiology", "-p", 8001, "-i", "127.0.0.2", "-v", "DEBUG",
            "--conf", "models", "all", "-c", "labels", "liver,tumour", "--conf", "queue-length", 5,
            "--limit_concurrency", 9, "--workers", 4,
        )  # fmt: skip
        self.assertIn("--app has no effect", err)
        self.assertIn("--workers has no effect", err)
        for key, value in {
            "port": ("8001", "--port"),
            "host": ("127.0.0.2", "--host"),
            "log_level": ("DEBUG", "--verbose"),
            "labels": ("liver,tumour", "--conf labels"),
            "queue_length": ("5", "--conf queue-length"),
            "max_connections": ("9", "--limit_concurrency"),
        }.items():
            self.assertEqual(values[key], value, key)

    def test_refused_by_name(self):
        for arguments, said in [
            (["--log_config", "x"], "there is no option --log_config"),
            (["--uvicorn_app", "x"], "there is no option --uvicorn_app"),
            (["--conf", "models", "deepedit"], "--conf models deepedit cannot be honoured"),
            (["--conf", "bundles", "spleen_ct"], "--conf bundles spleen_ct cannot be honoured"),
            (["--conf", "epochs", "5"], "--conf epochs 5 cannot be honoured: there is no such setting"),
            (["--conf", "models"], "--conf needs a key and a value"),
            (["--host", "0.0.0.0"], "can be reached from other machines"),
            (["--app"], "needs a value"),
        ]:
            with self.subTest(arguments=arguments):
                out, err = self.run_program(
                    "start_server", "--studies", self.studies, *arguments, status=2, environment=self.usual
                )
                self.assertEqual(out, "")
                self.assertIn(said, err.splitlines()[-1])

    def test_addresses(self):
        _out, err = self.run_program(
            "start_server", "--app", ".", "--studies", "http://dicom/web", status=2, environment=self.usual
        )
        self.assertIn("does not speak DICOMweb yet", err)


if __name__ == "__main__":
    unittest.main()
