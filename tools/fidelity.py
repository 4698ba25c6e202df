#!/usr/bin/env python3
"""Links real Go programs with Go's linker and with cgolink, and writes docs/FIDELITY.md: how many files are the same.

    tools/fidelity.py [--tests] [--fresh] [--releases LIST] [--architectures LIST] [--modes LIST] [--sets LIST] [--only REGEX]

Sets: `cmd` (every program of the Go distribution), `rclone`, `modules` (programs of other authors), `std` (the test binaries of all
packages of the standard library). Modes are what the archives were compiled with: `exe`, `trimpath`, `noopt`, `pie`. Each program is linked in
several variants: `plain` (-compressdwarf=false), `strip` (-s -w) and `x` (-X) must be the same byte for byte; `default`
has compressed debug sections, which must hold the same and be no larger; `dumpdep` also prints what -dumpdep prints.

With `--tests` it runs tests of the standard library that `go test -toolexec=cgolink` linked, instead of comparing.

What was found for a group (release, architecture, mode, set) is kept in the output folder, and a later run of other groups
adds to it; `--fresh` forgets it. The report is made of all that is kept.
"""

import argparse
import concurrent.futures
import filecmp
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import corpus

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".tools" / "bin"
REPORT = ROOT / "docs" / "FIDELITY.md"
RCLONE = "github.com/rclone/rclone@v1.71.0"
# Of many authors: with assembly, with embedded files, with the largest trees of packages.
MODULES = [
    "github.com/bufbuild/buf/cmd/buf@v1.75.0",
    "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9",
    "github.com/evanw/esbuild/cmd/esbuild@v0.28.2",
    "github.com/go-delve/delve/cmd/dlv@v1.27.2",
    "github.com/junegunn/fzf@v0.65.2",
    "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "honnef.co/go/tools/cmd/staticcheck@v0.8.2",
]
MODES = {
    "exe": [],
    "trimpath": ["-trimpath"],
    "noopt": ["-gcflags=all=-N -l"],
    "pie": ["-buildmode=pie"],
}
VARIANTS = ["default", "plain", "strip", "x", "dumpdep"]
SETS = ["cmd", "rclone", "modules", "std"]
RELEASES = ["1.26", "1.27"]
ARCHITECTURES = ["amd64", "arm64"]
# Whose tests are run when cgolink has linked them.
TESTED = "runtime reflect encoding/... net/http go/... crypto/... os/... sync/... time debug/... errors fmt io/... math/... net sort strconv strings text/...".split()


def fail(message):
    sys.exit(f"fidelity: {message}")


def go_command(release):
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    os.environ["PATH"] = path
    return shutil.which(f"go{release}") or fail(f"there is no go{release}: run tools/setup.py fidelity")


# ---------------------------------------------------------------------------------------------- inputs

def listed(go, goarch, form, pattern, cwd=None):
    env = corpus.go_environment(go, goarch)
    text = subprocess.run([go, "list", "-f", form, pattern], capture_output=True, text=True, check=True, env=env, cwd=cwd).stdout
    return [line for line in text.splitlines() if line]


def capture(group, out):
    """The captured programs of a group."""
    release, goarch, mode, wanted = group
    go, folder = go_command(release), out / "captured"
    options = {"go": go, "goarch": goarch, "flags": ["-buildvcs=false", *MODES[mode]]}
    if wanted == "cmd":
        packages = listed(go, goarch, '{{if eq .Name "main"}}{{.ImportPath}}{{end}}', "cmd/...")
    elif wanted in ("rclone", "modules"):
        packages = [RCLONE] if wanted == "rclone" else MODULES
    else:
        packages = listed(go, goarch, "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "std")
        options["test"] = True
    return [corpus.Program(f) for f in corpus.capture(packages, folder, tolerant=True, **options)]


# ---------------------------------------------------------------------------------------------- comparing

def link_both(program, variant, cgolink, scratch):
    """Links a program twice: what came out, and the seconds that each linker took."""
    name = f"{program.folder.name}.{variant}"
    theirs, ours = scratch / f"{name}.go", scratch / f"{name}.cgolink"
    result = {"program": program.facts["package"], "variant": variant, "verdict": "identical", "said": ""}
    try:
        done = program.link([program.facts["link"]], variant, theirs)
        if done.returncode != 0:
            return dict(result, verdict="not linked by Go", said=first_line(done))
        result["go_seconds"], printed = round(done.seconds, 3), done.stdout
        done = program.link([str(cgolink), "link"], variant, ours)
        result["seconds"] = round(done.seconds, 3)
        if done.returncode != 0 or not ours.exists():
            return dict(result, verdict="failed", said=first_line(done) or f"status {done.returncode}")
        if done.stdout != printed:
            return dict(result, verdict="different", said="what is printed differs")
        if filecmp.cmp(theirs, ours, shallow=False):
            return result
        words = [str(cgolink), "verify", "--uncompressed", str(theirs), str(ours)]
        verified = subprocess.run(words, capture_output=True, text=True, errors="replace")
        sizes = theirs.stat().st_size, ours.stat().st_size
        if verified.returncode == 0 and variant in corpus.COMPRESSED and sizes[1] <= sizes[0]:
            return dict(result, verdict="equal uncompressed", saved=sizes[0] - sizes[1])
        said = first_line(verified)
        if verified.returncode == 0:
            said = f"equal uncompressed, but {sizes[1]} bytes instead of {sizes[0]}"
        return dict(result, verdict="different", said=said)
    finally:
        for file in (theirs, ours, theirs.with_name(theirs.name + ".fips.o"), ours.with_name(ours.name + ".fips.o")):
            file.unlink(missing_ok=True)


def first_line(done):
    return ((done.stdout.strip() or done.stderr.strip()).splitlines() or [""])[0][:300]


def run_group(group, options, out):
    start = time.monotonic()
    programs = capture(group, out)
    if options.only:
        programs = [p for p in programs if re.search(options.only, p.facts["package"])]
    captured = time.monotonic()
    scratch = out / "linked"
    scratch.mkdir(parents=True, exist_ok=True)
    cases = [(program, variant) for program in programs for variant in options.variants]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda case: link_both(*case, options.cgolink, scratch), cases))
    good = sum(is_same(r) for r in results)
    took = f"{captured - start:.0f} s to build, {time.monotonic() - captured:.0f} s to link"
    print(f"{' '.join(group)}: {good} of {len(results)} the same, {len(programs)} programs, {took}", flush=True)
    for result in results:
        if not is_same(result):
            print(f"  {result['verdict']}: {result['program']} {result['variant']}: {result['said']}", flush=True)
    # Modules that were fetched serve the other groups of the release.
    for made in (out / "captured").iterdir():
        if made.name != ".modules":
            shutil.rmtree(made, ignore_errors=True)
    return results


def is_same(result):
    return result["verdict"] in ("identical", "equal uncompressed")


# ---------------------------------------------------------------------------------------------- running

def go_test(release, packages, extra):
    """The packages whose tests pass, and those whose tests do not."""
    go = go_command(release)
    words = [go, "test", "-short", "-count=1", "-vet=off", *extra, *packages]
    env = dict(corpus.go_environment(go, "amd64"), CGOLINK_FALLBACK="error")
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", env=env)
    passed = re.findall(r"^ok\s+(\S+)\s", done.stdout, re.M)
    failed = re.findall(r"^FAIL\s+(\S+)[\t ]", done.stdout, re.M)
    if not passed and not failed:
        fail(f"{' '.join(words)}: {first_line(done)}")
    return passed, failed


def run_tests(release, options):
    """Runs tests that cgolink linked; a package that fails is tried with Go's own linker too."""
    passed, failed = go_test(release, TESTED, ["-toolexec", str(options.cgolink)])
    innocent = set(go_test(release, failed, [])[1]) if failed else set()
    guilty = sorted(set(failed) - innocent)
    print(f"{release} tests: {len(passed)} packages pass, {len(innocent)} fail with Go's linker too, {len(guilty)} fail: {' '.join(guilty)}", flush=True)
    return {"passed": len(passed), "innocent": sorted(innocent), "guilty": guilty}


# ---------------------------------------------------------------------------------------------- the report

def report(kept):
    lines = [
        "# Fidelity",
        "",
        "Real Go programs, linked by `go tool link` and by `cgolink link` from the same archives with the same flags. A number is the",
        "count of programs whose files are the same, of those that were tried. `plain` (`-compressdwarf=false`), `strip` (`-s -w`) and `x`",
        "(`-X`) are compared byte for byte; in `default`, debug sections hold the same bytes and the file is no larger; in `dumpdep` (`-dumpdep`)",
        "what is printed is the same too. `make fidelity` writes this page; `cgolink verify` says what differs.",
        "",
        f"Sets: `cmd` is every program of the Go distribution, `rclone` is {RCLONE}, `std` are the test binaries of the",
        f"standard library, `modules` are {', '.join(MODULES)}. Modes: `trimpath` is `-trimpath`, `noopt` `-gcflags=all=-N -l`, `pie` `-buildmode=pie`.",
        "",
        f"Linked on {platform.machine()} {platform.system()}. Groups that are not in the table were not tried.",
        "",
        "| release | architecture | mode | set | programs | " + " | ".join(VARIANTS) + " |",
        "|---|---|---|---|---|" + "---|" * len(VARIANTS),
    ]
    different, tried, same = [], 0, 0
    tests = {name: kept[name] for name in sorted(kept) if name.endswith(" tests")}
    for name in sorted(set(kept) - set(tests)):
        release, goarch, mode, wanted = name.split()
        results = [r for r in kept[name] if r["verdict"] != "not linked by Go"]
        cells = []
        for variant in VARIANTS:
            of_variant = [r for r in results if r["variant"] == variant]
            good = sum(is_same(r) for r in of_variant)
            tried, same = tried + len(of_variant), same + good
            cells.append(f"{good}/{len(of_variant)}" if of_variant else "")
        lines.append(f"| {release} | {goarch} | {mode} | {wanted} | {len({r['program'] for r in results})} | " + " | ".join(cells) + " |")
        different += [(name, r) for r in results if not is_same(r)]
    lines += ["", f"Together {same} of {tried} links are the same.", "", "## Differences", ""]
    for name, result in different:
        said = result["said"].replace("|", "\\|")
        lines.append(f"* {name}: `{result['program']}` {result['variant']}, {result['verdict']}: {said}")
    if not different:
        lines.append("None.")
    if tests:
        lines += ["", "## Tests that cgolink linked", "", f"`go test -short -toolexec=cgolink {' '.join(TESTED)}` on amd64.", ""]
        lines += ["| release | packages that pass | fail with Go's linker too | fail with cgolink's only |", "|---|---|---|---|"]
    for name, found in tests.items():
        lists = [", ".join(found[kind]) or "none" for kind in ("innocent", "guilty")]
        lines.append(f"| {name.split()[0]} | {found['passed']} | " + " | ".join(lists) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", action="store_true", help="run tests of the standard library that cgolink links")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    for name, every in (("releases", RELEASES), ("architectures", ARCHITECTURES), ("modes", list(MODES)), ("sets", SETS), ("variants", VARIANTS)):
        parser.add_argument(f"--{name}", type=lambda text: text.split(","), default=every)
    parser.add_argument("--only", help="programs whose package matches; nothing is kept then")
    parser.add_argument("--cgolink", type=Path, default=ROOT / "target" / "release" / "cgolink")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "fidelity-out")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    options.out, options.cgolink = options.out.resolve(), options.cgolink.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    store = options.out / "results.json"
    kept = {} if options.fresh or not store.exists() else json.loads(store.read_text())
    bad = 0
    if options.tests:
        for release in options.releases:
            kept[f"{release} tests"] = run_tests(release, options)
            bad += len(kept[f"{release} tests"]["guilty"])
            store.write_text(json.dumps(kept, indent=1))
            REPORT.write_text(report(kept))
        return 1 if bad else 0
    for release in options.releases:
        for goarch in options.architectures:
            for mode in options.modes:
                for wanted in options.sets:
                    results = run_group((release, goarch, mode, wanted), options, options.out)
                    bad += sum(not is_same(r) for r in results)
                    if not options.only:
                        kept[f"{release} {goarch} {mode} {wanted}"] = results
                        store.write_text(json.dumps(kept, indent=1))
                        REPORT.write_text(report(kept))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
