//! The files that code comes from: names once, and unit by unit where the name of each file is.

use std::os::unix::ffi::OsStrExt;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::super::program::Program;
use super::super::source_path;
use super::super::symbols::{ObjectId, Symbols};
use super::check_size;
use super::functions::UsedFiles;
use crate::diag::Diagnostic;

/// The offset of the name of a file that no function of the program comes from.
const UNUSED: u32 = u32::MAX;

/// `runtime.cutab` and `runtime.filetab`.
pub(super) struct Files<'data> {
    /// The contents of `runtime.cutab`.
    pub of_units: Vec<u32>,
    /// By [`ObjectId`]: where in it the unit starts; [`u32::MAX`] for units without functions.
    pub unit_start: Vec<u32>,
    /// The names as objects have them, in the order of `runtime.filetab`, which has what they mean.
    pub names: Vec<&'data [u8]>,
    /// Bytes of `runtime.filetab`.
    pub size: u64,
    goroot: Option<&'data [u8]>,
}

impl<'data> Files<'data> {
    /// Collects the names that are used, in the order in which functions name them first.
    pub fn collect(symbols: &Symbols<'data>, program: &Program<'data>, used: &[UsedFiles]) -> Result<Self, Diagnostic> {
        let goroot = program.options.goroot.as_deref().map(OsStrExt::as_bytes);
        let mut files = Files { of_units: Vec::new(), unit_start: Vec::new(), names: Vec::new(), size: 0, goroot };
        let units = Units::collect(symbols, used);
        let mut offsets: HashMap<&'data [u8], u32> = HashMap::new();
        let mut seen = vec![false; units.file_count];
        for (unit, file) in used.iter().flat_map(|used| &used.files) {
            let is_new = !std::mem::replace(&mut seen[units.first_file[unit.index()] + *file as usize], true);
            if !is_new {
                continue;
            }
            let name = symbols.object(*unit).object.file(*file).unwrap_or_default();
            offsets.entry(name).or_insert_with(|| {
                let offset = files.size as u32;
                files.size += files.expand(name).len() as u64 + 1;
                files.names.push(name);
                offset
            });
        }
        check_size("runtime.filetab", files.size)?;
        files.unit_start = vec![UNUSED; symbols.objects.len()];
        let mut entries = 0;
        for (unit, count) in &units.order {
            files.unit_start[unit.index()] = entries;
            entries += count;
        }
        let of_unit = |(unit, count): &(ObjectId, u32)| {
            let names = symbols.object(*unit).object.files().take(*count as usize);
            let found = |name: &[u8]| offsets.get(name).copied().unwrap_or(UNUSED);
            names.map(found).collect::<Vec<u32>>()
        };
        files.of_units = units.order.par_iter().flat_map_iter(of_unit).collect();
        Ok(files)
    }

    /// A name as it stands in `runtime.filetab`.
    pub fn expand(&self, name: &'data [u8]) -> Vec<u8> {
        source_path::expand(name, self.goroot).into_owned()
    }
}

/// The units that functions belong to.
struct Units {
    /// In the order of functions, each with how many of its files count: those up to the last one that is used.
    order: Vec<(ObjectId, u32)>,
    /// By [`ObjectId`]: how many files the units before it have.
    first_file: Vec<usize>,
    /// How many files all units have.
    file_count: usize,
}

impl Units {
    fn collect(symbols: &Symbols<'_>, used: &[UsedFiles]) -> Self {
        let mut units = Units { order: Vec::new(), first_file: Vec::new(), file_count: 0 };
        for entry in &symbols.objects {
            units.first_file.push(units.file_count);
            units.file_count += entry.object.files().len();
        }
        let mut counts = vec![0; symbols.objects.len()];
        for (unit, file) in used.iter().flat_map(|used| &used.files) {
            let count = &mut counts[unit.index()];
            *count = (*count).max(*file + 1);
        }
        let mut seen = vec![false; symbols.objects.len()];
        for unit in used.iter().flat_map(|used| &used.units) {
            if !std::mem::replace(&mut seen[unit.index()], true) {
                units.order.push((*unit, counts[unit.index()]));
            }
        }
        units
    }
}
