//! Which operations a foreign change may contain. Automerge enforces none of it: without this any party could
//! delete another's act.

use sync_protocol::ids::BootId;

use crate::dossier::document::DocumentError;
use crate::dossier::document::Step;

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
pub fn admit(_bytes: &[u8], _boot: BootId) -> Result<Step, AdmitError> {
    todo!()
}
