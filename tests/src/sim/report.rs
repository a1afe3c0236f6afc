use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::Plan;

/// What happened in one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Exchanges that were carried out.
    pub exchanges: u64,
    /// Things that happened.
    pub steps: u64,
    /// Simulated time, microseconds.
    pub time: u64,
    /// The longest exchange, microseconds.
    pub longest: u64,
    /// The most calls that one exchange made.
    pub calls_max: u64,
    /// How often what occurred.
    pub counts: BTreeMap<(&'static str, &'static str, u16), u64>,
}

impl Report {
    /// Counts one occurrence: what kind of thing, which, and a status.
    pub(super) fn count(&mut self, kind: &'static str, name: &'static str, status: u16) {
        *self.counts.entry((kind, name, status)).or_default() += 1;
    }

    /// How often something occurred, with any status.
    pub fn occurred(&self, kind: &str, name: &str) -> u64 {
        let all = self.counts.iter().filter(|((of, named, _), _)| *of == kind && *named == name);
        all.map(|(_, count)| count).sum()
    }

    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        self.steps += other.steps;
        self.time += other.time;
        self.longest = self.longest.max(other.longest);
        self.calls_max = self.calls_max.max(other.calls_max);
        for (name, count) in &other.counts {
            *self.counts.entry(*name).or_default() += count;
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} exchanges, {} steps, {} simulated hours; the longest exchange took {} s, the busiest made {} calls",
            self.exchanges,
            self.steps,
            self.time / 3_600_000_000,
            self.longest / 1_000_000,
            self.calls_max
        )?;
        let mut kind = "";
        for ((of, name, status), count) in &self.counts {
            if *of != kind {
                write!(f, "{}{of}:", if kind.is_empty() { "" } else { "\n" })?;
                kind = of;
            }
            match status {
                0 => write!(f, " {name} {count};")?,
                status => write!(f, " {name} {status} {count};")?,
            }
        }
        writeln!(f)
    }
}

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its plan.
    pub plan: Plan,
    /// What was wrong.
    pub what: String,
    /// The steps, if they were logged.
    pub log: Vec<String>,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.log {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{}", self.what)?;
        write!(
            f,
            "replay: WHARFINGER_SEED={} WHARFINGER_CLIENTS={} cargo test -p wharfinger-tests --test sim -- --nocapture replay",
            self.plan.seed, self.plan.clients
        )
    }
}
