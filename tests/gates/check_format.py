"""Layout: clang-format, the version that the project settled on, would change nothing."""

import subprocess

import gate

FOLDERS = ["src", "include", "tests", "bench", "examples"]
STYLE = ".clang-format"
OPTIONS = [("--clang-format", {"default": "clang-format-14", "help": "the formatter"})]


def check(root, args):
    sources = gate.files(root, FOLDERS, {".c", ".h"})
    if not sources:
        return ["there is no source file"]
    if not (root / STYLE).is_file():
        return [f"{STYLE} is missing"]
    command = [args.clang_format, "--style=file", "--dry-run", "-Werror", "--ferror-limit=1"]
    try:
        done = subprocess.run(
            command + [str(path) for path in sources], cwd=root, capture_output=True, text=True
        )
    except FileNotFoundError:
        return [f"{args.clang_format} is not installed; ./run_tests.sh installs it"]
    if done.returncode == 0:
        return []
    wrong = [line for line in done.stderr.splitlines() if ": error: " in line]
    return wrong or [done.stderr.strip() or f"{args.clang_format} ended with {done.returncode}"]


CONFIG = "BasedOnStyle: LLVM\nIndentWidth: 4\nColumnLimit: 100\nBreakBeforeBraces: Linux\n"
REJECTS = [
    ("no style file", {"src/a.c": "int a;\n"}),
    ("two blanks", {STYLE: CONFIG, "src/a.c": "int  a;\n"}),
    ("a wrong brace", {STYLE: CONFIG, "include/a.h": "void f(void) {\n}\n"}),
    (
        "a line of 101 columns",
        {STYLE: CONFIG, "tests/a.c": "int " + "a" * 48 + " = " + "b" * 45 + ";\n"},
    ),
    ("no source", {STYLE: CONFIG}),
]
ACCEPTS = [
    (
        "layout in order",
        {STYLE: CONFIG, "src/a.c": "int a;\nvoid f(void)\n{\n    a = 1;\n    b = 2;\n}\n"},
    )
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS, OPTIONS)
