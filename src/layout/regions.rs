//! MEMORY regions: where in each the next section goes, and whether all fits (the GNU ld manual, 3.7).

use object::elf;

use crate::diag::Diagnostic;

use super::evaluate::{Environment, align_to, evaluate};
use super::plan::{OutputSection, SectionPlan};

/// The regions of a script with their location counters.
#[derive(Default)]
pub(super) struct Regions {
    regions: Vec<Region>,
    /// Load address less address of the last section that is in no region.
    default_distance: Option<u64>,
}

struct Region {
    name: String,
    origin: u64,
    length: u64,
    /// For an alias, the region whose counter it shares.
    shared_with: usize,
    /// Where the next section goes.
    cursor: u64,
    /// Load address less address of the last section here.
    distance: Option<u64>,
    /// Section flags of which one is enough to belong here, and those that keep a section out.
    wanted: u64,
    unwanted: u64,
}

impl Regions {
    /// Evaluates the regions of a plan.
    pub fn new(plan: &SectionPlan, at: &mut impl Environment) -> Self {
        let regions = plan.memory.iter().zip(&plan.memory_shared_with).map(|(region, &shared_with)| {
            let origin = evaluate(&region.origin, at).number;
            let length = evaluate(&region.length, at).number;
            let (wanted, unwanted) = attributes(&region.attributes);
            let name = region.name.clone();
            Region { name, origin, length, shared_with, cursor: origin, distance: None, wanted, unwanted }
        });
        Regions { regions: regions.collect(), default_distance: None }
    }

    /// The region of a name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.regions.iter().position(|region| region.name == name).map(|index| self.regions[index].shared_with)
    }

    /// Origin and length.
    pub fn extent(&self, region: usize) -> (u64, u64) {
        (self.regions[region].origin, self.regions[region].length)
    }

    /// The region that a section goes to: the one it names, else the first whose attributes suit it.
    pub fn choose(&self, section: &OutputSection, errors: &mut Vec<Diagnostic>) -> Option<usize> {
        if let Some(name) = &section.placement.region {
            return self.named(name, errors);
        }
        if !section.is_allocated() || section.placement.address.is_some() {
            return None;
        }
        let suits = |region: &Region| section.flags & region.wanted != 0 && section.flags & region.unwanted == 0;
        // A section that may not be written has none of the flags; `r` asks for that.
        let read_only = |region: &Region| {
            region.wanted & READ_ONLY != 0
                && section.flags & u64::from(elf::SHF_WRITE) == 0
                && section.flags & region.unwanted == 0
        };
        self.regions.iter().position(|region| suits(region) || read_only(region))
    }

    fn named(&self, name: &str, errors: &mut Vec<Diagnostic>) -> Option<usize> {
        let found = self.find(name);
        if found.is_none() {
            errors.push(Diagnostic::error("bad-script", format!("the memory region {name} is not declared")));
        }
        found
    }

    /// Where the next section of a region goes.
    pub fn cursor(&self, region: Option<usize>) -> Option<u64> {
        region.map(|region| self.regions[region].cursor)
    }

    /// Where the next section is loaded in a region of load addresses.
    pub fn load_cursor(&self, name: &str, alignment: u64, errors: &mut Vec<Diagnostic>) -> Option<u64> {
        let region = self.named(name, errors)?;
        Some(align_to(self.regions[region].cursor, alignment))
    }

    /// The load address at the same distance from the address as that of the last section in the region.
    pub fn same_distance(&self, region: Option<usize>, start: u64) -> Option<u64> {
        let distance = match region {
            Some(region) => self.regions[region].distance,
            None => self.default_distance,
        };
        distance.map(|distance| start.wrapping_add(distance))
    }

    /// A section has been laid out from `start` to `end` and is loaded at `load`.
    pub fn advance(
        &mut self,
        region: Option<usize>,
        section: &OutputSection,
        [start, end, load]: [u64; 3],
        errors: &mut Vec<Diagnostic>,
    ) {
        let distance = Some(load.wrapping_sub(start));
        match region {
            Some(region) => {
                self.take(region, section, start, end, errors);
                self.regions[region].distance = distance;
            }
            None => self.default_distance = distance,
        }
        let load_region = section.placement.load_region.as_ref().and_then(|name| self.find(name));
        if let Some(load_region) = load_region.filter(|_| section.kind != elf::SHT_NOBITS)
            && Some(load_region) != region
        {
            self.take(load_region, section, load, load.wrapping_add(end - start), errors);
        }
    }

    fn take(&mut self, region: usize, section: &OutputSection, start: u64, end: u64, errors: &mut Vec<Diagnostic>) {
        let region = &mut self.regions[region];
        region.cursor = end;
        let limit = region.origin.saturating_add(region.length);
        if start < region.origin || end > limit || end < start {
            let over = end.saturating_sub(limit);
            let (name, region) = (&section.name, &region.name);
            let message = match over {
                0 => format!("the output section {name} at {start:#x} lies outside of the memory region {region}"),
                _ => format!(
                    "the output section {name} does not fit in the memory region {region}: {over} bytes too many"
                ),
            };
            errors.push(Diagnostic::error("region-overflow", message));
        }
    }
}

/// Stands for "not writable" among section flags; no ELF flag has this bit.
const READ_ONLY: u64 = 1 << 63;

/// The flags that attribute letters ask for and refuse (the manual, 3.7: `!` inverts all that follows it).
fn attributes(letters: &str) -> (u64, u64) {
    let (mut wanted, mut unwanted) = (0, 0);
    let mut inverted = false;
    for letter in letters.chars() {
        let flag = match letter.to_ascii_lowercase() {
            '!' => {
                inverted = !inverted;
                continue;
            }
            'r' => READ_ONLY,
            'w' => u64::from(elf::SHF_WRITE),
            'x' => u64::from(elf::SHF_EXECINSTR),
            'a' | 'i' | 'l' => u64::from(elf::SHF_ALLOC),
            _ => 0,
        };
        *(if inverted { &mut unwanted } else { &mut wanted }) |= flag;
    }
    (wanted, unwanted)
}
