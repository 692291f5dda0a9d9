//! The text that carries a one-time code from the province to a new machine: pasted, or typed from paper.

use std::fmt;

use minicbor::Decode;
use minicbor::Encode;
use sync_protocol::ids::Hash;
use sync_protocol::ids::ProvinceId;

use crate::identity::CaPublicKey;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::transport::endpoint::ADDRESSES_MAX;

/// What every token of this version begins with.
const PREFIX: &str = "mc1-";
/// Bytes of the checksum: a mistyped token passes once in 2^40 times.
const CHECKSUM_LEN: usize = 5;
/// Longest text that is looked at.
const TEXT_BYTES_MAX: usize = 4_096;
/// Longest address.
const ADDRESS_BYTES_MAX: usize = 255;
/// Crockford's digits: no `i`, `l`, `o` or `u`, which people mistake for others.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A one-time code: 128 random bits. Shown once, kept by the province only as its hash.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct EnrolCode(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

impl EnrolCode {
    /// What the province stores and looks up: nobody who reads its database can enrol with it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(blake3::derive_key("motcua enrolment code, as the province keeps it, v1", &self.0))
    }
}

impl fmt::Debug for EnrolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolCode(secret)")
    }
}

/// Everything a new machine needs for its first meeting with the province.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// The province's authority: whoever answers the call has to be certified by it.
    #[n(0)]
    pub ca: CaPublicKey,
    /// The one-time code.
    #[n(1)]
    pub code: EnrolCode,
    /// Where the provincial server listens, `HOST:PORT`, in the order to try; 1 to [`ADDRESSES_MAX`].
    #[n(2)]
    pub addresses: Vec<String>,
    /// The seat that the machine will work for.
    #[n(3)]
    pub agency: AgencyCode,
}

/// Why a text is not a token that this program can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It begins like a token, but letters are wrong or missing: copy or type it again.
    #[error("token is damaged")]
    Damaged,
    /// Made by a newer program: update this one.
    #[error("token is of a newer form")]
    NewerVersion,
    /// Something else was pasted.
    #[error("text is not a token")]
    NotAToken,
}

impl TokenError {
    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        let code = match self {
            Self::Damaged => "token-damaged",
            Self::NewerVersion => "token-newer",
            Self::NotAToken => "token-not-a-token",
        };
        Refusal::of_field(code, "token")
    }
}

/// Whether `text` has the form `HOST:PORT` (`[IPv6]:PORT` for literal IPv6 addresses).
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.len() <= ADDRESS_BYTES_MAX
        && text.is_ascii()
        && text.rsplit_once(':').is_some_and(|(host, port)| {
            let host_is_good = match host.strip_prefix('[') {
                Some(inner) => {
                    inner.strip_suffix(']').is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok())
                }
                None => {
                    !host.is_empty()
                        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
                }
            };
            host_is_good
                && port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

impl Token {
    /// The province that the token belongs to.
    #[must_use]
    pub fn province(&self) -> ProvinceId {
        self.ca.province()
    }

    /// The token as text: about 150 letters and digits. It is a secret until it is used.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = crate::identity::to_cbor(self);
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let mut text = PREFIX.to_owned();
        encode_into(&mut text, &bytes);
        text
    }

    /// Reads a token. Case, spaces, line breaks and dashes inside do not matter; `i` and `l` are taken for 1
    /// and `o` for 0.
    ///
    /// # Errors
    /// See [`TokenError`]; each has another remedy.
    pub fn from_text(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > TEXT_BYTES_MAX || !text.is_ascii() {
            return Err(if text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("mc")) {
                TokenError::Damaged
            } else {
                TokenError::NotAToken
            });
        }
        let (version, digits) = text.split_once('-').ok_or(TokenError::NotAToken)?;
        let version = version.to_ascii_lowercase();
        let version: u32 = version
            .strip_prefix("mc")
            .filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|number| number.parse().ok())
            .ok_or(TokenError::NotAToken)?;
        match version {
            0 => return Err(TokenError::Damaged),
            1 => {}
            _ => return Err(TokenError::NewerVersion),
        }
        let bytes = decode(digits).ok_or(TokenError::Damaged)?;
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(TokenError::Damaged)?;
        if checksum(body) != *sum {
            return Err(TokenError::Damaged);
        }
        let token: Self = minicbor::decode(body).map_err(|_| TokenError::Damaged)?;
        let is_usable = (1..=ADDRESSES_MAX).contains(&token.addresses.len())
            && token.addresses.iter().all(|address| is_address(address))
            && token.agency.as_str().parse::<AgencyCode>().is_ok();
        if is_usable { Ok(token) } else { Err(TokenError::Damaged) }
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let hash = blake3::derive_key("motcua enrolment token, checksum, v1", body);
    let mut sum = [0; CHECKSUM_LEN];
    for (to, from) in sum.iter_mut().zip(hash) {
        *to = from;
    }
    sum
}

/// Appends `bytes` as base 32: five bits a digit, the last one filled up with zeros.
fn encode_into(text: &mut String, bytes: &[u8]) {
    let mut held = 0_u32;
    let mut held_bits = 0_u32;
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        held_bits += 8;
        while held_bits >= 5 {
            held_bits -= 5;
            text.push(digit(held >> held_bits));
            held &= (1 << held_bits) - 1;
        }
    }
    if held_bits > 0 {
        text.push(digit(held << (5 - held_bits)));
    }
}

fn digit(value: u32) -> char {
    let at = usize::try_from(value & 31).unwrap_or(0);
    DIGITS.get(at).map_or('0', |byte| char::from(*byte))
}

/// The inverse of [`encode_into`]: exactly one text of digits stands for given bytes.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 8 * 5 + 5);
    let mut held = 0_u32;
    let mut held_bits = 0_u32;
    for letter in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-') {
        let plain = match letter.to_ascii_lowercase() {
            b'i' | b'l' => b'1',
            b'o' => b'0',
            other => other,
        };
        let value = DIGITS.iter().position(|known| *known == plain)?;
        held = (held << 5) | u32::try_from(value).ok()?;
        held_bits += 5;
        if held_bits >= 8 {
            held_bits -= 8;
            bytes.push(u8::try_from(held >> held_bits).ok()?);
            held &= (1 << held_bits) - 1;
        }
    }
    // What is left over is filling: less than a digit, and zero.
    (held_bits < 5 && held == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(of: u8, addresses: &[&str]) -> Token {
        Token {
            ca: CaPublicKey([of; 32]),
            code: EnrolCode([of.wrapping_mul(7); 16]),
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            agency: "H27.101".parse().unwrap(),
        }
    }

    #[test]
    fn a_token_survives_being_typed_from_paper() {
        let token = token(3, &["qnam.example:4433", "[2001:db8::1]:4433"]);
        let text = token.to_text();
        println!("{} characters: {text}", text.len());
        assert_eq!(Token::from_text(&text), Ok(token.clone()));
        let in_groups: String = text
            .to_uppercase()
            .replacen('-', "- ", 1)
            .char_indices()
            .flat_map(|(at, letter)| (at > 8 && at % 6 == 0).then_some(' ').into_iter().chain([letter]))
            .collect();
        assert_eq!(Token::from_text(&format!("\n {in_groups}\r\n")), Ok(token.clone()));
        let (start, rest) = text.split_at(PREFIX.len());
        let misread = format!("{start}{}", rest.replace('0', "O").replace('1', "l"));
        assert_eq!(Token::from_text(&misread), Ok(token));
    }

    #[test]
    fn each_fault_of_a_token_text_has_its_own_answer() {
        let text = token(3, &["a.example:1"]).to_text();
        for (text, error) in [
            (String::new(), TokenError::NotAToken),
            ("https://a.example".to_owned(), TokenError::NotAToken),
            ("mcx-abc".to_owned(), TokenError::NotAToken),
            (text.replacen("mc1", "mc2", 1), TokenError::NewerVersion),
            (text[..text.len() - 1].to_owned(), TokenError::Damaged),
            (format!("{text}0"), TokenError::Damaged),
            (format!("{text}ế"), TokenError::Damaged),
            ("mc1-".to_owned(), TokenError::Damaged),
            (token(3, &[]).to_text(), TokenError::Damaged),
            (token(3, &["nowhere"]).to_text(), TokenError::Damaged),
        ] {
            assert_eq!(Token::from_text(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn addresses_are_a_host_and_a_port() {
        for good in ["a:1", "10.1.2.3:4433", "motcua.qnam.example:65535", "[::1]:9", "x-y.example:80"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}:1", "a".repeat(300));
        for wrong in ["", ":1", "a", "a:", "a:0", "a:65536", "a:+1", "a b:1", "[::1:9", "::1:9", "đ:1", &long]
        {
            assert!(!is_address(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_code_does_not_appear_in_debug_output() {
        let token = token(3, &["a.example:1"]);
        assert!(format!("{token:?}").contains("EnrolCode(secret)"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}", digits in "[0-9a-zA-Z -]{0,300}") {
            prop_assert!(Token::from_text(&text).is_err());
            let like_one = format!("mc1-{digits}");
            prop_assert!(Token::from_text(&like_one).is_err());
        }

        #[test]
        fn one_mistyped_letter_is_noticed(of: u8, at: prop::sample::Index, letter in "[0-9a-z]") {
            let right = token(of, &["qnam.example:4433"]).to_text();
            let at = at.index(right.len());
            let mut mistyped = right.clone();
            mistyped.replace_range(at..=at, &letter);
            let reads_the_same = |text: &str| text.replace(['i', 'l'], "1").replace('o', "0");
            prop_assume!(reads_the_same(&mistyped[4..]) != right[4..] || mistyped[..4] != right[..4]);
            prop_assert!(Token::from_text(&mistyped).is_err());
        }

        #[test]
        fn two_swapped_or_one_missing_letter_is_noticed(of: u8, at in 4_usize..100) {
            let right = token(of, &["qnam.example:4433"]).to_text();
            let mut letters: Vec<char> = right.chars().collect();
            letters.remove(at);
            prop_assert!(Token::from_text(&letters.iter().collect::<String>()).is_err());
            let mut letters: Vec<char> = right.chars().collect();
            letters.swap(at, at + 1);
            prop_assume!(letters[at] != letters[at + 1]);
            prop_assert!(Token::from_text(&letters.iter().collect::<String>()).is_err());
        }

        #[test]
        fn any_bytes_go_through_base_32_and_back(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut text = String::new();
            encode_into(&mut text, &bytes);
            prop_assert_eq!(decode(&text), Some(bytes));
        }
    }
}
