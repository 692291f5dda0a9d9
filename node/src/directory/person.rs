//! The form of what people say about themselves: name, id number, birth, phone.
//!
//! A form that nobody can read is refused. What is readable but odd (an id number that does not fit the birth
//! year) is only a warning: records get corrected, and the officer has the card in hand. No message carries
//! the value itself.

use jiff::civil::Date;

use crate::refusal::Refusal;

words! {
    /// Who a dossier belongs to.
    PartyKind {
        /// A citizen.
        "citizen" Citizen,
        /// A company.
        "business" Business,
        /// Another organisation.
        "organisation" Organisation,
        /// A business household.
        "household" Household,
        /// A state agency.
        "agency" Agency,
    }
    /// What kind of number identifies a person.
    IdType {
        /// The 12 digits of the citizen's card.
        "cccd" Cccd,
        /// A passport.
        "passport" Passport,
        /// A child without card: the 12 digits of the personal number, where already given.
        "child" Child,
        /// Anything else, such as a tax code.
        "other" Other,
    }
}

/// A person or organisation as a line or form names it. Everything but the name may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartyLine<'a> {
    /// `citizen`, `business`, `organisation`, `household` or `agency`.
    pub kind: Option<&'a str>,
    /// The full name.
    pub name: Option<&'a str>,
    /// `cccd`, `passport`, `child` or `other`.
    pub id_type: Option<&'a str>,
    /// The id number.
    pub id_no: Option<&'a str>,
    /// The birth date, perhaps without day or month.
    pub dob: Option<&'a str>,
    /// `Nam`, `Nữ`, `male` or `female`; anything else is kept without a check.
    pub sex: Option<&'a str>,
    /// The phone number.
    pub phone: Option<&'a str>,
    /// The e-mail address.
    pub email: Option<&'a str>,
}

/// What was found wrong or odd about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartyCheck {
    /// What must be corrected before lodging.
    pub refusals: Vec<Refusal>,
    /// What the officer should look at; each is a code of its own with the field.
    pub warnings: Vec<Refusal>,
}

/// Checks a person's data. `prefix` is the field they stand in, `owner` or `submitter`.
#[must_use]
pub fn check_party(party: PartyLine<'_>, prefix: &str, today: Date) -> PartyCheck {
    let mut check = PartyCheck::default();
    let field = |name: &str| format!("{prefix}.{name}");
    let mut refuse = |refusal: Option<Refusal>| check.refusals.extend(refusal);

    refuse(check_name(party.name, &field("name")));
    if let Some(kind) = party.kind {
        refuse(unknown_word(
            PartyKind::by_name(kind).is_none(),
            &field("kind"),
            &names(PartyKind::ALL, |word| word.name()),
        ));
    }
    let id_type = party.id_type.and_then(IdType::by_name);
    if party.id_type.is_some() {
        refuse(unknown_word(id_type.is_none(), &field("id_type"), &names(IdType::ALL, |word| word.name())));
    }
    let birth = party.dob.filter(|dob| !dob.trim().is_empty()).map(parse_birth);
    match birth {
        Some(None) => refuse(Some(Refusal::of_field("birth-form", field("dob")))),
        Some(Some(birth)) if birth.is_after(today) => {
            refuse(Some(Refusal::of_field("birth-in-future", field("dob"))))
        }
        Some(Some(_)) | None => {}
    }
    if let Some(phone) = party.phone.filter(|phone| !phone.trim().is_empty())
        && normal_phone(phone).is_none()
    {
        refuse(Some(Refusal::of_field("phone-form", field("phone"))));
    }
    if let Some(email) = party.email.filter(|email| !email.trim().is_empty())
        && !is_email(email.trim())
    {
        refuse(Some(Refusal::of_field("email-form", field("email"))));
    }
    let id_no = party.id_no.map(str::trim).filter(|id_no| !id_no.is_empty());
    if let Some(id_no) = id_no {
        let by_kind = match party.kind.and_then(PartyKind::by_name) {
            None | Some(PartyKind::Citizen) => IdType::Cccd,
            Some(
                PartyKind::Business | PartyKind::Organisation | PartyKind::Household | PartyKind::Agency,
            ) => IdType::Other,
        };
        match check_id_no(id_type.unwrap_or(by_kind), id_no, birth.flatten(), party.sex, &field("id_no")) {
            Ok(warnings) => check.warnings = warnings,
            Err(refusal) => check.refusals.push(refusal),
        }
    }
    check
}

fn names<W: Copy>(all: &[W], name: impl Fn(W) -> &'static str) -> String {
    all.iter().map(|word| name(*word)).collect::<Vec<_>>().join(", ")
}

fn unknown_word(is_unknown: bool, field: &str, allowed: &str) -> Option<Refusal> {
    is_unknown.then(|| Refusal::of_field("field-choice", field).with("allowed", allowed))
}

fn check_name(name: Option<&str>, field: &str) -> Option<Refusal> {
    let name = name.unwrap_or_default().trim();
    if name.is_empty() {
        Some(Refusal::of_field("field-missing", field).with("label", field))
    } else if name.chars().count() > NAME_CHARS_MAX {
        Some(Refusal::of_field("field-too-long", field).with("max", NAME_CHARS_MAX))
    } else {
        name.chars()
            .any(char::is_control)
            .then(|| Refusal::of_field("field-form", field).with("form", "text"))
    }
}

/// Checks an id number against its type and, for the 12 digits of a citizen, against birth and sex.
///
/// # Errors
/// The number does not have the form of its type (`id-no-form`): it must be corrected. What merely does not
/// fit together comes back as warnings.
pub fn check_id_no(
    id_type: IdType,
    id_no: &str,
    birth: Option<BirthDate>,
    sex: Option<&str>,
    field: &str,
) -> Result<Vec<Refusal>, Refusal> {
    let is_digits = id_no.len() == 12 && id_no.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = |max: usize| {
        (1..=max).contains(&id_no.chars().count())
            && !id_no.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    let form = match id_type {
        IdType::Cccd | IdType::Child if !is_digits => Some("12 × 0-9"),
        IdType::Passport if !(is_plain(20) && id_no.bytes().all(|b| b.is_ascii_alphanumeric())) => {
            Some("A-Z 0-9, ≤ 20")
        }
        IdType::Other if !is_plain(40) => Some("≤ 40"),
        IdType::Cccd | IdType::Child | IdType::Passport | IdType::Other => None,
    };
    match (form, id_type) {
        (Some(form), _) => Err(Refusal::of_field("id-no-form", field).with("form", form)),
        (None, IdType::Cccd | IdType::Child) => Ok(id_warnings(id_no, birth, sex, field)),
        (None, IdType::Passport | IdType::Other) => Ok(Vec::new()),
    }
}

/// What does not fit in the 12 digits PPP G YY RRRRRR (domain.md 5.3).
fn id_warnings(id_no: &str, birth: Option<BirthDate>, sex: Option<&str>, field: &str) -> Vec<Refusal> {
    let mut warnings = Vec::new();
    let part = |range: std::ops::Range<usize>| id_no.get(range).and_then(|digits| digits.parse::<u16>().ok());
    let (Some(province), Some(code), Some(year)) = (part(0..3), part(3..4), part(4..6)) else {
        return warnings;
    };
    if !PROVINCES.contains(&province) {
        warnings.push(Refusal::of_field("id-no-province", field));
    }
    let birth_year = 1900 + 100 * (code / 2) + year;
    if birth.is_some_and(|birth| birth.year != birth_year) {
        warnings.push(Refusal::of_field("id-no-birth-year", field));
    }
    let is_female = code % 2 == 1;
    if sex.and_then(is_female_word).is_some_and(|said| said != is_female) {
        warnings.push(Refusal::of_field("id-no-sex", field));
    }
    warnings
}

fn is_female_word(sex: &str) -> Option<bool> {
    match sex.trim().to_lowercase().as_str() {
        "nữ" | "nu" | "female" | "f" | "1" => Some(true),
        "nam" | "male" | "m" | "0" => Some(false),
        _ => None,
    }
}

/// A birth date as papers have it: the day, or the month too, may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BirthDate {
    /// The year.
    pub year: u16,
    /// The month, 1-12.
    pub month: Option<u8>,
    /// The day, 1-31; never without a month.
    pub day: Option<u8>,
}

impl BirthDate {
    /// Whether the birth lies after a day, as far as it is known.
    #[must_use]
    pub fn is_after(&self, day: Date) -> bool {
        let today = (i32::from(day.year()), i32::from(day.month()), i32::from(day.day()));
        // What is unknown is taken as the earliest possible day.
        let earliest =
            (i32::from(self.year), i32::from(self.month.unwrap_or(1)), i32::from(self.day.unwrap_or(1)));
        earliest > today
    }
}

impl std::fmt::Display for BirthDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

/// Reads a birth date: `1990-02-28`, `1990-02`, `1955`, `28/02/1990`, `02/1990`, and the eight digits of the
/// card, `28021990`, with zeros for what is unknown (`00001955`). Only between 1850 and 2199.
#[must_use]
pub fn parse_birth(text: &str) -> Option<BirthDate> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, month, day) = if is_number {
        match text.len() {
            4 => (text, "0", "0"),
            8 => (text.get(4..8)?, text.get(2..4)?, text.get(0..2)?),
            _ => return None,
        }
    } else if text.contains('-') {
        let mut parts = text.splitn(3, '-');
        (parts.next()?, parts.next()?, parts.next().unwrap_or("0"))
    } else {
        let mut parts = text.rsplitn(3, '/');
        (parts.next()?, parts.next()?, parts.next().unwrap_or("0"))
    };
    let number = |digits: &str, most: usize| {
        let is_good = (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_good)
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let known = |part: u16| u8::try_from(part).ok().filter(|part| *part > 0);
    let birth = BirthDate { year, month: known(month), day: known(day) };
    let first_day = Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month.max(1)).ok()?,
        i8::try_from(day.max(1)).ok()?,
    );
    let is_possible =
        (1850..=2199).contains(&year) && first_day.is_ok() && (birth.day.is_none() || birth.month.is_some());
    is_possible.then_some(birth)
}

/// A Vietnamese phone number with its leading zero and nothing else: mobile `0[35789]` and eight digits, or
/// a fixed line `02` and eight or nine. Spaces, dots, hyphens and `+84` are taken away; `None` for others.
#[must_use]
pub fn normal_phone(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')')).collect();
    let plain = match plain.strip_prefix("+84").or_else(|| plain.strip_prefix("0084")) {
        Some(rest) => format!("0{rest}"),
        None => plain,
    };
    let is_digits = plain.bytes().all(|byte| byte.is_ascii_digit());
    let is_good = match plain.as_bytes() {
        [b'0', b'3' | b'5' | b'7' | b'8' | b'9', rest @ ..] => rest.len() == 8,
        [b'0', b'2', rest @ ..] => matches!(rest.len(), 8 | 9),
        _ => false,
    };
    (is_digits && is_good).then_some(plain)
}

fn is_email(text: &str) -> bool {
    let is_clean = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    is_clean
        && text.rsplit_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
        })
}

/// The longest names on real papers have about 60 characters; organisations need more.
pub const NAME_CHARS_MAX: usize = 250;

/// The 63 province codes that stand at the beginning of personal numbers (domain.md 5.3); they stay after
/// mergers.
const PROVINCES: [u16; 63] = [
    1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38, 40,
    42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83,
    84, 86, 87, 89, 91, 92, 93, 94, 95, 96,
];

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn codes(refusals: &[Refusal]) -> Vec<&str> {
        refusals.iter().map(|refusal| refusal.code.as_ref()).collect()
    }

    #[test]
    fn id_numbers_have_twelve_digits() {
        for wrong in ["", "04209012345", "0420901234567", "04209012345a", "042 90 123456", "٠٤٢٠٩٠١٢٣٤٥٦"]
        {
            let found = check_id_no(IdType::Cccd, wrong, None, None, "owner.id_no");
            assert_eq!(found.unwrap_err().code, "id-no-form", "{wrong}");
        }
        for (id_type, good) in [
            (IdType::Cccd, "042090912345"),
            (IdType::Passport, "C1234567"),
            (IdType::Other, "3000123456-001"),
        ] {
            assert_eq!(check_id_no(id_type, good, None, None, "owner.id_no"), Ok(vec![]), "{good}");
        }
        assert!(check_id_no(IdType::Passport, "C 123", None, None, "f").is_err());
        assert!(check_id_no(IdType::Other, &"9".repeat(41), None, None, "f").is_err());
    }

    #[test]
    fn what_does_not_fit_together_is_a_warning() {
        for (id_no, dob, sex, expected) in [
            ("042090912345", Some("1990-02-28"), Some("Nam"), vec![]),
            ("042190912345", Some("1990"), Some("Nữ"), vec![]),
            ("042215912345", Some("2015-02-28"), Some("Nam"), vec![]),
            ("042315912345", Some("2015-02-28"), Some("nữ"), vec![]),
            ("042090912345", Some("00001990"), None, vec![]),
            ("042090912345", Some("1991-02-28"), Some("Nam"), vec!["id-no-birth-year"]),
            ("042090912345", Some("1990-02-28"), Some("Nữ"), vec!["id-no-sex"]),
            ("042090912345", None, Some("khác"), vec![]),
            ("003090912345", None, None, vec!["id-no-province"]),
            (
                "097190912345",
                Some("2090"),
                Some("male"),
                vec!["id-no-province", "id-no-birth-year", "id-no-sex"],
            ),
        ] {
            let birth = dob.and_then(parse_birth);
            let warnings = check_id_no(IdType::Cccd, id_no, birth, sex, "owner.id_no").unwrap();
            assert_eq!(codes(&warnings), expected, "{id_no} {dob:?} {sex:?}");
        }
        assert_eq!(PROVINCES.len(), 63);
    }

    #[test]
    fn births_may_lack_day_and_month() {
        for (text, expected) in [
            ("1990-02-28", "1990-02-28"),
            ("28/02/1990", "1990-02-28"),
            ("28021990", "1990-02-28"),
            ("1990-02", "1990-02"),
            ("02/1990", "1990-02"),
            ("00021990", "1990-02"),
            ("1955", "1955"),
            ("00001955", "1955"),
            ("1955-00-00", "1955"),
            ("29/02/2024", "2024-02-29"),
        ] {
            assert_eq!(parse_birth(text).map(|birth| birth.to_string()).as_deref(), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "90",
            "1990-02-30",
            "30/02/1990",
            "29/02/2023",
            "1990-13",
            "01001990",
            "1990/02/28/1",
            "19900228x",
            "31/12/0999",
            "2300",
            "+990-02-01",
            "1990-2-",
            "một",
        ] {
            assert_eq!(parse_birth(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn phones_are_brought_to_one_form() {
        for (text, expected) in [
            ("0999123456", Some("0999123456")),
            ("0999 123.456", Some("0999123456")),
            ("+84999123456", Some("0999123456")),
            ("0239 3855 555", Some("02393855555")),
            ("0199123456", None),
            ("999123456", None),
            ("09991234567", None),
            ("0999x23456", None),
            ("", None),
        ] {
            assert_eq!(normal_phone(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn every_wrong_field_of_a_person_is_named() {
        let today = date(2026, 3, 2);
        let check = check_party(
            PartyLine {
                kind: Some("person"),
                name: Some("  "),
                id_type: Some("cmnd"),
                id_no: Some("123"),
                dob: Some("2026-03-03"),
                sex: Some("Nam"),
                phone: Some("12345"),
                email: Some("thu@"),
            },
            "owner",
            today,
        );
        let fields: Vec<(&str, Option<&str>)> =
            check.refusals.iter().map(|refusal| (refusal.code.as_ref(), refusal.field.as_deref())).collect();
        assert_eq!(
            fields,
            [
                ("field-missing", Some("owner.name")),
                ("field-choice", Some("owner.kind")),
                ("field-choice", Some("owner.id_type")),
                ("birth-in-future", Some("owner.dob")),
                ("phone-form", Some("owner.phone")),
                ("email-form", Some("owner.email")),
                ("id-no-form", Some("owner.id_no")),
            ]
        );
        for name in ["Thử", "Y'Thử Niê", "Nguyễn Văn Thử"] {
            let party = PartyLine { name: Some(name), ..PartyLine::default() };
            assert_eq!(check_party(party, "owner", today), PartyCheck::default(), "{name}");
        }
    }

    #[test]
    fn messages_never_carry_the_value() {
        let party = PartyLine {
            name: Some("Nguyễn Văn Thử"),
            id_no: Some("04209"),
            phone: Some("0999"),
            ..PartyLine::default()
        };
        let check = check_party(party, "owner", date(2026, 3, 2));
        let text = format!("{:?}", check.refusals);
        assert_eq!(check.refusals.len(), 2);
        for secret in ["04209", "0999", "Nguyễn"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
