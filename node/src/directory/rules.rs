//! The province's own settings and the legal rules by date.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::civil::Time;
use jiff::civil::date;
use jiff::civil::time;

use crate::directory::Extensions;
use crate::directory::Validity;
use crate::directory::agency::AgencyKind;
use crate::directory::agency::SeatKind;
use crate::directory::procedure::SupplementClock;
use crate::ids::AgencyCode;
use crate::ids::ParseNameError;

/// The province: the first record of a directory file.
#[derive(Clone, Debug, PartialEq)]
pub struct Province {
    /// The format version of the file: [`DIRECTORY_VERSION`](super::DIRECTORY_VERSION), or greater in a file
    /// that a newer program wrote and that says this one may read it.
    pub version: u16,
    /// The oldest format version whose programs may use the file.
    pub min_reader: u16,
    /// Its code, one level, such as `H27`.
    pub code: AgencyCode,
    /// Its name.
    pub name: String,
    /// Its national number, two digits such as `42`; citizens' ids begin with it.
    pub region: Option<String>,
    /// How agencies of a kind take part when their record does not say.
    pub seats: BTreeMap<AgencyKind, SeatKind>,
    /// The number series it may give out (domain.md 2.6).
    pub series_block: SeriesBlock,
    /// A text on every page and print, for ever: `DỮ LIỆU THỬ` in the sample.
    pub watermark: Option<String>,
    /// Fields for others.
    pub extensions: Extensions,
}

/// The number series that a province may give out: 3 digits (000-899) or 4 digits (9000-9999).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesBlock {
    ranges: Vec<(u16, u16)>,
}

impl SeriesBlock {
    /// Whether the block has that series.
    #[must_use]
    pub fn contains(&self, series: u16) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&series))
    }

    /// Every series of the block, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// How many series the block has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Never: a block has at least one series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// A series as it stands in a number: three digits below 900, else four.
#[must_use]
pub fn series_text(series: u16) -> String {
    format!("{series:03}")
}

/// Reads a series as it stands in a number: `000`-`899` or `9000`-`9999`.
#[must_use]
pub fn parse_series(text: &str) -> Option<u16> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let series = text.parse().ok().filter(|_| is_digits)?;
    match (text.len(), series) {
        (3, 0..=899) | (4, 9000..=9999) => Some(series),
        _ => None,
    }
}

impl Default for SeriesBlock {
    fn default() -> Self {
        Self { ranges: vec![(100, 899)] }
    }
}

impl fmt::Display for SeriesBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}-{}", series_text(*first), series_text(*last))?;
        }
        Ok(())
    }
}

impl FromStr for SeriesBlock {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let wrong = ParseNameError { form: "100-899,9000-9499" };
        let mut ranges = Vec::new();
        for range in text.split(',').map(str::trim) {
            let (first, last) = range.split_once('-').ok_or(wrong)?;
            let first_series = parse_series(first).ok_or(wrong)?;
            let last_series = parse_series(last).ok_or(wrong)?;
            if first.len() != last.len() || first_series > last_series || ranges.len() >= RANGES_MAX {
                return Err(wrong);
            }
            ranges.push((first_series, last_series));
        }
        ranges.sort_unstable();
        let overlaps = ranges.iter().zip(ranges.iter().skip(1)).any(|((_, last), (first, _))| first <= last);
        if overlaps { Err(wrong) } else { Ok(Self { ranges }) }
    }
}

/// Ranges in one block: an agreement with several systems, never a list of single series.
const RANGES_MAX: usize = 16;

/// The legal rules in force between two dates (domain.md 2.1). A dossier pins the set of its receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// Its name in dossiers, such as `nd-118-2025`.
    pub code: String,
    /// When it is in force.
    pub valid: Validity,
    /// The laws it rests on.
    pub legal_basis: Vec<String>,
    /// The set of forms: `tt-03-2025` or `tt-01-2018`.
    pub form_set: String,
    /// What the clock does during a supplement.
    pub supplement_clock: SupplementClock,
    /// Same-day procedures received after this hour are due the next working day.
    pub same_day_cutoff: Time,
    /// Within how many days the same request of the same person is shown as possibly a duplicate (C1).
    pub duplicate_days: u16,
    /// Fields for others.
    pub extensions: Extensions,
}

/// The rule set in force: of the file, else of the program, else the newest of the program.
pub(super) fn in_force(of_file: &[RuleSet], on: Date) -> &RuleSet {
    let own = of_file.iter().find(|rules| rules.valid.holds_on(on));
    let built_in: &RuleSet = BUILT_IN.iter().find(|rules| rules.valid.holds_on(on)).unwrap_or(&NEWEST);
    own.unwrap_or(built_in)
}

static BUILT_IN: LazyLock<[RuleSet; 3]> = LazyLock::new(|| {
    [
        RuleSet {
            code: "nd-61-2018".to_owned(),
            valid: Validity { from: None, to: Some(date(2025, 6, 30)) },
            legal_basis: vec!["Nghị định 61/2018/NĐ-CP".to_owned(), "Thông tư 01/2018/TT-VPCP".to_owned()],
            form_set: "tt-01-2018".to_owned(),
            supplement_clock: SupplementClock::Restart,
            ..NEWEST.clone()
        },
        RuleSet {
            code: "nd-118-2025-tt-01".to_owned(),
            valid: Validity { from: Some(date(2025, 7, 1)), to: Some(date(2025, 9, 14)) },
            legal_basis: vec!["Nghị định 118/2025/NĐ-CP".to_owned(), "Thông tư 01/2018/TT-VPCP".to_owned()],
            form_set: "tt-01-2018".to_owned(),
            ..NEWEST.clone()
        },
        NEWEST.clone(),
    ]
});

static NEWEST: LazyLock<RuleSet> = LazyLock::new(|| RuleSet {
    code: "nd-118-2025".to_owned(),
    valid: Validity { from: Some(date(2025, 9, 15)), to: None },
    legal_basis: vec!["Nghị định 118/2025/NĐ-CP".to_owned(), "Thông tư 03/2025/TT-VPCP".to_owned()],
    form_set: "tt-03-2025".to_owned(),
    supplement_clock: SupplementClock::Pause,
    same_day_cutoff: SAME_DAY_CUTOFF,
    duplicate_days: DUPLICATE_DAYS,
    extensions: Extensions::new(),
});

/// Domain.md 2.7.3: same-day requests received after 15:00 belong to the next working day.
pub(super) const SAME_DAY_CUTOFF: Time = time(15, 0, 0, 0);
/// A month: long enough for two trips of one citizen, short enough not to flag yearly papers.
pub(crate) const DUPLICATE_DAYS: u16 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_blocks_are_three_or_four_digits() {
        for (text, len) in
            [("100-899", 800), ("000-000", 1), ("9000-9999", 1000), ("100-199, 9000-9001", 102)]
        {
            let block: SeriesBlock = text.parse().unwrap();
            assert_eq!(block.len(), len, "{text}");
            assert_eq!(block.to_string().parse(), Ok(block), "{text}");
        }
        for wrong in
            ["", "100", "899-100", "100-900", "100-9000", "1-9", "900-999", "8999-9000", "100-200,150-300"]
        {
            assert!(wrong.parse::<SeriesBlock>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn series_are_written_with_the_digits_of_their_kind() {
        for (series, text) in [(0, "000"), (69, "069"), (899, "899"), (9000, "9000")] {
            assert_eq!(series_text(series), text);
            assert_eq!(parse_series(text), Some(series));
        }
        for wrong in ["", "69", "900", "999", "0069", "8999", "+69", "10000"] {
            assert_eq!(parse_series(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rules_follow_the_date_of_receipt() {
        for (on, code, forms) in [
            (date(2019, 1, 1), "nd-61-2018", "tt-01-2018"),
            (date(2025, 6, 30), "nd-61-2018", "tt-01-2018"),
            (date(2025, 7, 1), "nd-118-2025-tt-01", "tt-01-2018"),
            (date(2025, 9, 14), "nd-118-2025-tt-01", "tt-01-2018"),
            (date(2025, 9, 15), "nd-118-2025", "tt-03-2025"),
            (date(2027, 3, 1), "nd-118-2025", "tt-03-2025"),
        ] {
            let rules = in_force(&[], on);
            assert_eq!((rules.code.as_str(), rules.form_set.as_str()), (code, forms), "{on}");
        }
    }
}
