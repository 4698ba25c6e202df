//! Flags that are accepted because they make no difference to what cgolink writes: requests for what it always does,
//! tuning of other linkers, compatibility with systems of old, and properties of dynamic outputs, which are handed off
//! with the command line as it was typed.

use super::{Apply, Flag, Given, State, flag_nothing, flag_optional, flag_value};
use crate::diag::{Diagnostic, Result};

pub(super) const FLAGS: &[Flag<State>] = &[
    flag_value(&["plugin"], accept(), ""),
    flag_value(&["plugin-opt"], accept(), ""),
    flag_optional(&["flto", "flto-partition", "fuse-ld"], accept(), ""),
    flag_value(&["mllvm", "lto-partitions", "thinlto-jobs", "thinlto-cache-dir", "thinlto-cache-policy"], accept(), ""),
    flag_optional(&["lto-O0", "lto-O1", "lto-O2", "lto-O3"], accept(), ""),
    flag_optional(&["O"], accept(), ""),
    flag_nothing(&["EL"], accept(), ""),
    flag_nothing(&["EB"], big_endian, ""),
    flag_value(&["a", "assert", "A", "architecture", "f", "auxiliary", "F", "filter", "G", "gpsize"], accept(), ""),
    flag_nothing(&["d", "dc", "dp", "g", "Qy", "qmagic", "w", "no-warnings", "no-omagic"], accept(), ""),
    flag_nothing(&["Bsymbolic", "Bsymbolic-functions", "Bno-symbolic", "Bgroup"], accept(), ""),
    flag_nothing(&["dynamic-list-data", "dynamic-list-cpp-new", "dynamic-list-cpp-typeinfo"], accept(), ""),
    flag_nothing(&["allow-shlib-undefined", "no-allow-shlib-undefined"], accept(), ""),
    flag_nothing(&["copy-dt-needed-entries", "no-copy-dt-needed-entries", "add-needed", "no-add-needed"], accept(), ""),
    flag_nothing(&["enable-new-dtags", "disable-new-dtags"], accept(), ""),
    flag_value(&["rpath-link", "init", "fini", "spare-dynamic-tags", "task-link"], accept(), ""),
    flag_nothing(
        &["undefined-version", "no-undefined-version", "default-symver", "default-imported-symver"],
        accept(),
        "",
    ),
    flag_nothing(&["ld-generated-unwind-info", "no-ld-generated-unwind-info"], accept(), ""),
    flag_nothing(&["check-sections", "no-check-sections"], accept(), ""),
    flag_optional(&["demangle"], accept(), ""),
    flag_nothing(&["no-demangle", "no-color-diagnostics"], accept(), ""),
    flag_optional(&["color-diagnostics"], accept(), ""),
    flag_value(&["error-limit", "error-handling-script"], accept(), ""),
    flag_nothing(
        &["no-keep-memory", "reduce-memory-overheads", "stats", "no-stats", "print-memory-usage"],
        accept(),
        "",
    ),
    flag_value(&["hash-size", "max-cache-size"], accept(), ""),
    flag_nothing(
        &["map-whole-files", "no-map-whole-files", "no-mmap-output-file", "detach", "no-detach"],
        accept(),
        "",
    ),
    flag_nothing(&["print-map-discarded", "no-print-map-discarded"], accept(), ""),
    flag_nothing(&["define-common", "no-define-common"], accept(), ""),
    flag_optional(&["sort-common"], accept(), ""),
    flag_nothing(&["strip-discarded", "no-strip-discarded", "strip-lto"], accept(), ""),
    flag_nothing(&["traditional-format", "force-exe-suffix", "target-help", "force-group-allocation"], accept(), ""),
    flag_nothing(&["warn-constructors", "warn-execstack", "no-warn-execstack", "warn-rwx-segments"], accept(), ""),
    flag_nothing(&["no-warn-rwx-segments", "warn-multiple-gp", "warn-once", "warn-section-align"], accept(), ""),
    flag_nothing(
        &["warn-textrel", "no-warn-textrel", "warn-alternate-em", "warn-backrefs", "no-warn-backrefs"],
        accept(),
        "",
    ),
    flag_nothing(&["warn-mismatch", "no-warn-mismatch"], accept(), ""),
    flag_nothing(&["accept-unknown-input-arch", "no-accept-unknown-input-arch"], accept(), ""),
    flag_nothing(&["ctf-variables", "no-ctf-variables"], accept(), ""),
    flag_value(&["ctf-share-types"], accept(), ""),
    flag_nothing(&["fix-cortex-a53-843419", "no-fix-cortex-a53-843419", "fix-cortex-a53-835769"], accept(), ""),
    flag_nothing(&["gdb-index", "no-gdb-index", "debug-names", "no-debug-names"], accept(), ""),
    flag_value(&["icf"], accept(), ""),
    flag_nothing(&["rosegment", "no-rosegment", "fatal-internal-warnings", "disable-multiple-abs-defs"], accept(), ""),
];

const fn accept() -> Apply {
    |_, _| Ok(())
}

fn big_endian(_: &mut State, given: &Given<'_>) -> Result<()> {
    let message = format!("{} asks for big-endian output; x86_64 and aarch64 Linux are little-endian", given.flag);
    Err(Diagnostic::error("unsupported-flag", message).into())
}
