//! The output file from the frozen image: contents job by job, then what describes them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use object::elf::{SHF_ALLOC, SHF_COMPRESSED};
use rayon::prelude::*;

use super::Output;
use super::buildid::{BuildIdHasher, ChunkDigest};
use super::compress::{self, Block, CompressedSection};
use super::contents::Contents;
use super::file::{Bytes, OutputFile};
use super::headers::{self, FileFacts, SECTION_HEADER, SectionHeader};
use super::jobs::{self, Job, Jobs, Order};
use super::symtab::{self, Symtab, SymtabOptions};
use super::tables;
use crate::args::request::{DebugCompression, Strip};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::ids::{AtomId, OutputSectionId};
use crate::layout::image::Image;
use crate::layout::tables::{BUILD_ID_HEADER, SYMBOL};
use crate::liveness::candidates::is_debug;
use crate::par::lock;
use crate::relocation::Machine;

/// Writes the file.
pub fn write<M: Machine>(image: &Image<'_>, output: &Output<'_>) -> Result<()> {
    let tables = tables::fill::<M>(image, output)?;
    let written = Writer::<M>::new(image, output, &tables, Order::Assumed)?.run()?;
    if written == Written::InDisorder {
        Writer::<M>::new(image, output, &tables, Order::Checked)?.run()?;
    }
    Ok(())
}

/// How a writer ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    Whole,
    /// Relocations of an atom that was cut are not in order of place; nothing came of it.
    InDisorder,
}

struct Writer<'a, 'data, M> {
    image: &'a Image<'data>,
    output: &'a Output<'a>,
    jobs: Jobs,
    tables: &'a HashMap<AtomId, Vec<u8>>,
    file: OutputFile<'data>,
    hasher: Option<BuildIdHasher>,
    errors: Mutex<Vec<Diagnostic>>,
    disorder: AtomicBool,
    machine: std::marker::PhantomData<fn(M)>,
}

/// Where everything lies in the file.
struct FileLayout {
    /// The output sections that have headers, then the tables of names and symbols.
    headers: Vec<SectionHeader>,
    /// By [`OutputSectionId`]: its file offset.
    offsets: Vec<u64>,
    symtab: u64,
    strtab: u64,
    names: u64,
    section_headers: u64,
    size: u64,
}

/// A job's outcome: the digest for the build id, and the compressed bytes of a job that is not written yet.
type Made = (Option<ChunkDigest>, Option<Block>);

impl<'a, 'data, M: Machine> Writer<'a, 'data, M> {
    fn new(
        image: &'a Image<'data>,
        output: &'a Output<'a>,
        tables: &'a HashMap<AtomId, Vec<u8>>,
        order: Order,
    ) -> Result<Self> {
        let file = OutputFile::create(&output.request.output)?;
        let order = if file.is_replaceable() { order } else { Order::Checked };
        let mut writer = Writer {
            image,
            output,
            jobs: Jobs::default(),
            tables,
            file,
            hasher: BuildIdHasher::new(&output.request.build_id),
            errors: Mutex::new(Vec::new()),
            disorder: AtomicBool::new(false),
            machine: std::marker::PhantomData,
        };
        let size_in = |section| if writer.is_compressed(section) { compress::BLOCK_SIZE as u64 } else { jobs::JOB };
        writer.jobs = jobs::cut(image, order, size_in);
        Ok(writer)
    }

    fn run(self) -> Result<Written> {
        let section_index = self.section_indices();
        let options = SymtabOptions {
            discard: self.output.request.discard,
            section_index: &section_index,
            confined: self.output.confined,
        };
        let symtab = (self.output.request.strip != Strip::All).then(|| symtab::plan(self.image, &options));
        // What is compressed is made first: where everything behind it lies depends on how far it shrinks.
        let mut digests = vec![None; self.jobs.jobs.len()];
        let compressed = self.compress(&mut digests);
        let layout = self.place(symtab.as_ref(), &compressed);
        self.note(self.file.set_size(layout.size));
        let (rest, mut symbol_digests) = rayon::join(
            || self.write_contents(&layout, &compressed),
            || symtab.as_ref().map_or_else(Vec::new, |symtab| self.write_symbols(symtab, &options, &layout)),
        );
        for (digest, made) in digests.iter_mut().zip(rest) {
            *digest = digest.or(made);
        }
        self.note(self.file.flush());
        self.write_compressed(&layout, &compressed);
        let headers = self.write_headers(&layout);
        digests.append(&mut symbol_digests);
        digests.push(headers);
        self.write_build_id(&digests, layout.size);
        if self.disorder.load(Relaxed) {
            return Ok(Written::InDisorder);
        }
        Diagnostics::check((), self.errors.into_inner().unwrap_or_else(PoisonError::into_inner))?;
        // The system may drop it when the process has ended: see `sys::end_before_memory`.
        std::mem::forget(self.file.finish()?.remove()?);
        Ok(Written::Whole)
    }

    fn note<T>(&self, result: std::result::Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|error| lock(&self.errors).push(error)).ok()
    }

    /// By output section: the index of its header, 0 if it has none.
    fn section_indices(&self) -> Vec<u16> {
        let mut next = 0;
        let index = |place: &crate::layout::plan::SectionAddress| {
            if place.omitted {
                return 0;
            }
            next += 1;
            next
        };
        self.image.addresses.sections.iter().map(index).collect()
    }

    fn is_compressed(&self, section: OutputSectionId) -> bool {
        let plan = self.image.plan.get(section);
        self.output.request.compress_debug != DebugCompression::None
            && plan.flags & u64::from(SHF_ALLOC) == 0
            && is_debug(plan.name.as_bytes())
    }

    /// Makes the debug sections and compresses them, block by block, and writes the image beside that.
    fn compress(&self, digests: &mut [Option<ChunkDigest>]) -> HashMap<OutputSectionId, CompressedSection> {
        let compression = self.output.request.compress_debug;
        if compression == DebugCompression::None {
            return HashMap::new();
        }
        let make = |job: &Job| -> Made {
            if self.is_compressed(job.section) {
                let buffer = self.make(job);
                let made = (self.digest(&buffer), self.note_all(compress::compress_block(compression, &buffer)));
                self.file.recycle(buffer);
                return made;
            }
            if !self.is_allocated(job.section) {
                return (None, None);
            }
            (self.make_at(job, self.image.addresses.sections[job.section.index()].offset), None)
        };
        let made: Vec<Made> = self.jobs.jobs.par_iter().with_max_len(1).map(make).collect();
        let mut blocks: HashMap<OutputSectionId, Vec<Block>> = HashMap::new();
        for ((job, (digest, block)), slot) in self.jobs.jobs.iter().zip(made).zip(digests) {
            *slot = digest;
            blocks.entry(job.section).or_default().extend(block);
        }
        let finish = |(section, blocks): (OutputSectionId, Vec<Block>)| {
            let alignment = self.image.addresses.sections[section.index()].alignment;
            compress::finish(compression, alignment, blocks).map(|done| (section, done))
        };
        blocks.into_iter().filter_map(finish).collect()
    }

    fn note_each(&self, found: impl IntoIterator<Item = Diagnostic>) {
        lock(&self.errors).extend(found);
    }

    fn note_all<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|found| self.note_each(found)).ok()
    }

    fn is_allocated(&self, section: OutputSectionId) -> bool {
        self.image.plan.get(section).flags & u64::from(SHF_ALLOC) != 0
    }

    fn digest(&self, bytes: &[u8]) -> Option<ChunkDigest> {
        self.hasher.map(|hasher| hasher.digest(bytes))
    }

    /// Makes the bytes of a job.
    fn make(&self, job: &Job) -> Vec<u8> {
        let (jobs, tables, store) = (&self.jobs, self.tables, self.output.store);
        let contents = Contents { image: self.image, jobs, tables, store, disorder: &self.disorder };
        let mut errors = Vec::new();
        let mut buffer = self.file.buffer();
        buffer.resize((job.range.end - job.range.start) as usize, 0);
        contents.make::<M>(job, &mut buffer, &mut errors);
        self.note_each(errors);
        buffer
    }

    /// Makes a job and hands it over to be written; its digest.
    fn make_at(&self, job: &Job, section_offset: u64) -> Option<ChunkDigest> {
        let buffer = self.make(job);
        let digest = self.digest(&buffer);
        self.note(self.file.write_buffer(buffer, section_offset + job.range.start));
        digest
    }

    fn place(&self, symtab: Option<&Symtab>, compressed: &HashMap<OutputSectionId, CompressedSection>) -> FileLayout {
        let mut sections = headers::of_output_sections(self.image);
        let mut offsets = vec![0; self.image.plan.sections.len()];
        let mut end = self.image.addresses.allocated_end;
        let present = self.image.addresses.sections.iter().enumerate().filter(|(_, place)| !place.omitted);
        for (header, (index, _)) in sections.iter_mut().zip(present) {
            if let Some(section) = compressed.get(&OutputSectionId::new(index)) {
                header.size = section.size();
                header.flags |= u64::from(SHF_COMPRESSED);
                header.alignment = compress::ALIGNMENT;
            }
            if header.flags & u64::from(SHF_ALLOC) == 0 {
                header.offset = end.next_multiple_of(header.alignment.max(1));
                end = header.offset + if headers::has_bytes(header) { header.size } else { 0 };
            }
            offsets[index] = header.offset;
        }
        let mut place = |size: u64, alignment: u64| {
            let offset = end.next_multiple_of(alignment);
            end = offset + size;
            offset
        };
        let (mut symbols_at, mut strings_at) = (0, 0);
        if let Some(symtab) = symtab {
            symbols_at = place(symtab.count as u64 * SYMBOL, 8);
            strings_at = place(symtab.strings_size, 1);
            let strings = sections.len() as u32 + 2;
            sections.push(headers::of_symtab(symbols_at, symtab.count, symtab.first_global, strings));
            sections.push(headers::of_strings(".strtab", strings_at, symtab.strings_size));
        }
        sections.push(headers::of_strings(".shstrtab", 0, 0));
        let names_size = headers::section_names(&sections).len() as u64;
        let names = place(names_size, 1);
        if let Some(own) = sections.last_mut() {
            (own.offset, own.size) = (names, names_size);
        }
        let section_headers = place((sections.len() as u64 + 1) * SECTION_HEADER, 8);
        FileLayout {
            headers: sections,
            offsets,
            symtab: symbols_at,
            strtab: strings_at,
            names,
            section_headers,
            size: end,
        }
    }

    /// Writes every job that is not written yet; their digests.
    fn write_contents(
        &self,
        layout: &FileLayout,
        compressed: &HashMap<OutputSectionId, CompressedSection>,
    ) -> Vec<Option<ChunkDigest>> {
        let early = self.output.request.compress_debug != DebugCompression::None;
        let is_written = |job: &Job| early && (self.is_allocated(job.section) || compressed.contains_key(&job.section));
        if early && self.jobs.jobs.iter().all(is_written) {
            return Vec::new();
        }
        let write = |job: &Job| {
            if is_written(job) {
                return None;
            }
            self.make_at(job, layout.offsets[job.section.index()])
        };
        self.jobs.jobs.par_iter().with_max_len(1).map(write).collect()
    }

    fn write_compressed(&self, layout: &FileLayout, compressed: &HashMap<OutputSectionId, CompressedSection>) {
        let sections: Vec<_> = compressed.iter().collect();
        sections.into_par_iter().for_each(|(id, section)| {
            let mut at = layout.offsets[id.index()];
            for part in section.parts() {
                self.note(self.file.write_at(part, at));
                at += part.len() as u64;
            }
        });
    }

    fn write_symbols(
        &self,
        symtab: &Symtab,
        options: &SymtabOptions<'_>,
        layout: &FileLayout,
    ) -> Vec<Option<ChunkDigest>> {
        let buffer = || {
            let mut buffer = self.file.buffer();
            buffer.clear();
            buffer
        };
        let write = |part: usize| {
            let symtab::Written { records: [(locals_at, locals), (globals_at, globals)], names: (names_at, names) } =
                symtab.write(self.image, options, part, buffer);
            let parts = [
                (layout.symtab + locals_at, Bytes::Made(locals)),
                (layout.symtab + globals_at, Bytes::Made(globals)),
                (layout.strtab + names_at, names),
            ];
            parts.map(|(at, bytes)| {
                let digest = self.digest(&bytes);
                self.note(self.file.write(bytes, at));
                digest
            })
        };
        (0..symtab.parts()).into_par_iter().map(write).collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn write_headers(&self, layout: &FileLayout) -> Option<ChunkDigest> {
        let facts = FileFacts {
            entry: self.output.entry,
            section_headers: layout.section_headers,
            section_count: layout.headers.len() as u16 + 1,
            names_section: layout.headers.len() as u16,
        };
        let front = headers::file_headers(self.image, facts);
        let table = headers::section_headers(&layout.headers);
        self.note(self.file.write_at(&front, 0));
        self.note(self.file.write_at(&headers::section_names(&layout.headers), layout.names));
        self.note(self.file.write_at(&table, layout.section_headers));
        self.digest(&[front, table].concat())
    }

    /// Puts the hash of everything into the note that was written with zeros.
    fn write_build_id(&self, digests: &[Option<ChunkDigest>], size: u64) {
        let Some(hasher) = self.hasher else { return };
        let digests: Vec<ChunkDigest> = digests.iter().flatten().copied().collect();
        let id = hasher.finish(&digests, size);
        let atom = self.image.tables.build_id;
        let Some(section) = self.image.plan.section_of.get(atom.index()).copied().flatten() else { return };
        let place = self.image.addresses.sections[section.index()];
        let at = place.offset + (self.image.addresses.atoms[atom.index()] - place.address);
        self.note(self.file.write_at(&id, at + BUILD_ID_HEADER));
    }
}
