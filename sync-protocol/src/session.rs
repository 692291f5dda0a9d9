//! Sessions: the two ends of one reconciliation as state machines without input or output.
//!
//! The driver loops: it hands every message, answer of the store and tick to `handle`, then carries out what
//! `poll` returns, *in order*, until it returns `None`; then it waits for the next message, answer or
//! `wake_at`. Answers may come late; they must come in the order of the questions. After an error, `poll`
//! may still hold a goodbye to send; then the session is over.
//!
//! A session knows nothing of sockets, files, documents or offices.

pub mod node;
pub mod province;

mod pace;
mod pull;
pub(crate) mod push;

pub use node::NodeSession;
pub use province::ProvinceSession;

use crate::codec::DecodeError;
use crate::frame::ByeCode;
use crate::frame::EncodeError;
use crate::frame::FrameKind;
use crate::item::ItemError;
use crate::proof::ProofError;

/// Why a session ended before it was over. What was stored stays stored; nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Nothing came in time. Dial again later.
    #[error("peer was silent for {silent_ms} ms")]
    Silent {
        /// For how long.
        silent_ms: u64,
    },
    /// The store moved under the session (a bundle was imported, another session runs). Dial again.
    #[error("the store moved under the session")]
    Moved,
    /// A message cannot be read. The peer is broken, hostile or newer: a person must look.
    #[error("peer sent a message that cannot be read")]
    Decode(#[from] DecodeError),
    /// One of the two programs is too old. A person must update it.
    #[error("peer speaks protocol {theirs}, this program speaks {ours}")]
    Version {
        /// Of this program.
        ours: u16,
        /// Of the peer.
        theirs: u16,
    },
    /// The peer broke the protocol. A bug or an attack: logged, not retried.
    #[error("peer sent {got} while we waited for {expected}", got = .got.name())]
    OutOfTurn {
        /// What would have been in turn.
        expected: &'static str,
        /// What came.
        got: FrameKind,
    },
    /// The peer said something impossible. A bug or an attack: logged, not retried.
    #[error("peer sent an impossible {kind}: {what}", kind = .kind.name())]
    Impossible {
        /// In which frame.
        kind: FrameKind,
        /// What is wrong.
        what: &'static str,
    },
    /// A provincial item is not the province's word.
    #[error("item refused")]
    Item(#[from] ItemError),
    /// A proof is not a link of this machine's chain.
    #[error("proof refused")]
    Proof(#[from] ProofError),
    /// The driver answered what was not asked, or what cannot be. Our bug.
    #[error("driver broke the session's contract: {0}")]
    Misuse(&'static str),
    /// A frame of ours is beyond a bound. Our bug.
    #[error("cannot write a frame")]
    Encode(#[from] EncodeError),
}

impl SessionError {
    /// Whether dialling again, with nothing changed by a person, can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::Moved | Self::Decode(DecodeError::NoContext) => true,
            Self::Decode(_)
            | Self::Version { .. }
            | Self::OutOfTurn { .. }
            | Self::Impossible { .. }
            | Self::Item(_)
            | Self::Proof(_)
            | Self::Misuse(_)
            | Self::Encode(_) => false,
        }
    }

    /// What the peer is told, if anything.
    const fn bye(&self) -> Option<ByeCode> {
        match self {
            Self::Silent { .. } => None,
            Self::Version { .. } => Some(ByeCode::Version),
            Self::Decode(DecodeError::Version(_)) => Some(ByeCode::Version),
            Self::Decode(DecodeError::NoContext) => Some(ByeCode::NoContext),
            Self::Moved | Self::Misuse(_) | Self::Encode(_) => Some(ByeCode::Shutdown),
            Self::Decode(_)
            | Self::OutOfTurn { .. }
            | Self::Impossible { .. }
            | Self::Item(_)
            | Self::Proof(_) => Some(ByeCode::Protocol),
        }
    }
}
