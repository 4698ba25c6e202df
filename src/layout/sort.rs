//! The order of what one input pattern takes: input order, or by name, alignment or initialisation priority.

use std::cmp::{Ordering, Reverse};

use rayon::prelude::*;

use crate::ids::AtomId;
use crate::inputs::atoms::{Atom, Atoms};
use crate::script::ast::Sort;

/// Orders the matches of one pattern. `sorts` holds the order that each of its globs asks for, and `glob_of` tells which
/// glob took an atom. Globs that ask for the same make one sorted list, as GNU ld has it: that is how numbered
/// constructors of both kinds, `.init_array.N` and `.ctors.N`, come to be mixed. Otherwise each glob's matches stay
/// together. What compares equal stays in input order.
pub fn sort_matches(
    matches: &mut [AtomId],
    sorts: &[Vec<Sort>],
    glob_of: impl Fn(AtomId) -> u32 + Sync,
    atoms: &Atoms,
) {
    let Some(first) = sorts.first() else { return };
    if sorts.iter().all(|sort| sort == first) {
        if !first.is_empty() {
            matches.par_sort_by(|&a, &b| compare(first, atoms.get(a), atoms.get(b)));
        }
        return;
    }
    matches.par_sort_by(|&a, &b| {
        let (glob_a, glob_b) = (glob_of(a), glob_of(b));
        let within =
            || sorts.get(glob_a as usize).map_or(Ordering::Equal, |by| compare(by, atoms.get(a), atoms.get(b)));
        glob_a.cmp(&glob_b).then_with(within)
    });
}

fn compare(by: &[Sort], a: &Atom, b: &Atom) -> Ordering {
    by.iter().fold(Ordering::Equal, |order, sort| {
        order.then_with(|| match sort {
            Sort::Name => a.name.cmp(b.name),
            Sort::Alignment => b.alignment.cmp(&a.alignment),
            Sort::InitPriority => priority_key(a.name).cmp(&priority_key(b.name)),
            Sort::None => Ordering::Equal,
        })
    })
}

/// Numbered names by number, the others after them; then by name.
fn priority_key(name: &[u8]) -> (Reverse<bool>, u64, &[u8]) {
    let priority = init_priority(name);
    (Reverse(priority.is_some()), priority.unwrap_or(0), name)
}

/// The priority at the end of a section's name: `.init_array.00100` has 100. The numbers of `.ctors.NNNNN` and
/// `.dtors.NNNNN` count down from 65535, since those lists are walked from the end.
pub fn init_priority(name: &[u8]) -> Option<u64> {
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let digits = std::str::from_utf8(&name[dot + 1..]).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    let number: u64 = digits.parse().ok()?;
    if name.starts_with(b".ctors.") || name.starts_with(b".dtors.") {
        return 65535u64.checked_sub(number);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_of_both_kinds_of_lists_meet() {
        assert_eq!(init_priority(b".init_array.00101"), Some(101));
        assert_eq!(init_priority(b".ctors.65434"), Some(101));
        assert_eq!(init_priority(b".init_array"), None);
        assert_eq!(init_priority(b".init_array.99999999999999999999"), None);
        assert_eq!(init_priority(b".ctors.70000"), None);
        assert_eq!(init_priority(b""), None);
    }
}
