//! What a run was worth: which faults fell into which states, and how much happened.

use std::collections::BTreeMap;
use std::fmt;

/// What one seed was worth, or many together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How often a fault fell on a machine in a state.
    pub faults: BTreeMap<(&'static str, &'static str), u64>,
    /// How often anything else happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// The refusals that people got, by code.
    pub refusals: BTreeMap<String, u64>,
}

impl Coverage {
    /// A fault fell into a state.
    pub fn fault(&mut self, fault: &'static str, state: &'static str) {
        *self.faults.entry((fault, state)).or_default() += 1;
    }

    /// Something happened.
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// Something happened so many times.
    pub fn add(&mut self, what: &'static str, times: u64) {
        *self.counts.entry(what).or_default() += times;
    }

    /// How often something happened.
    #[must_use]
    pub fn times(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// All faults.
    #[must_use]
    pub fn faults_in_all(&self) -> u64 {
        self.faults.values().sum()
    }

    /// How many kinds of them there were.
    #[must_use]
    pub fn fault_kinds(&self) -> usize {
        let kinds: std::collections::BTreeSet<_> = self.faults.keys().map(|(fault, _)| *fault).collect();
        kinds.len()
    }

    /// How often a fault happened, in whatever state.
    #[must_use]
    pub fn of_fault(&self, name: &str) -> u64 {
        self.faults.iter().filter(|((fault, _), _)| *fault == name).map(|(_, times)| times).sum()
    }

    /// Both together.
    pub fn merge(&mut self, other: &Self) {
        for (key, times) in &other.faults {
            *self.faults.entry(*key).or_default() += times;
        }
        for (what, times) in &other.counts {
            self.add(what, *times);
        }
        for (code, times) in &other.refusals {
            *self.refusals.entry(code.clone()).or_default() += times;
        }
    }
}

/// The states a fault can fall into, in the order of the table's columns.
pub const STATES: [&str; 8] =
    ["greeting", "streaming", "cutting", "resting", "unsent work", "even", "off", "at work"];

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<28}", "fault \\ state")?;
        for state in STATES {
            write!(f, "{state:>12}")?;
        }
        writeln!(f)?;
        let mut last = "";
        for (fault, _) in self.faults.keys() {
            if *fault == last {
                continue;
            }
            last = fault;
            write!(f, "{fault:<28}")?;
            for state in STATES {
                match self.faults.get(&(*fault, state)) {
                    Some(times) => write!(f, "{times:>12}")?,
                    None => write!(f, "{:>12}", "-")?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for (what, times) in &self.counts {
            writeln!(f, "{times:>10}  {what}")?;
        }
        if !self.refusals.is_empty() {
            writeln!(f)?;
        }
        for (code, times) in &self.refusals {
            writeln!(f, "{times:>10}  refused: {code}")?;
        }
        Ok(())
    }
}

/// The middle one of several numbers; 0 of none.
#[must_use]
pub fn median(of: impl IntoIterator<Item = u64>) -> u64 {
    let mut sorted: Vec<u64> = of.into_iter().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}
