"""What is in the packages, and whether it fits together; nothing is installed."""

import gzip
import os
import platform
import re
import shutil
import stat
import subprocess
import unittest

from package_case import BUILD, DEBS, SOURCE, VERSION, PackageCase, run

SYSTEM = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util))\.so\.\d+$|linux-vdso")


def needed(program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", program))


def search_paths(program):
    return re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", run("readelf", "-d", program))


class Debs(PackageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trees = {name: cls.folder / "trees" / name for name in DEBS}
        (cls.folder / "trees").mkdir()
        for name, deb in cls.debs.items():
            run("dpkg-deb", "--raw-extract", deb, cls.trees[name])
        cls.libraries = f"usr/lib/{run('dpkg-architecture', '-qDEB_HOST_MULTIARCH').strip()}"

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.debs[package], name).strip()

    def files(self, package):
        tree = self.trees[package]
        found = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_symlink() or not path.is_dir()}
        return {path for path in found if not path.startswith("DEBIAN/")}

    def documents(self, package):
        return {f"usr/share/doc/{package}/{name}" for name in ("copyright", "changelog.gz", "changelog.Debian.gz")}

    def test_these_and_no_others(self):
        made = {path.name for path in self.packages.iterdir() if path.is_file()}
        tarball = f"voxlabel-{VERSION}-linux-{platform.machine()}.tar.gz"
        self.assertEqual(made, {deb.name for deb in self.debs.values()} | {tarball})

    def test_control(self):
        for package, section, multi_arch in [
            ("voxlabel", "science", "foreign"),
            ("libvoxlabel1", "libs", "same"),
            ("libvoxlabel-dev", "libdevel", "same"),
        ]:
            for field, value in {
                "Package": package,
                "Source": "voxlabel",
                "Version": f"{VERSION}-1",
                "Architecture": self.architecture,
                "Section": section,
                "Multi-Arch": multi_arch,
                "Priority": "optional",
            }.items():
                self.assertEqual(self.field(package, field), value, package)
            self.assertRegex(self.field(package, "Maintainer"), r"^\S.* <\S+@\S+>$")
            lines = self.field(package, "Description").splitlines()
            self.assertTrue(10 < len(lines[0]) <= 80, lines[0])
            self.assertGreater(len(lines), 3)
            self.assertNotIn(lines[0].strip(), [line.strip() for line in lines[1:]])
            size = sum(path.stat().st_size for path in self.trees[package].rglob("usr/**/*") if path.is_file())
            self.assertLess(abs(int(self.field(package, "Installed-Size")) - size / 1024), 64 + size / 10240)
        self.assertEqual(len({self.field(package, "Description").splitlines()[0] for package in DEBS}), 3)
        self.assertEqual(self.field("libvoxlabel-dev", "Depends"), f"libvoxlabel1 (= {VERSION}-1)")

    def test_depends(self):
        """Each library that is needed comes with a package that is depended on."""
        for package, path in [("voxlabel", "usr/bin/voxlabel"), ("libvoxlabel1", f"{self.libraries}/libvoxlabel.so.1")]:
            depends = [row.split(" ")[0] for row in self.field(package, "Depends").split(", ")]
            program = self.trees[package] / path
            where = dict(re.findall(r"(\S+) => (/\S+)", run("ldd", program)))
            for library in needed(program):
                if library.startswith("ld-linux"):
                    continue
                short = os.path.realpath(where[library]).removeprefix("/usr")
                owners = subprocess.run(
                    ["dpkg-query", "--search", short, f"/usr{short}"], capture_output=True, text=True, check=False
                ).stdout
                self.assertIn(owners.split(":")[0], depends, library)
            self.assertEqual(len(depends), len(set(depends)))
        self.assertFalse([row for row in self.field("libvoxlabel1", "Depends").split(", ") if "curl" in row])

    def test_program(self):
        pages = {path.name for path in (BUILD / "share/man/man1").iterdir()}
        self.assertGreater(len(pages), 5)
        wanted = {f"usr/share/man/man1/{page}.gz" for page in pages} | self.documents("voxlabel")
        wanted |= {"usr/bin/voxlabel", "usr/share/bash-completion/completions/voxlabel"}
        wanted |= {"usr/share/fish/vendor_completions.d/voxlabel.fish", "usr/share/zsh/vendor-completions/_voxlabel"}
        self.assertEqual(self.files("voxlabel"), wanted)
        for page in pages:
            packed = self.trees["voxlabel"] / f"usr/share/man/man1/{page}.gz"
            self.assertEqual(gzip.decompress(packed.read_bytes()), (BUILD / "share/man/man1" / page).read_bytes())
            self.assertEqual(packed.read_bytes()[4:8], bytes(4), "a time in it")
        said = run(self.trees["voxlabel"] / "usr/bin/voxlabel", "version")
        self.assertEqual(said.splitlines()[0], f"voxlabel {VERSION}")

    def test_library(self):
        soname = f"{self.libraries}/libvoxlabel.so.1"
        files = self.files("libvoxlabel1")
        (real,) = files - self.documents("libvoxlabel1") - {soname}
        self.assertEqual(os.readlink(self.trees["libvoxlabel1"] / soname), os.path.basename(real))
        control = self.trees["libvoxlabel1"] / "DEBIAN"
        self.assertEqual((control / "shlibs").read_text(), f"libvoxlabel 1 libvoxlabel1 (>= {VERSION}-1)\n")
        self.assertEqual((control / "triggers").read_text(), "activate-noawait ldconfig\n")

    def test_no_scripts(self):
        """Nothing of ours runs as root."""
        for package in DEBS:
            there = {path.name for path in (self.trees[package] / "DEBIAN").iterdir()}
            self.assertEqual(there - {"shlibs", "triggers"}, {"control", "md5sums"}, package)

    def test_development(self):
        """A program built against what both packages hold runs."""
        both = self.folder / "both"
        for package in ("libvoxlabel1", "libvoxlabel-dev"):
            run("dpkg-deb", "--extract", self.debs[package], both)
        self.assertEqual(os.readlink(both / self.libraries / "libvoxlabel.so"), "libvoxlabel.so.1")
        (self.folder / "user.c").write_text(
            "#include <stdio.h>\n#include <voxlabel/voxlabel.h>\nint main(void) { puts(vox_version()); return 0; }\n"
        )
        found = {**os.environ, "PKG_CONFIG_PATH": str(both / self.libraries / "pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "voxlabel", env=found).split()
        folders = {os.path.realpath(flag[2:]) for flag in flags if flag[:2] in ("-I", "-L")}
        self.assertEqual(folders, {str(both.resolve() / "usr/include"), str(both.resolve() / self.libraries)})
        run(os.environ["VOXLABEL_CC"], "-std=c17", self.folder / "user.c", *flags, "-o", self.folder / "user")
        there = {**os.environ, "LD_LIBRARY_PATH": str(both / self.libraries)}
        self.assertEqual(run(self.folder / "user", env=there), f"{VERSION}\n")
        self.assertTrue((both / "usr/share/doc/libvoxlabel-dev/examples/segment_boxes.c").is_file())

    def test_programs(self):
        """Stripped, and looking for libraries nowhere but where the system does."""
        for package, path in [("voxlabel", "usr/bin/voxlabel"), ("libvoxlabel1", f"{self.libraries}/libvoxlabel.so.1")]:
            program = self.trees[package] / path
            sections = run("readelf", "-SW", program)
            self.assertNotIn(".symtab", sections)
            self.assertNotIn(".debug_", sections)
            self.assertEqual(search_paths(program), [])

    def test_rights(self):
        for package in DEBS:
            for row in run("dpkg-deb", "--contents", self.debs[package]).splitlines():
                mode, owner = row.split()[:2]
                self.assertEqual(owner, "root/root", row)
                if mode[0] == "-":
                    self.assertEqual(mode, "-rwxr-xr-x" if "/bin/" in row else "-rw-r--r--", row)
                else:
                    self.assertIn(mode, ("drwxr-xr-x", "lrwxrwxrwx"), row)

    def test_documents(self):
        for package in DEBS:
            folder = self.trees[package] / "usr/share/doc" / package
            self.assertIn("License: Apache-2.0", (folder / "copyright").read_text())
            said = gzip.decompress((folder / "changelog.gz").read_bytes())
            self.assertEqual(said, (SOURCE / "CHANGELOG.md").read_bytes())
            (self.folder / "changelog").write_bytes(gzip.decompress((folder / "changelog.Debian.gz").read_bytes()))
            entry = run("dpkg-parsechangelog", "--all", "--file", self.folder / "changelog")
            self.assertIn(f"Version: {VERSION}-1\n", entry)
            self.assertIn(f"Maintainer: {self.field(package, 'Maintainer')}\n", entry)

    def test_sums(self):
        for package in DEBS:
            run("md5sum", "--check", "--strict", "DEBIAN/md5sums", cwd=self.trees[package])
            listed = set(re.findall(r"^\w{32}  (.*)$", (self.trees[package] / "DEBIAN/md5sums").read_text(), re.MULTILINE))
            real = {path for path in self.files(package) if not (self.trees[package] / path).is_symlink()}
            self.assertEqual(listed, real, package)

    def test_lintian(self):
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        tags = "initial-upload-closes-no-bugs"  # nobody asked Debian to take it
        said = run("lintian", "--allow-root", "--fail-on", "none", "--suppress-tags", tags, *self.debs.values())
        self.assertEqual(said, "")


class Tarball(PackageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("tar", "--extract", "--file", cls.tarball, "--directory", cls.folder)
        cls.top = cls.folder / cls.tarball.name.removesuffix(".tar.gz")
        cls.program = cls.top / "bin/voxlabel"
        cls.carried = cls.top / "lib/voxlabel"

    def closure(self):
        """{library: its path}, as the loader finds them."""
        said = run("env", "-u", "LD_LIBRARY_PATH", "LD_TRACE_LOADED_OBJECTS=1", self.program)
        self.assertNotIn("not found", said)
        return dict(re.findall(r"^\s*(\S+) => (\S+)", said, re.MULTILINE))

    def test_one_folder(self):
        names = run("tar", "--list", "--file", self.tarball).split()
        self.assertEqual({name.split("/")[0] for name in names}, {self.top.name})
        for path in self.top.rglob("*"):
            self.assertFalse(path.is_symlink())
            bits = stat.S_IMODE(path.stat().st_mode)
            self.assertEqual(bits, 0o755 if path.is_dir() or path == self.program else 0o644, path)

    def test_files_of_the_program(self):
        for path in BUILD.glob("share/**/*"):
            if path.is_file():
                self.assertEqual((self.top / path.relative_to(BUILD)).read_bytes(), path.read_bytes())
        text = (self.top / "README.txt").read_text()
        self.assertIn(VERSION, text)
        for named in re.findall(r"(?:share|bin)/[\w./-]*\w/?", text):
            self.assertTrue((self.top / named).exists(), named)

    def test_nothing_of_the_system(self):
        """All libraries are the carried ones, but those of the C library; and no library is carried for nothing."""
        closure = self.closure()
        ours = {name for name in closure if not SYSTEM.match(name)}
        self.assertGreater(len(ours), 10)
        for name in ours:
            self.assertEqual(os.path.realpath(closure[name]), str(self.carried / name))
        self.assertEqual({path.name for path in self.carried.iterdir()}, ours)

    def test_where_it_looks(self):
        self.assertEqual(search_paths(self.program), ["$ORIGIN/../lib/voxlabel"])
        self.assertNotIn(".symtab", run("readelf", "-SW", self.program))

    def test_foreign_libraries(self):
        """LD_LIBRARY_PATH of some other program does no harm."""
        other = self.folder / "other"
        other.mkdir()
        for path in self.carried.iterdir():
            (other / path.name).write_bytes(b"no library")
        run(self.program, "version", env={**os.environ, "LD_LIBRARY_PATH": str(other)})

    def test_moved(self):
        moved = self.folder / "any where" / "else"
        shutil.copytree(self.top, moved)
        link = self.folder / "link"
        link.symlink_to(moved / "bin/voxlabel")
        for program in (moved / "bin/voxlabel", link):
            self.assertEqual(run(program, "version", cwd="/").splitlines()[0], f"voxlabel {VERSION}")

    def test_licences(self):
        documents = self.top / "share/doc/voxlabel"
        rows = re.findall(r"^(\S+\.so\S*): (\S+) (\S+), source \S+ \S+$", (documents / "libraries.txt").read_text(), re.MULTILINE)
        self.assertEqual({name for name, _package, _version in rows}, {path.name for path in self.carried.iterdir()})
        for _name, package, version in rows:
            text = (documents / "licenses" / f"{package}.txt").read_text()
            self.assertRegex(text, r"(?i)copyright")
            for common in re.findall(r"/usr/share/common-licenses/([\w.+-]*\w)", text):
                if os.path.exists(f"/usr/share/common-licenses/{common}"):
                    self.assertTrue((documents / "licenses/common" / common).is_file(), common)
            self.assertEqual(run("dpkg-query", "-W", "-f", "${Version}\n", package).splitlines()[0], version)
        self.assertEqual((documents / "LICENSE").read_bytes(), (SOURCE / "LICENSE").read_bytes())


if __name__ == "__main__":
    unittest.main()
