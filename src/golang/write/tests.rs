//! Small programs written as whole files, and read back by another reader.

use object::read::elf::FileHeader;
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};

use super::*;
use crate::args::golink::GoLink;
use crate::golang::fixture;
use crate::golang::layout::{Section, SegmentPlace, access};
use crate::golang::setup;
use crate::golang::symbols::{Kind, attribute};
use crate::inputs::compressed;
use crate::target::Architecture;
use debug::DebugSection;

const TEXT: u64 = 0x40_1000;
const DATA: u64 = 0x40_2000;

/// Debug information of two sections, of three pieces and of one.
struct Debug([DebugSection; 2]);

impl DebugInfo for Debug {
    fn sections(&self) -> &[DebugSection] {
        &self.0
    }

    fn piece_range(&self, section: usize, piece: usize) -> std::ops::Range<u64> {
        let each = self.0[section].size / self.0[section].pieces as u64;
        piece as u64 * each..(piece as u64 + 1) * each
    }

    fn fill(
        &self,
        _: usize,
        piece: usize,
        _: &Symbols<'_>,
        _: &Addresses,
        out: &mut [u8],
    ) -> std::result::Result<(), Diagnostic> {
        out.fill(b'a' + piece as u8);
        Ok(())
    }
}

fn section(name: &str, segment: Segment, access: u8, address: u64, length: u64, symbols: Vec<GoSymbol>) -> Section {
    Section {
        name: name.into(),
        access,
        alignment: 32,
        address,
        length,
        segment,
        has_bytes: name != ".bss",
        file_offset: address - 0x40_0000,
        symbols,
    }
}

fn segment(segment: Segment, access: u8, address: u64, length: u64, sections: std::ops::Range<usize>) -> SegmentPlace {
    let (file_offset, file_length) = (address - 0x40_0000, length.min(0x200));
    SegmentPlace { segment, access, address, length, file_offset, file_length, sections }
}

/// Writes a program of two functions and three variables; the file's bytes.
fn written(options: &mut GoLink, debug: Option<&dyn DebugInfo>) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    options.output = folder.path().join("program");
    let program = fixture::program(options, Architecture::X86_64, &[("main", &[])]);
    let objects = [fixture::object(&[])];
    let mut symbols = fixture::load(&program, &objects);
    let fips = setup::fips(&mut symbols);
    let mut define = |name: &str, kind, data: &[u8], size| {
        let symbol = symbols.define(name.as_bytes(), kind);
        symbols.edit(symbol).push_bytes(data);
        symbols.edit(symbol).size = size;
        symbol
    };
    let marker = define("runtime.text", Kind::Text, &[], 0);
    let start = define("_rt0_amd64_linux", Kind::Text, &[0x90; 3], 3);
    let main = define("main.main", Kind::Text, &[0xc3], 1);
    let variable = define("main.x\u{b7}y", Kind::Data, &[], 16);
    let hidden = define("main.hidden", Kind::NoptrData, &[1, 2], 4);
    let zeroed = define("main.zeroed", Kind::Bss, &[], 8);
    symbols.edit(variable).push_address(main, 0);
    symbols.edit(variable).push_address(zeroed, 2);
    symbols.set(hidden, attribute::LOCAL);
    let internal = symbols.find_or_make(b"main.main", Version::AbiInternal);
    symbols.set_kind(internal, Kind::Text);
    let [text_start, text_end, ..] = fips.bounds;
    let mut data = vec![hidden, variable, fips.info];
    data.extend(&fips.bounds[2..]);
    let mut addresses = Addresses {
        value: vec![0; symbols.count()],
        section: vec![0; symbols.count()],
        sections: vec![
            section(".text", Segment::Text, access::EXECUTE, TEXT, 0x44, vec![start, main, text_start, text_end]),
            section(".data", Segment::Data, access::WRITE, DATA, 0x200, data),
            section(".bss", Segment::Data, access::WRITE, DATA + 0x200, 8, vec![zeroed]),
        ],
        segments: vec![
            segment(Segment::Text, access::EXECUTE, TEXT, 0x44, 0..1),
            segment(Segment::Data, access::WRITE, DATA, 0x208, 1..3),
        ],
    };
    let mut place = |symbol: GoSymbol, value, section| {
        addresses.value[symbol.index()] = value;
        addresses.section[symbol.index()] = section;
    };
    for (symbol, offset) in [(marker, 0), (start, 0), (main, 0x20), (text_start, 0x42), (text_end, 0x43)] {
        place(symbol, TEXT + offset, 1);
    }
    place(hidden, DATA, 2);
    place(variable, DATA + 0x10, 2);
    place(fips.info, DATA + 0x100, 2);
    (2..8).for_each(|at| place(fips.bounds[at], DATA + 0x1f0 + at as u64, 2));
    place(zeroed, DATA + 0x200, 3);
    let text = [start, main, text_start, text_end];
    let tables = Tables::default();
    let stages = Mutex::new(Vec::new());
    let input = Input {
        program: &program,
        symbols: &symbols,
        text: &text,
        addresses: &addresses,
        tables: &tables,
        fips: &fips,
        debug,
        give_back: &|behind| lock(&stages).push(behind),
    };
    write(input)?;
    assert_eq!(*lock(&stages), [Behind::Writing, Behind::Listing], "whether there are debug sections or not");
    Ok(std::fs::read(&options.output).expect("the file"))
}

#[test]
fn a_whole_file_reads_back() {
    let mut options = GoLink { build_id: "id".to_owned(), gnu_build_id: Some("0x01".to_owned()), ..GoLink::default() };
    let debug = Debug([
        DebugSection { name: ".debug_line", size: 3000, pieces: 3 },
        DebugSection { name: ".debug_info", size: 5, pieces: 1 },
    ]);
    for compress in [true, false] {
        options.compress_dwarf = compress;
        let bytes = written(&mut options, Some(&debug)).expect("a file");
        let file = object::File::parse(&*bytes).expect("an ELF file");
        assert_eq!(file.entry(), TEXT);
        let names: Vec<&str> = file.sections().filter_map(|section| section.name().ok()).collect();
        let mapped = [".note.go.buildid", ".note.gnu.build-id", ".text", ".data", ".bss"];
        assert_eq!(names, [&mapped[..], &[".debug_line", ".debug_info", ".symtab", ".strtab", ".shstrtab"]].concat());
        let text = file.section_by_name(".text").and_then(|text| text.data().ok()).expect("code");
        assert_eq!(text[..5], [0x90, 0x90, 0x90, 0xcc, 0xcc]);
        assert_eq!(text[0x20..0x22], [0xc3, 0xcc]);
        let data = file.section_by_name(".data").and_then(|data| data.data().ok()).expect("data");
        assert_eq!(data[..4], [1, 2, 0, 0]);
        assert_eq!(data[0x10..0x18], (TEXT + 0x20).to_le_bytes());
        assert_eq!(data[0x18..0x20], (DATA + 0x202).to_le_bytes());
        assert_ne!(data[0x110..0x130], [0; 32]); // the FIPS sum
        let line = file.section_by_name(".debug_line").expect("a section");
        let want: Vec<u8> = (0..3000).map(|at| b'a' + (at / 1000) as u8).collect();
        let line = line.data().expect("contents");
        match compress {
            true => {
                let packed = compressed::parse(line).expect("a compressed section");
                assert_eq!((packed.alignment, packed.decompress().expect("contents")), (1, want));
            }
            false => assert_eq!(line, want),
        }
        let info = file.section_by_name(".debug_info").expect("a section");
        assert_eq!(info.data().expect("contents"), b"aaaaa");
        let end = file.section_by_name(".shstrtab").and_then(|names| names.file_range()).expect("a table");
        assert_eq!(end.0 + end.1, bytes.len() as u64);
    }
}

#[test]
fn symbols_are_listed_locals_first_and_by_their_names() {
    let mut options = GoLink::default();
    let bytes = written(&mut options, None).expect("a file");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    let names: Vec<(&str, bool)> =
        file.symbols().map(|symbol| (symbol.name().expect("a name"), symbol.is_local())).collect();
    let locals = ["go.go", "go:textfipsstart", "go:textfipsend", "go:rodatafipsstart", "go:rodatafipsend"];
    assert_eq!(names.iter().map(|(name, _)| *name).take(5).collect::<Vec<_>>(), locals);
    let globals: Vec<&str> = names.iter().filter(|(_, is_local)| !is_local).map(|(name, _)| *name).collect();
    let data = ["go:fipsinfo", "main.x.y", "main.zeroed"];
    assert_eq!(globals, [&["runtime.text", "_rt0_amd64_linux", "main.main.abi0"][..], &data].concat());
    assert!(names.contains(&("main.hidden", true)));
}

#[test]
fn segments_are_whole_pages_and_notes_are_mapped() {
    let mut options = GoLink { build_id: "id".to_owned(), ..GoLink::default() };
    let bytes = written(&mut options, None).expect("a file");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    let segments: Vec<(u64, u64)> = file.segments().map(|segment| (segment.address(), segment.size())).collect();
    assert_eq!(segments, [(0x40_0000, 0x1044), (DATA, 0x208)]);
    let header = object::elf::FileHeader64::<object::Endianness>::parse(&*bytes).expect("a header");
    let kinds: Vec<u32> = header
        .program_headers(object::Endianness::Little, &*bytes)
        .expect("program headers")
        .iter()
        .map(|header| header.p_type.get(object::Endianness::Little))
        .collect();
    use object::elf::{PT_GNU_STACK, PT_LOAD, PT_NOTE, PT_PHDR};
    assert_eq!(kinds, [PT_PHDR, PT_NOTE, PT_LOAD, PT_LOAD, PT_GNU_STACK]);
}

#[test]
fn a_stripped_file_has_no_symbols() {
    let mut options = GoLink { omit_symtab: true, ..GoLink::default() };
    let bytes = written(&mut options, None).expect("a file");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    assert!(file.section_by_name(".symtab").is_none() && file.section_by_name(".strtab").is_none());
    assert!(file.section_by_name(".data").is_some());
}

#[test]
fn bad_requests_leave_no_file() {
    for (entry, message) in
        [("main.none", "missing entry symbol"), ("main.hidden", "is no code"), ("0xyz", "no address")]
    {
        let mut options = GoLink { entry: Some(entry.to_owned()), ..GoLink::default() };
        let error = written(&mut options, None).expect_err(entry);
        assert!(error.to_string().contains(message), "{error}");
    }
    let mut options = GoLink { build_id: "x".repeat(4000), ..GoLink::default() };
    let error = written(&mut options, None).expect_err("too long an id");
    assert!(error.to_string().contains("the headers take"), "{error}");
    assert!(!options.output.exists());
}
