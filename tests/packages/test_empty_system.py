"""The packages on a machine that has nothing but Debian's smallest system: in a folder made by debootstrap, entered
without network.

The folder and the packages that ours depend on are downloaded once, with the sources that apt has on this machine, and
kept in the build folder.
"""

import os
import pathlib
import shutil
import subprocess
import unittest

import nibabel
import numpy

from package_case import BUILD, DEBS, VERSION, PackageCase, run

PROGRAM, CHECKPOINT, CONFIG = (os.environ[f"VOXLABEL_{name}"] for name in ("PROGRAM", "CHECKPOINT", "CONFIG"))
KEPT = BUILD / "empty-system"
BOX = ["--box", "2:20,15,39,34"]
# A namespace for the mount, which ends with it, and one for processes.
ALONE = ["unshare", "--mount", "--pid", "--fork"]
ENTER = ["sh", "-c", 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"']
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def source_of_apt():
    """(address, suite) of the first repository that apt has on this machine."""
    rows = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages").splitlines()
    if not rows:
        raise AssertionError("apt has no lists on this machine; run apt-get update")
    return rows[0].split()


class EmptySystem(PackageCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can make a system in a folder")
        if not shutil.which("debootstrap"):
            raise unittest.SkipTest("debootstrap is not installed")
        if subprocess.run([*ALONE, "--net", "true"], capture_output=True, check=False).returncode != 0:
            raise unittest.SkipTest("no namespaces here")
        super().setUpClass()
        cls.base = cls.make_base()
        cls.archives = cls.fetch_archives()
        voxels = numpy.zeros((60, 50, 5), numpy.int16)
        voxels[20:40, 15:35, 1:4] = 900
        nibabel.save(nibabel.Nifti1Image(voxels, numpy.diag([-0.7, 0.9, 5, 1])), cls.folder / "scan.nii.gz")
        model = ["--model", CHECKPOINT, "--config", CONFIG]
        run(PROGRAM, "segment", "scan.nii.gz", *model, *BOX, "-o", "mask.nii.gz", cwd=cls.folder)
        cls.mask = numpy.asanyarray(nibabel.load(cls.folder / "mask.nii.gz").dataobj)

    @classmethod
    def make_base(cls):
        base = KEPT / "base"
        if not (KEPT / "complete").exists():
            shutil.rmtree(KEPT, ignore_errors=True)
            KEPT.mkdir()
            address, suite = source_of_apt()
            run("debootstrap", "--variant=minbase", suite, base, address)
            (KEPT / "complete").touch()
        return base

    @classmethod
    def fetch_archives(cls):
        """What apt finds that ours depend on, and what shows man pages and completes."""
        archives, stamp = KEPT / "archives", KEPT / "fetched"
        needs = "".join(run("dpkg-deb", "--field", deb, "Depends") for deb in cls.debs.values())
        if stamp.exists() and stamp.read_text() == needs:
            return archives
        system = cls.folder / "fetching"
        run("cp", "--archive", cls.base, system)
        shutil.copytree(cls.packages, system / "packages", ignore=shutil.ignore_patterns("_*"))
        (system / "archives/partial").mkdir(parents=True)
        shutil.copy("/etc/resolv.conf", system / "etc")
        script = f"""
            apt-get -q update
            apt-get -q -y -o Dir::Cache::archives=/archives --no-install-recommends --download-only install \
                {" ".join(f"/packages/{deb.name}" for deb in cls.debs.values())} man-db bash-completion
        """
        run(*ALONE, *ENTER, system, "sh", "-e", "-c", script, env=CLEAN)
        shutil.rmtree(archives, ignore_errors=True)
        archives.mkdir()
        for path in (system / "archives").glob("*.deb"):
            shutil.copy(path, archives)
        stamp.write_text(needs)
        return archives

    def make_system(self):
        """A system of its own for this test: a copy of the one that was made."""
        system = self.folder / self._testMethodName
        run("cp", "--archive", self.base, system)
        (system / "data").mkdir()
        for path in (self.folder / "scan.nii.gz", CHECKPOINT, CONFIG):
            shutil.copy(path, system / "data")
        return system

    def inside(self, system, *command, status=0):
        """What a command prints in the system, without network."""
        done = subprocess.run(
            [*ALONE, "--net", *ENTER, str(system), *map(str, command)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
            env=CLEAN,
        )
        self.assertEqual(done.returncode, status, f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def use_program(self, system, program):
        """The program does its work there, and the same as here."""
        interfaces = self.inside(system, "cat", "/proc/net/dev").splitlines()[2:]
        self.assertEqual([row.split(":")[0].strip() for row in interfaces if row.strip()], ["lo"])
        self.assertEqual(self.inside(system, program, "version"), run(PROGRAM, "version"))
        doctor = self.inside(system, program, "doctor")
        self.assertIn("ok   ", doctor)
        self.assertNotIn("fail", doctor)
        self.inside(
            system,
            *["sh", "-c", 'cd /data && exec "$0" "$@"', program, "segment", "scan.nii.gz"],
            *["--model", pathlib.Path(CHECKPOINT).name, "--config", pathlib.Path(CONFIG).name, *BOX],
            *["-o", "mask.nii.gz", "--preview", "mask.png"],
        )
        mask = numpy.asanyarray(nibabel.load(system / "data/mask.nii.gz").dataobj)
        self.assertTrue(numpy.array_equal(mask, self.mask))
        self.assertTrue(mask.any())
        self.assertTrue((system / "data/mask.png").read_bytes().startswith(b"\x89PNG"))

    def test_tarball(self):
        system = self.make_system()
        top = f"/opt/{self.tarball.name.removesuffix('.tar.gz')}"
        shutil.copy(self.tarball, system / "opt")
        self.assertFalse(list(system.glob("usr/lib/*/libdnnl*")))
        self.inside(system, "tar", "--extract", "--file", f"/opt/{self.tarball.name}", "--directory", "/opt")
        self.use_program(system, f"{top}/bin/voxlabel")
        loaded = self.inside(system, "env", "LD_TRACE_LOADED_OBJECTS=1", f"{top}/bin/voxlabel")
        self.assertIn(f"{top}/bin/../lib/voxlabel/libdnnl", loaded)

    def test_dpkg(self):
        system = self.make_system()
        self.bring_packages(system)
        # Alone it is refused, with what it depends on it is installed.
        self.inside(system, "dpkg", "--install", f"/packages/{self.debs['voxlabel'].name}", status=1)
        self.inside(system, "dpkg", "--purge", "voxlabel")
        self.inside(system, "sh", "-c", "dpkg --install /archives/*.deb /packages/*.deb")
        self.assertEqual(self.inside(system, "dpkg", "--audit"), "")
        self.inside(system, "dpkg", "--verify", *DEBS)
        self.use_program(system, "voxlabel")
        self.look_at_pages(system)
        self.remove(system)

    def test_apt(self):
        """As docs/installing.md has it, but that nothing can be downloaded."""
        system = self.make_system()
        self.bring_packages(system)
        install = "apt-get install -q -y --no-install-recommends"
        self.inside(system, "sh", "-c", f"cd /packages && {install} /archives/*.deb ./voxlabel_*.deb")
        said = self.inside(system, "dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", "*voxlabel*")
        self.assertEqual(said, f"voxlabel {VERSION}-1 installed\n")
        self.use_program(system, "voxlabel")

    def bring_packages(self, system):
        shutil.copytree(self.archives, system / "archives")
        (system / "packages").mkdir()
        for deb in self.debs.values():
            shutil.copy(deb, system / "packages")

    def look_at_pages(self, system):
        for page in ("voxlabel", "voxlabel-segment"):
            self.assertEqual(self.inside(system, "man", "--where", page), f"/usr/share/man/man1/{page}.1.gz\n")
        self.assertIn("voxlabel segment", self.inside(system, "man", "voxlabel-segment"))
        script = """
            . /usr/share/bash-completion/bash_completion
            _completion_loader voxlabel || [ $? = 124 ]
            COMP_WORDS=(voxlabel seg); COMP_CWORD=1; _voxlabel; echo "${COMPREPLY[@]}"
        """
        self.assertEqual(self.inside(system, "bash", "-c", script), "segment\n")
        self.assertIn("libvoxlabel.so.1", self.inside(system, "ldconfig", "--print-cache"))
        self.inside(system, "dpkg", "--verify", *DEBS)

    def remove(self, system):
        """Nothing stays behind."""
        self.inside(system, "dpkg", "--purge", *DEBS)
        left = [path for path in system.glob("usr/**/*voxlabel*")]
        self.assertEqual(left, [])
        self.assertNotIn("libvoxlabel", self.inside(system, "ldconfig", "--print-cache"))


if __name__ == "__main__":
    unittest.main()
