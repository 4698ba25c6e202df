//! Chains of functions that do not check for stack space, and what is said of those that are too deep.

use super::check;
use crate::args::golink::GoLink;
use crate::golang::fixture::{Definition, load, object, program};
use crate::golang::symbols::{GoSymbol, Version};
use crate::inputs::goobj::records::flag;
use crate::target::Architecture;

const CALL: u16 = 7;
const CALL_INDIRECT: u16 = 10;

/// A function: its name, whether it checks, the depth of its frame, and what it calls there by position; `u32::MAX` for calls by
/// address.
type Function = (&'static str, bool, u32, &'static [u32]);

/// Checks a program of functions; the error, and what `-debugnosplit` says.
fn checked(architecture: Architecture, functions: &[Function]) -> (String, String) {
    let count = functions.len() as u32;
    let mut definitions = Vec::new();
    for (at, (name, checks, depth, calls)) in functions.iter().enumerate() {
        let calls = calls.iter().zip(4..).map(|(target, offset)| match *target {
            u32::MAX => (offset, 0, CALL_INDIRECT, 0, 0),
            target => (offset, 4, CALL, 0, target),
        });
        definitions.push(Definition {
            name,
            kind: 1,
            flags: if *checks { 0 } else { flag::NO_SPLIT },
            size: 64,
            relocations: calls.collect(),
            aux: vec![(1, count + 2 * at as u32), (7, count + 2 * at as u32 + 1)],
            ..Definition::default()
        });
        assert!(*depth < 1 << 13);
    }
    for (_, _, depth, _) in functions {
        // Depth 0 for 4 bytes, then the frame's depth.
        let delta = 2 * depth;
        let table = vec![2, 1, (delta & 0x7f) as u8 | 0x80, (delta >> 7) as u8, 60, 0];
        definitions.push(Definition { kind: 3, data: &[0; 24], size: 24, ..Definition::default() });
        definitions.push(Definition { kind: 3, data: table.leak(), size: 6, ..Definition::default() });
    }
    let options = GoLink::default();
    let program = program(&options, architecture, &[("main", &[])]);
    let objects = [object(&definitions)];
    let symbols = load(&program, &objects);
    let order: Vec<GoSymbol> =
        functions.iter().map(|function| symbols.find(function.0.as_bytes(), Version::Abi0).expect("one")).collect();
    let mut trace = Vec::new();
    let quiet = check(&symbols, &program, &order, None);
    let traced = check(&symbols, &program, &order, Some(&mut trace));
    let text = |result: crate::diag::Result<()>| result.err().map_or(String::new(), |errors| errors.to_string());
    let (quiet, traced) = (text(quiet), text(traced));
    assert_eq!(quiet, traced);
    (quiet, String::from_utf8(trace).expect("ASCII"))
}

#[test]
fn chains_may_use_what_stacks_keep_free() {
    let chain = |first, second| {
        checked(
            Architecture::X86_64,
            &[("runtime.morestack", true, 0, &[]), ("a", false, first, &[2]), ("b", false, second, &[])],
        )
        .0
    };
    assert_eq!(chain(400, 384), "");
    let error = chain(400, 385);
    assert!(error.contains("a: nosplit stack over 792 byte limit"), "{error}");
    let lines = ["a<0>", "    grows 408 bytes, calls b<0>", "        grows 385 bytes", "        1 bytes over limit"];
    let want: String = lines.iter().map(|line| format!("\n  note: {line}")).collect();
    assert!(error.contains(&want), "{error}");
}

#[test]
fn functions_that_check_need_room_for_one_call() {
    let functions: [Function; 3] =
        [("runtime.morestack", true, 0, &[]), ("a", false, 780, &[2]), ("b", true, 5000, &[])];
    let (error, trace) = checked(Architecture::X86_64, &functions);
    assert!(error.contains("4 bytes over limit"), "{error}");
    assert_eq!(trace, "nosplit: b<0> +8 -> runtime.morestack<0>\nnosplit: a<0> +788 -> b<0>\n");
    assert_eq!(checked(Architecture::Aarch64, &functions).0, "", "calls take no stack there");
    let indirect: [Function; 2] = [("runtime.morestack", true, 0, &[]), ("a", false, 777, &[u32::MAX])];
    let (error, trace) = checked(Architecture::X86_64, &indirect);
    assert!(error.contains("calls indirect") && error.contains("1 bytes over limit"), "{error}");
    assert!(
        trace.starts_with("nosplit: indirect +8 -> runtime.morestack<0>\nnosplit: a<0> +785 -> indirect\n"),
        "{trace}"
    );
}

#[test]
fn functions_that_call_themselves_have_no_bound() {
    let cycle: [Function; 4] =
        [("runtime.morestack", true, 0, &[]), ("a", false, 8, &[2]), ("b", false, 8, &[3]), ("c", false, 8, &[2])];
    let (error, _) = checked(Architecture::X86_64, &cycle);
    assert!(error.contains("a: nosplit stack over") && error.contains("infinite cycle"), "{error}");
    assert_eq!(error.matches("nosplit stack over").count(), 1, "b and c are told with a: {error}");
}

#[test]
fn very_long_chains_and_very_many_chains_end() {
    let long: Vec<Function> =
        (0..20_000u32).map(|at| (&*format!("f{at:05}").leak(), false, 8, &*vec![(at + 1) % 20_000].leak())).collect();
    assert!(checked(Architecture::Aarch64, &long).0.contains("infinite cycle"));
    // Each function calls the next one twice: 2^60 ways, of which none is too deep but those through the last.
    let many: Vec<Function> = (0..60u32)
        .map(|at| {
            let calls = if at < 59 { vec![at + 1, at + 1] } else { Vec::new() };
            (&*format!("f{at:05}").leak(), false, if at == 59 { 5000 } else { 8 }, &*calls.leak())
        })
        .collect();
    assert!(checked(Architecture::Aarch64, &many).0.contains("and more"));
}
