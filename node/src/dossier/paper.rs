//! Papers of a dossier as the document holds them: what was handed in, in which form, with which scan.

use minicbor::Decode;
use minicbor::Encode;

use crate::dossier::act::FileHash;

/// How a paper was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum PaperKind {
    /// The original is kept.
    #[n(0)]
    Original,
    /// A copy is kept.
    #[n(1)]
    Copy,
    /// An electronic file.
    #[n(2)]
    Electronic,
    /// Only shown and given back; nothing to scan.
    #[n(3)]
    Shown,
}

impl PaperKind {
    /// The word in lines and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Copy => "copy",
            Self::Electronic => "electronic",
            Self::Shown => "shown",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Original, Self::Copy, Self::Electronic, Self::Shown]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One paper. Packed into one scalar, under a key that is written once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Paper {
    /// The packed form's version.
    #[n(0)]
    pub version: u16,
    /// Its name for people.
    #[n(1)]
    pub name: String,
    /// The procedure's component it serves.
    #[n(2)]
    pub component: Option<String>,
    /// How it was handed in.
    #[n(3)]
    pub kind: PaperKind,
    /// How many.
    #[n(4)]
    pub copies: u16,
    /// Pages declared.
    #[n(5)]
    pub pages: Option<u16>,
    /// Its scan or file.
    #[n(6)]
    pub hash: Option<FileHash>,
    /// That file's size.
    #[n(7)]
    pub size_bytes: Option<u64>,
}

/// The paper format this program writes.
pub const PAPER_VERSION: u16 = 1;
