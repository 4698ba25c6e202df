//! Tables of small programs, read back as the runtime reads them.

use super::super::fixture::{self, Definition};
use super::super::layout::{self, Addresses, text};
use super::super::resolve::{ObjectInput, Unnamed, resolve};
use super::super::symbols::PackageId;
use super::*;
use crate::args::golink::GoLink;
use crate::diag::Diagnostics;
use crate::inputs::goobj::Object;
use crate::target::Architecture;

/// A function's inlined calls, and its picks of tables and of funcdata.
type Described = (Vec<u32>, Vec<usize>, Vec<usize>);
/// A description, the auxiliary symbols besides it, and what the message has to say.
type Refused = (Vec<u8>, Vec<(u8, u32)>, &'static str);

/// Raw kinds of auxiliary symbols.
mod aux {
    pub const INFO: u8 = 1;
    pub const FUNCDATA: u8 = 2;
    pub const PCSP: u8 = 7;
    pub const PCFILE: u8 = 8;
    pub const PCLINE: u8 = 9;
    pub const PCINLINE: u8 = 10;
    pub const PCDATA: u8 = 11;
}

/// The description of a function; calls are file, position of the function in the object, and parent PC.
fn info(start_line: i32, id: u8, files: &[u32], calls: &[(u32, u32, u32)]) -> Vec<u8> {
    let mut words = vec![24, 8, u32::from_le_bytes([id, 3, 0, 0]), start_line as u32, files.len() as u32];
    words.extend(files);
    words.push(calls.len() as u32);
    for (file, function, parent_pc) in calls {
        words.extend([u32::MAX, *file, 1, (1 << 31) - 1, *function, *parent_pc]);
    }
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// An object under construction.
#[derive(Default)]
struct Unit {
    definitions: Vec<Definition>,
}

impl Unit {
    fn push(&mut self, definition: Definition) -> u32 {
        self.definitions.push(definition);
        self.definitions.len() as u32 - 1
    }

    /// Contents that only the object knows.
    fn data(&mut self, bytes: &[u8], alignment: u32) -> u32 {
        let data: &'static [u8] = Box::leak(bytes.to_vec().into_boxed_slice());
        self.push(Definition {
            abi: u16::MAX,
            kind: 3,
            size: bytes.len() as u32,
            alignment,
            data,
            ..Definition::default()
        })
    }

    fn function(&mut self, name: &str, size: u32, aux: Vec<(u8, u32)>) -> u32 {
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        self.push(Definition { name, abi: 1, kind: 1, size, aux, ..Definition::default() })
    }

    fn object(&self, files: &[&str]) -> Vec<u8> {
        fixture::object_with_files(files, &self.definitions)
    }
}

/// The bytes of a table and where each part starts.
struct Image {
    bytes: Vec<u8>,
    start: u64,
    text: u64,
    find: Vec<u8>,
}

/// Larger tables are not filled: damaged sizes may ask for gigabytes.
const MOST: u64 = 1 << 24;

fn load<'data>(program: &Program<'data>, object: &'data [u8]) -> Result<Symbols<'data>, Diagnostics> {
    let object = Object::parse(object).map_err(|error| Diagnostic::error("object", error.to_string()))?;
    let inputs = vec![ObjectInput { object, package: PackageId(0) }];
    resolve(inputs, &program.packages, program.release, Unnamed::LeftOut)
}

/// Plans and fills the table of a program of one object.
fn build(object: &[u8], options: &GoLink) -> Result<Image, Diagnostics> {
    let program = fixture::program(options, Architecture::X86_64, &[("p", &[])]);
    let mut symbols = load(&program, object)?;
    fixture::reach_all(&mut symbols);
    let mut text = layout::order(&mut symbols, &program)?;
    let places = text::measure(&symbols, &program, &text.order)?.settle(&mut symbols, &program, &mut text)?;
    let mut tables = Tables::default();
    let described = describe(&symbols, &text)?;
    let made = measure(&symbols, &program, &text, &places, described)?.make(&mut symbols, &mut tables);
    let mut addresses = Addresses { value: places.value, sections: vec![places.section], ..Addresses::default() };
    addresses.value.resize(symbols.count(), 0);
    addresses.section = vec![0; symbols.count()];
    text.order.iter().for_each(|function| addresses.section[function.index()] = 1);
    let funcdata = symbols.find(b"go:func.*", Version::Abi0).expect("a part");
    let parts = [made.pcheader, made.funcnametab, made.cutab, made.filetab, made.pctab, made.functab, funcdata];
    if parts.iter().map(|part| symbols.size(*part)).sum::<u64>() > MOST {
        return Err(Diagnostic::error("test", "too large").into());
    }
    let start = 0x80_0000;
    let mut bytes = Vec::new();
    for part in parts {
        let alignment = symbols.alignment(part).max(1) as usize;
        bytes.resize(bytes.len().next_multiple_of(alignment), 0);
        addresses.value[part.index()] = start + bytes.len() as u64;
        bytes.resize(bytes.len() + symbols.size(part) as usize, 0);
    }
    for part in parts {
        let at = (addresses.of(part) - start) as usize;
        let out = &mut bytes[at..at + symbols.size(part) as usize];
        let table = tables.get(part).expect("a table");
        table.fill(0..table.parts(), &symbols, &addresses, out)?;
    }
    let find_table = tables.get(made.findfunctab).expect("a table");
    let mut find = vec![0; find_table.size() as usize];
    find_table.fill(0..1, &symbols, &addresses, &mut find)?;
    // The runtime gets the address of go:func.* from elsewhere; here it follows the parts that the header tells of.
    bytes.extend((addresses.of(funcdata) - start).to_le_bytes());
    Ok(Image { bytes, start, text: addresses.sections[0].address, find })
}

fn build_plain(object: &[u8]) -> Result<Image, Diagnostics> {
    build(object, &GoLink::default())
}

fn error(object: &[u8]) -> Diagnostic {
    build_plain(object).err().and_then(|errors| errors.iter().next().cloned()).expect("an error")
}

/// A function as the runtime sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    name: String,
    entry: u32,
    arguments: u32,
    defer_return: u32,
    /// Offsets of pcsp, pcfile and pcline.
    tables: [u32; 3],
    pcdata: Vec<u32>,
    funcdata: Vec<u32>,
    unit: u32,
    start_line: u32,
    id_and_flags: [u8; 2],
}

impl Image {
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("4 bytes"))
    }

    fn u64(&self, at: usize) -> usize {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("8 bytes")) as usize
    }

    fn part(&self, position: usize) -> usize {
        self.u64(32 + 8 * position)
    }

    fn funcdata(&self) -> usize {
        self.u64(self.bytes.len() - 8)
    }

    fn string(&self, at: usize) -> String {
        let end = self.bytes[at..].iter().position(|byte| *byte == 0).expect("an end");
        String::from_utf8_lossy(&self.bytes[at..at + end]).into_owned()
    }

    fn file(&self, function: &Seen, file: u32) -> Option<String> {
        let offset = self.u32(self.part(1) + 4 * (function.unit + file) as usize);
        (offset != u32::MAX).then(|| self.string(self.part(2) + offset as usize))
    }

    /// So many bytes of `runtime.pctab`.
    fn pc(&self, offset: u32, length: usize) -> &[u8] {
        let at = self.part(3) + offset as usize;
        &self.bytes[at..at + length]
    }

    /// So many bytes of `go:func.*`.
    fn data(&self, offset: u32, length: usize) -> &[u8] {
        let at = self.funcdata() + offset as usize;
        &self.bytes[at..at + length]
    }

    /// Tree of inlined calls: id, name, parent PC and start line.
    fn inlined(&self, function: &Seen, index: usize) -> (u32, String, u32, u32) {
        let at = self.funcdata() + function.funcdata[3] as usize + 16 * index;
        let name = self.string(self.part(0) + self.u32(at + 4) as usize);
        (self.u32(at), name, self.u32(at + 8), self.u32(at + 12))
    }

    fn functions(&self) -> Vec<Seen> {
        let table = self.part(4);
        (0..self.u64(8)).map(|number| self.function(table, table + 8 * number)).collect()
    }

    fn function(&self, table: usize, listed: usize) -> Seen {
        let at = table + self.u32(listed + 4) as usize;
        let word = |index: usize| self.u32(at + 4 * index);
        assert_eq!((at % 8, word(0)), (0, self.u32(listed)), "the list and the function agree");
        let pcdata = (0..word(7) as usize).map(|index| word(11 + index)).collect::<Vec<_>>();
        let count = usize::from(self.bytes[at + 43]);
        Seen {
            name: self.string(self.part(0) + word(1) as usize),
            entry: word(0),
            arguments: word(2),
            defer_return: word(3),
            tables: [word(4), word(5), word(6)],
            funcdata: (0..count).map(|index| word(11 + pcdata.len() + index)).collect(),
            pcdata,
            unit: word(8),
            start_line: word(9),
            id_and_flags: [self.bytes[at + 40], self.bytes[at + 41]],
        }
    }
}

#[test]
fn all_that_compilers_say_is_in_the_table() {
    let mut unit = Unit::default();
    let of_leaf = unit.data(&info(70, 9, &[2], &[]), 0);
    let leaf = unit.function("main.leaf", 20, vec![(aux::INFO, of_leaf)]);
    let of_main = unit.data(&info(41, 0, &[0], &[(3, leaf, 5), (0, leaf, 9)]), 0);
    let [pcsp, pcfile, pcline, inline, empty, live] =
        [&b"sp"[..], b"file", b"line", b"inline", b"", b"live"].map(|bytes| unit.data(bytes, 0));
    let (pointers, objects) = (unit.data(b"pointers", 1), unit.data(b"o", 8));
    let aux = vec![
        (aux::INFO, of_main),
        (aux::FUNCDATA, pointers),
        (aux::FUNCDATA, objects),
        (aux::PCSP, pcsp),
        (aux::PCFILE, pcfile),
        (aux::PCLINE, pcline),
        (aux::PCINLINE, inline),
        (aux::PCDATA, empty),
        (aux::PCDATA, live),
    ];
    let main = unit.function("main.main", 300, aux);
    unit.function("main.bare", 16, Vec::new());
    let defer_return = unit.function("runtime.deferreturn", 1, Vec::new());
    // R_CALL.
    let calls = [(9, leaf), (33, defer_return), (57, defer_return)];
    unit.definitions[main as usize].relocations = calls.map(|(offset, target)| (offset, 4, 7, 0, target)).to_vec();
    let files = ["gofile..$GOROOT/src/a.go", "unused.go", "gofile..leaf.go", "b.go", "beyond.go"];
    let options = GoLink { goroot: Some("/go".into()), ..GoLink::default() };
    let image = build(&unit.object(&files), &options).expect("a table");
    assert_eq!((image.u32(0), &image.bytes[4..8]), (0xffff_fff1, &[0, 0, 1, 8][..]));
    assert_eq!((image.u64(8), image.u64(16)), (4, 3), "functions and files");
    let seen = image.functions();
    let names: Vec<&str> = seen.iter().map(|function| &function.name[..]).collect();
    assert_eq!(names, ["main.leaf", "main.main", "main.bare", "runtime.deferreturn"]);
    assert_eq!(seen.iter().map(|function| function.entry).collect::<Vec<_>>(), [0, 32, 352, 384]);
    assert_eq!(image.u32(image.part(4) + 32), 385, "the end of the code");
    let main = &seen[1];
    assert_eq!((main.arguments, main.start_line, main.id_and_flags, main.defer_return), (24, 41, [0, 3], 32));
    assert_eq!([image.pc(main.tables[0], 2), image.pc(main.tables[2], 4)], [&b"sp"[..], b"line"]);
    assert_eq!((main.pcdata.len(), main.pcdata[0]), (3, 0), "an empty table is none");
    assert_eq!([image.pc(main.pcdata[1], 4), image.pc(main.pcdata[2], 6)], [&b"live"[..], b"inline"]);
    assert_eq!((main.funcdata.len(), main.funcdata[2]), (4, u32::MAX));
    // What is aligned most comes first.
    assert_eq!((image.data(main.funcdata[1], 1), main.funcdata[1]), (&b"o"[..], 0));
    assert_eq!((main.funcdata[3], main.funcdata[0]), (4, 36));
    assert_eq!(image.data(main.funcdata[0], 8), b"pointers");
    assert_eq!(image.inlined(main, 0), (9, "main.leaf".to_owned(), 5, 70));
    assert_eq!(image.inlined(main, 1), (9, "main.leaf".to_owned(), 9, 70));
    let files: Vec<Option<String>> = (0..4).map(|file| image.file(main, file)).collect();
    assert_eq!(files, [Some("/go/src/a.go"), None, Some("leaf.go"), Some("b.go")].map(|name| name.map(str::to_owned)));
    let bare = &seen[2];
    assert_eq!((bare.tables, bare.pcdata.len(), bare.funcdata.len(), bare.unit), ([0; 3], 0, 0, 0));
    assert!(image.start > image.text);
}

/// Functions of several chunks that share names, tables and data at random; and what the table has to be, said one function
/// after the other.
fn many(count: u32) -> (Vec<u8>, Vec<Seen>) {
    let mut state = 0x2545_f491u32;
    let mut random = move |limit: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % limit
    };
    let mut unit = Unit::default();
    let tables: Vec<u32> = (0..300u32).map(|n| unit.data(&n.to_le_bytes()[..1 + n as usize % 4], 0)).collect();
    let datas: Vec<u32> = (0..400).map(|n| unit.data(&[1; 9][..1 + n % 9], [0, 1, 4, 8][n % 4])).collect();
    let base = unit.definitions.len() as u32;
    let mut functions = Vec::new();
    for number in 0..count {
        let calls: Vec<u32> = (0..random(3)).map(|_| random(count)).collect();
        let picks: Vec<usize> = (0..6).map(|_| random(300) as usize).collect();
        let data: Vec<usize> = (0..1 + random(3)).map(|_| random(400) as usize).collect();
        // Each function is followed by its description.
        let listed: Vec<(u32, u32, u32)> = calls.iter().map(|call| (0, base + 2 * call, 7)).collect();
        let mut aux = vec![(aux::INFO, base + 2 * number + 1), (aux::PCINLINE, tables[picks[5]])];
        aux.extend(
            [aux::PCSP, aux::PCFILE, aux::PCLINE, aux::PCDATA, aux::PCDATA]
                .into_iter()
                .zip(&picks)
                .map(|(kind, pick)| (kind, tables[*pick])),
        );
        aux.extend(data.iter().map(|pick| (aux::FUNCDATA, datas[*pick])));
        unit.function(&format!("f{number}"), 16, aux);
        unit.data(&info(number as i32, 0, &[0], &listed), 0);
        functions.push((calls, picks, data));
    }
    let want = expected(&unit, &tables, &datas, &functions);
    (unit.object(&["a.go"]), want)
}

fn expected(unit: &Unit, tables: &[u32], datas: &[u32], functions: &[(Vec<u32>, Vec<usize>, Vec<usize>)]) -> Vec<Seen> {
    let size = |symbol: u32| unit.definitions[symbol as usize].size;
    // Some tables hold the same as others.
    let contents = |pick: usize| unit.definitions[tables[pick] as usize].data;
    let mut pc = std::collections::HashMap::new();
    let mut pc_end = 1;
    let mut pieces: Vec<(u32, u32, (bool, u32))> = Vec::new();
    for (number, (calls, picks, data)) in (0..).zip(functions) {
        for pick in &picks[..5 + usize::from(!calls.is_empty())] {
            pc.entry(contents(*pick)).or_insert_with(|| {
                pc_end += size(tables[*pick]);
                pc_end - size(tables[*pick])
            });
        }
        for pick in data {
            let symbol = datas[*pick];
            let asked = unit.definitions[symbol as usize].alignment;
            let alignment = if asked == 0 { 1 << size(symbol).ilog2() } else { asked };
            if !pieces.iter().any(|piece| piece.2 == (false, symbol)) {
                pieces.push((alignment, size(symbol), (false, symbol)));
            }
        }
        if !calls.is_empty() {
            pieces.push((4, 16 * calls.len() as u32, (true, number)));
        }
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.0));
    let mut placed = std::collections::HashMap::new();
    let mut end = 0u32;
    for (alignment, size, piece) in pieces {
        let at = end.next_multiple_of(alignment);
        placed.insert(piece, at);
        end = at + size;
    }
    let seen = |(number, (calls, picks, data)): (u32, &Described)| {
        let mut funcdata: Vec<u32> = data.iter().map(|pick| placed[&(false, datas[*pick])]).collect();
        let mut pcdata = vec![pc[contents(picks[3])], pc[contents(picks[4])]];
        if !calls.is_empty() {
            funcdata.resize(3, u32::MAX);
            funcdata.push(placed[&(true, number)]);
            pcdata.push(pc[contents(picks[5])]);
        }
        Seen {
            name: format!("f{number}"),
            entry: 32 * number,
            arguments: 24,
            defer_return: 0,
            tables: [0, 1, 2].map(|table| pc[contents(picks[table])]),
            pcdata,
            funcdata,
            unit: 0,
            start_line: number,
            id_and_flags: [0, 3],
        }
    };
    (0..).zip(functions).map(seen).collect()
}

#[test]
fn the_order_is_that_of_functions_whatever_the_threads() {
    let (object, want) = many(3 * CHUNK as u32 + 7);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| build_plain(&object).expect("a table"))
    };
    let (one, four) = (run(1), run(4));
    assert!(one.bytes == four.bytes && one.find == four.find);
    for (seen, want) in one.functions().iter().zip(&want) {
        assert_eq!(seen, want);
    }
    // Each name once, in the order in which functions and calls name them.
    let names = &one.bytes[one.part(0)..one.part(1)];
    assert!(names.starts_with(b"f0\0"));
    assert_eq!(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).count(), want.len());
}

#[test]
fn addresses_are_found_from_the_first_function_of_their_slot() {
    // Bounds of functions; the end of the last.
    let firsts = find::first_functions(&[0, 16, 256, 256, 600, 5000], 5000usize.div_ceil(256));
    assert_eq!(firsts[..4], [0, 3, 3, 4]);
    assert!(firsts.len() == 20 && firsts[4..].iter().all(|first| *first == 4));
    assert_eq!(find::first_functions(&[0, 0, 700], 3), [0, 1, 1]);
    let mut unit = Unit::default();
    (0..200).for_each(|number| {
        unit.function(&format!("f{number}"), 32, Vec::new());
    });
    let image = build_plain(&unit.object(&[])).expect("a table");
    // 6400 bytes of code: two buckets, the second one with 9 slots.
    assert_eq!(image.find.len(), 2 * 4 + 25);
    assert_eq!(image.find[..20], [0, 0, 0, 0, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120]);
    assert_eq!(image.find[20..26], [128, 0, 0, 0, 0, 8]);
}

#[test]
fn funcdata_tells_where_functions_are() {
    let mut unit = Unit::default();
    let of_a = unit.data(&info(1, 0, &[], &[]), 0);
    let wrapped = unit.data(&[0; 4], 4);
    unit.function("a", 32, vec![(aux::INFO, of_a), (aux::FUNCDATA, wrapped)]);
    let b = unit.function("b", 32, Vec::new());
    // R_ADDROFF.
    unit.definitions[wrapped as usize].relocations = vec![(0, 4, 5, 3, b)];
    let image = build_plain(&unit.object(&[])).expect("a table");
    let place = image.functions()[0].funcdata[0];
    assert_eq!(image.data(place, 4), 35u32.to_le_bytes());
    for relocation in [
        (0, 8, 5, 0, b),
        (0, 4, 1, 0, b),
        (1, 4, 5, 0, b),
        (-1, 4, 5, 0, b),
        (0, 4, 5, i64::MIN, b),
        (0, 4, 5, 0, wrapped),
    ] {
        unit.definitions[wrapped as usize].relocations = vec![relocation];
        let error = error(&unit.object(&[]));
        assert_eq!(error.code, "bad-funcdata", "{relocation:?}");
    }
}

#[test]
fn descriptions_that_no_compiler_makes_are_refused() {
    // The bytes of the description, the auxiliary symbols besides it, and what the message has to say; 0 is the function
    // itself, 1 its description, 2 data, 3 empty data, 4 a function that nothing describes, 5 data of 4 GiB, 6 nothing.
    let cases: [Refused; 9] = [
        (info(1, 0, &[1], &[]), vec![], "a file that its object does not have"),
        (info(1, 0, &[], &[(1, 0, 0)]), vec![], "a file that its object does not have"),
        (info(1, 0, &[], &[(0, 77, 0)]), vec![], "a function was inlined that its object does not know"),
        (info(1, 0, &[], &[(0, 4, 0)]), vec![], "nothing describes bare, which was inlined"),
        (info(1, 0, &[], &[]), vec![(aux::FUNCDATA, 3)], "its funcdata 0 is empty"),
        (info(1, 0, &[], &[]), vec![(aux::FUNCDATA, 2); 256], "more than 255"),
        (info(1, 0, &[], &[]), vec![(aux::FUNCDATA, 4)], "one symbol for two purposes"),
        (info(1, 0, &[], &[]), vec![(aux::FUNCDATA, 5)], "go:func.* would take 4294967295 bytes"),
        (info(1, 0, &[], &[]), vec![(aux::PCSP, 6)], "a table of program counters that its object does not define"),
    ];
    for (bytes, aux, want) in cases {
        let mut unit = Unit::default();
        let aux = [vec![(aux::INFO, 1)], aux].concat();
        unit.function("a", 16, aux);
        unit.data(&bytes, 0);
        unit.data(b"data", 0);
        unit.data(b"", 0);
        unit.function("bare", 16, Vec::new());
        let huge = unit.data(b"x", 0);
        unit.definitions[huge as usize].size = u32::MAX;
        let error = error(&unit.object(&["a.go"]));
        assert!(error.message.contains(want), "{} instead of {want}", error.message);
    }
    let mut unit = Unit::default();
    unit.function("a", 16, vec![(aux::INFO, 9)]);
    let error = error(&unit.object(&[]));
    assert_eq!(error.code, "bad-function");
}

#[test]
fn damaged_objects_give_tables_or_errors() {
    let (object, _) = many(40);
    let mut tables = 0;
    for object in fixture::damaged(&object, 3).take(400) {
        let Ok(image) = build_plain(&object) else { continue };
        tables += 1;
        assert!(!image.bytes.is_empty());
    }
    assert!((20..380).contains(&tables), "{tables} of 400 give tables");
}
