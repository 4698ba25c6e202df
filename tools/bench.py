#!/usr/bin/env python3
"""Makes the link inputs that cgolink is measured on, and measures it beside its peers.

An input is a real Go program whose host-link stage was recorded: the `go.o` and host objects that Go's
linker keeps with `-tmpdir`, and the exact command line that it gave to the C compiler. From that line a plain
static `ld` command line is derived by asking the C compiler what it would run, so that every linker gets the
same arguments and the same files.

    tools/bench.py prepare [NAME...] [--out DIR]     make the inputs (once; kept)
    tools/bench.py run [NAME...] [--rounds N]        measure, print tables, write results.json
    tools/bench.py list                              the inputs and the linkers found

Linkers take turns inside one run, so that a slow minute of the machine is shared by all. Wall time is measured
to the return of the command. mold and wild detach their last work into a process of their own: they are measured so,
and again with `--no-fork`, as separate rows; memory and CPU time count the detached process too.
"""

import argparse
import ctypes
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import corpus

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
RCLONE = "github.com/rclone/rclone@v1.71.0"
PR_SET_CHILD_SUBREAPER = 36

# name -> (Go package, C compiler, GOARCH, arguments that make the result prove that it runs)
INPUTS = {
    "cmdgo": ("cmd/go", "gcc", "amd64", ["version"]),
    "cmdgo-musl": ("cmd/go", "zig cc --target=x86_64-linux-musl", "amd64", ["version"]),
    "cmdgo-musl-arm64": ("cmd/go", "zig cc --target=aarch64-linux-musl", "arm64", ["version"]),
    "rclone": (RCLONE, "gcc", "amd64", ["version"]),
    "rclone-musl": (RCLONE, "zig cc --target=x86_64-linux-musl", "amd64", ["version"]),
    "rclone-musl-arm64": (RCLONE, "zig cc --target=aarch64-linux-musl", "arm64", ["version"]),
}
DEFAULT_INPUTS = ["cmdgo", "rclone"]


def fail(message):
    sys.exit(f"bench: {message}")


def search_path():
    return os.pathsep.join([str(TOOLS / "bin"), os.environ.get("PATH", "")])


def environment(**extra):
    env = dict(os.environ, PATH=search_path(), **extra)
    return env


def which(name):
    return shutil.which(name, path=search_path())


# ---------------------------------------------------------------------------------------------- inputs

RECORDER = """#!/bin/sh
# Stands in for the host linker: notes the command line of the real link, then runs the compiler.
for argument; do
  case "$argument" in
    */go.o) printf '%s\\n' "$@" > "$BENCH_RECORD"; break;;
  esac
done
exec {compiler} "$@"
"""


def prepare(name, out):
    """Builds the input `name` under `out`, unless it is already there."""
    package, compiler, goarch, check = INPUTS[name]
    folder = out / name
    args_file = folder / "args.txt"
    if args_file.exists():
        return folder
    print(f"bench: preparing {name} ({package}, {compiler}, {goarch})", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    objects = folder / "obj"
    objects.mkdir(parents=True)
    recorder = folder / "recorder.sh"
    recorder.write_text(RECORDER.format(compiler=compiler))
    recorder.chmod(0o755)
    record = folder / "cmdlink-argv.txt"
    env = environment(
        CGO_ENABLED="1", GOOS="linux", GOARCH=goarch, CC=compiler, BENCH_RECORD=str(record),
    )
    # A host build of the toolchain's own commands may not pick a newer toolchain.
    env.setdefault("GOTOOLCHAIN", "local")
    ldflags = f"-linkmode=external -tmpdir={objects} -extld={recorder}"
    reference = folder / "reference"
    common = ["-tags", "netcgo", "-ldflags", ldflags]
    module = corpus.module_needing("go", package, folder, env) if "@" in package else None
    subprocess.run(["go", "build", "-o", str(reference), *common, package.partition("@")[0]], cwd=module, env=env, check=True)
    if not record.exists():
        fail(f"{name}: Go's linker did not call the host linker with a go.o")
    arguments = record.read_text().splitlines()
    ld_arguments = static_ld_arguments(compiler, arguments, env)
    if not (objects / "go.o").exists():
        fail(f"{name}: no go.o was kept under {objects}")
    args_file.write_text("".join(quote_response(a) + "\n" for a in ld_arguments))
    (folder / "check.json").write_text(json.dumps({"goarch": goarch, "check": check}))
    for linker, (command, _) in linkers(goarch).items():
        script = folder / f"run-{linker}.sh"
        line = " ".join(shlex.quote(c) for c in command)
        script.write_text(f'#!/bin/sh\n# usage: {script.name} OUTPUT [more ld arguments]\nout="${{1:-/dev/null}}"; shift\nexec {line} -o "$out" @{shlex.quote(str(args_file))} "$@"\n')
        script.chmod(0o755)
    return folder


def quote_response(argument):
    """Quotes one argument for a GNU response file."""
    if argument and not any(c in argument for c in " \t\n'\"\\"):
        return argument
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def grouped(arguments):
    """The libraries that end the line as one group: zig's own linker takes them in any order, GNU ld does not."""
    first = next((n for n, a in enumerate(arguments) if a.endswith(".a")), None)
    return arguments if first is None else [*arguments[:first], "--start-group", *arguments[first:], "--end-group"]


def static_ld_arguments(compiler, arguments, env):
    """The static `ld` command line that the compiler would run for Go's host-link arguments, without `-o`."""
    # Neither means anything in a static program, and not every compiler passes them on.
    dropped = ("-rdynamic", "-Wl,--compress-debug-sections", "-Wl,--dynamic-linker", "-Wl,--export-dynamic-symbol")
    kept, skip = [], False
    for argument in arguments:
        if skip or argument == "-o" or argument.startswith(dropped):
            skip = argument == "-o"
            continue
        kept.append(argument)
    if compiler.startswith("zig"):
        scratch = Path("/tmp") / f"bench-probe-{os.getpid()}"
        command = [*compiler.split(), "-static", *kept, "-o", str(scratch)]
        done = subprocess.run(command, env=dict(env, ZIG_VERBOSE_LINK="1"), capture_output=True, text=True)
        scratch.unlink(missing_ok=True)
        lines = [shlex.split(l) for l in done.stderr.splitlines() if l.startswith("ld.lld ")]
        start = 1
    else:
        done = subprocess.run([*compiler.split(), "-static", *kept, "-###"], env=env, capture_output=True, text=True)
        lines = [shlex.split(l) for l in done.stderr.splitlines() if l.split(" ")[1:2] and "collect2" in l.split()[0]]
        start = 1
    if done.returncode != 0 or not lines:
        fail(f"{compiler} did not say how it links:\n{done.stderr}")
    result, skip = [], False
    for argument in lines[-1][start:]:
        if skip:
            skip = False
        elif argument in ("-o", "-plugin", "-mllvm"):
            skip = True
        elif argument.startswith(("-plugin-opt", "--error-limit", "--image-base")):
            pass
        else:
            result.append(argument)
    return grouped(result) if compiler.startswith("zig") else result


# ---------------------------------------------------------------------------------------------- linkers


def cgolink_binary():
    named = os.environ.get("CGOLINK")
    return named or str(ROOT / "target" / "release" / "cgolink")


def linkers(goarch="amd64"):
    """Name -> (argv prefix, environment) of every linker that is on this machine and knows the target."""
    found = {}
    if os.path.exists(cgolink_binary()):
        found["cgolink"] = ([cgolink_binary(), "ld"], {})
    bfd = ["ld.bfd", "ld"] if goarch == "amd64" else ["aarch64-linux-gnu-ld.bfd", "aarch64-linux-gnu-ld"]
    for label, names, flags in (
        ("bfd", bfd, []),
        ("lld", ["ld.lld"], []),
        ("mold", ["mold"], []),
        ("mold-nofork", ["mold"], ["--no-fork"]),
        ("wild", ["wild"], []),
        ("wild-nofork", ["wild"], ["--no-fork"]),
    ):
        path = next((p for p in map(which, names) if p), None)
        if path:
            found[label] = ([path, *flags], {})
    if which("zig"):
        found["zig-lld"] = ([which("zig"), "ld.lld"], {})
    return found


def version_of(command):
    flag = "version" if command[-1] == "zig" else "--version"
    done = subprocess.run([*command, flag], capture_output=True, text=True, env=environment())
    text = (done.stdout or done.stderr).strip().splitlines()
    return text[0] if text else "no answer"


# ---------------------------------------------------------------------------------------------- measuring


def become_reaper():
    """Makes processes that a linker detaches ours to wait for, so that their memory and CPU time count."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        print("bench: detached processes cannot be measured here; see the --no-fork rows", file=sys.stderr)


def measure(command, output, extra_env=None):
    """Runs one command: wall seconds to its return, CPU seconds and peak RSS (bytes) with what it detached."""
    Path(output).unlink(missing_ok=True)
    log = open(str(output) + ".log", "w+b")
    actions = [(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
    env = environment(**(extra_env or {}))
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, env, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
    while True:
        try:
            _, _, late = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += late.ru_utime + late.ru_stime
        peak = max(peak, late.ru_maxrss * 1024)
    settled = time.perf_counter() - start
    log.seek(0)
    text = log.read().decode(errors="replace")
    log.close()
    code = os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else (status >> 8)
    return {"wall": wall, "settled": settled, "cpu": cpu, "rss": peak, "code": code, "log": text}


def runs(output, folder):
    """Whether the linked program starts and answers; the reason when it does not."""
    facts = json.loads((folder / "check.json").read_text())
    command = [str(output), *facts["check"]]
    machine = os.uname().machine
    if facts["goarch"] == "arm64" and machine != "aarch64":
        qemu = which("qemu-aarch64-static") or which("qemu-aarch64")
        if not qemu:
            return "no qemu-aarch64"
        command = [qemu, *command]
    os.chmod(output, 0o755)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, GOTOOLCHAIN="local"))
    return None if done.returncode == 0 and done.stdout else f"exit {done.returncode}: {done.stderr.strip()[:200]}"


def measure_input(name, folder, rounds, only, variant):
    """All linkers on one input, taking turns: label -> list of measurements and facts."""
    goarch = INPUTS[name][2]
    chosen = {k: v for k, v in linkers(goarch).items() if not only or k in only}
    output = folder / "linked"
    rows = {}
    for label, (command, env) in chosen.items():
        line = [*command, "-o", str(output), f"@{folder / 'args.txt'}", *variant]
        first = measure(line, output, env)
        row = {"command": command, "version": version_of([c for c in command if c != "--no-fork"]), "runs": []}
        if first["code"] != 0 or not output.exists():
            row["error"] = f"exit {first['code']}: {first['log'].strip()[-300:]}"
        else:
            row["size"] = output.stat().st_size
            row["broken"] = runs(output, folder)
        row["line"], row["env"] = line, env
        rows[label] = row
    order = [label for label in rows if "error" not in rows[label]]
    for turn in range(rounds):
        shift = turn % max(1, len(order))
        for label in order[shift:] + order[:shift]:
            got = measure(rows[label]["line"], output, rows[label]["env"])
            if got["code"] != 0:
                rows[label]["error"] = f"exit {got['code']} in round {turn}: {got['log'].strip()[-300:]}"
            rows[label]["runs"].append({k: got[k] for k in ("wall", "settled", "cpu", "rss")})
    output.unlink(missing_ok=True)
    Path(str(output) + ".log").unlink(missing_ok=True)
    for row in rows.values():
        del row["line"], row["env"]
    return rows


def report(title, rows):
    base = rows.get("cgolink")
    base_wall = statistics.median(r["wall"] for r in base["runs"]) if base and base.get("runs") and "error" not in base else None
    print(f"\n{title}")
    print(f"  {'linker':<13}{'wall median':>12}{'min':>9}{'settled':>10}{'cpu':>9}{'peak MiB':>10}{'size MB':>9}{'x cgolink':>11}  {'version'}")
    for label, row in rows.items():
        if "error" in row or not row["runs"]:
            print(f"  {label:<13}failed: {row.get('error', 'no runs')}")
            continue
        wall = statistics.median(r["wall"] for r in row["runs"])
        ratio = f"{wall / base_wall:.2f}" if base_wall else "-"
        note = f"  RESULT DOES NOT RUN: {row['broken']}" if row.get("broken") else ""
        print(
            f"  {label:<13}{wall * 1000:>9.1f} ms{min(r['wall'] for r in row['runs']) * 1000:>9.1f}"
            f"{statistics.median(r['settled'] for r in row['runs']) * 1000:>10.1f}"
            f"{statistics.median(r['cpu'] for r in row['runs']) * 1000:>9.1f}"
            f"{statistics.median(r['rss'] for r in row['runs']) / 2**20:>10.1f}"
            f"{row['size'] / 1e6:>9.1f}{ratio:>11}  {row['version']}{note}"
        )


def input_facts(folder):
    sizes = [f.stat().st_size for f in (folder / "obj").iterdir()]
    return f"go.o {(folder / 'obj' / 'go.o').stat().st_size / 1e6:.1f} MB, {len(sizes)} objects"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["prepare", "run", "list"])
    parser.add_argument("names", nargs="*", help=f"inputs, of: {', '.join(INPUTS)} (default: {', '.join(DEFAULT_INPUTS)})")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out", help="where the inputs and results are kept")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--linkers", default="", help="comma-separated names; default all that are found")
    parser.add_argument("--no-compressed", action="store_true", help="leave out the runs with compressed debug sections")
    options = parser.parse_args()
    names = options.names or DEFAULT_INPUTS
    for name in names:
        if name not in INPUTS:
            fail(f"no input is called {name}; there are {', '.join(INPUTS)}")
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if options.action == "list":
        for name, (package, compiler, goarch, _) in INPUTS.items():
            print(f"{name:<20}{package}  {compiler}  {goarch}")
        for label, (command, _) in linkers().items():
            print(f"{label:<20}{' '.join(command)}")
        return
    folders = {name: prepare(name, out) for name in names}
    if options.action == "prepare":
        return
    become_reaper()
    only = [l for l in options.linkers.split(",") if l]
    results, bad = {}, False
    variants = [("plain", [])] + ([] if options.no_compressed else [("zlib", ["--compress-debug-sections=zlib"])])
    print(f"{os.cpu_count()} processors, {options.rounds} rounds, linkers take turns; cgolink: {cgolink_binary()}")
    for name, folder in folders.items():
        for variant, flags in variants:
            rows = measure_input(name, folder, options.rounds, only, flags)
            results[f"{name}/{variant}"] = rows
            report(f"{name} ({input_facts(folder)}), debug sections {'compressed by zlib' if flags else 'as they are'}", rows)
            ours = rows.get("cgolink")
            bad |= bool(ours) and ("error" in ours or bool(ours.get("broken")))
    (out / "results.json").write_text(json.dumps(results, indent=1))
    if bad:
        fail("cgolink failed on an input")


if __name__ == "__main__":
    main()
