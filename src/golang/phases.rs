//! The time and memory of each phase, printed on request in the format of Go's benchmarks, which benchstat reads (Go 1.26 and
//! 1.27, `cmd/link/internal/benchmark` as `-benchmark=cpu` and `-benchmark=mem` print it).

use std::time::{Duration, Instant};

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Time.
    Time,
    /// Time, and the process's memory at the end of each phase. Nothing is collected as garbage here, so what Go's linker
    /// says of allocations has no counterpart; the kernel's figures stand for it.
    Memory,
}

/// A stop watch over phases that follow each other.
pub struct Phases {
    measure: Measure,
    started: Instant,
    name: &'static str,
    done: Vec<Phase>,
}

/// A phase that is over.
struct Phase {
    name: &'static str,
    spent: Duration,
    memory: Option<Memory>,
}

/// The process's memory, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Memory {
    /// What the program itself has written to.
    anonymous: u64,
    /// That, and what is mapped of files.
    resident: u64,
    /// The most that was resident until then.
    peak: u64,
}

impl Phases {
    /// Starts with a phase.
    pub fn new(name: &'static str, measure: Measure) -> Self {
        Phases { measure, started: Instant::now(), name, done: Vec::new() }
    }

    /// Ends the phase and starts another.
    pub fn start(&mut self, name: &'static str) {
        let spent = self.started.elapsed();
        tracing::debug!(phase = self.name, microseconds = spent.as_micros() as u64);
        let memory = match self.measure {
            Measure::Time => None,
            Measure::Memory => Memory::of_process(),
        };
        self.done.push(Phase { name: self.name, spent, memory });
        (self.started, self.name) = (Instant::now(), name);
    }

    /// Ends the last phase; a line for each, and one for all.
    pub fn report(mut self) -> String {
        self.start("");
        let total = self.done.iter().map(|phase| phase.spent).sum();
        self.done.push(Phase { name: "TotalTime", spent: total, memory: None });
        self.done.iter().map(Phase::line).collect()
    }
}

impl Phase {
    fn line(&self) -> String {
        let time = format!("Benchmark{} 1 {} ns/op", self.name, self.spent.as_nanos());
        match self.memory {
            None => time + "\n",
            Some(Memory { anonymous, resident, peak }) => {
                format!("{time}\t{anonymous} heap-B\t{resident} resident-B\t{peak} peak-B\n")
            }
        }
    }
}

impl Memory {
    /// `None` where the kernel does not say.
    fn of_process() -> Option<Self> {
        Memory::parse(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    /// Reads lines of the form `VmRSS:    1234 kB`.
    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
        };
        Some(Memory { anonymous: field("RssAnon")?, resident: field("VmRSS")?, peak: field("VmHWM")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_line_for_each_phase_and_the_total() {
        let mut phases = Phases::new("Load", Measure::Time);
        phases.start("Write");
        let report = phases.report();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines.len(), 3);
        for (line, name) in lines.iter().zip(["Load", "Write", "TotalTime"]) {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!((words[0], words[1], words[3]), (&*format!("Benchmark{name}"), "1", "ns/op"));
            assert!(words[2].parse::<u64>().is_ok());
        }
    }

    #[test]
    fn memory_is_what_the_kernel_says() {
        let status = "Name:\tx\nVmHWM:\t    3 kB\nVmRSS:\t    2 kB\nRssAnon:\t    1 kB\n";
        assert_eq!(Memory::parse(status), Some(Memory { anonymous: 1024, resident: 2048, peak: 3072 }));
        assert_eq!(Memory::parse("VmRSS:\t2 kB\n"), None);
        let report = Phases::new("Load", Measure::Memory).report();
        let first = report.lines().next().unwrap_or_default();
        let units: Vec<&str> = first.split(['\t', ' ']).skip(3).step_by(2).collect();
        assert_eq!(units, ["ns/op", "heap-B", "resident-B", "peak-B"], "{report}");
    }
}
