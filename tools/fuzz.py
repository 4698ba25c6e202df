#!/usr/bin/env python3
"""Runs each fuzz target for a while: tools/fuzz.py [--seconds N] [TARGET...].

The starting corpus is made of the objects, archives, scripts and command lines of the tests. cargo-fuzz is installed into the
project's own folder when it is missing; a nightly toolchain has to be there (`rustup toolchain install nightly`).
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".tools" / "bin"


def targets():
    text = (ROOT / "fuzz" / "Cargo.toml").read_text()
    return re.findall(r'\[\[bin\]\]\nname = "(\w+)"', text)


def seeds(target):
    """Files that the target's corpus starts from."""
    built = ROOT / "target" / "tmp"
    if target in ("elf", "macho"):
        return sorted(built.glob("determinism-mixed-*/*.o")) + sorted(built.glob("link/*/*.o"))[:40]
    if target == "archive":
        return sorted(built.glob("determinism-mixed-*/*.a")) + sorted(built.glob("link/*/lib*.a"))[:20]
    if target == "script":
        return sorted((ROOT / "linkscripts").glob("*")) + sorted((ROOT / "testdata").glob("link/*/*.ld")) + sorted((ROOT / "testdata").glob("link/*/*.map"))
    return []


def including():
    """Scripts of the cases with the files that they include, joined as the target takes them apart."""
    for case in sorted((ROOT / "testdata" / "link").glob("*/parts")):
        included = [part for file in sorted(case.glob("*.ld")) for part in (file.name.encode(), file.read_bytes())]
        for script in sorted(case.parent.glob("*.ld")):
            yield f"seed-including-{case.parent.name}-{script.name}", b"\0".join([script.read_bytes(), *included])


def words(target):
    """Command lines as files: the arguments that the cases link with, one a line."""
    if target not in ("command_line", "response_file"):
        return
    for number, source in enumerate(sorted((ROOT / "testdata" / "link").glob("*/main.*"))):
        arguments = re.findall(r"^//#LinkArgs(?:\[\w+\])?: (.*)$", source.read_text(errors="replace"), re.M)
        if arguments:
            yield f"case-{number}", "\n".join(" ".join(arguments).split())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    env = dict(os.environ, PATH=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))
    if not shutil.which("cargo-fuzz", path=env["PATH"]):
        subprocess.run(["cargo", "install", "--quiet", "--root", str(ROOT / ".tools"), "--locked", "cargo-fuzz"], check=True)
    failed = []
    for target in options.targets or targets():
        corpus = ROOT / "fuzz" / "corpus" / target
        corpus.mkdir(parents=True, exist_ok=True)
        for seed in seeds(target):
            if seed.stat().st_size < 200_000:
                shutil.copyfile(seed, corpus / f"seed-{seed.parent.name}-{seed.name}")
        for name, text in words(target):
            (corpus / name).write_text(text)
        for name, text in including() if target == "script" else ():
            (corpus / name).write_bytes(text)
        command = ["cargo", "+nightly", "fuzz", "run", target, "--", f"-max_total_time={options.seconds}", "-timeout=10", "-rss_limit_mb=4096"]
        print("fuzz: " + " ".join(command), flush=True)
        if subprocess.run(command, cwd=ROOT, env=env).returncode != 0:
            failed.append(target)
    if failed:
        sys.exit("fuzz: failed: " + ", ".join(failed) + "; the inputs are under fuzz/artifacts/")


if __name__ == "__main__":
    main()
