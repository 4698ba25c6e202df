//! The time of each phase, printed on request in the format of Go's benchmarks, which benchstat reads (Go 1.26 and 1.27,
//! `cmd/internal/bench` as `-benchmark=cpu` prints it).

use std::time::{Duration, Instant};

/// A stop watch over phases that follow each other.
pub struct Phases {
    started: Instant,
    name: &'static str,
    done: Vec<(&'static str, Duration)>,
}

impl Phases {
    /// Starts with a phase.
    pub fn new(name: &'static str) -> Self {
        Phases { started: Instant::now(), name, done: Vec::new() }
    }

    /// Ends the phase and starts another.
    pub fn start(&mut self, name: &'static str) {
        let now = Instant::now();
        let spent = now - self.started;
        tracing::debug!(phase = self.name, microseconds = spent.as_micros() as u64);
        self.done.push((self.name, spent));
        (self.started, self.name) = (now, name);
    }

    /// Ends the last phase; a line for each, and one for all.
    pub fn report(mut self) -> String {
        self.start("");
        let line = |name: &str, spent: Duration| format!("Benchmark{name} 1 {} ns/op\n", spent.as_nanos());
        let mut text: String = self.done.iter().map(|(name, spent)| line(name, *spent)).collect();
        text.push_str(&line("TotalTime", self.done.iter().map(|(_, spent)| *spent).sum()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_line_for_each_phase_and_the_total() {
        let mut phases = Phases::new("Load");
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
}
