#!/usr/bin/env python3
"""Links the sample programs through every door of cgolink, for both targets, runs them, and compares linkers.

The programs are those of testdata/programs: a Go program with a library in C, unchanged from the article it comes from, and the
same with the library in Rust. Everything that is made stays under demo-out/ to be looked at.

For each program and target: `go build -ldflags=-extld=cgolink` as a person would type it; then that build's host-link stage alone,
by cgolink through its compiler door and its `ld` door, and by every other linker on this machine, each measured five times
in turns. The last column is what the linked program writes.
"""

import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import bench

ROOT = bench.ROOT
OUT = ROOT / "demo-out"
ROUNDS = 5
EXPECTED = "Dog: 42"

# zig's target, GOARCH, Rust's target
TARGETS = (
    ("x86_64-linux-musl", "amd64", "x86_64-unknown-linux-musl"),
    ("aarch64-linux-musl", "arm64", "aarch64-unknown-linux-musl"),
)
# sample, what the link needs beside the program
PROGRAMS = (("animals", ""), ("animals-rust", "-lunwind"))


def step(text):
    print(f"demo: {text}", flush=True)


def run(command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        bench.fail(f"{' '.join(str(c) for c in command)}\n{done.stdout}{done.stderr}")
    return done


def on_terminal(program, goarch):
    """What a program writes on a terminal: C output goes out line by line only there."""
    command = [str(program)]
    if goarch == "arm64" and os.uname().machine != "aarch64":
        emulator = bench.which("qemu-aarch64-static") or bench.which("qemu-aarch64")
        if not emulator:
            return "no qemu-aarch64 to run it with"
        command.insert(0, emulator)
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execv(command[0], command)
        finally:
            os._exit(127)
    written, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the program has ended
            break
        if not piece:
            break
        written += piece
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    text = " / ".join(written.decode(errors="replace").split("\r\n")).strip(" /")
    return text if status == 0 else f"{text} (ended with {status:#x})"


def is_static(program):
    """Whether nothing asks for a loader: no PT_INTERP (3) among the program headers."""
    data = Path(program).read_bytes()
    at, size, count = int.from_bytes(data[32:40], "little"), int.from_bytes(data[54:56], "little"), int.from_bytes(data[56:58], "little")
    return all(int.from_bytes(data[at + size * n : at + size * n + 4], "little") != 3 for n in range(count))


class Sample:
    """One program for one target, in a folder of its own."""

    def __init__(self, name, libraries, target):
        self.name, self.libraries = name, libraries
        self.zig_target, self.goarch, self.rust_target = target
        self.folder = OUT / f"{name}-{self.zig_target}"
        self.compiler = f"zig cc --target={self.zig_target}"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT / "testdata" / "programs" / name, self.folder, ignore=shutil.ignore_patterns("*.o", "*.a"))

    def environment(self, **extra):
        path = os.pathsep.join([str(Path(bench.cgolink_binary()).parent), bench.search_path()])
        env = bench.environment(
            CGO_ENABLED="1", GOOS="linux", GOARCH=self.goarch, CC=f"{self.compiler} -static", GOFLAGS="-buildvcs=false",
            GOTOOLCHAIN="local", CGO_LDFLAGS=self.libraries, **extra,
        )
        env["PATH"] = path
        return env

    def make_library(self):
        run(["make", "-C", self.folder / "c"], env=bench.environment(CC=self.compiler, RUST_TARGET=self.rust_target))

    def go_build(self):
        """The build that a person would type; seconds that it took."""
        start = time.perf_counter()
        run(["go", "build", "-ldflags=-extld=cgolink", "-o", "program", "."], cwd=self.folder, env=self.environment())
        return time.perf_counter() - start

    def record(self):
        """Builds once more, keeping the objects and the command line that Go's linker gives its host linker."""
        objects = self.folder / "obj"
        objects.mkdir()
        recorder, record = self.folder / "recorder.sh", self.folder / "cmdlink-argv.txt"
        recorder.write_text(bench.RECORDER.format(compiler="cgolink"))
        recorder.chmod(0o755)
        ldflags = f"-ldflags=-extld={recorder} -tmpdir={objects}"
        run(["go", "build", ldflags, "-o", "program-again", "."], cwd=self.folder, env=self.environment(BENCH_RECORD=str(record)))
        arguments = record.read_text().splitlines()
        at = arguments.index("-o")
        return arguments[:at] + arguments[at + 2 :]

    def commands(self, arguments):
        """Label -> (argv without -o, environment): every way to do the host-link stage."""
        env = self.environment()
        named = {"CC": env["CC"]}
        ours = bench.cgolink_binary()
        sanitized = [*self.compiler.split(), "-fsanitize=undefined"]
        plain = bench.static_ld_arguments(" ".join(sanitized), arguments, env)
        plain += [a[len("-Wl,") :] for a in arguments if a.startswith("-Wl,--compress-debug-sections")]
        found = {"cgolink (cc door)": ([ours, *arguments], named), "cgolink (ld door)": ([ours, "ld", *plain], named)}
        for label, (command, extra) in bench.linkers(self.goarch).items():
            if label != "cgolink" and not label.endswith("-nofork"):
                found[label] = ([*command, *plain], extra)
        zig = bench.which("zig")
        # Go asks its host linker which flags it knows, and would not give zig these.
        arguments = [a for a in arguments if not a.startswith(("-Wl,--export-dynamic-symbol", "-Wl,--compress-debug-sections"))]
        found["zig cc, as Go calls it"] = ([zig, "cc", f"--target={self.zig_target}", "-static", *arguments], {})
        found["zig cc, told of UBSan"] = ([zig, *sanitized[1:], "-static", *arguments], {})
        return found


def reason(got):
    """Why a link failed, in one line."""
    lines = [line for line in got["log"].splitlines() if line.strip()]
    best = [line for line in lines if "error" in line or "undefined" in line or "fatal" in line]
    return ((best or lines or [""])[0] or f"exit {got['code']}")[:100]


def compare(sample, commands):
    """Measures the commands in turns and prints the table; whether cgolink did all that it has to."""
    output = sample.folder / "linked"
    runs = {label: [] for label in commands}
    failed, facts = {}, {}
    for turn in range(ROUNDS):
        for label, (command, env) in commands.items():
            if label in failed:
                continue
            got = bench.measure([*command, "-o", str(output)], output, env)
            if got["code"] != 0 or not output.exists():
                failed[label] = reason(got)
                continue
            runs[label].append(got)
            if turn == 0:
                os.chmod(output, 0o755)
                facts[label] = (output.stat().st_size, on_terminal(output, sample.goarch), is_static(output))
    print(f"  {'linker':<24}{'time':>11}{'peak memory':>14}{'size':>11}   the program writes")
    for label in commands:
        if label in failed:
            print(f"  {label:<24}{'fails':>11}   {failed[label]}")
            continue
        wall = statistics.median(r["wall"] for r in runs[label]) * 1000
        peak = statistics.median(r["rss"] for r in runs[label]) / 2**20
        size, text, static = facts[label]
        print(f"  {label:<24}{wall:>8.1f} ms{peak:>10.1f} MiB{size / 1e6:>8.2f} MB   {text}{'' if static else ' (NOT STATIC)'}", flush=True)
    for leftover in (output, Path(f"{output}.log")):
        leftover.unlink(missing_ok=True)
    ours = [label for label in commands if label.startswith("cgolink")]
    return all(label in facts and facts[label][1:] == (EXPECTED, True) for label in ours)


def main():
    if not os.path.exists(bench.cgolink_binary()):
        bench.fail(f"{bench.cgolink_binary()} is not there: run `make demo`")
    OUT.mkdir(exist_ok=True)
    bench.become_reaper()
    good = True
    for target in TARGETS:
        for name, libraries in PROGRAMS:
            sample = Sample(name, libraries, target)
            step(f"{name} for {sample.zig_target}: compiling")
            sample.make_library()
            step(f"CC='{sample.compiler} -static' GOARCH={sample.goarch} go build -ldflags=-extld=cgolink .")
            seconds = sample.go_build()
            written = on_terminal(sample.folder / "program", sample.goarch)
            print(f"  built in {seconds:.1f} s; the program writes: {written}")
            good &= written == EXPECTED and is_static(sample.folder / "program")
            arguments = sample.record()
            print(f"\n{name} for {sample.zig_target}: the host-link stage, median of {ROUNDS}")
            good &= compare(sample, sample.commands(arguments))
            print()
    if not good:
        sys.exit("demo: cgolink did not do all that it has to")
    step(f"all programs ran as they should; they are under {OUT.name}/")


if __name__ == "__main__":
    main()
