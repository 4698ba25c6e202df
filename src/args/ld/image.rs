//! Flags about the output: its kind, its segments, what is dropped from it and what is added, and reports about it.

use super::{Flag, Given, State, flag_nothing, flag_optional, flag_value, inputs, zkeywords};
use crate::args::request::{BuildId, DebugCompression, OrphanHandling, SectionSort};
use crate::diag::Result;
use std::path::PathBuf;

pub(super) const FLAGS: &[Flag<State>] = &[
    flag_value(&["o", "output"], output, "Write the output here"),
    flag_nothing(
        &["r", "i", "relocatable", "Ur"],
        |state, _| set(&mut state.command.shape.relocatable, true),
        "Make an object that can be linked again",
    ),
    flag_nothing(
        &["shared", "Bshareable"],
        |state, _| set(&mut state.command.shape.shared, true),
        "Make a shared library",
    ),
    flag_nothing(
        &["pie", "pic-executable"],
        |state, _| set(&mut state.command.shape.pie, true),
        "Make a position-independent executable",
    ),
    flag_nothing(
        &["no-pie"],
        |state, _| set(&mut state.command.shape.pie, false),
        "Make a position-dependent executable",
    ),
    flag_nothing(&["static-pie"], static_pie, "Make a position-independent executable without a dynamic linker"),
    flag_value(&["I", "dynamic-linker"], dynamic_linker, "The program that loads the executable"),
    flag_nothing(&["no-dynamic-linker"], no_dynamic_linker, "The executable loads itself"),
    flag_value(
        &["rpath"],
        |state, given| text(&mut state.command.request.dynamic.run_paths, given),
        "Where the dynamic linker looks for libraries",
    ),
    flag_value(&["h", "soname"], soname, "The name of the shared library"),
    flag_value(&["hash-style"], hash_style, "sysv, gnu or both"),
    flag_value(
        &["z"],
        zkeywords::apply,
        "A keyword: relro, now, noexecstack, stack-size=N, max-page-size=N, separate-code, defs, muldefs and others",
    ),
    flag_nothing(
        &["eh-frame-hdr"],
        |state, _| set(&mut state.request().segments.eh_frame_hdr, true),
        "Make the table that unwinders search (the default)",
    ),
    flag_nothing(
        &["no-eh-frame-hdr"],
        |state, _| set(&mut state.request().segments.eh_frame_hdr, false),
        "Do not make the table that unwinders search",
    ),
    flag_value(&["image-base", "Ttext-segment"], image_base, "Where the image starts in memory"),
    flag_value(
        &["Ttext", "Tdata", "Tbss", "Trodata-segment", "Tldata-segment", "section-start"],
        inputs::host_only_flag(),
        "Where a section or segment starts in memory",
    ),
    flag_nothing(&["n", "nmagic", "N", "omagic"], inputs::host_only_flag(), "Do not align segments to pages"),
    flag_nothing(&["q", "emit-relocs"], inputs::host_only_flag(), "Keep the relocations in the output"),
    flag_value(&["oformat"], output_format, "The format of the output"),
    flag_optional(&["build-id"], build_id, "Write a build id: sha1, md5, uuid, fast, none or 0xHEX"),
    flag_optional(&["compress-debug-sections"], compress_debug, "Compress debug sections: none, zlib or zstd"),
    flag_nothing(
        &["gc-sections"],
        |state, _| set(&mut state.request().garbage.sections, true),
        "Drop the sections that nothing reaches",
    ),
    flag_nothing(
        &["no-gc-sections"],
        |state, _| set(&mut state.request().garbage.sections, false),
        "Keep all sections",
    ),
    flag_nothing(
        &["print-gc-sections"],
        |state, _| set(&mut state.request().garbage.print, true),
        "Print the sections that are dropped",
    ),
    flag_nothing(
        &["no-print-gc-sections"],
        |state, _| set(&mut state.request().garbage.print, false),
        "Do not print the sections that are dropped",
    ),
    flag_nothing(
        &["gc-keep-exported"],
        |state, _| set(&mut state.request().garbage.keep_exported, true),
        "Exported symbols are not dropped",
    ),
    flag_value(&["sort-section"], sort_section, "Sort sections by name or alignment where the script does not"),
    flag_value(
        &["orphan-handling"],
        orphans,
        "Sections that the script does not mention: place, warn, error or discard",
    ),
    flag_nothing(
        &["relax"],
        |state, _| set(&mut state.request().relax, true),
        "Use shorter instructions where they suffice (the default)",
    ),
    flag_nothing(&["no-relax"], |state, _| set(&mut state.request().relax, false), "Leave instructions as they are"),
    flag_value(
        &["Map"],
        |state, given| set(&mut state.request().map, Some(given.path())),
        "Write a map of the output here",
    ),
    flag_nothing(
        &["M", "print-map"],
        |state, _| set(&mut state.request().map, Some(PathBuf::from("-"))),
        "Print a map of the output",
    ),
    flag_nothing(
        &["t", "trace"],
        |state, _| set(&mut state.request().trace_files, true),
        "Print the files that are taken",
    ),
    flag_value(
        &["dependency-file", "package-metadata"],
        inputs::host_only_flag(),
        "Write a dependency file; add a package note",
    ),
    flag_optional(&["threads", "thread-count"], threads, "How many threads work"),
    flag_nothing(&["no-threads"], |state, _| set(&mut state.request().threads, Some(1)), "One thread works"),
];

fn set<T>(place: &mut T, value: T) -> Result<()> {
    *place = value;
    Ok(())
}

fn text(list: &mut Vec<String>, given: &Given<'_>) -> Result<()> {
    list.push(given.text()?.to_owned());
    Ok(())
}

fn output(state: &mut State, given: &Given<'_>) -> Result<()> {
    if given.raw().is_empty() {
        return Err(given.wrong("names no file"));
    }
    state.request().output_named = true;
    state.request().output = given.path();
    Ok(())
}

fn static_pie(state: &mut State, _: &Given<'_>) -> Result<()> {
    state.command.shape.pie = true;
    state.command.shape.static_link = true;
    state.command.shape.no_dynamic_linker = true;
    state.modifiers.only_static = true;
    Ok(())
}

fn dynamic_linker(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.command.shape.no_dynamic_linker = false;
    state.request().dynamic.interpreter = Some(given.path());
    Ok(())
}

fn no_dynamic_linker(state: &mut State, _: &Given<'_>) -> Result<()> {
    state.command.shape.no_dynamic_linker = true;
    state.request().dynamic.interpreter = None;
    Ok(())
}

fn soname(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().dynamic.soname = Some(given.text()?.to_owned());
    Ok(())
}

fn image_base(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().segments.image_base = Some(address(given)?);
    Ok(())
}

fn hash_style(state: &mut State, given: &Given<'_>) -> Result<()> {
    match given.text()? {
        style @ ("sysv" | "gnu" | "both") => state.request().dynamic.hash_style = Some(style.to_owned()),
        _ => return Err(given.wrong("is not sysv, gnu or both")),
    }
    Ok(())
}

/// An address: GNU ld reads it as hexadecimal, with or without `0x`.
fn address(given: &Given<'_>) -> Result<u64> {
    let text = given.text()?;
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let number = if digits.starts_with('+') { None } else { u64::from_str_radix(digits, 16).ok() };
    number.ok_or_else(|| given.wrong("is not a hexadecimal address"))
}

fn output_format(state: &mut State, given: &Given<'_>) -> Result<()> {
    match given.text()? {
        "elf64-x86-64" | "elf64-littleaarch64" | "default" | "elf" => Ok(()),
        _ => inputs::host_only_flag()(state, given),
    }
}

fn build_id(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().build_id = match given.text()? {
        "" | "sha1" | "tree" => BuildId::Sha1,
        "md5" => BuildId::Md5,
        "uuid" => BuildId::Uuid,
        "fast" => BuildId::Fast,
        "none" => BuildId::None,
        other => {
            let bytes = other.strip_prefix("0x").or_else(|| other.strip_prefix("0X")).and_then(hexadecimal);
            BuildId::Hex(bytes.ok_or_else(|| given.wrong("is not sha1, md5, uuid, fast, none or 0x with whole bytes"))?)
        }
    };
    Ok(())
}

/// Whole bytes; `-` and `:` may stand between them (as GNU ld's manual allows).
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut digits = text.chars().filter(|letter| !matches!(letter, '-' | ':'));
    while let Some(high) = digits.next() {
        let (high, low) = (high.to_digit(16)?, digits.next()?.to_digit(16)?);
        bytes.push((high << 4 | low) as u8);
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn compress_debug(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().compress_debug = match given.text()? {
        "none" => DebugCompression::None,
        "" | "zlib" | "zlib-gabi" => DebugCompression::Zlib,
        "zstd" => DebugCompression::Zstd,
        "zlib-gnu" => return inputs::host_only_flag()(state, given),
        _ => return Err(given.wrong("is not none, zlib, zlib-gabi or zstd")),
    };
    Ok(())
}

fn sort_section(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().sort_sections = Some(match given.text()? {
        "name" => SectionSort::Name,
        "alignment" => SectionSort::Alignment,
        _ => return Err(given.wrong("is not name or alignment")),
    });
    Ok(())
}

fn orphans(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().orphans = match given.text()? {
        "place" => OrphanHandling::Place,
        "warn" => OrphanHandling::Warn,
        "error" => OrphanHandling::Error,
        "discard" => OrphanHandling::Discard,
        _ => return Err(given.wrong("is not place, warn, error or discard")),
    };
    Ok(())
}

/// `--threads` alone means the machine's number; other linkers take `--threads=N`.
fn threads(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().threads = match given.value {
        None => None,
        Some(_) => match given.number()? {
            0 => return Err(given.wrong("is not at least 1")),
            number => Some(usize::try_from(number).unwrap_or(usize::MAX).min(MAX_THREADS)),
        },
    };
    Ok(())
}

/// More threads than this are never useful, and a thread costs memory.
const MAX_THREADS: usize = 1024;
