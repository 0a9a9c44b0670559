"""Nothing in the tree depends on one machine: no absolute path of somebody's home, no host of a
package registry.

Packages come through apt and pip with the machine's own settings, so that a mirror works without an
edit.
"""

import re

import gate

# Assembled from parts, so that this file passes its own check.
FOLDERS = ["ho" + "me", "ro" + "ot", "wo" + "rk", "Us" + "ers", "mnt"]
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "deb." + "debian.org",
    "security." + "debian.org",
    "archive." + "ubuntu.com",
    "npm" + "js.org",
    "npm" + "js.com",
    "crates" + ".io",
    "hub." + "docker.com",
    "conda." + "anaconda.org",
]
PATH = re.compile(r"(?:^|[^A-Za-z0-9_.\-/*}])(?:/(?:" + "|".join(FOLDERS) + r")/|[A-Z]:\\Users\\)")
HOST = re.compile("|".join(re.escape(host) for host in HOSTS), re.IGNORECASE)
LARGEST = 4 << 20


def check(root, _args):
    complaints = []
    for path in gate.files(root):
        if (root / path).stat().st_size > LARGEST:
            continue
        data = (root / path).read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8", errors="replace").split("\n"), 1):
            for match in (PATH.search(line), HOST.search(line)):
                if match:
                    complaints.append(f"{path}:{number}: {match.group(0).strip()}")
    return complaints


REJECTS = [
    ("a home folder", {"README.md": "see /ho" + "me/anna/scan.nii.gz\n"}),
    ("root's home in a script", {"scripts/a.sh": "#!/bin/sh\ncd /ro" + "ot/x\n"}),
    ("a working folder in CMake", {"CMakeLists.txt": 'set(x "/wo' + 'rk/x")\n'}),
    ("a Mac", {"docs/a.md": "`/Us" + "ers/anna/`\n"}),
    (
        "a registry in a lock file",
        {"web/lock.json": '"resolved": "https://registry.npm' + 'js.org/x"\n'},
    ),
    (
        "an index in the requirements",
        {"tests/requirements.txt": "-i https://py" + "pi.org/simple\n"},
    ),
    (
        "a mirror in a script",
        {"scripts/a.sh": "deb http://deb." + "debian.org/debian bookworm main\n"},
    ),
]
ACCEPTS = [
    (
        "paths of every machine",
        {"a.sh": "#!/usr/bin/env bash\n/tmp/x /proc/self/status $dir/work/x ./home/x\n"},
    ),
    ("builds are not source", {"build/log": "/ho" + "me/anna/x\n"}),
    ("binary files", {"samples/a.nrrd": b"\0/ho" + b"me/anna/x\n"}),
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
