//! Which operations a foreign change may contain. Automerge enforces none of it: without this any party could
//! delete another's act.

use std::collections::BTreeSet;

use sync_protocol::ids::BootId;

use crate::dossier::act::Act;
use crate::dossier::act::ActError;
use crate::dossier::act::Body;
use crate::dossier::act::from_cbor;
use crate::dossier::document::ACT_PREFIX;
use crate::dossier::document::CHANGE_OPS_MAX;
use crate::dossier::document::DocumentError;
use crate::dossier::document::FIELD_PREFIX;
use crate::dossier::document::HEAD_KEY;
use crate::dossier::document::Head;
use crate::dossier::document::LAYOUT_VERSION;
use crate::dossier::document::Operation;
use crate::dossier::document::OperationValue;
use crate::dossier::document::PAPER_PREFIX;
use crate::dossier::document::Step;
use crate::dossier::document::operations;
use crate::dossier::paper::Paper;

/// Largest packed act.
pub const ACT_BYTES_MAX: usize = 16 * 1024;
/// Largest packed paper.
pub const PAPER_BYTES_MAX: usize = 4 * 1024;
/// Largest value of a register, in bytes of UTF-8.
pub const FIELD_BYTES_MAX: usize = 8 * 1024;
/// Longest name of a register.
pub const FIELD_NAME_BYTES_MAX: usize = 64;

/// Why a foreign change may not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// Undecodable, out of bounds, or it breaks the structure: refused.
    #[error("the change breaks the document's structure: {0}")]
    Structure(String),
    /// The bytes are no change.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Decodes a foreign change and checks each operation against what its section allows: acts and papers are
/// written once, fields are registers, sizes and counts are bounded, the actor is the entry's boot.
///
/// # Errors
/// [`AdmitError`]; the change is then kept as refused and never applied.
pub fn admit(bytes: &[u8], boot: BootId) -> Result<Step, AdmitError> {
    let (info, operations) = operations(bytes)?;
    if info.actor != boot.as_bytes() {
        return Err(structure("its author is not the log it stands in"));
    }
    if u64::try_from(operations.len()).unwrap_or(u64::MAX) > CHANGE_OPS_MAX {
        return Err(structure("too many operations"));
    }
    let is_first = info.deps.is_empty();
    let mut step = Step { info, acts: Vec::new(), fields: Vec::new(), papers: Vec::new() };
    let mut acts: Vec<(u32, Act)> = Vec::new();
    let mut keys = BTreeSet::new();
    let mut has_head = false;
    for operation in operations {
        let Operation { root_key: Some(key), value: Some(value), has_predecessors } = operation else {
            return Err(structure("an operation no section allows"));
        };
        if !keys.insert(key.clone()) {
            return Err(structure("one key is written twice"));
        }
        if let Some(name) = key.strip_prefix(FIELD_PREFIX) {
            step.fields.push((name.to_owned(), field_value(name, value)?));
            continue;
        }
        if has_predecessors {
            return Err(structure("something written once is overwritten"));
        }
        let OperationValue::Bytes(packed) = value else {
            return Err(structure("a value of the wrong type"));
        };
        if key == HEAD_KEY {
            let head: Head = from_cbor(&packed).map_err(|error| structure(&error.to_string()))?;
            if head.min_reader > LAYOUT_VERSION {
                return Err(structure("the document needs a newer program"));
            }
            has_head = true;
        } else if let Some(index) = index_of(&key, ACT_PREFIX) {
            if packed.len() > ACT_BYTES_MAX {
                return Err(structure("an act is too large"));
            }
            acts.push((index, read_act(&packed)?));
        } else if index_of(&key, PAPER_PREFIX).is_some() {
            if packed.len() > PAPER_BYTES_MAX {
                return Err(structure("a paper is too large"));
            }
            let paper: Paper = from_cbor(&packed).map_err(|error| structure(&error.to_string()))?;
            step.papers.push((key, paper));
        } else {
            return Err(structure("a key no section allows"));
        }
    }
    if is_first != has_head {
        return Err(structure("the head stands in the first change and nowhere else"));
    }
    acts.sort_by_key(|(index, _)| *index);
    step.acts = acts.into_iter().map(|(_, act)| act).collect();
    step.papers.sort_by_key(|(key, _)| index_of(key, PAPER_PREFIX));
    step.fields.sort();
    check_fields(&step)?;
    if step.acts.is_empty() {
        return Err(structure("a change without an act"));
    }
    Ok(step)
}

/// Every register write belongs to an act of the same change: the receipt, or a correction that names the field.
fn check_fields(step: &Step) -> Result<(), AdmitError> {
    let is_receipt =
        step.acts.iter().any(|act| matches!(act.body, Body::Receive(_) | Body::RegisterOnline(_)));
    let is_covered = |name: &str| {
        is_receipt
            || step.acts.iter().any(|act| {
                matches!(&act.body, Body::CorrectField(body) if body.field == name)
                    || matches!(&act.body, Body::Unknown { .. })
            })
    };
    if step.fields.iter().all(|(name, _)| is_covered(name)) {
        Ok(())
    } else {
        Err(structure("a field is set without an act that names it"))
    }
}

fn read_act(packed: &[u8]) -> Result<Act, AdmitError> {
    Act::unpack(packed).map_err(|error| match error {
        ActError::Malformed(what) => structure(&what),
        ActError::TooNew(version) => structure(&format!("an act needs act version {version}")),
    })
}

fn field_value(name: &str, value: OperationValue) -> Result<String, AdmitError> {
    let is_name = (1..=FIELD_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.' || b == b'-');
    match value {
        OperationValue::Text(text) if is_name && text.len() <= FIELD_BYTES_MAX => Ok(text),
        OperationValue::Text(_) => Err(structure("a field's name or value is out of bounds")),
        OperationValue::Bytes(_) | OperationValue::Other => Err(structure("a field is not text")),
    }
}

/// The number after a section's prefix.
fn index_of(key: &str, prefix: &str) -> Option<u32> {
    let digits = key.strip_prefix(prefix)?;
    let is_canonical = digits == "0" || !digits.starts_with('0');
    if is_canonical && digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

fn structure(what: &str) -> AdmitError {
    AdmitError::Structure(what.to_owned())
}
