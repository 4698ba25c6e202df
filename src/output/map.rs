//! The map file (`-Map`): what was taken and why, what was left out, and where everything lies, in the form of GNU ld, so
//! that the scripts which read those maps can read these.
//!
//! The writer sees only the plain views below; whoever has the link's tables makes them.

use std::io::{Result, Write};

/// Everything a map file tells, in the order of the file.
#[derive(Clone, Default, Debug)]
pub struct MapView<'a> {
    /// The archive members of the link, in the order in which they were taken.
    pub members: Vec<TakenMember<'a>>,
    /// The common symbols that were given a place.
    pub commons: Vec<CommonSymbol<'a>>,
    /// Input sections that are not in the output, in input order. Their addresses do not matter.
    pub discarded: Vec<MapAtom<'a>>,
    /// The MEMORY regions of the script; usually none.
    pub regions: Vec<MemoryRegion<'a>>,
    /// The inputs in command-line order, archives once.
    pub inputs: Vec<&'a str>,
    /// The output sections in address order.
    pub sections: Vec<MapSection<'a>>,
    /// The output file, and its format as GNU ld names it: `elf64-x86-64`.
    pub output: (&'a str, &'a str),
}

/// A member that was taken from an archive.
#[derive(Clone, Copy, Debug)]
pub struct TakenMember<'a> {
    /// `libc.a(printf.o)`.
    pub member: &'a str,
    /// The file that needed it, or what else made the link take it: `--whole-archive`, `-u`.
    pub needed_by: &'a str,
    /// The symbol it was taken for; empty if for none.
    pub symbol: &'a str,
}

/// A common symbol with a place in the output.
#[derive(Clone, Copy, Debug)]
pub struct CommonSymbol<'a> {
    /// Its name.
    pub name: &'a str,
    /// Bytes.
    pub size: u64,
    /// The file whose size and alignment won.
    pub file: &'a str,
}

/// A MEMORY region.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRegion<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its address.
    pub origin: u64,
    /// Bytes.
    pub length: u64,
    /// The letters of the script: `xr`.
    pub attributes: &'a str,
}

/// An output section.
#[derive(Clone, Default, Debug)]
pub struct MapSection<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its address; 0 if it is not part of the image.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// Where it is loaded, if not at its address.
    pub load_address: Option<u64>,
    /// What it is made of, in order of address.
    pub atoms: Vec<MapAtom<'a>>,
}

/// An input section, or a table that the linker made.
#[derive(Clone, Default, Debug)]
pub struct MapAtom<'a> {
    /// The input section's name.
    pub name: &'a str,
    /// Its address, or its offset in an output section that is not part of the image.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// `libc.a(printf.o)`; `linker` for what no input has.
    pub file: &'a str,
    /// The symbols defined in it, with their values, in order of address.
    pub symbols: Vec<(u64, &'a str)>,
}

/// The column in which addresses begin.
const ADDRESS_COLUMN: usize = 16;
/// The column in which the files begin that needed a member.
const NEEDED_BY_COLUMN: usize = 30;
/// The column in which the sizes of common symbols begin.
const COMMON_SIZE_COLUMN: usize = 20;

/// Writes the map.
pub fn write_map(out: &mut dyn Write, view: &MapView<'_>) -> Result<()> {
    write_members(out, &view.members)?;
    write_commons(out, &view.commons)?;
    if !view.discarded.is_empty() {
        writeln!(out, "\nDiscarded input sections\n")?;
        for atom in &view.discarded {
            write_atom(out, &MapAtom { address: 0, symbols: Vec::new(), ..atom.clone() })?;
        }
    }
    write_regions(out, &view.regions)?;
    writeln!(out, "\nLinker script and memory map\n")?;
    for input in &view.inputs {
        writeln!(out, "LOAD {input}")?;
    }
    for section in &view.sections {
        write_section(out, section)?;
    }
    writeln!(out, "OUTPUT({} {})", view.output.0, view.output.1)
}

fn write_members(out: &mut dyn Write, members: &[TakenMember<'_>]) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    writeln!(out, "Archive member included to satisfy reference by file (symbol)\n")?;
    for taken in members {
        write_name(out, "", taken.member, NEEDED_BY_COLUMN)?;
        match taken.symbol {
            "" => writeln!(out, "({})", taken.needed_by)?,
            symbol => writeln!(out, "{} ({symbol})", taken.needed_by)?,
        }
    }
    Ok(())
}

fn write_commons(out: &mut dyn Write, commons: &[CommonSymbol<'_>]) -> Result<()> {
    if commons.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nAllocating common symbols")?;
    writeln!(out, "Common symbol       size              file\n")?;
    for common in commons {
        write_name(out, "", common.name, COMMON_SIZE_COLUMN)?;
        writeln!(out, "{:<18}{}", format!("{:#x}", common.size), common.file)?;
    }
    Ok(())
}

fn write_regions(out: &mut dyn Write, regions: &[MemoryRegion<'_>]) -> Result<()> {
    writeln!(out, "\nMemory Configuration\n")?;
    writeln!(out, "{:<16} {:<18} {:<18} Attributes", "Name", "Origin", "Length")?;
    let everything = MemoryRegion { name: "*default*", origin: 0, length: u64::MAX, attributes: "" };
    for region in regions.iter().chain(std::iter::once(&everything)) {
        let line = format!("{:<16} {:#018x} {:#018x} {}", region.name, region.origin, region.length, region.attributes);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_section(out: &mut dyn Write, section: &MapSection<'_>) -> Result<()> {
    writeln!(out)?;
    write_name(out, "", section.name, ADDRESS_COLUMN)?;
    write_place(out, section.address, section.size)?;
    if let Some(load_address) = section.load_address {
        write!(out, " load address {load_address:#018x}")?;
    }
    writeln!(out)?;
    let mut end = section.address;
    for atom in &section.atoms {
        write_gap(out, end, atom.address)?;
        write_atom(out, atom)?;
        end = end.max(atom.address.saturating_add(atom.size));
    }
    write_gap(out, end, section.address.saturating_add(section.size))
}

/// What lies between two atoms, if anything does.
fn write_gap(out: &mut dyn Write, from: u64, to: u64) -> Result<()> {
    if from >= to {
        return Ok(());
    }
    write_name(out, " ", "*fill*", ADDRESS_COLUMN)?;
    write_place(out, from, to - from)?;
    writeln!(out)
}

fn write_atom(out: &mut dyn Write, atom: &MapAtom<'_>) -> Result<()> {
    write_name(out, " ", atom.name, ADDRESS_COLUMN)?;
    write_place(out, atom.address, atom.size)?;
    writeln!(out, " {}", atom.file)?;
    for (value, name) in &atom.symbols {
        writeln!(out, "{:ADDRESS_COLUMN$}{value:#018x}{:ADDRESS_COLUMN$}{name}", "", "")?;
    }
    Ok(())
}

/// A name, and spaces up to the column; on a line of its own if it reaches that far.
fn write_name(out: &mut dyn Write, indent: &str, name: &str, column: usize) -> Result<()> {
    let width = indent.len() + name.chars().count();
    if width < column {
        write!(out, "{indent}{name}{:1$}", "", column - width)
    } else {
        write!(out, "{indent}{name}\n{:column$}", "")
    }
}

fn write_place(out: &mut dyn Write, address: u64, size: u64) -> Result<()> {
    write!(out, "{address:#018x} {:>10}", format!("{size:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(view: &MapView) -> String {
        let mut out = Vec::new();
        write_map(&mut out, view).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn looks_like_gnu_ld() {
        let puts = MapAtom {
            name: ".text.puts_with_a_long_name",
            address: 0x401030,
            size: 0x1b,
            file: "/lib/libc.a(puts.o)",
            symbols: vec![(0x401030, "puts"), (0x401034, "_IO_puts")],
        };
        let start = MapAtom { name: ".text", address: 0x401000, size: 0x26, file: "crt1.o", ..MapAtom::default() };
        let view = MapView {
            members: vec![
                TakenMember { member: "/lib/libc.a(puts.o)", needed_by: "main.o", symbol: "puts" },
                TakenMember {
                    member: "/a/long/way/to/libgcc.a(unwind-dw2.o)",
                    needed_by: "--whole-archive",
                    symbol: "",
                },
            ],
            commons: vec![CommonSymbol { name: "buffer", size: 0x40, file: "main.o" }],
            discarded: vec![MapAtom { name: ".comment", size: 0x1f, file: "main.o", ..puts.clone() }],
            regions: Vec::new(),
            inputs: vec!["crt1.o", "main.o", "/lib/libc.a"],
            sections: vec![MapSection {
                name: ".text",
                address: 0x401000,
                size: 0x50,
                load_address: None,
                atoms: vec![start, puts],
            }],
            output: ("a.out", "elf64-x86-64"),
        };
        let expected = "\
Archive member included to satisfy reference by file (symbol)

/lib/libc.a(puts.o)           main.o (puts)
/a/long/way/to/libgcc.a(unwind-dw2.o)
                              (--whole-archive)

Allocating common symbols
Common symbol       size              file

buffer              0x40              main.o

Discarded input sections

 .comment       0x0000000000000000       0x1f main.o

Memory Configuration

Name             Origin             Length             Attributes
*default*        0x0000000000000000 0xffffffffffffffff

Linker script and memory map

LOAD crt1.o
LOAD main.o
LOAD /lib/libc.a

.text           0x0000000000401000       0x50
 .text          0x0000000000401000       0x26 crt1.o
 *fill*         0x0000000000401026        0xa
 .text.puts_with_a_long_name
                0x0000000000401030       0x1b /lib/libc.a(puts.o)
                0x0000000000401030                puts
                0x0000000000401034                _IO_puts
 *fill*         0x000000000040104b        0x5
OUTPUT(a.out elf64-x86-64)
";
        assert_eq!(text(&view), expected);
    }

    #[test]
    fn tells_regions_and_load_addresses() {
        let view = MapView {
            regions: vec![MemoryRegion { name: "flash", origin: 0x800_0000, length: 0x1000, attributes: "xr" }],
            sections: vec![MapSection {
                name: ".data",
                address: 0x2000_0000,
                size: 8,
                load_address: Some(0x800_0400),
                atoms: Vec::new(),
            }],
            ..MapView::default()
        };
        let text = text(&view);
        assert!(text.starts_with("\nMemory Configuration"), "{text}");
        assert!(text.contains("\nflash            0x0000000008000000 0x0000000000001000 xr\n"), "{text}");
        assert!(
            text.contains(".data           0x0000000020000000        0x8 load address 0x0000000008000400\n"),
            "{text}"
        );
        assert!(text.contains(" *fill*         0x0000000020000000        0x8\n"), "{text}");
    }

    #[test]
    fn a_full_disk_is_reported() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }
        let error = write_map(&mut Full, &MapView::default()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}
