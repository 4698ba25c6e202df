#!/usr/bin/env python3
"""Gives broken inputs to every linker found, and counts how each takes them: tools/mutants.py [--mutants N] [--seed N].

The inputs are the objects and the archive of testdata/objects/mixed. Each mutant is one of them, cut short or changed in a few places,
linked with the others as they are. Before each link a file stands at the output's path: a linker that refuses has to leave it alone. The same
seed makes the same mutants for all linkers and on every run (with the same compiler).

    signal    the linker died of a signal            silent      it failed and did not say why
    panic     it panicked, or said that it is a bug  output lost it failed, and what stood at the output's path is gone or changed
    hang      it ran for more than 20 seconds        accepted    it linked (not a fault by itself: many changes are harmless)
"""

import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bench

SOURCES = bench.ROOT / "testdata" / "objects" / "mixed"
PREVIOUS = b"the output of the link before"
DEADLINE = 20
COLUMNS = ["signal", "panic", "hang", "silent", "output lost", "accepted", "refused"]
FLAGS = ["-e", "begin", "--gc-sections", "-z", "nostart-stop-gc", "--eh-frame-hdr", "--build-id=sha1", "--compress-debug-sections=zlib", "-static"]
# Bounds that keep a broken link from taking the machine along: address space and file size in KiB and 512-byte blocks, no core files.
LIMITS = 'ulimit -v 16777216; ulimit -f 2097152; ulimit -c 0; exec "$@"'


def compile_inputs(folder):
    """The program of testdata/objects/mixed, as the tests compile it."""
    zig = bench.which("zig") or bench.fail("zig is missing: python3 tools/setup.py bench")
    flags = ["--target=x86_64-linux-musl", "-O1", "-g", "-c", "-ffreestanding", "-ffunction-sections", "-fcommon"]
    flags += ["-funwind-tables", "-fno-stack-protector", "-fno-sanitize=all"]
    # The same objects wherever the project lies.
    flags += [f"-ffile-prefix-map={SOURCES}=.", f"-ffile-prefix-map={folder}=."]
    for source in sorted(SOURCES.iterdir()):
        cpp = source.suffix == ".cpp"
        more = ["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"] if cpp else []
        command = [zig, "c++" if cpp else "cc", *flags, *more, str(source), "-o", str(folder / f"{source.stem}.o")]
        subprocess.run(command, check=True, cwd=SOURCES)
    archive = folder / "libmembers.a"
    subprocess.run(["ar", "rcs", archive, folder / "member.o", folder / "deeper.o"], check=True)
    return [folder / "first.o", folder / "second.o", archive]


def starts(data):
    found, at = [], data.find(b"\x7fELF")
    while at >= 0:
        found.append(at)
        at = data.find(b"\x7fELF", at + 1)
    return found or [0]


def interesting(draw, length):
    """Numbers that readers get wrong: nothing, the edges of widths, sizes close to the file's own."""
    return draw.choice([
        0, 1, 2**64 - 1, 2**32 - 1, 2**63 - 1, 2**31 - 1, 2**31, 2**40, length, length - 1, length + 1,
        draw.randrange(2 * length), 0xFFFF, 0xFF00, draw.getrandbits(64),
    ])


def put(data, at, value, width):
    piece = (value % 2**64).to_bytes(8, "little")[:width][: max(0, len(data) - at)]
    data[at : at + len(piece)] = piece


def word(data, at):
    return struct.unpack_from("<Q", data, at)[0] if at + 8 <= len(data) else 0


def mutate(original, draw):
    """One mutant and the kind of change; tables are hit as often as contents."""
    data = bytearray(original)
    length = len(data)
    start = draw.choice(starts(data))
    table = start + word(data, start + 0x28)
    header = table + 64 * draw.randrange(max(1, data[start + 0x3C] if start + 0x3C < length else 1))
    kind = draw.randrange(10)
    if kind == 0:
        return data[: draw.randrange(length)], "cut short"
    if kind == 1:
        for _ in range(draw.randint(1, 8)):
            data[draw.randrange(length)] = draw.randrange(256)
        return data, "bytes changed"
    if kind == 2:
        put(data, start + 4 + draw.randrange(60), interesting(draw, length), 1 << draw.randrange(4))
        return data, "ELF header"
    if kind <= 5:
        fields = [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)]
        field, width = draw.choice(fields)
        put(data, header + field, interesting(draw, length), width)
        return data, "section header"
    if kind <= 8:
        first, size = start + word(data, header + 24), word(data, header + 32)
        width = 1 << draw.randrange(4)
        at = first + draw.randrange(max(1, size)) & ~(width - 1)
        put(data, min(at, length), interesting(draw, length), width)
        return data, "section contents"
    data[draw.randrange(min(length, 256))] = draw.choice(b"0123456789`/\n\x00\xff")
    return data, "beginning"


def judge(done, output):
    """The column that one link counts in."""
    if done is None:
        return "hang"
    if done.returncode == 0:
        return "accepted"
    text = done.stderr + done.stdout
    if b"panicked at" in text or b"this is a bug" in text or b"internal error" in text or done.returncode == 101:
        return "panic"
    # Its own death, or that of a child, told by the shell's convention or by the linker that watched over it.
    died = done.returncode < 0 or 128 + 1 <= done.returncode <= 128 + 31
    if died or b"Segmentation fault" in text or b"PLEASE submit a bug report" in text:
        return "signal"
    if not output.exists() or output.read_bytes() != PREVIOUS:
        return "output lost"
    return "refused" if text.strip() else "silent"


def link(command, inputs, output):
    line = ["/bin/sh", "-c", LIMITS, "sh", *command, *FLAGS, "-o", str(output), *map(str, inputs)]
    try:
        return subprocess.run(line, capture_output=True, timeout=DEADLINE, env=bench.environment(RUST_BACKTRACE="0"))
    except subprocess.TimeoutExpired:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--linkers", default="", help="comma-separated names; default all that are found")
    parser.add_argument("--keep", type=Path, help="a folder for the mutants that a linker took badly")
    options = parser.parse_args()
    only = {name for name in options.linkers.split(",") if name}
    # Whoever detaches its last work is watched over as well as the others when it does not.
    chosen = {
        name: command for name, (command, _) in bench.linkers().items()
        if name not in ("mold", "wild") and (not only or name.removesuffix("-nofork") in only)
    }
    chosen = {name.removesuffix("-nofork"): command for name, command in chosen.items()}
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        folder = Path(scratch)
        inputs = compile_inputs(folder)
        output = folder / "output"
        for name, command in chosen.items():
            whole = link(command, inputs, output)
            if whole is None or whole.returncode != 0:
                sys.exit(f"mutants: {name} does not link the whole inputs: {whole and whole.stderr.decode()}")
        originals = [path.read_bytes() for path in inputs]
        counts = {name: dict.fromkeys(COLUMNS, 0) for name in chosen}
        draw = random.Random(options.seed)
        for number in range(options.mutants):
            which = draw.randrange(len(inputs))
            data, kind = mutate(originals[which], draw)
            mutant = folder / f"mutant-{number}-{inputs[which].name}"
            mutant.write_bytes(data)
            mutated = [mutant if at == which else path for at, path in enumerate(inputs)]
            for name, command in chosen.items():
                output.unlink(missing_ok=True)
                output.write_bytes(PREVIOUS)
                verdict = judge(link(command, mutated, output), output)
                counts[name][verdict] += 1
                if options.keep and verdict not in ("accepted", "refused"):
                    place = options.keep / name / verdict.replace(" ", "-")
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(mutant, place / f"{kind.replace(' ', '-')}-{mutant.name}")
            mutant.unlink()
    print(f"{options.mutants} mutants, seed {options.seed}")
    print("  " + f"{'linker':<10}" + "".join(f"{column:>13}" for column in COLUMNS))
    for name, row in counts.items():
        print("  " + f"{name:<10}" + "".join(f"{row[column]:>13}" for column in COLUMNS))
    ours = counts.get("cgolink", {})
    if any(ours.get(column) for column in COLUMNS[:5]):
        sys.exit("mutants: cgolink took some badly; see --keep")


if __name__ == "__main__":
    main()
