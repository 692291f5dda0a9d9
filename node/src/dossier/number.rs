//! The dossier number (domain.md 2.6): `H27.045-261121-0690012` is agency, day, series 069, 12th of the day.

use std::fmt;

use jiff::civil::Date;

use crate::ids::AgencyCode;

/// Longest number of any system that is read.
pub const NUMBER_BYTES_MAX: usize = 48;

/// A number series: three digits 000-899 or four digits 9000-9999, so that no series is the start of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(u16);

impl Series {
    /// The series with this value, or `None` outside 0-899 and 9000-9999.
    #[must_use]
    pub const fn new(value: u16) -> Option<Self> {
        match value {
            0..=899 | 9000..=9999 => Some(Self(value)),
            _ => None,
        }
    }

    /// Its value.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Reads exactly three or four digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_form = matches!(text.len(), 3 | 4) && text.bytes().all(|b| b.is_ascii_digit());
        let series = is_form.then(|| text.parse().ok().and_then(Self::new)).flatten()?;
        (series.to_string() == text).then_some(series)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// Writes a number of ours.
#[must_use]
pub fn compose(competent: &AgencyCode, day: Date, series: Series, counter: u32) -> String {
    format!("{competent}-{}-{series}{counter:04}", day.strftime("%y%m%d"))
}

/// A number of ours, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The agency whose code it carries. It never proves competence.
    pub agency: String,
    /// The six digits of its day.
    pub day: String,
    /// Its series.
    pub series: Series,
    /// Its place in that series and day, from 1.
    pub counter: u32,
}

/// Takes a number of ours apart; `None` for numbers of other systems.
#[must_use]
pub fn parts(number: &str) -> Option<Parts> {
    let (agency, rest) = number.split_once('-')?;
    let (day, tail) = rest.split_once('-')?;
    agency.parse::<AgencyCode>().ok()?;
    if day.len() != 6 || !tail.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let series_digits = if tail.starts_with('9') { 4 } else { 3 };
    let (series, counter) = tail.split_at_checked(series_digits)?;
    if counter.len() < 4 {
        return None;
    }
    Some(Parts {
        agency: agency.to_owned(),
        day: day.to_owned(),
        series: Series::parse(series)?,
        counter: counter.parse().ok()?,
    })
}

/// Whether a text has the form of a dossier number of any system in use: today's
/// `H27.045-261121-0690012`, `G09.20-20260609-0092637`, and the older `000.00.06.H56-231027-0361`.
#[must_use]
pub fn is_number(text: &str) -> bool {
    if text.len() > NUMBER_BYTES_MAX {
        return false;
    }
    let mut parts = text.split('-');
    let (Some(agency), Some(day), Some(tail), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let digits = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let is_old = || {
        let pieces: Vec<&str> = agency.split('.').collect();
        matches!(pieces.as_slice(), [a, b, c, d]
            if digits(a, &[3]) && digits(b, &[2, 3]) && digits(c, &[2, 3])
                && d.parse::<AgencyCode>().is_ok() && !d.contains('.'))
    };
    let is_new = agency.parse::<AgencyCode>().is_ok() && digits(day, &[6, 8]);
    (is_new || (is_old() && digits(day, &[6]))) && tail.len() >= 4 && tail.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_composed_and_taken_apart() {
        let agency: AgencyCode = "H27.045".parse().unwrap();
        let day = Date::constant(2026, 11, 21);
        let number = compose(&agency, day, Series::new(69).unwrap(), 12);
        assert_eq!(number, "H27.045-261121-0690012");
        let parts = parts(&number).unwrap();
        assert_eq!((parts.series.value(), parts.counter, parts.day.as_str()), (69, 12, "261121"));
        assert_eq!(compose(&agency, day, Series::new(9001).unwrap(), 12345), "H27.045-261121-900112345");
    }

    #[test]
    fn numbers_of_other_systems_are_recognised() {
        for good in [
            "000.00.06.H56-231027-0361",
            "G09.20-20260609-0092637",
            "H27-261121-0001",
            "H27.101.02-261121-1234567",
        ] {
            assert!(is_number(good), "{good}");
        }
        for wrong in [
            "",
            "H27.045-261121-012",
            "H27.045-2611-0123",
            "h27-261121-0001",
            "H27.045 261121 0001",
            "H27.045-261121-0690012-1",
        ] {
            assert!(!is_number(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_series_is_the_start_of_another() {
        for (text, value) in [
            ("000", Some(0)),
            ("069", Some(69)),
            ("899", Some(899)),
            ("9000", Some(9000)),
            ("900", None),
            ("0069", None),
            ("8999", None),
            ("69", None),
        ] {
            assert_eq!(Series::parse(text).map(Series::value), value, "{text}");
        }
    }
}
