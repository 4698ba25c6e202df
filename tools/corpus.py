#!/usr/bin/env python3
"""Keeps what the go command gives to Go's linker, and what that linker makes of it.

    tools/corpus.py capture -o DIR [--go GO] [--goarch ARCH] [--test] [--env N=V] [--name N] [--variants LIST] PACKAGE... [-- FLAG...]
    tools/corpus.py oracle FOLDER... [--variants LIST]     run Go's linker on captured inputs
    tools/corpus.py argv FOLDER [VARIANT] [-o OUT]         print the arguments after `link`, one shell line
    tools/corpus.py compare FOLDER... --linker COMMAND     run another linker on them and compare byte for byte
    tools/corpus.py time FOLDER... --linker COMMAND        let both take turns: time and memory
    tools/corpus.py memory FOLDER... --linker COMMAND      what of the memory is their own, and what files that are mapped

A capture is a folder for each program, RELEASE-ARCH-NAME:

    link.json        argv of the linker ("{out}" and "{importcfg}" stand for paths), its environment, the linker itself
    importcfg.link   packages and their archives, by absolute path in this folder
    pkg/             the archives, hard links into DIR/.store where equal archives are kept once
    oracle/VARIANT   what Go's linker made: `default` with the captured flags, `plain` without DWARF compression, ...

The finished file of `go build` is no oracle, because the go command rewrites the build id in it afterwards: an
oracle is the direct run of `link`. Flags after `--` go to the go command (-trimpath, -buildmode=pie, -gcflags=...).
A package of another module is named with a version, github.com/rclone/rclone@v1.71.0: it is fetched into a module of its own under
DIR/.modules. `--env` sets a variable of the go command. `--test` captures the test binaries of the packages. `--cgo` builds with cgo, which is off otherwise.
"""

import argparse
import concurrent.futures
import filecmp
import hashlib
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# name -> flags that come after the captured ones
VARIANTS = {
    "default": [],
    "plain": ["-compressdwarf=false"],
    "strip": ["-s", "-w"],
    "nodwarf": ["-w"],
    "x": ["-compressdwarf=false", "-X=main.x=from the command line", "-X=runtime.modinfo=none"],
    "dumpdep": ["-dumpdep"],  # what is printed counts too
    "B": ["-compressdwarf=false", "-B=gobuildid"],
}
CGOLINK = str(Path(__file__).resolve().parent.parent / "target" / "release" / "cgolink")
# Those whose debug sections are compressed, in whatever form.
COMPRESSED = ("default", "dumpdep")
DEFAULT_VARIANTS = "default,plain,strip"
# What the go command tells a tool through the environment.
TOOL_ENVIRONMENT = re.compile(r"^(GOROOT|GOARCH|GOOS|GOEXPERIMENT|GOAMD64|GOARM64|GOARM|GO386|GOFIPS140|CGO_ENABLED|GO_LDSO|GO_EXTLINK_ENABLED)$")

RECORDER = """#!/bin/sh
case "$1" in
  */link|link) [ "$2" = -V=full ] || exec {python} {script} record "$@";;
esac
exec "$@"
"""


def fail(message):
    sys.exit(f"corpus: {message}")


# ---------------------------------------------------------------------------------------------- capturing

def go_environment(go, goarch, cgo=False, goflags=""):
    """The environment of a go command that no setting of the user's can change."""
    env = {k: v for k, v in os.environ.items() if not TOOL_ENVIRONMENT.match(k)}
    env.update(GOARCH=goarch, GOOS="linux", CGO_ENABLED="1" if cgo else "0", GOFLAGS=goflags, GOENV="off", GOTOOLCHAIN="local")
    env.setdefault("GOWORK", "off")
    return env


def release_of(go):
    """`1.26` for a go command of 1.26.8."""
    text = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True, env=dict(os.environ, GOTOOLCHAIN="local")).stdout
    found = re.match(r"go(\d+\.\d+)", text)
    return found[1] if found else fail(f"{go}: cannot tell the release from {text!r}")


def suffix_of(flags):
    """What the flags of the go command add to a folder's name."""
    text = " ".join(flags)
    parts = [name for mark, name in (("-buildmode=pie", "pie"), ("-trimpath", "trimpath"), ("-N -l", "noopt"), ("-race", "race")) if mark in text]
    return "".join("-" + p for p in parts)


def module_needing(go, package, folder, env):
    """A module that needs a package of another one, PATH@VERSION: made once, under `folder`."""
    folder = folder / re.sub(r"[^\w.@-]", "-", package)
    if not (folder / "go.sum").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for words in (["mod", "init", "example.com/links"], ["get", package]):
            done = subprocess.run([go, *words], cwd=folder, env=env, capture_output=True, text=True, errors="replace")
            if done.returncode != 0:
                shutil.rmtree(folder)
                fail(f"go {' '.join(words)}: {done.stderr.strip()}")
    return folder


def capture(packages, out, go="go", goarch="amd64", flags=(), test=False, name=None, cgo=False, cwd=None, tolerant=False, extra=()):
    """Captures the link of each package; returns the folders. `tolerant` goes on when some of them cannot be built; `extra` are
    variables of the go command, NAME=VALUE."""
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    release = release_of(go)
    with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
        scratch = Path(scratch)
        recorder = scratch / "recorder"
        recorder.write_text(RECORDER.format(python=shlex.quote(sys.executable), script=shlex.quote(str(Path(__file__).resolve()))))
        recorder.chmod(0o755)
        records = scratch / "records"
        records.mkdir()
        env = go_environment(go, goarch, cgo)
        env.update(setting.split("=", 1) for setting in extra)
        env.update(CORPUS_RECORDS=str(records), CORPUS_STORE=str(out / ".store"))
        command = [go, "test", "-c"] if test else [go, "build"]
        for number, (batch, folder) in enumerate(builds(packages, cwd, lambda package: module_needing(go, package, out / ".modules" / release, env))):
            # `go test -c` does not write over a file of the same name that is no program.
            made = scratch / f"made-{number}"
            made.mkdir()
            words = [*command, "-toolexec", str(recorder), "-o", f"{made}/", *flags, *batch]
            done = subprocess.run(words, env=env, cwd=folder)
            if done.returncode != 0 and not (tolerant and any(records.iterdir())):
                fail(f"{' '.join(command)} {' '.join(batch)} ended with status {done.returncode}")
        folders = []
        for record in sorted(records.iterdir()):
            taken = json.loads(record.read_text())
            short = name or short_name(taken["package"])
            folders.append(keep(taken, out, out / f"{release}-{goarch}-{short}{suffix_of(flags)}", release))
        return folders


def builds(packages, cwd, module):
    """What each call of the go command builds, and in which folder. `module` finds the one for a package with a version."""
    yield from ((batch, cwd) for batch in batches([p for p in packages if "@" not in p]))
    for package in packages:
        if "@" in package:
            yield [package.partition("@")[0]], module(package)


def batches(packages):
    """The packages, in as few lists as keep apart those whose programs have the same file name."""
    lists = []
    for package in packages:
        parts = package.split("/")
        name = parts[-2] if re.fullmatch(r"v\d+", parts[-1]) and len(parts) > 1 else parts[-1]
        free = next((names for names in lists if name not in names), None)
        if free is None:
            lists.append({name: package})
        else:
            free[name] = package
    return [list(names.values()) for names in lists]


def short_name(package):
    """`cmd/compile` and `net/http.test` as a part of a folder's name."""
    parts = package.split("/")
    if parts[0] == "cmd":
        package = "cmdgo" if parts[1:] == ["go"] else "-".join(parts[1:])
    elif "." in parts[0]:
        package = parts[-1]
    return package.split(" ")[0].replace("/", "-").removesuffix(".test") + ("-test" if ".test" in package else "")


def record(argv):
    """Stands in for the linker inside `go build`: stores the archives and notes the command line."""
    records, store = Path(os.environ["CORPUS_RECORDS"]), Path(os.environ["CORPUS_STORE"])
    link, arguments = argv[0], list(argv[1:])
    config = Path(arguments[arguments.index("-importcfg") + 1])
    output = arguments[arguments.index("-o") + 1]
    lines = []
    for line in config.read_text().splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "packagefile":
            path, _, file = rest.partition("=")
            line = f"packagefile {path}={stored(file, store)}"
        lines.append(line)
    main_archive = arguments[-1]
    arguments[arguments.index("-importcfg") + 1] = "{importcfg}"
    arguments[arguments.index("-o") + 1] = "{out}"
    arguments[-1] = "{main}"
    arguments = fips_object(arguments)
    found = {
        "package": os.environ.get("TOOLEXEC_IMPORTPATH", ""),
        "link": link,
        "argv": arguments,
        "env": {k: v for k, v in sorted(os.environ.items()) if TOOL_ENVIRONMENT.match(k)},
        "importcfg": lines,
        "main": stored(main_archive, store),
    }
    (records / f"{os.getpid()}.json").write_text(json.dumps(found))
    # The go command wants an output; one without a build id is left as it is.
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_bytes(b"captured, not linked\n")
    return 0


def fips_object(arguments):
    """`-fipso FILE` names an extra output in the go command's work folder."""
    if "-fipso" in arguments:
        arguments[arguments.index("-fipso") + 1] = "{out}.fips.o"
    return arguments


def stored(file, store):
    """The name, in the store, of a file's contents."""
    store.mkdir(parents=True, exist_ok=True)
    with open(file, "rb") as opened:
        digest = hashlib.file_digest(opened, "sha256") if hasattr(hashlib, "file_digest") else hashlib.sha256(opened.read())
    place = store / (digest.hexdigest()[:32] + ".a")
    if not place.exists():
        partial = place.with_suffix(f".{os.getpid()}")
        shutil.copyfile(file, partial)
        partial.rename(place)
    return str(place)


def keep(taken, out, folder, release):
    """Writes one captured program's folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pkg").mkdir(parents=True)
    placed = set()

    def place(package, file):
        target = folder / "pkg" / (package + ".a")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target not in placed:
            os.link(file, target)
            placed.add(target)
        return target

    lines, main_archive = [], None
    for line in taken["importcfg"]:
        found = re.match(r"packagefile ([^=]*)=(.*)", line)
        if found:
            target = place(found[1], found[2])
            if found[2] == taken["main"]:
                main_archive = target
            line = f"packagefile {found[1]}={target}"
        lines.append(line)
    if main_archive is None:
        main_archive = place("_main", taken["main"])
    (folder / "importcfg.link").write_text("\n".join(lines) + "\n")
    argv = [str(main_archive) if a == "{main}" else a for a in taken["argv"]]
    facts = {"package": taken["package"], "release": release, "goarch": taken["env"].get("GOARCH", ""), "link": taken["link"], "argv": argv, "env": taken["env"]}
    (folder / "link.json").write_text(json.dumps(facts, indent=1) + "\n")
    return folder


# ---------------------------------------------------------------------------------------------- linking

class Program:
    """A captured program."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        try:
            self.facts = json.loads((self.folder / "link.json").read_text())
        except (OSError, ValueError) as problem:
            fail(f"{folder} is no captured program: {problem}")

    def oracle(self, variant):
        return self.folder / "oracle" / variant

    def arguments(self, variant, out):
        """Everything after the linker's name."""
        argv = [a.replace("{out}", str(out)).replace("{importcfg}", str(self.folder / "importcfg.link")) for a in self.facts["argv"]]
        return argv[:-1] + VARIANTS[variant] + argv[-1:]

    def environment(self):
        clean = {k: v for k, v in os.environ.items() if not TOOL_ENVIRONMENT.match(k)}
        # A link that is passed on to Go's linker proves nothing.
        return dict(clean, CGOLINK_FALLBACK="error", **self.facts["env"])

    def link(self, linker, variant, out):
        """Runs a linker; the finished process, with its seconds."""
        start = time.monotonic()
        done = subprocess.run([*linker, *self.arguments(variant, out)], env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        done.seconds = time.monotonic() - start
        return done

    def make_oracle(self, variant):
        out = self.oracle(variant)
        out.parent.mkdir(exist_ok=True)
        done = self.link([self.facts["link"]], variant, out)
        if done.returncode != 0:
            fail(f"{self.folder.name} {variant}: {done.stderr.strip()}")
        out.with_name(out.name + ".fips.o").unlink(missing_ok=True)


def compare(programs, variants, linker, keep_in, jobs, on_different=None):
    """Runs `linker` over programs and variants; yields (program, variant, verdict, first line of what it said, seconds)."""
    keep_in.mkdir(parents=True, exist_ok=True)

    def one(case):
        program, variant = case
        if not program.oracle(variant).exists():
            program.make_oracle(variant)
        out = keep_in / f"{program.folder.name}.{variant}"
        out.unlink(missing_ok=True)
        done = program.link(linker, variant, out)
        said = (done.stderr.strip().splitlines() or [""])[0]
        if done.returncode != 0 or not out.exists():
            return program, variant, "failed", said or f"status {done.returncode}", done.seconds
        if filecmp.cmp(out, program.oracle(variant), shallow=False):
            out.unlink()
            return program, variant, "identical", said, done.seconds
        if on_different and variant in COMPRESSED and on_different(program.oracle(variant), out) == "identical":
            smaller = program.oracle(variant).stat().st_size - out.stat().st_size
            return program, variant, "same" if smaller >= 0 else "larger", f"{smaller} bytes less compressed", done.seconds
        return program, variant, "different", on_different(program.oracle(variant), out) if on_different else said, done.seconds

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, [(p, v) for p in programs for v in variants])


def verify_line(verifier):
    """A function that asks `cgolink verify` for the first difference."""
    def ask(ours, theirs):
        done = subprocess.run([*verifier, "verify", "--uncompressed", str(ours), str(theirs)], capture_output=True, text=True, errors="replace")
        if done.returncode == 0:
            return "identical"
        return (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or [""])[0]
    return ask


# ---------------------------------------------------------------------------------------------- commands

def variants_of(text):
    chosen = [v for v in text.split(",") if v]
    for variant in chosen:
        if variant not in VARIANTS:
            fail(f"no variant {variant!r}; there are {', '.join(VARIANTS)}")
    return chosen


def command_capture(options):
    folders = capture(options.packages, options.out, options.go, options.goarch, options.flags, options.test, options.name, options.cgo, options.cwd, extra=options.env)
    for folder in folders:
        for variant in variants_of(options.variants):
            Program(folder).make_oracle(variant)
        print(folder, flush=True)


def command_oracle(options):
    for folder in options.folders:
        for variant in variants_of(options.variants):
            Program(folder).make_oracle(variant)


def command_argv(options):
    program = Program(options.folder)
    env = [f"{k}={v}" for k, v in program.facts["env"].items()]
    print(shlex.join(["env", *env, *shlex.split(options.linker or program.facts["link"]), *program.arguments(options.variant, options.out)]))


def command_compare(options):
    linker = shlex.split(options.linker)
    ask = verify_line(shlex.split(options.verifier))
    bad = 0
    programs = [Program(f) for f in options.folders]
    for program, variant, verdict, said, seconds in compare(programs, variants_of(options.variants), linker, Path(options.out), options.jobs, ask):
        bad += verdict not in ("identical", "same")
        print(f"{verdict:10} {seconds:6.2f}s {program.folder.name} {variant} {said}", flush=True)
    return 1 if bad else 0


def both(options, program):
    """The commands of both linkers, by name."""
    return {"cgolink": options.linker.split(), "go tool link": [program.facts["link"]]}


def command_time(options):
    """Lets Go's linker and another one take turns; prints wall time, processor time and peak memory of each."""
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for program in map(Program, options.folders):
        linkers = both(options, program)
        runs = {name: [] for name in linkers}
        for _ in range(options.rounds):
            for name, linker in linkers.items():
                runs[name].append(measured([*linker, *program.arguments(options.variant, out / "timed")], program.environment()))
        for name, taken in runs.items():
            wall = [run[0] for run in taken]
            print(f"{program.folder.name:22} {name:14} {statistics.median(wall) * 1000:8.0f} ms  min {min(wall) * 1000:6.0f}  "
                  f"cpu {min(run[1] for run in taken) * 1000:6.0f} ms  peak {max(run[2] for run in taken):5.0f} MiB", flush=True)


def measured(argv, environment):
    """Wall seconds, processor seconds and peak MiB of a command that has to succeed."""
    start = time.monotonic()
    process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        fail(f"{argv[0]} failed")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def command_memory(options):
    """Looks at both linkers every millisecond; prints the most memory that either had written to itself, and had mapped of files."""
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for program in map(Program, options.folders):
        for name, linker in both(options, program).items():
            argv = [*linker, *program.arguments(options.variant, out / "watched")]
            seen = [watched(argv, program.environment()) for _ in range(options.rounds)]
            own, files = (max(kinds) for kinds in zip(*seen))
            print(f"{program.folder.name:22} {name:14} own {own:5.0f} MiB  of files {files:5.0f} MiB", flush=True)


def watched(argv, environment):
    """The most that a command which has to succeed had in memory, in MiB: of its own, and of files."""
    process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    most = [0, 0]
    with open(f"/proc/{process.pid}/status") as status:
        while process.poll() is None:
            status.seek(0)
            fields = dict(line.split(":", 1) for line in status.read().splitlines())
            now = [int(fields.get(name, "0 kB").split()[0]) / 1024 for name in ("RssAnon", "RssFile")]
            most = list(map(max, most, now))
            time.sleep(0.001)
    if process.returncode != 0:
        fail(f"{argv[0]} failed")
    return most


def main():
    if sys.argv[1:2] == ["record"]:
        sys.exit(record(sys.argv[2:]))
    flags = []
    if "--" in sys.argv:
        at = sys.argv.index("--")
        sys.argv, flags = sys.argv[:at], sys.argv[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("capture")
    one.add_argument("packages", nargs="+")
    one.add_argument("-o", "--out", required=True)
    one.add_argument("--go", default="go")
    one.add_argument("--goarch", default="amd64")
    one.add_argument("--test", action="store_true")
    one.add_argument("--cgo", action="store_true")
    one.add_argument("--name")
    one.add_argument("--cwd")
    one.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable of the go command: GOEXPERIMENT=nodwarf5")
    one.add_argument("--variants", default=DEFAULT_VARIANTS)
    one.set_defaults(run=command_capture, flags=flags)
    one = commands.add_parser("oracle")
    one.add_argument("folders", nargs="+")
    one.add_argument("--variants", default=DEFAULT_VARIANTS)
    one.set_defaults(run=command_oracle)
    one = commands.add_parser("argv")
    one.add_argument("folder")
    one.add_argument("variant", nargs="?", default="default", choices=list(VARIANTS))
    one.add_argument("-o", "--out", default="a.out")
    one.add_argument("--linker")
    one.set_defaults(run=command_argv)
    one = commands.add_parser("compare")
    one.add_argument("folders", nargs="+")
    one.add_argument("--linker", default=CGOLINK + " link")
    one.add_argument("--verifier", default=CGOLINK, help="a cgolink, to uncompress debug sections and to say what differs")
    one.add_argument("--variants", default=DEFAULT_VARIANTS)
    one.add_argument("-o", "--out", default="corpus-out")
    one.add_argument("-j", "--jobs", type=int, default=2)
    one.set_defaults(run=command_compare)
    for name, run, rounds in (("time", command_time, 7), ("memory", command_memory, 3)):
        one = commands.add_parser(name)
        one.add_argument("folders", nargs="+")
        one.add_argument("--linker", default=CGOLINK + " link")
        one.add_argument("--variant", default="default", choices=list(VARIANTS))
        one.add_argument("--rounds", type=int, default=rounds)
        one.add_argument("-o", "--out", default="corpus-out")
        one.set_defaults(run=run)
    options = parser.parse_args()
    sys.exit(options.run(options) or 0)


if __name__ == "__main__":
    main()
