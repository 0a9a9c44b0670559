"""What the MONAI Label module of 3D Slicer does on the wire and with what it gets, done again: every call on a connection
of its own, after a look at /auth/; redirects are not followed; a status other than 200 is an error; answers of several
parts are read from the socket below the transfer coding; a form has a boundary with a dollar, and full paths as names.
"""

import http.client
import json
import mimetypes
import os
import urllib.request
from urllib.parse import quote_plus, urlparse

import requests
import SimpleITK

LIMIT = "----------lImIt_of_THE_fIle_eW_$"


class Failed(Exception):
    """What Slicer shows in a dialog."""


def form(fields, files):
    lines = []
    for name, value in fields.items():
        lines += ["--" + LIMIT, f'Content-Disposition: form-data; name="{name}"', "", value]
    for name, path in files.items():
        data = path[1] if isinstance(path, tuple) else open(path, "rb").read()
        path = path[0] if isinstance(path, tuple) else path
        lines += ["--" + LIMIT, f'Content-Disposition: form-data; name="{name}"; filename="{path}"']
        lines += ["Content-Type: " + (mimetypes.guess_type(path)[0] or "application/octet-stream"), "", data]
    lines += ["--" + LIMIT + "--", ""]
    body = bytearray()
    for line in lines:
        body += (line if isinstance(line, bytes) else line.encode("utf-8")) + b"\r\n"
    return "multipart/form-data; boundary=" + LIMIT, bytes(body)


def parts(stream, content_type):
    """The texts and the files of an answer, as the module's parser sees them."""
    limit = content_type.partition("boundary=")[2].strip('"').encode("ascii")
    data = stream.read()  # until the connection ends or the announced length is there
    fields, files = {}, {}
    pieces = data.split(b"--" + limit)
    if pieces[0] not in (b"", b"\r\n") or not pieces[-1].startswith(b"--"):
        raise Failed(f"not parts: {data[:80]}")
    for piece in pieces[1:-1]:
        head, blank, body = piece.partition(b"\r\n\r\n")
        if not blank or not head.startswith(b"\r\n") or not body.endswith(b"\r\n"):
            raise Failed(f"not a part: {piece[:80]}")
        said = {}
        for line in head.decode("ascii").strip().split("\r\n"):
            name, _colon, value = line.partition(": ")
            said[name.lower()] = value
        named = dict(
            word.strip().partition("=")[::2] for word in said["content-disposition"].split(";")[1:]
        )
        name, file_name = named["name"].strip('"'), named.get("filename", "").strip('"')
        if file_name:
            files[file_name] = body[:-2]
        else:
            fields[name] = body[:-2].decode("utf-8")
    return fields, files


class Slicer:
    def __init__(self, url, folder, client="slicer-user"):
        self.url, self.folder, self.client = url, folder, client
        self.answers = []  # (method, path, status, headers) of all

    def call(self, method, path, body=None, content_type=None):
        where = urlparse(self.url)
        connection = http.client.HTTPConnection(where.hostname, where.port)
        headers = {}
        if body is not None:
            if isinstance(body, dict):
                body, content_type = json.dumps(body), "application/json"
            headers = {"content-type": content_type, "content-length": str(len(body))}
        connection.request(method, where.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        self.answers.append((method, path, response.status, response.msg))
        kind = response.getheader("content-type", "application/json")
        if "multipart" in kind and response.status == 200:
            stream = response.fp if response.getheader("content-length") is None else response
            result = parts(stream, kind)
        else:
            result = response.read()
        connection.close()
        return response.status, result

    def look_at_auth(self):
        status, body = self.call("GET", "/auth/")
        if status == 200 and json.loads(body).get("enabled"):
            raise Failed("asked to log in")

    def json(self, method, path, body=None, content_type=None):
        self.look_at_auth()
        status, answer = self.call(method, path, body, content_type)
        if status != 200:
            raise Failed(f"Status: {status}; Response: {answer.decode('utf-8')}")
        return json.loads(answer)

    def training_runs(self):
        """Asked at the end of every action."""
        self.look_at_auth()
        return self.call("GET", "/train/?check_if_running=true")[0] == 200

    # ---- buttons ----

    def connect(self):
        info = self.json("GET", "/info/")
        if info.get("config"):
            raise Failed("please upgrade")
        for model in info["models"].values():
            model["type"], model["description"]
        self.running = self.training_runs()
        return info

    def options(self, info, model):
        """What its table of options sends: the first of each list."""
        asked = {}
        for name, value in info["models"][model]["config"].items():
            asked[name] = value[0] if isinstance(value, list) else next(iter(value)) if isinstance(value, dict) else value
        return asked

    def next_sample(self, strategy):
        sample = self.json("POST", f"/activelearning/{quote_plus(strategy)}", {"client_id": self.client})
        if not sample.get("id"):
            return None
        if not os.path.exists(sample["path"]):
            raise Failed("would download")
        return sample

    def download(self, sample):
        """What it does where the server's path is not on this machine; without any header of its own."""
        target = os.path.join(self.folder, sample["name"])
        with urllib.request.urlopen(f"{self.url}/datastore/image?image={quote_plus(sample['id'])}") as answer:
            data = answer.read()
            if len(data) != int(answer.headers["Content-Length"]):
                raise Failed("incomplete")
        with open(target, "wb") as out:
            out.write(data)
        return target

    def original_label(self, sample):
        """(names, file or None) of the label that a model made before."""
        everything = self.json("GET", "/datastore/?output=all")
        labels = everything["objects"][sample["id"]].get("labels", {})
        params = labels.get("original", {}).get("info", {}).get("params", {})
        names = list(params.get("label_names", {}).keys()) or self.json("GET", "/info/")["labels"]
        self.look_at_auth()
        status, data = self.call("GET", f"/datastore/label?label={quote_plus(sample['id'])}&tag=original")
        return names, data if status == 200 else None

    def infer(self, model, image, params, files=None, session=None):
        self.look_at_auth()
        asked = {**params, "result_extension": ".nrrd", "result_dtype": "uint8", "client_id": self.client}
        content_type, body = form({"params": json.dumps(asked)}, files or {})
        path = f"/infer/{quote_plus(model)}?image={quote_plus(image)}"
        path += f"&session_id={quote_plus(session)}" if session else ""
        status, answer = self.call("POST", path, body, content_type)
        if status != 200:
            raise Failed(f"Status: {status}; Response: {answer.decode('utf-8')}")
        fields, found = answer  # a TypeError where the answer had no parts
        name, data = next(iter(found.items()))
        if os.path.basename(name) != name:
            raise Failed("a path for a name")
        target = os.path.join(self.folder, name)
        with open(target, "wb") as out:
            out.write(data)
        return target, json.loads(fields["params"])

    def upload(self, name, path):
        content_type, body = form({"params": json.dumps({"client_id": self.client})}, {"file": path})
        return self.json("PUT", f"/datastore/?image={quote_plus(name)}", body, content_type)

    def session(self, path):
        self.look_at_auth()
        with open(path, "rb") as data:
            answer = requests.put(
                f"{self.url}/session/",
                files=[("files", (os.path.basename(path), data))],
                data={"client_id": self.client},
                headers={},
                timeout=600,
            )
        if answer.status_code != 200:
            raise Failed(answer.text)
        return answer.json()["session_id"]

    def submit(self, image, path, names, model="SAM"):
        info = [{"name": name, "idx": number} for number, name in enumerate(names, 1)]
        asked = {"label_info": info, "model": model, "client_id": self.client}
        content_type, body = form({"params": json.dumps(asked)}, {"label": path})
        return self.json("PUT", f"/datastore/label?image={quote_plus(image)}", body, content_type)


def segments(path, label_names):
    """The import of a mask: {name: voxels}. The names in the order of their values, background dropped; voxels of value
    v are of the v-th name."""
    names = sorted(label_names, key=label_names.get) if isinstance(label_names, dict) else label_names
    names = [name for name in names if name != "background"]
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path)).transpose(2, 1, 0)
    if int(mask.max()) > len(names):
        raise Failed("a value without a name is lost")
    return {name: mask == value for value, name in enumerate(names, 1)}
