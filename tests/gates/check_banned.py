"""Banned calls: raw memory, unchecked strings and numbers, ways out of the process, printing from
libraries.

Only src/ and include/ are looked at. What may stand where is said in EXCEPTIONS and nowhere else.
"""

import re

import gate

# group: (names, what to use instead)
GROUPS = {
    "memory": (
        "malloc calloc realloc reallocarray free strdup strndup aligned_alloc posix_memalign"
        " memalign valloc alloca asprintf vasprintf",
        "vox_alloc, vox_calloc, vox_realloc, vox_free, vox_strdup of util/memory.h",
    ),
    "text": (
        "sprintf vsprintf strcpy stpcpy strcat strncat gets strtok",
        "snprintf and explicit sizes",
    ),
    "number": (
        "atoi atol atoll atof sscanf fscanf scanf vsscanf",
        "strtol and its kin, with a check of the end",
    ),
    "thread": (
        "strerror localtime gmtime ctime asctime rand srand setenv putenv setlocale",
        "the _r or _np form",
    ),
    "file": ("tmpnam tempnam mktemp tmpfile", "vox_file_create of util/file.h"),
    "shell": ("system popen wordexp", "nothing: this program starts no shell"),
    "assert": ("assert", "VOX_ASSERT of util/error.h, which release builds keep"),
    "exit": ("exit _exit _Exit quick_exit abort raise kill", "an error that is returned"),
    "print": (
        "printf vprintf puts putchar perror stdout stderr",
        "an error that is returned, or the log front end",
    ),
}

# file or folder (with a slash at its end): groups that are allowed there
EXCEPTIONS = {
    "src/util/memory.c": {"memory"},
    "src/util/error.c": {"exit", "print"},
    "src/app/": {"exit", "print"},
    # yaml_* and json_* hand out memory of the C library, which free() takes back.
    "src/util/json.c": {"memory"},
}

IDENTIFIERS = {"stdout", "stderr"}


def pattern(names):
    words = sorted(names.split(), key=len, reverse=True)
    calls = "|".join(re.escape(word) for word in words if word not in IDENTIFIERS)
    values = "|".join(re.escape(word) for word in words if word in IDENTIFIERS)
    # A call, or the function's name handed on as a value. A member of that name (x.free, x->free)
    # is another thing.
    text = rf"(?<![\w.>*])(?:(?P<call>{calls})\s*\(|(?<=[=(,&?:])\s*(?P<value>{calls})\s*[,;)])"
    if values:
        text += rf"|\b(?P<stream>{values})\b"
    return re.compile(text)


PATTERNS = {group: pattern(names) for group, (names, _instead) in GROUPS.items()}


def allowed(path, group):
    name = path.as_posix()
    return any(
        group in groups and (name == place or (place.endswith("/") and name.startswith(place)))
        for place, groups in EXCEPTIONS.items()
    )


def check(root, _args):
    complaints = []
    for path in gate.files(root, ["src", "include"], {".c", ".h"}):
        # The attribute names printf without calling it.
        text = gate.blank(gate.read(root / path)).replace("format(printf,", "format(______,")
        for group, regex in PATTERNS.items():
            if allowed(path, group):
                continue
            for match in regex.finditer(text):
                name = next(value for value in match.groupdict().values() if value)
                line = gate.line_of(text, match.end())
                complaints.append(f"{path}:{line}: {name} is banned here; use {GROUPS[group][1]}")
    return complaints


def one(body, path="src/volume/a.c"):
    return {path: "void f(void)\n{\n    " + body + "\n}\n"}


REJECTS = [
    ("malloc", one("void *p = malloc(3);")),
    ("malloc in a cast", one("char *p = (char *)malloc (3);")),
    ("calloc", one("g(calloc(1, 2));")),
    ("realloc", one("p = realloc(p, 2);")),
    ("free", one("free(p);")),
    ("free handed on", one("each(list, free);")),
    ("free kept", one("x.release = free;")),
    ("strdup", one("p = strdup(q);")),
    ("sprintf", one("sprintf(p, q);")),
    ("strcpy", one("strcpy(p, q);")),
    ("strcat", one("strcat(p, q);")),
    ("atoi", one("return atoi(p);")),
    ("strtok", one("strtok(p, q);")),
    ("gets", one("gets(p);")),
    ("system", one("system(p);")),
    ("exit in a library", one("exit(1);")),
    ("abort in util", one("abort();", "src/util/file.c")),
    ("_exit in the pipeline", one("if (x) _exit(1);", "src/pipeline/a.c")),
    ("printf in the model", one('printf("x");', "src/model/a.c")),
    ("fprintf to stdout", one('fprintf(stdout, "x");', "src/model/a.c")),
    ("puts in tensor", one('puts("x");', "src/tensor/onednn/a.c")),
    ("stderr in logs", one('fputs("x", stderr);', "src/logs/a.c")),
    ("assert", one("assert(p);")),
    ("malloc in app", one("p = malloc(3);", "src/app/main.c")),
    ("malloc in a public header", one("p = malloc(3);", "include/voxlabel/v.h")),
    ("after a comment", one("/* fine */ free(p); /* fine */")),
]
ACCEPTS = [
    ("memory.c", one("free(malloc(3));", "src/util/memory.c")),
    ("error.c", one('fprintf(stderr, "x"); abort();', "src/util/error.c")),
    ("the program", one('printf("x"); exit(1);', "src/app/main.c")),
    ("comments", one("/* free(p) and malloc(3) */ // exit(1)")),
    ("strings", one('g("malloc(3) \\" exit(1)");')),
    ("members", one("ops->free(p); ops.close(p); x = ops->free;")),
    (
        "longer names",
        one("vox_free(p); my_exit(1); snprintf(p, 3, q); freeze(p); strtok_r(p, q, r);"),
    ),
    (
        "the format attribute",
        {"src/util/a.h": "#define P(f, a) __attribute__((format(printf, f, a)))\n"},
    ),
    ("function pointers", {"src/tensor/a.h": "struct s {\n    void (*free)(void *p);\n};\n"}),
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
