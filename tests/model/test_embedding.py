"""What the build does to put a file into a program: cmake/EmbedModel.cmake and src/model/embedded_model.c alone.

usage: test_embedding.py SOURCE CMAKE CC
"""

import hashlib
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, CMAKE, CC = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(user C)
include({source}/cmake/EmbedModel.cmake)
add_executable(user user.c {source}/src/model/embedded_model.c)
target_include_directories(user PRIVATE {source}/src)
target_compile_options(user PRIVATE -std=c17 -Wall -Wextra -Wpedantic -Werror)
if(NOT EMPTY)
    vox_embed_model({source}/src/model/embedded_model.c ${{CMAKE_CURRENT_SOURCE_DIR}}/some/weights)
endif()
"""

USER = r"""#include <stdint.h>
#include <stdio.h>
#include "model/embedded_model.h"
int main(void)
{
    const struct vox_embedded_model *model = vox_embedded_model_at(0);
    if (model == NULL) {
        return vox_embedded_model_find("nano") == NULL ? 7 : 1;
    }
    if (vox_embedded_model_find("nano") != model || vox_embedded_model_find("voxlabel-nano") != model ||
        vox_embedded_model_find("nan") != NULL || vox_embedded_model_at(1) != NULL ||
        vox_embedded_model_at(-1) != NULL || (uintptr_t)model->weights % 64 != 0) {
        return 1;
    }
    fprintf(stderr, "%s", model->sha256);
    return fwrite(model->weights, 1, model->size, stdout) != model->size;
}
"""


class Embedding(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="voxlabel test-")  # with a blank
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        (self.folder / "some").mkdir()
        (self.folder / "CMakeLists.txt").write_text(PROJECT.format(source=SOURCE))
        (self.folder / "user.c").write_text(USER)

    def run_tool(self, *command):
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False)

    def configure(self, *options):
        return self.run_tool(
            CMAKE, "-S", self.folder, "-B", self.folder / "build", "-G", "Ninja", f"-DCMAKE_C_COMPILER={CC}", *options
        )

    def build(self):
        done = self.run_tool(CMAKE, "--build", self.folder / "build")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def check(self, data):
        done = subprocess.run([self.folder / "build/user"], capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, data)
        self.assertEqual(done.stderr.decode(), hashlib.sha256(data).hexdigest())

    def test_bytes_as_they_are_now(self):
        noise = random.Random(1)
        for size in (1001, 70003, 64):  # sizes that no alignment has
            data = noise.randbytes(size)
            (self.folder / "some/weights").write_bytes(data)
            if size == 1001:
                done = self.configure()
                self.assertEqual(done.returncode, 0, done.stderr)
            self.build()
            self.check(data)
        stack = self.run_tool("readelf", "-lW", self.folder / "build/user").stdout
        self.assertRegex(stack, r"GNU_STACK .* RW +0x")

    def test_none(self):
        """A sentence says which file is missing and what else can be done."""
        done = self.configure()
        self.assertNotEqual(done.returncode, 0)
        said = re.sub(r"\s+", " ", done.stderr)
        self.assertIn("some/weights is missing: take it from the repository, or configure with -DVOX_EMBED_MODEL=OFF", said)
        done = self.configure("-DEMPTY=ON")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.build()
        self.assertEqual(self.run_tool(self.folder / "build/user").returncode, 7)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
