"""A source file's name occurs once in the tree, so that it says where a thing is and a search finds
one answer."""

import gate

SUFFIXES = {".c", ".h", ".cu", ".py", ".sh", ".cmake"}
REPEATED = {"__init__.py", "conftest.py"}


def check(root, _args):
    seen = {}
    for path in gate.files(root, None, SUFFIXES):
        if path.name not in REPEATED:
            # Upper and lower case are one name on some file systems.
            seen.setdefault(path.name.lower(), []).append(path.as_posix())
    complaints = [
        f"{name}: " + ", ".join(paths) for name, paths in sorted(seen.items()) if len(paths) > 1
    ]
    # x.c and x.h of different rooms would be read as one thing.
    stems = {}
    for path in gate.files(root, ["src"], {".c", ".h"}):
        stems.setdefault(path.stem.lower(), set()).add(path.parts[1])
    complaints += [
        f"{stem}: in " + " and ".join(sorted(rooms))
        for stem, rooms in sorted(stems.items())
        if len(rooms) > 1
    ]
    return complaints


REJECTS = [
    ("one name in two rooms", {"src/util/a.c": "", "src/model/a.c": ""}),
    ("one name in a sub-folder", {"src/tensor/ref/linear.c": "", "src/tensor/onednn/linear.c": ""}),
    ("only the case differs", {"src/util/Hash.c": "", "src/model/hash.c": ""}),
    ("source and header in two rooms", {"src/util/box.c": "", "src/model/box.h": ""}),
    ("two helpers of tests", {"tests/util/helper.h": "", "tests/model/helper.h": ""}),
]
ACCEPTS = [
    (
        "names in order",
        {
            "src/util/a.c": "",
            "src/util/a.h": "",
            "src/util/CMakeLists.txt": "",
            "src/app/CMakeLists.txt": "",
        },
    )
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
