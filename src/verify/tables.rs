//! What the runtime reads: build information, module data, types, itabs, init tasks, the table that finds functions.

use super::findings::{Findings, hex, number, text};
use super::lists::{self, Entry, Names};
use super::locate::Locator;
use crate::executable::buildinfo::BuildInfo;
use crate::executable::bytes::half;

/// Bytes of text that a bucket of `runtime.findfunctab` stands for, and bytes that it has: a base and 16 steps.
const FUNCTIONS_BUCKET: (u64, usize) = (4096, 20);

/// Compares the tables that both files have.
pub fn compare(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    build_info(sides, findings);
    types(sides, findings);
    itabs(sides, findings);
    init_tasks(sides, findings);
    module(sides, findings);
    find_function(sides, findings);
}

fn build_info(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [Some(a), Some(b)] = sides.each_ref().map(|side| BuildInfo::of(&side.image)) else { return };
    if a.version != b.version {
        findings.add("build info", "version", text(a.version.as_bytes()), text(b.version.as_bytes()));
    }
    let lines = |info: &str| info.lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (lines(&a.modules), lines(&b.modules));
    if let Some(at) = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at)) {
        let say = |lines: &[String]| lines.get(at).map_or_else(|| "absent".to_owned(), |line| text(line.as_bytes()));
        findings.add("build info", format!("line {at}"), say(&one), say(&other));
    }
}

/// Types in the order in which the runtime finds them.
fn types(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [a, b] = sides.each_ref().map(|side| {
        let Some(types) = side.types() else { return Vec::new() };
        types.all().into_iter().map(|address| (types.name(address).unwrap_or(b"?"), 0)).collect::<Vec<Entry<'_>>>()
    });
    lists::compare(Names { section: "types", entries: "types", number: "" }, &a, &b, findings);
}

/// Itabs in the runtime's order; their types by name.
fn itabs(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let names = sides.each_ref().map(|side| {
        let Some(types) = side.types() else { return Vec::new() };
        types.itabs().into_iter().map(|itab| types.itab_name(itab).unwrap_or_default()).collect::<Vec<_>>()
    });
    let [a, b] =
        names.each_ref().map(|names| names.iter().map(|name| (name.as_slice(), 0)).collect::<Vec<Entry<'_>>>());
    lists::compare(Names { section: "itabs", entries: "itabs", number: "" }, &a, &b, findings);
}

/// Init tasks in the order in which they run.
fn init_tasks(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let names = sides.each_ref().map(|side| {
        let words = side.module.as_ref().and_then(|module| module.words("inittasks")).unwrap_or(&[]);
        let (start, count) = (words.first().copied().unwrap_or(0), words.get(1).copied().unwrap_or(0).min(1 << 20));
        let tasks = (0..count).map_while(|at| side.image.word_at(start.checked_add(8 * at)?));
        tasks.map(|task| side.name(task).into_bytes()).collect::<Vec<_>>()
    });
    let [a, b] =
        names.each_ref().map(|names| names.iter().map(|name| (name.as_slice(), 0)).collect::<Vec<Entry<'_>>>());
    lists::compare(Names { section: "inittasks", entries: "init tasks", number: "" }, &a, &b, findings);
}

fn module(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [Some(a), Some(b)] = sides.each_ref().map(|side| side.module.as_ref()) else { return };
    findings.number("moduledata", "address", a.address, b.address);
    for ((name, one), (_, other)) in a.fields.iter().zip(&b.fields) {
        if one != other {
            let say = |words: &[u64]| words.iter().map(|word| number(*word)).collect::<Vec<_>>().join(", ");
            findings.add("moduledata", *name, say(one), say(other));
        }
    }
}

/// `runtime.findfunctab`: the first bucket that differs.
fn find_function(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let (span, size) = FUNCTIONS_BUCKET;
    let [Some(a), Some(b)] = sides.each_ref().map(|side| {
        let module = side.module.as_ref()?;
        let text = module.first("maxpc")?.checked_sub(module.first("minpc")?)?;
        let bytes = side.image.bytes_at(module.first("findfunctab")?);
        let length = usize::try_from(text.div_ceil(span)).ok()?.checked_mul(size)?;
        Some(&bytes[..length.min(bytes.len())])
    }) else {
        return;
    };
    if a.len() != b.len() {
        findings.number("findfunctab", "buckets", (a.len() / size) as u64, (b.len() / size) as u64);
    }
    let differing = a.chunks(size).zip(b.chunks(size)).position(|(one, other)| one != other);
    if let Some(bucket) = differing {
        let say = |bytes: &[u8]| {
            let bytes = bytes.get(bucket * size..).unwrap_or(&[]);
            format!("function {} and {}", half(bytes, 0).unwrap_or(0), hex(bytes.get(4..size).unwrap_or(&[])))
        };
        findings.add("findfunctab", format!("bucket {bucket} of {}", a.len() / size), say(a), say(b));
    }
}
