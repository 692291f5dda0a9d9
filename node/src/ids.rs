//! Names that the offices use: agencies, officers, procedures.

use std::fmt;
use std::str::FromStr;

/// A text that does not have the form its name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not have the form {form}")]
pub struct ParseNameError {
    /// The form that was expected, for people.
    pub form: &'static str,
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_name!(
    /// An agency's electronic identifier by QĐ 20/2020/QĐ-TTg: `H27` (province), `H27.101` (second level) or
    /// `H27.101.02` (third level). An agency that works on dossiers is a *seat*.
    AgencyCode
);
text_name!(
    /// A procedure's national code, such as `1.001193`, or with its suffix `2.000815.000.00.00.H61`.
    ProcedureCode
);

impl FromStr for AgencyCode {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let mut parts = text.split('.');
        let head = parts.next().unwrap_or_default().as_bytes();
        let head_is_good = matches!(head, [letter, tens, ones]
            if letter.is_ascii_uppercase() && tens.is_ascii_digit() && ones.is_ascii_digit());
        let rest: Vec<&str> = parts.collect();
        let rest_is_good = rest.len() <= 2 && rest.iter().all(|part| is_digits(part, 2, 3));
        if head_is_good && rest_is_good {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseNameError { form: "H27.101" })
        }
    }
}

impl FromStr for ProcedureCode {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let mut parts = text.split('.');
        let is_good = parts.next().is_some_and(|part| is_digits(part, 1, 1))
            && parts.next().is_some_and(|part| is_digits(part, 6, 6))
            && text.len() <= 40
            && parts.all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            });
        if is_good { Ok(Self(text.to_owned())) } else { Err(ParseNameError { form: "1.001193" }) }
    }
}

fn is_digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// An officer of one seat, written `H27.102/02`: the seat's code and the officer's number there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
pub struct OfficerId {
    /// The seat the officer works at.
    #[n(0)]
    pub seat: AgencyCode,
    /// The officer's number at that seat: 1-16 ASCII letters, digits, `-` or `.`.
    #[n(1)]
    pub number: String,
}

impl fmt::Display for OfficerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.seat, self.number)
    }
}

impl FromStr for OfficerId {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let wrong = ParseNameError { form: "H27.102/02" };
        let (seat, number) = text.split_once('/').ok_or(wrong)?;
        let is_good = (1..=16).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if !is_good {
            return Err(wrong);
        }
        Ok(Self { seat: seat.parse().map_err(|_| wrong)?, number: number.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agency_codes_have_one_to_three_levels() {
        for good in ["H27", "H27.02", "H27.101", "H27.101.02", "G09.20"] {
            assert_eq!(good.parse::<AgencyCode>().map(|code| code.to_string()), Ok(good.to_owned()));
        }
        for wrong in ["", "h27", "H2", "H27.", "H27.1", "H27.1011", "H27.101.02.03", "H27 .101", "Đ27"] {
            assert!(wrong.parse::<AgencyCode>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn officers_and_procedures_are_checked() {
        assert_eq!("H27.102/02".parse::<OfficerId>().unwrap().to_string(), "H27.102/02");
        for wrong in ["H27.102", "H27.102/", "/02", "H27.102/a b", "H27.102/0/1"] {
            assert!(wrong.parse::<OfficerId>().is_err(), "{wrong}");
        }
        for good in ["1.001193", "2.000815.000.00.00.H61"] {
            assert!(good.parse::<ProcedureCode>().is_ok(), "{good}");
        }
        for wrong in ["", "1.1193", "1001193", "1.001193.", "x.001193"] {
            assert!(wrong.parse::<ProcedureCode>().is_err(), "{wrong}");
        }
    }
}
