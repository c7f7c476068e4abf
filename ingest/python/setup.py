"""Only for the wheel that carries libmetaops_emit with it: METAOPS_EMIT_BUNDLE names the file.

Without that variable the wheel is pure Python and the library is looked for on the system."""

import os
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

BUNDLE = os.environ.get("METAOPS_EMIT_BUNDLE")


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        if BUNDLE:
            shutil.copyfile(BUNDLE, Path(self.build_lib, "metaops_openlineage", "libmetaops_emit.so.1"))


class LibraryDistribution(Distribution):
    def has_ext_modules(self):
        return bool(BUNDLE)


commands = {"build_py": BuildWithLibrary}
if BUNDLE:
    try:
        from setuptools.command.bdist_wheel import bdist_wheel
    except ImportError:
        from wheel.bdist_wheel import bdist_wheel

    class PlatformWheel(bdist_wheel):
        """For every Python 3, as nothing is compiled against it, and for this platform only."""

        def get_tag(self):
            return "py3", "none", super().get_tag()[2]

    commands["bdist_wheel"] = PlatformWheel

setup(cmdclass=commands, distclass=LibraryDistribution)
