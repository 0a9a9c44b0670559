"""One-way rooms: a file of src/ROOM/ includes only files of rooms that ROOM may look at, and
headers of the C library.

The table is the one of docs/architecture.md. Headers of other libraries are check_includers.py's
affair.
"""

import gate
from check_includers import LIBRARIES

# What each room may include besides itself.
ROOMS = {
    "app": {"server", "pipeline", "store", "model", "logs", "tensor", "volume", "util"},
    "server": {"pipeline", "store", "logs", "volume", "util"},
    "pipeline": {"model", "tensor", "store", "volume", "util"},
    "store": {"volume", "util"},
    "model": {"tensor", "util"},
    "logs": {"util"},
    "tensor": {"util"},
    "volume": {"util"},
    "util": set(),
}

# The public header describes the pipeline: the pipeline implements it, the program and the server
# open models by it.
PUBLIC = "voxlabel"
MAY_INCLUDE_PUBLIC = {"app", "pipeline", "server"}
# Its plain types, errors above all, are those of every room.
PUBLIC_TYPES = "voxlabel/types.h"

# 'voxlabel segment' is a user of the library like any other: it sees the public header, and of the
# inside no more than what every room may use.
LIBRARY_USER = "src/app/segment_"
LIBRARY_USER_SEES = {"app", "util", PUBLIC}

C_LIBRARY = set(
    # C17
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal"
    " stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath"
    " threads time uchar wchar wctype"
    # POSIX and Linux
    " dirent dlfcn endian fcntl fnmatch getopt glob grp langinfo malloc netdb poll pthread pwd"
    " sched semaphore spawn strings sysexits syslog termios unistd".split()
)
C_LIBRARY_FOLDERS = {"arpa", "linux", "net", "netinet", "sys"}

# Compiler headers for vector instructions.
INTRINSICS = {"immintrin.h", "x86intrin.h", "cpuid.h", "arm_neon.h"}
INTRINSICS_ROOM = "tensor"


def is_c_library(name):
    if "/" in name:
        return name.split("/")[0] in C_LIBRARY_FOLDERS
    return name.removesuffix(".h") in C_LIBRARY


def check_system(room, name):
    if is_c_library(name):
        return None
    if name in INTRINSICS:
        return None if room == INTRINSICS_ROOM else f"<{name}> belongs to {INTRINSICS_ROOM}"
    if any(library.matches(name) for library in LIBRARIES):
        return None
    return f"<{name}> is neither of the C library nor a library of docs/dependencies.md"


def check_own(room, name):
    target = name.split("/")[0]
    if target == PUBLIC:
        return (
            None
            if room in MAY_INCLUDE_PUBLIC or name == PUBLIC_TYPES
            else f'"{name}" is for {", ".join(sorted(MAY_INCLUDE_PUBLIC))}'
        )
    if "/" not in name or target not in ROOMS:
        return f'"{name}" does not begin with a room'
    if target != room and target not in ROOMS[room]:
        return f'"{name}": {room} may not look at {target}'
    return None


def check(root, _args):
    complaints = []
    for path in gate.files(root, ["src"], {".c", ".h"}):
        room = path.parts[1]
        if room not in ROOMS or len(path.parts) < 3:
            complaints.append(f"{path}: is not in a room; the rooms are {', '.join(ROOMS)}")
            continue
        for line, system, name in gate.includes(gate.read(root / path)):
            trouble = check_system(room, name) if system else check_own(room, name)
            if not system and path.as_posix().startswith(LIBRARY_USER):
                target = name.split("/")[0]
                trouble = trouble or (
                    None if target in LIBRARY_USER_SEES else f'"{name}" is behind the public header'
                )
            if trouble:
                complaints.append(f"{path}:{line}: {trouble}")
            elif (
                not system
                and not (root / "src" / name).is_file()
                and not (root / "include" / name).is_file()
            ):
                complaints.append(f'{path}:{line}: "{name}" does not exist')
    for path in gate.files(root, ["include"], {".h"}):
        for line, system, name in gate.includes(gate.read(root / path)):
            if not (is_c_library(name) if system else name.startswith(PUBLIC + "/")):
                complaints.append(
                    f"{path}:{line}: a public header includes the C library and public headers only"
                )
    return complaints


UTIL = {"src/util/error.h": "#include <stddef.h>\n"}
REJECTS = [
    ("util looks at tensor", {"src/util/a.c": '#include "tensor/b.h"\n', "src/tensor/b.h": ""}),
    ("tensor looks at model", {"src/tensor/a.c": '#  include "model/b.h"\n', "src/model/b.h": ""}),
    ("model looks at volume", {"src/model/a.h": '#include "volume/b.h"\n', "src/volume/b.h": ""}),
    ("server looks at tensor", {"src/server/a.c": '#include "tensor/b.h"\n', "src/tensor/b.h": ""}),
    ("a path inside the room", {"src/util/a.c": '#include "error.h"\n', **UTIL}),
    ("a way around", {"src/util/a.c": '#include "util/../tensor/b.h"\n', **UTIL}),
    ("a file outside all rooms", {"src/loose.c": "", **UTIL}),
    ("a room that is not in the table", {"src/misc/a.c": "", **UTIL}),
    ("a header that is not there", {"src/util/a.c": '#include "util/b.h"\n'}),
    ("an unknown library", {"src/util/a.c": "#include <curses.h>\n"}),
    ("OpenMP, which clang does not bring", {"src/tensor/a.c": "#include <omp.h>\n"}),
    ("vector instructions outside tensor", {"src/volume/a.c": "#include <immintrin.h>\n"}),
    (
        "a public header that shows the inside",
        {"include/voxlabel/voxlabel.h": '#include "util/error.h"\n', **UTIL},
    ),
    (
        "segment looks behind the public header",
        {"src/app/segment_run.c": '#include "pipeline/plan.h"\n', "src/pipeline/plan.h": ""},
    ),
    (
        "model uses the public header",
        {"src/model/a.c": '#include "voxlabel/v.h"\n', "include/voxlabel/v.h": ""},
    ),
]
ACCEPTS = [
    (
        "a tree in order",
        {
            **UTIL,
            "include/voxlabel/v.h": "#include <stdint.h>\n",
            "include/voxlabel/types.h": "",
            "src/app/segment_run.c": '#include "voxlabel/v.h"\n#include "util/error.h"\n',
            "src/server/s.c": '#include "voxlabel/v.h"\n',
            "src/util/t.h": '#include "voxlabel/types.h"\n',
            "src/pipeline/a.c": '#include "voxlabel/v.h"\n#include <sys/stat.h>\n'
            '#include "util/error.h"\n',
            "src/tensor/onednn/b.c": "#include <immintrin.h>\n#include <dnnl.h>\n"
            '/* #include "app/x.h" */\n',
        },
    )
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
