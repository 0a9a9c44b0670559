"""Each header compiles alone and twice: private ones as C17, public ones as strict C17 and C++."""

import pathlib
import subprocess
import tempfile

import gate

OPTIONS = [
    ("--cc", {"default": "cc", "help": "C compiler"}),
    ("--cxx", {"default": "c++", "help": "C++ compiler, for public headers"}),
    ("--define", {"action": "append", "default": [], "help": "macro that the build sets"}),
]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wstrict-prototypes", "-Wundef", "-Werror"]


def compile_alone(root, header, command, suffix):
    with tempfile.TemporaryDirectory(prefix="header.") as folder:
        source = pathlib.Path(folder) / ("alone" + suffix)
        # Twice, so that a missing guard shows; a declaration, as an empty unit is not ISO C.
        source.write_text(
            f'#include "{header}"\n#include "{header}"\nextern int vox_header_alone;\n'
        )
        command = command + ["-fsyntax-only", f"-I{root}/src", f"-I{root}/include", str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            return f"{header}: {command[0]} is not installed; ./run_tests.sh installs it"
        if done.returncode == 0:
            return None
        error = next(
            (line for line in done.stderr.splitlines() if "error:" in line), done.stderr.strip()
        )
        return f"{header} with {command[0]}: {error}"


def check(root, args):
    macros = [f"-D{macro}" for macro in args.define]
    jobs = []
    for path in gate.files(root, ["src"], {".h"}):
        header = path.relative_to("src").as_posix()
        jobs.append((header, [args.cc, "-std=c17", "-D_GNU_SOURCE", *macros, *WARNINGS], ".c"))
    for path in gate.files(root, ["include"], {".h"}):
        header = path.relative_to("include").as_posix()
        jobs.append((header, [args.cc, "-std=c17", *WARNINGS], ".c"))
        jobs.append(
            (
                header,
                [args.cxx, "-std=c++17", *[w for w in WARNINGS if "prototypes" not in w]],
                ".cc",
            )
        )
    if not jobs:
        return ["there is no header"]
    return [complaint for complaint in (compile_alone(root, *job) for job in jobs) if complaint]


GUARDED = "#ifndef A_H\n#define A_H\n%s\n#endif\n"
REJECTS = [
    ("no header at all", {"src/util/a.c": ""}),
    ("a type that is not declared", {"src/util/a.h": GUARDED % "size_t f(void);"}),
    ("no guard", {"src/util/a.h": "struct s {\n    int a;\n};\n"}),
    ("an old prototype", {"src/util/a.h": GUARDED % "void f();"}),
    (
        "a header that needs another first",
        {"src/util/a.h": GUARDED % "struct t {\n    struct s inner;\n};"},
    ),
    (
        "a public header that C++ does not read",
        {"include/voxlabel/a.h": GUARDED % "int f(int class);"},
    ),
    (
        "a public header that needs GNU extensions",
        {"include/voxlabel/a.h": GUARDED % "int f(typeof(1) a);"},
    ),
]
ACCEPTS = [
    (
        "headers in order",
        {
            "src/util/a.h": GUARDED % "#include <stddef.h>\nsize_t f(void);",
            "include/voxlabel/b.h": GUARDED
            % '#ifdef __cplusplus\nextern "C" {\n#endif\nint g(void);\n'
            "#ifdef __cplusplus\n}\n#endif",
        },
    )
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS, OPTIONS)
