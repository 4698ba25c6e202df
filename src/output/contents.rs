//! The bytes of one job: inputs copied and relocated, tables filled, gaps between them.

use hashbrown::HashMap;
use object::elf::{SHF_ALLOC, SHF_EXECINSTR};

use super::jobs::{Job, Jobs, What};
use crate::diag::Diagnostic;
use crate::ids::AtomId;
use crate::layout::image::Image;
use crate::layout::plan::{OutputSection, Piece};
use crate::relocation::Machine;
use crate::relocation::apply::{self, Target};

/// What jobs are made from.
pub struct Contents<'a, 'data> {
    /// The frozen link.
    pub image: &'a Image<'data>,
    /// Every job.
    pub jobs: &'a Jobs,
    /// The bytes of the linker's own tables.
    pub tables: &'a HashMap<AtomId, Vec<u8>>,
}

impl Contents<'_, '_> {
    /// Makes the bytes of `job` in `buffer`, which becomes as long as the job's range.
    pub fn make<M: Machine>(&self, job: &Job, buffer: &mut Vec<u8>, errors: &mut Vec<Diagnostic>) {
        let section = self.image.plan.get(job.section);
        let base = match section.flags & u64::from(SHF_ALLOC) {
            0 => 0,
            _ => self.image.addresses.sections[job.section.index()].address,
        };
        let fill = self.fill_of(section);
        buffer.clear();
        buffer.reserve((job.range.end - job.range.start) as usize);
        for part in &self.jobs.parts[job.parts.clone()] {
            pad(buffer, &fill, job.range.start, part.at);
            self.add::<M>(&part.what, base.wrapping_add(part.at), buffer, errors);
        }
        pad(buffer, &fill, job.range.start, job.range.end);
    }

    /// The bytes of a job that is one stretch of an input and nothing else, without relocations.
    pub fn unchanged(&self, job: &Job) -> Option<&[u8]> {
        let [part] = &self.jobs.parts[job.parts.clone()] else { return None };
        let What::Input(id, range) = &part.what else { return None };
        let whole = part.at == job.range.start && part.at + (range.end - range.start) == job.range.end;
        let atom = self.image.atoms.get(*id);
        if !whole || !atom.relocations.records().is_empty() {
            return None;
        }
        atom.data.get(range.start as usize..range.end as usize)
    }

    fn add<M: Machine>(&self, what: &What, address: u64, buffer: &mut Vec<u8>, errors: &mut Vec<Diagnostic>) {
        let start = buffer.len();
        match what {
            What::Input(id, range) => {
                let atom = self.image.atoms.get(*id);
                match atom.data.get(range.start as usize..range.end as usize) {
                    Some(bytes) => buffer.extend_from_slice(bytes),
                    None => buffer.resize(start + (range.end - range.start) as usize, 0),
                }
                if !atom.relocations.records().is_empty() {
                    let target = Target { atom: *id, range: range.clone(), bytes: &mut buffer[start..], address };
                    apply::apply::<M>(self.image, target, errors);
                }
            }
            What::Merged(table, chunk, size) => {
                buffer.resize(start + *size as usize, 0);
                self.image.merged.tables.tables[*table].fill(*chunk, &mut buffer[start..]);
            }
            What::Unwind(chunk) => {
                buffer.resize(start + chunk.output.len(), 0);
                self.unwind::<M>(chunk, address, &mut buffer[start..], errors);
            }
            What::Table(id) => buffer.extend_from_slice(self.tables.get(id).map_or(&[], Vec::as_slice)),
            What::Data(index) => buffer.extend_from_slice(&self.image.addresses.script_data[*index].2),
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
            apply::apply_record::<M>(
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

/// Fills up to offset `end` of the section; the pattern is counted from the section's start.
fn pad(buffer: &mut Vec<u8>, fill: &[u8], start: u64, end: u64) {
    let from = start + buffer.len() as u64;
    if from >= end {
        return;
    }
    if let [byte] = fill {
        buffer.resize((end - start) as usize, *byte);
        return;
    }
    buffer.extend((from..end).map(|at| fill[(at % fill.len() as u64) as usize]));
}
