//! Which operations a foreign change may contain. Automerge enforces none of it: without this any party could
//! delete another's act.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use minicbor::Decode;
use sync_protocol::ids::BootId;

use crate::dossier::act::Act;
use crate::dossier::act::ActError;
use crate::dossier::act::Body;
use crate::dossier::act::from_cbor;
use crate::dossier::document::ACT_PREFIX;
use crate::dossier::document::CHANGE_ACTS_MAX;
use crate::dossier::document::CHANGE_OPS_MAX;
use crate::dossier::document::DOSSIER_KIND;
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
/// Largest packed head.
const HEAD_BYTES_MAX: usize = 256;
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
    /// It holds something only a newer program can read: kept as it is, tried again by that program.
    #[error("the change needs a newer program")]
    Newer,
    /// The bytes are no change.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Decodes a foreign change and checks each operation against what its section allows: acts and papers are
/// written once, fields are registers, sizes and counts are bounded, the actor is the entry's boot.
///
/// A program that adds a section raises the `min_reader` of the entry that carries the change, so that older
/// programs wait and never come here with it.
///
/// # Errors
/// [`AdmitError::Newer`]: keep the change waiting. Otherwise it is kept as refused and never applied.
pub fn admit(bytes: &[u8], boot: BootId) -> Result<Step, AdmitError> {
    let (info, operations) = operations(bytes)?;
    if info.actor != boot.as_bytes() {
        return Err(structure("its author is not the log it stands in"));
    }
    if u64::try_from(operations.len()).unwrap_or(u64::MAX) > CHANGE_OPS_MAX {
        return Err(structure("too many operations"));
    }
    // What a newer program wrote may hold more than this one can judge.
    if operations.iter().any(is_for_newer_program) {
        return Err(AdmitError::Newer);
    }
    let is_first = info.deps.is_empty();
    let mut acts: BTreeMap<usize, Act> = BTreeMap::new();
    let mut papers: BTreeMap<usize, (String, Paper)> = BTreeMap::new();
    let mut fields = Vec::new();
    let mut keys = BTreeSet::new();
    let mut has_head = false;
    for operation in operations {
        let Operation { root_key: Some(key), value: Some(value), has_predecessors } = operation else {
            return Err(structure("an operation no section allows"));
        };
        if !keys.insert(key.clone()) {
            return Err(structure("one key is written twice"));
        }
        let section = section_of(&key).ok_or_else(|| structure("a key no section allows"))?;
        if has_predecessors && !matches!(section, Section::Field(_)) {
            return Err(structure("something written once is overwritten"));
        }
        match (section, value) {
            (Section::Field(name), value) => {
                let value = field_value(name, value)?;
                fields.push((name.to_owned(), value));
            }
            (Section::Head, OperationValue::Bytes(packed)) => {
                let _: Head = unpacked(&packed, HEAD_BYTES_MAX)?;
                has_head = true;
            }
            (Section::Act(index), OperationValue::Bytes(packed)) => {
                if packed.len() > ACT_BYTES_MAX {
                    return Err(structure("an act is too large"));
                }
                let act = Act::unpack(&packed).map_err(|error| structure(&error.to_string()))?;
                acts.insert(index, act);
            }
            (Section::Paper(index), OperationValue::Bytes(packed)) => {
                let paper = unpacked(&packed, PAPER_BYTES_MAX)?;
                papers.insert(index, (key, paper));
            }
            (
                Section::Head | Section::Act(_) | Section::Paper(_),
                OperationValue::Text(_) | OperationValue::Other,
            ) => return Err(structure("a value of the wrong type")),
        }
    }
    if is_first != has_head {
        return Err(structure("the head stands in the first change and nowhere else"));
    }
    if acts.is_empty() {
        return Err(structure("a change without an act"));
    }
    if acts.len() > CHANGE_ACTS_MAX {
        return Err(structure("too many acts"));
    }
    fields.sort();
    let first_act = numbered_without_gaps(acts.keys().copied())?;
    let first_paper = numbered_without_gaps(papers.keys().copied())?;
    let step = Step {
        info,
        acts: acts.into_values().collect(),
        fields,
        papers: papers.into_values().collect(),
        first_act,
        first_paper,
    };
    check_fields(&step)?;
    Ok(step)
}

/// A part of the document, by its key at the root.
enum Section<'k> {
    Head,
    Act(usize),
    Paper(usize),
    Field(&'k str),
}

fn section_of(key: &str) -> Option<Section<'_>> {
    if key == HEAD_KEY {
        return Some(Section::Head);
    }
    let act = index_of(key, ACT_PREFIX).map(Section::Act);
    let paper = || index_of(key, PAPER_PREFIX).map(Section::Paper);
    act.or_else(paper).or_else(|| key.strip_prefix(FIELD_PREFIX).map(Section::Field))
}

fn is_for_newer_program(operation: &Operation) -> bool {
    let (Some(key), Some(OperationValue::Bytes(packed))) = (&operation.root_key, &operation.value) else {
        return false;
    };
    match section_of(key) {
        Some(Section::Head) => unpacked::<Head>(packed, HEAD_BYTES_MAX)
            .is_ok_and(|head| head.min_reader > LAYOUT_VERSION || head.kind != DOSSIER_KIND),
        Some(Section::Act(_)) if packed.len() <= ACT_BYTES_MAX => {
            matches!(Act::unpack(packed), Err(ActError::TooNew(_)))
        }
        Some(Section::Act(_) | Section::Paper(_) | Section::Field(_)) | None => false,
    }
}

fn unpacked<T: for<'b> Decode<'b, ()>>(packed: &[u8], most: usize) -> Result<T, AdmitError> {
    if packed.len() > most {
        return Err(structure("something is too large"));
    }
    from_cbor(packed).map_err(|error| structure(&error.to_string()))
}

/// The first of the numbers; 0 when there are none.
fn numbered_without_gaps(numbers: impl Iterator<Item = usize>) -> Result<usize, AdmitError> {
    let mut first = None;
    for (offset, number) in numbers.enumerate() {
        if number != *first.get_or_insert(number) + offset {
            return Err(structure("the numbers of a change have a gap"));
        }
    }
    Ok(first.unwrap_or(0))
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
fn index_of(key: &str, prefix: &str) -> Option<usize> {
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
