"""Source text is plain ASCII with line feeds, no tabs and no blanks at line ends; documents may be
UTF-8.

Invisible characters can make code read otherwise than it compiles, and terminals of hospitals show
no others.
"""

import gate

SUFFIXES = {".c", ".h", ".cmake", ".sh", ".py"}
NAMES = {"CMakeLists.txt", "run"}


def complain(path, data):
    for number, line in enumerate(data.split(b"\n"), 1):
        for column, byte in enumerate(line, 1):
            if byte > 0x7E or (byte < 0x20 and byte != 0x0D):
                yield f"{path}:{number}:{column}: byte 0x{byte:02x}"
                break
        if line.endswith((b" ", b"\r")):
            yield f"{path}:{number}: ends with a blank or a carriage return"
    if data and not data.endswith(b"\n"):
        yield f"{path}: does not end with a line feed"


def check(root, _args):
    complaints = []
    for path in gate.files(root, None, SUFFIXES, NAMES):
        complaints.extend(complain(path, (root / path).read_bytes()))
    return complaints


REJECTS = [
    ("an umlaut in a comment", {"src/a.c": "/* \u00fc */\n"}),
    ("a zero-width space", {"src/a.h": "int a;\u200b\n"}),
    ("a right-to-left mark in CMake", {"cmake/a.cmake": "# \u202e\n"}),
    ("Latin-1", {"CMakeLists.txt": b"# \xfc\n"}),
    ("a dash in a script", {"run.sh": "# \u2013\n"}),
    ("Python", {"tests/gates/a.py": '"\u4e2d"\n'}),
    ("a tab", {"src/a.c": "\tint a;\n"}),
    ("a carriage return", {"src/a.c": "int a;\r\n"}),
    ("a blank at the end", {"src/a.c": "int a; \n"}),
    ("no line feed", {"src/a.c": "int a;"}),
]
ACCEPTS = [
    ("source in order", {"src/a.c": "int a;\n", "src/empty.h": "", "README.md": "\u4e2d\u6587\n"}),
    ("builds are not source", {"build/dev/a.c": "\t\n", ".venv/lib/a.py": "\t\n"}),
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
