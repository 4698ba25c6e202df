//! The bytes of one job: inputs copied and relocated, tables filled, gaps between them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hashbrown::HashMap;
use object::elf::SHF_EXECINSTR;

use super::jobs::{Job, Jobs, What};
use super::relocate::{self, Target};
use crate::diag::Diagnostic;
use crate::ids::AtomId;
use crate::inputs::store::Store;
use crate::layout::image::Image;
use crate::layout::plan::{OutputSection, Piece};
use crate::relocation::Machine;

/// What jobs are made from.
pub struct Contents<'a, 'data> {
    /// The frozen link.
    pub image: &'a Image<'data>,
    /// Every job.
    pub jobs: &'a Jobs,
    /// The bytes of the linker's own tables.
    pub tables: &'a HashMap<AtomId, Vec<u8>>,
    /// Where the inputs are.
    pub store: &'a Store,
    /// Set when the relocations of an atom that was cut are found not to be in order of place: what was made is wrong.
    pub disorder: &'a AtomicBool,
}

impl Contents<'_, '_> {
    /// Makes the bytes of `job` in `out`, which is as long as the job's range.
    pub fn make<M: Machine>(&self, job: &Job, out: &mut [u8], errors: &mut Vec<Diagnostic>) {
        let section = self.image.plan.get(job.section);
        let base = self.image.addresses.sections[job.section.index()].address;
        let fill = self.fill_of(section);
        let mut end = 0;
        for part in &self.jobs.parts[job.parts.clone()] {
            let start = (part.at - job.range.start) as usize;
            pad(&mut out[end..start], &fill, job.range.start + end as u64);
            end = start + self.add::<M>(&part.what, base.wrapping_add(part.at), &mut out[start..], errors);
        }
        pad(&mut out[end..], &fill, job.range.start + end as u64);
    }

    /// Puts a part at the start of `out`; how many bytes it has.
    fn add<M: Machine>(&self, what: &What, address: u64, out: &mut [u8], errors: &mut Vec<Diagnostic>) -> usize {
        match what {
            What::Input(id, range) => {
                let atom = self.image.atoms.get(*id);
                let out = &mut out[..(range.end - range.start) as usize];
                match atom.data.get(range.start as usize..range.end as usize) {
                    Some(bytes) => self.store.copy(bytes, out),
                    None => out.fill(0),
                }
                let size = out.len();
                if !atom.relocations.records().is_empty() {
                    let target = Target { atom: *id, range: range.clone(), bytes: out, address };
                    if !relocate::apply::<M>(self.image, target, errors) {
                        self.disorder.store(true, Relaxed);
                    }
                }
                size
            }
            What::Merged(table, chunk, size) => {
                self.image.merged.tables.tables[*table].fill(*chunk, &mut out[..*size as usize]);
                *size as usize
            }
            What::Unwind(chunk) => {
                self.unwind::<M>(chunk, address, &mut out[..chunk.output.len()], errors);
                chunk.output.len()
            }
            What::Table(id) => copy(self.tables.get(id).map_or(&[], Vec::as_slice), out),
            What::Data(index) => copy(&self.image.addresses.script_data[*index].2, out),
        }
    }

    fn unwind<M: Machine>(
        &self,
        chunk: &crate::layout::unwind::Chunk,
        address: u64,
        bytes: &mut [u8],
        errors: &mut Vec<Diagnostic>,
    ) {
        let unwind = &self.image.unwind;
        unwind.tables.fill(&unwind.plan, chunk, bytes);
        for record in &unwind.plan.records[chunk.records.clone()] {
            let source = unwind.tables.source(record);
            let at = record.output as usize - chunk.output.start;
            let own = &mut bytes[at..at + source.size as usize];
            let start = u64::from(source.offset);
            relocate::apply_record::<M>(
                self.image,
                source.atom,
                source.relocations,
                start,
                own,
                address + at as u64,
                errors,
            );
        }
    }

    fn fill_of(&self, section: &OutputSection) -> Vec<u8> {
        let asked = section.pieces.iter().rev().find_map(|piece| match piece {
            Piece::Fill(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        match asked.unwrap_or(&section.fill) {
            [] if section.flags & u64::from(SHF_EXECINSTR) != 0 => self.image.target.architecture.code_fill().to_vec(),
            [] => vec![0],
            bytes => bytes.to_vec(),
        }
    }
}

fn copy(bytes: &[u8], out: &mut [u8]) -> usize {
    out[..bytes.len()].copy_from_slice(bytes);
    bytes.len()
}

/// Fills a gap that starts at offset `start` of the section, from which the pattern is counted.
fn pad(gap: &mut [u8], fill: &[u8], start: u64) {
    match fill {
        [byte] => gap.fill(*byte),
        _ => {
            for (at, byte) in (start..).zip(gap) {
                *byte = fill[(at % fill.len() as u64) as usize];
            }
        }
    }
}
