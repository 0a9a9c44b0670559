"""What the program tells of its commands: help, man pages and completion say the same, and shells can work with it."""

import os
import pathlib
import re
import subprocess
import unittest

from app_case import PROGRAM, AppCase

SHARE = pathlib.Path(os.environ["VOXLABEL_SHARE"])


def unescape(roff):
    """Roff as the text that it prints, fonts aside."""
    for escape, text in {r"\-": "-", r"\(aq": "'", r"\(dq": '"', r"\e": "\\", r"\(ti": "~", r"\(ha": "^"}.items():
        roff = roff.replace(escape, text)
    return re.sub(r"\\f[BIR]", "", roff)


class Pages(AppCase):
    def commands(self):
        overview, _err = self.run_program("help")
        return [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]

    def options(self, command):
        """[(name, name of its value or None)] of the help text."""
        out, _err = self.run_program(command, "--help")
        rows = re.findall(r"^  (--?[a-z][a-z-]*)(?: (\S+))?(?:  |$)", out, re.MULTILINE)
        self.assertIn(("--help", ""), rows)
        return [(name, value or None) for name, value in rows]

    def quoted(self, text):
        return re.sub(r"\s+", " ", text)


class Help(Pages):
    def test_commands(self):
        self.assertEqual(self.commands(), ["serve", "start_server", "segment", "info", "compare", "model", "doctor", "version", "help", "completion"])

    def test_every_command_explains_itself(self):
        for command in self.commands():
            out, err = self.run_program(command, "--help")
            self.assertTrue(out.startswith(f"usage: voxlabel {command} "), out)
            self.assertEqual(err, "")
            self.assertEqual(self.run_program("help", command)[0], out)
            self.assertEqual(self.run_program(command, "-h")[0], out)
            self.assertLessEqual(max(map(len, out.splitlines())), 100, command)
            self.assertFalse(re.search(r"[ \t]$", out, re.MULTILINE), command)

    def test_arguments(self):
        for arguments, said in [
            (["help", "segmnt"], "there is no command 'segmnt'; 'voxlabel help' lists them"),
            (["help", "segment", "info"], "one argument too many: info; see 'voxlabel help --help'"),
            (["completion"], "name a shell: bash, zsh or fish; see 'voxlabel completion --help'"),
            (["completion", "tcsh"], "name a shell: bash, zsh or fish; see 'voxlabel completion --help'"),
            (["completion", "bash", "zsh"], "one argument too many: zsh; see 'voxlabel completion --help'"),
        ]:
            out, err = self.run_program(*arguments, status=2)
            self.assertEqual((out, err), ("", f"voxlabel: {said}\n"))

    def test_full_disk(self):
        commands = [["help", "--man"], ["help", "segment"], ["completion", "fish"], ["version"], ["segment", "--help"]]
        for arguments in commands:
            with open("/dev/full", "w") as full:
                process = self.start(*arguments, stdout=full, stderr=-1)
                _out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (1, "voxlabel: cannot write the output\n"), arguments)


class Man(Pages):
    def pages(self):
        """{command or None: the page in roff}"""
        pages = {command: self.run_program("help", "--man", command)[0] for command in self.commands()}
        pages[None] = self.run_program("help", "--man")[0]
        return pages

    def test_made_by_the_build(self):
        pages = {f"voxlabel-{command}.1" if command else "voxlabel.1": page for command, page in self.pages().items()}
        made = {path.name: path.read_text() for path in (SHARE / "man" / "man1").iterdir()}
        self.assertEqual(made, pages)

    def test_every_option(self):
        for command, page in self.pages().items():
            if command is None:
                continue
            text = unescape(page)
            for name, value in self.options(command):
                self.assertIn(f"\n.TP\n{name}{f' {value}' if value else ''}\n", text, command)
            # The words of the help too, wherever their lines end.
            out, _err = self.run_program(command, "--help")
            section = self.quoted(text)
            for help_text in re.findall(r"^ {24}(\S.*(?:\n {24}\S.*)*)", out, re.MULTILINE):
                self.assertIn(self.quoted(help_text), section, command)

    def test_environment(self):
        """Every variable that a help text speaks of, in the page of its command and in that of the program."""
        pages = {command: unescape(page) for command, page in self.pages().items()}
        for command in self.commands():
            out, _err = self.run_program(command, "--help")
            spoken = set(re.findall(r"\b(?:VOXLABEL|CURL|MONAI)_[A-Z_]+\b", out))
            told = re.findall(r"^\.TP\n([A-Z_]+)$", pages[command], re.MULTILINE)
            self.assertEqual(sorted(told), sorted(spoken), command)
            for name in spoken:
                self.assertEqual(pages[None].count(f"\n.TP\n{name}\n"), 1, name)
        self.assertIn("\n.TP\nVOXLABEL_MODEL\n", pages["segment"])

    def test_form(self):
        for command, page in self.pages().items():
            sections = re.findall(r"^\.SH (.*)$", page, re.MULTILINE)
            self.assertEqual(sections[:3], ["NAME", "SYNOPSIS", "DESCRIPTION"])
            self.assertIn("EXIT STATUS", sections)
            self.assertEqual(sections[-1], "SEE ALSO")
            for line in page.splitlines():
                if line.startswith((".", "'")):
                    self.assertRegex(line, r"^\.(TH|SH|TP|PP|nf|fi)( |$)", command)
                self.assertTrue(line.isascii() and line == line.strip() and line != "", repr(line))
            for other in self.commands():
                self.assertEqual(f"voxlabel-{other}(1)" in unescape(page), other != command)

    def lint(self, command):
        for name, page in self.pages().items():
            done = subprocess.run(command, input=page, capture_output=True, text=True, timeout=60, check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]
            self.assertEqual(said, [], name)

    def test_mandoc(self):
        self.lint(["mandoc", "-Tlint", "-W", "warning"])

    def test_groff(self):
        self.lint(["groff", "-man", "-Tascii", "-ww", "-z"])

    def test_man(self):
        """As it is read."""
        for path in (SHARE / "man" / "man1").iterdir():
            done = subprocess.run(
                ["man", "--warnings", "-l", str(path)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={**os.environ, "MANWIDTH": "80", "MANPAGER": "cat", "LC_ALL": "C"},
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("SEE ALSO", done.stdout)


class Installed(Pages):
    def test_program(self):
        """cmake --install brings the program and all that is told of it."""
        prefix = self.folder / "usr"
        command = [os.environ["VOXLABEL_CMAKE"], "--install", SHARE.parent, "--component", "program", "--prefix", prefix]
        subprocess.run(command, check=True, capture_output=True, timeout=100)
        found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
        pages = {f"share/man/man1/voxlabel-{command}.1" for command in self.commands()}
        others = {"share/bash-completion/completions/voxlabel", "share/zsh/site-functions/_voxlabel"}
        others |= {"share/fish/vendor_completions.d/voxlabel.fish", "share/man/man1/voxlabel.1", "bin/voxlabel"}
        self.assertEqual(found, pages | others)
        done = subprocess.run([prefix / "bin" / "voxlabel", "version"], capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(done.stdout, self.run_program("version")[0])


class Completion(Pages):
    def script(self, shell):
        out, err = self.run_program("completion", shell)
        self.assertEqual(err, "")
        path = self.folder / f"script.{shell}"
        path.write_text(out)
        return path

    def test_made_by_the_build(self):
        for shell, place in {
            "bash": "bash-completion/completions/voxlabel",
            "zsh": "zsh/site-functions/_voxlabel",
            "fish": "fish/vendor_completions.d/voxlabel.fish",
        }.items():
            self.assertEqual((SHARE / place).read_text(), self.run_program("completion", shell)[0])

    def test_every_option(self):
        for shell in ("bash", "zsh", "fish"):
            text = self.script(shell).read_text()
            for command in self.commands():
                self.assertIn(command, text)
                for name, _value in self.options(command):
                    spelled = name.lstrip("-") if shell == "fish" else name
                    marks = {"bash": rf"{command}\) .*", "fish": rf"__voxlabel_is {command}' -[ls] "}
                    self.assertRegex(text, marks.get(shell, "'[*]?") + re.escape(spelled) + r"[ \"=\[]")

    def syntax(self, shell, option):
        done = subprocess.run(
            [shell, option, str(self.script(shell))], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_bash_syntax(self):
        self.syntax("bash", "-n")

    def test_zsh_syntax(self):
        self.syntax("zsh", "-n")

    def test_fish_syntax(self):
        self.syntax("fish", "-n")

    def offered(self, completed):
        """What a shell offers for a line that ends in `completed`: (line, words that must, words that must not)."""
        (self.folder / "scan one.nii.gz").touch()
        (self.folder / "sub").mkdir(exist_ok=True)
        for line, there, absent in [
            ("voxlabel s", ["segment"], ["info", "scan one.nii.gz"]),
            ("voxlabel ", ["segment", "help", "completion"], ["scan one.nii.gz"]),
            ("voxlabel segment --e", ["--extent", "--explain"], ["--model"]),
            ("voxlabel segment --extent ", ["strict", "free"], ["scan one.nii.gz"]),
            ("voxlabel segment x.nii --passes f", ["forward", "from_key"], ["union"]),
            ("voxlabel segment --mask s", ["scan one.nii.gz"], ["strict"]),
            ("voxlabel segment --quiet s", ["scan one.nii.gz"], ["segment"]),
            ("voxlabel segment --cache-dir s", ["sub"], ["scan one.nii.gz"]),
            ("voxlabel compare a b --", ["--tolerance", "--per-slice", "--help"], ["--model"]),
            ("voxlabel model i", ["inspect"], []),
            ("voxlabel help c", ["compare", "completion"], ["segment"]),
            ("voxlabel completion ", ["bash", "zsh", "fish"], ["scan one.nii.gz"]),
        ]:
            found = completed(line)
            for word in there:
                self.assertIn(word, found, line)
            for word in absent:
                self.assertNotIn(word, found, line)

    def test_bash(self):
        script = self.script("bash")

        def completed(line):
            words = line.split(" ")
            program = f"""
                source {script.name}
                complete -p voxlabel | grep -q -- '-F _voxlabel ' || exit 1
                COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _voxlabel
                printf '%s\\n' "${{COMPREPLY[@]}}"
            """
            done = subprocess.run(
                ["bash", "-c", program, "bash", *words],
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""), line)
            return done.stdout.splitlines()

        self.offered(completed)
        # bash parts words at the '='.
        self.assertEqual(completed("voxlabel segment --extent = s"), ["strict"])
        self.assertEqual(completed("voxlabel segment --extent ="), ["strict", "free"])
        self.assertEqual(completed("voxlabel segment --point "), [""])

    def test_fish(self):
        script = self.script("fish")
        (self.folder / "voxlabel").symlink_to(PROGRAM)

        def completed(line):
            program = f"source {script.name}; complete -C '{line}'"
            done = subprocess.run(
                ["fish", "--no-config", "-c", program],
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)},
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""), line)
            return [row.split("\t")[0].replace("\\ ", " ").rstrip("/") for row in done.stdout.splitlines()]

        self.offered(completed)


if __name__ == "__main__":
    unittest.main()
