//! The built-in sample directory (domain.md 8): Hà Tĩnh with its 69 communes and wards, two hosted departments,
//! some fifty procedures, and six officers with test names in each office.
//!
//! The text is a directory file like any other and goes through the same checks. Its province record carries
//! the watermark that is on every page and print for ever; made-up codes are marked `x_synthetic`, and what a
//! province must confirm says so.

use crate::directory::Directory;
use crate::directory::fault::ParseBounds;

/// The sample as a directory file.
pub const SAMPLE: &str = include_str!("sample.jsonl");

impl Directory {
    /// The built-in sample.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads it")]
    pub fn sample() -> Self {
        Self::parse(SAMPLE, &ParseBounds::default()).expect("the built-in sample has no fault")
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::directory::agency::AgencyKind;
    use crate::directory::agency::Role;
    use crate::directory::agency::SeatKind;
    use crate::directory::procedure::DecidedBy;

    #[test]
    fn the_sample_has_no_fault() {
        let faults = Directory::parse(SAMPLE, &ParseBounds::default()).err().unwrap_or_default();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn the_sample_is_the_province_of_the_rules() {
        let sample = Directory::sample();
        assert_eq!(sample.province().watermark.as_deref(), Some("DỮ LIỆU THỬ"));
        assert_eq!(sample.province().series_block.to_string(), "100-899");
        let communes: Vec<_> = sample
            .agencies()
            .filter(|agency| agency.seat == SeatKind::Node)
            .map(|agency| (agency.code.to_string(), agency.commune_code.clone().unwrap(), agency.kind))
            .collect();
        assert_eq!(communes.len(), 69);
        let first_commune = ("H27.110".to_owned(), "18133".to_owned(), AgencyKind::Commune);
        assert_eq!(communes[0], ("H27.101".to_owned(), "18073".to_owned(), AgencyKind::Commune));
        assert_eq!(communes[9], first_commune);
        assert_eq!(communes[68], ("H27.169".to_owned(), "18844".to_owned(), AgencyKind::Commune));
        for hosted in ["H27.02", "H27.03"] {
            assert_eq!(sample.seat_kind(&hosted.parse().unwrap()), Some(SeatKind::Hosted));
        }
        let old = sample.agency_in_force(&"H27.201".parse().unwrap(), date(2026, 3, 2)).unwrap();
        assert_eq!(old.display_name(), "Xã Thạch Lạc");
        assert_eq!(sample.commune("18628", date(2026, 3, 2)), Some(old));
    }

    #[test]
    fn the_sample_has_the_procedures_that_are_tried_out() {
        let sample = Directory::sample();
        assert!(sample.procedures().count() >= 40);
        let on = date(2026, 3, 2);
        for code in [
            "1.001193", "1.000656", "1.000894", "2.000815", "2.001035", "1.004873", "2.000635", "1.001776",
            "2.000488", "1.009994", "1.012994",
        ] {
            let procedure = sample.procedure(&code.parse().unwrap(), on).unwrap();
            assert!(procedure.is_lodgeable_anywhere, "{code}");
            assert!(!procedure.are_papers_required, "{code}");
            assert!(procedure.fields.iter().all(|field| !field.is_required), "{code}");
            assert!(sample.first_step(procedure).is_some(), "{code}");
        }
        for procedure in sample.procedures() {
            let is_made_up = procedure.code.as_str().starts_with("9.");
            assert_eq!(procedure.is_synthetic(), is_made_up, "{}", procedure.code);
            assert_eq!(procedure.name.contains("(mã thử)"), is_made_up, "{}", procedure.code);
        }
        let decided_by = |code: &str| {
            sample
                .procedures()
                .filter(|procedure| procedure.decided_by == DecidedBy::Agency(code.parse().unwrap()))
                .count()
        };
        assert!(decided_by("H27.02") >= 1 && decided_by("H27.03") >= 1);
    }

    #[test]
    fn each_office_of_the_sample_has_people_for_every_role() {
        let sample = Directory::sample();
        let on = date(2026, 3, 2);
        let offices = sample.agencies().filter(|agency| {
            agency.valid.holds_on(on)
                && (agency.seat == SeatKind::Node || agency.kind == AgencyKind::Department)
        });
        let mut count = 0;
        for office in offices {
            count += 1;
            assert_eq!(sample.officers_of(&office.code).count(), 6, "{}", office.code);
            for role in Role::ALL.iter().filter(|role| **role != Role::Post) {
                assert!(sample.officers_of(&office.code).any(|officer| officer.has(*role)), "{role:?}");
            }
        }
        assert_eq!(count, 71);
        assert!(sample.officers().all(|officer| officer.name.contains("Thử")));
    }

    #[test]
    fn unconfirmed_holidays_say_so() {
        let sample = Directory::sample();
        for year in 2024..=2027 {
            let calendar = sample.calendars().of_year(year).unwrap();
            let is_sure = calendar.days.iter().all(|day| day.basis.is_none());
            assert_eq!(is_sure, year < 2026, "{year}");
        }
        assert!(!sample.calendars().is_working_day(date(2026, 9, 2)));
        assert!(sample.calendars().is_working_day(date(2024, 5, 4)));
        assert!(sample.calendars().is_working_day(date(2026, 3, 2)));
    }
}
