"""Length limits: a function has at most 100 lines, a file at most 1,000. The numbers may be
lowered, never raised.

The layout of .clang-format makes a function's body begin with a line `{` and end with a line `}`,
both at column 1.
"""

import gate

FUNCTION_LINES = 100
FILE_LINES = 1000
SUFFIXES = {".c", ".h", ".cmake", ".sh", ".py"}
FOLDERS = ["src", "include", "tests", "bench"]


def functions(text):
    """(first line, lines) of each function body, braces included."""
    start = None
    for number, line in enumerate(gate.blank(text).split("\n"), 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield start, number - start + 1
            start = None


def check(root, _args):
    complaints = []
    for path in gate.files(root, None, SUFFIXES, {"CMakeLists.txt"}):
        text = gate.read(root / path)
        lines = text.count("\n")
        if lines > FILE_LINES:
            complaints.append(f"{path}: {lines} lines; a file has at most {FILE_LINES}")
        if path.parts[0] in FOLDERS and path.suffix in {".c", ".h"}:
            for start, length in functions(text):
                if length > FUNCTION_LINES:
                    complaints.append(
                        f"{path}:{start}: {length} lines; a function has at most {FUNCTION_LINES}"
                    )
    return complaints


def function(lines):
    return "static void f(void)\n{\n" + "    g();\n" * (lines - 2) + "}\n"


REJECTS = [
    ("a function of 101 lines", {"src/a.c": function(101)}),
    ("the second function", {"tests/util/a.c": function(3) + "\n" + function(101)}),
    (
        "a brace in a comment",
        {"src/a.c": function(60).replace("}\n", "/*\n}\n*/\n" + "    g();\n" * 50 + "}\n")},
    ),
    ("a file of 1,001 lines", {"src/a.h": "\n" * 1001}),
    ("a script of 1,001 lines", {"tests/a.py": "\n" * 1001}),
]
ACCEPTS = [
    ("the limits themselves", {"src/a.c": function(100), "src/b.h": "\n" * 1000}),
    ("a long table", {"src/a.c": "static const int t[] = {\n" + "    1,\n" * 200 + "};\n"}),
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
