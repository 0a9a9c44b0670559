"""MONAI Label's own datastore, to judge a folder by: monailabel/datastore/local.py as it is published.

It reaches PyTorch, MONAI and a settings library through a module of small helpers, of which it uses two functions that
need none of them. Empty modules stand in for those imports; all else is the package's own code.
"""

import contextlib
import importlib
import sys
import types


class Nothing(types.ModuleType):
    """A module whose every name is there and means nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return None


STANDING_IN = [
    "torch",
    "monai",
    "monai.apps",
    "monai.bundle",
    "monai.bundle.scripts",
    "monailabel.config",
    "distutils",
    "distutils.util",
]


@contextlib.contextmanager
def stand_ins():
    before = {name: sys.modules.get(name) for name in STANDING_IN}
    sys.modules.update({name: Nothing(name) for name in STANDING_IN})
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


with stand_ins():
    local = importlib.import_module("monailabel.datastore.local")

EXTENSIONS = ["*.nii.gz", "*.nii", "*.nrrd", "*.jpg", "*.png", "*.tif", "*.svs", "*.xml"]  # its configuration's default


def open_folder(folder, **more):
    return local.LocalDatastore(str(folder), extensions=EXTENSIONS, **more)
