"""One includer per library: each third-party header is included by the files named here and by no
others.

So a library can be replaced, bounded and fuzzed in one place. docs/dependencies.md gives the
reasons.
"""

import re

import gate


class Library:
    def __init__(self, name, headers, includers):
        self.name = name
        self._headers = re.compile(headers)
        self._includers = re.compile(includers)
        self.includers = includers

    def matches(self, header):
        return self._headers.fullmatch(header) is not None

    def allows(self, path):
        return self._includers.fullmatch(path) is not None


# (library, its headers, the files that may include them), the last two as regular expressions.
LIBRARIES = [
    Library("oneDNN", r"dnnl.*\.h|oneapi/dnnl/.*", r"src/tensor/onednn/[a-z0-9_]+\.[ch]"),
    Library("jansson", r"jansson.*\.h", r"src/util/json\.c"),
    Library("libyaml", r"yaml\.h", r"src/util/yaml\.c"),
    Library("GnuTLS", r"gnutls/.*\.h", r"src/util/(hash|tls)\.c"),
    Library("libcurl", r"curl/.*\.h", r"src/util/fetch\.c"),
    Library("libmicrohttpd", r"microhttpd.*\.h", r"src/server/http\.c"),
    Library("libdeflate", r"libdeflate\.h", r"src/volume/gzip\.c"),
    Library("zlib", r"zlib\.h|zconf\.h", r"src/volume/gzip_stream\.c"),
    Library("libzip", r"zip(conf)?\.h", r"src/util/zip_writer\.c"),
    Library("libpng", r"(libpng\d*/)?png(conf|libconf)?\.h", r"src/util/png\.c"),
]


def check(root, _args):
    complaints = []
    for path in gate.files(root, ["src", "include", "bench"], {".c", ".h"}):
        for line, _system, name in gate.includes(gate.read(root / path)):
            for library in LIBRARIES:
                if library.matches(name) and not library.allows(path.as_posix()):
                    complaints.append(
                        f"{path}:{line}: <{name}> of {library.name} is only for {library.includers}"
                    )
    return complaints


REJECTS = [
    ("oneDNN outside its folder", {"src/tensor/linear.c": "#include <dnnl.h>\n"}),
    ("oneDNN by its long name", {"src/model/a.c": "#include <oneapi/dnnl/dnnl.h>\n"}),
    ("jansson in a second file", {"src/util/yaml.c": "#include <jansson.h>\n"}),
    ("libyaml in the model", {"src/model/config.c": "#include <yaml.h>\n"}),
    ("GnuTLS in a header", {"src/util/hash.h": "#include <gnutls/crypto.h>\n"}),
    ("libcurl in a command", {"src/app/model_pull.c": "#include <curl/curl.h>\n"}),
    ("libmicrohttpd in a route", {"src/server/api_info.c": "#include <microhttpd.h>\n"}),
    ("libdeflate in a reader", {"src/volume/nifti.c": '#include "libdeflate.h"\n'}),
    ("libzip in a route", {"src/server/api_dataset.c": "#include <zip.h>\n"}),
    ("zlib in the model", {"src/model/zip.c": "# include <zlib.h>\n"}),
    ("libpng in the pipeline", {"src/pipeline/preview.c": "#include <png.h>\n"}),
    ("a library in the public header", {"include/voxlabel/v.h": "#include <dnnl.h>\n"}),
]
ACCEPTS = [
    (
        "each at home",
        {
            "src/tensor/onednn/dnnl_linear.c": "#include <oneapi/dnnl/dnnl.h>\n",
            "src/util/json.c": "#include <jansson.h>\n",
            "src/util/yaml.c": "#include <yaml.h>\n",
            "src/util/hash.c": "#include <gnutls/crypto.h>\n",
            "src/util/fetch.c": "#include <curl/curl.h>\n",
            "src/util/png.c": '#include "util/png.h"\n#include <png.h>\n',
            "src/pipeline/preview.c": '#include "util/png.h"\n',
            "src/server/http.c": "#include <microhttpd.h>\n",
            "src/volume/gzip.c": "#include <libdeflate.h>\n",
            "src/volume/gzip_stream.c": "#include <zlib.h>\n",
        },
    )
]

if __name__ == "__main__":
    gate.run(check, REJECTS, ACCEPTS)
