//! What a link asks of the system's memory on its way: large pages for what it makes, and fewer pages of what it has read.

use std::ops::Range;

use super::symbols::{ObjectEntry, Symbols};
use crate::inputs::goobj::Object;
use crate::inputs::store::Store;
use crate::sys;

/// Bytes of a worker's memory for which large pages are asked.
const LARGE: Range<u64> = 4 << 20..16 << 20;

/// Bytes of objects from which on memory is given back before the end.
const MUCH: u64 = 32 << 20;

/// Asks for large pages if each worker will need some: all memory that a link takes is a sixth of its objects or so, most of it for
/// what comes next.
pub fn prepare<'a, 'data: 'a>(objects: impl Iterator<Item = &'a Object<'data>>) {
    let share = size_of(objects) / 8 / rayon::current_num_threads() as u64;
    if share >= LARGE.start {
        rayon::broadcast(|_| sys::use_large_pages(share.min(LARGE.end) as usize));
    }
}

/// Stages behind which some of what was read is not read again for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behind {
    /// Names and contents are matched.
    Resolving,
    /// Code and its debug information were gone through for what they refer to.
    Scanning,
    /// Functions were taken apart.
    Describing,
    /// Tables and debug information have their sizes.
    Measuring,
    /// Code and data are written.
    Writing,
    /// The table of functions and the symbol table are made.
    Listing,
}

/// What is not read again for a while; nothing if the objects are small, as it is not worth the while then to give memory back.
pub fn unread<'data>(symbols: &Symbols<'data>, behind: Behind) -> Vec<&'data [u8]> {
    match size_of(symbols.objects.iter().map(|entry| &entry.object)) < MUCH {
        true => Vec::new(),
        false => symbols.objects.iter().flat_map(|entry| unread_of(entry, behind)).collect(),
    }
}

fn unread_of<'data>(entry: &ObjectEntry<'data>, behind: Behind) -> Vec<&'data [u8]> {
    let object = &entry.object;
    match behind {
        // Records of what is found by its contents, references, all hashes, and names.
        Behind::Resolving => [&object.matched()[..], &[object.names()]].concat(),
        // What a package's own definitions refer to, and what they hold as far as it was read because it lies beside that. Both come
        // again when they are written.
        Behind::Scanning => referred_and_held(object, 0..object.counts().package).into(),
        // What is read of a function lies between its debug information, which comes again when that is written.
        Behind::Describing => [&[object.contents_of(entry.description_range())][..], &object.auxiliary()].concat(),
        // Names come again with the tables of functions and of symbols, which are made when there is less of the rest.
        Behind::Measuring => vec![object.names()],
        // What describes code is still to be read.
        Behind::Writing => {
            let (descriptions, end) = (entry.description_range(), object.counts().definitions());
            let others = [0..descriptions.start, descriptions.end..end].into_iter();
            others.flat_map(|range| referred_and_held(object, range)).collect()
        }
        Behind::Listing => vec![object.names(), object.records()],
    }
}

/// What definitions refer to, and what they hold.
fn referred_and_held<'data>(object: &Object<'data>, definitions: Range<u32>) -> [&'data [u8]; 2] {
    [object.relocations_of(definitions.clone()), object.contents_of(definitions)]
}

fn size_of<'a, 'data: 'a>(objects: impl Iterator<Item = &'a Object<'data>>) -> u64 {
    objects.map(Object::size).sum()
}

/// Does some work while another worker, if there is one, takes out of memory what is not read for a while.
pub fn while_giving_back<T>(store: &Store, unread: Vec<&[u8]>, work: impl FnOnce() -> T) -> T {
    if rayon::current_num_threads() == 1 {
        store.give_back(unread.into_iter());
        return work();
    }
    rayon::in_place_scope(|scope| {
        scope.spawn(|_| store.give_back(unread.into_iter()));
        work()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::inputs::store::pages;
    use crate::par;
    use crate::target::Architecture;

    #[test]
    fn what_is_still_to_be_read_is_not_given_back() {
        let relocations = vec![(0, 1, 1, 0, 0)];
        let own =
            |name, data| Definition { name, kind: 7, data, relocations: relocations.clone(), ..Definition::default() };
        // The second has no name and describes the first; the third belongs to no package.
        let definitions = [own("f", b"own"), own("", b"described"), own("g", b"other")];
        let objects = [fixture::with_own(2, &definitions)];
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let symbols = fixture::load(&program, &objects);
        let entry = &symbols.objects[0];
        let given_back = |behind| unread_of(entry, behind).concat();
        let held = |behind, bytes: &[u8]| memchr::memmem::find(&given_back(behind), bytes).is_some();
        for (behind, want) in [
            (Behind::Resolving, [false; 3]),
            (Behind::Scanning, [true, true, false]),
            (Behind::Describing, [false, true, false]),
            (Behind::Measuring, [false; 3]),
            (Behind::Writing, [true, false, true]),
            (Behind::Listing, [false; 3]),
        ] {
            assert_eq!([&b"own"[..], b"described", b"other"].map(|bytes| held(behind, bytes)), want, "{behind:?}");
        }
        let lengths = [Behind::Scanning, Behind::Writing].map(|behind| given_back(behind).len());
        let of_relocations = entry.object.relocations_of(0..1).len();
        assert_eq!(lengths, [2 * of_relocations + 12, 2 * of_relocations + 8]);
        let has_names = |behind| unread_of(entry, behind).contains(&entry.object.names());
        assert!([Behind::Resolving, Behind::Measuring, Behind::Listing].into_iter().all(has_names));
        // All of it is little, and worth nobody's time.
        assert_eq!(unread(&symbols, Behind::Writing), Vec::<&[u8]>::new());
    }

    #[test]
    fn memory_is_given_back_whoever_is_there_to_do_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, vec![7; 8 * pages::size()]).expect("a file");
        let is_known = pages::can_be_given_back();
        for threads in [1, 2] {
            let store = Store::default();
            let bytes = store.map(&file).expect("bytes");
            assert!(bytes.iter().all(|&byte| byte == 7) && pages::of(bytes) == [true; 8]);
            let link = || while_giving_back(&store, vec![bytes], || pages::of(bytes));
            let seen = par::with_threads(Some(threads), link).expect("threads");
            assert_eq!(pages::of(bytes), [!is_known; 8]);
            assert!(threads > 1 || seen == [!is_known; 8], "one thread does it first");
        }
    }
}
