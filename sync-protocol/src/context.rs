//! What the batches of one direction of a session leave behind for the next ones: recent content, and which change was
//! the last of each document. The next small batch is packed as if the dictionary ended with it.
//!
//! Both ends build it from the same batches in the same order, and a batch that was packed so says a hash of what it was
//! packed with.

use std::collections::HashSet;
use std::collections::VecDeque;

use crate::entry::Entry;
use crate::ids::ChangeHash;
use crate::ids::DocId;
use crate::limits::CONTEXT_DOCUMENTS_MAX;
use crate::limits::CONTEXT_RECENT_BYTES_MAX;

/// How many bytes of its hash a batch says.
pub const CHECK_BYTES: usize = 4;

/// The hash of a context is not that of anything else.
const CHECK_CONTEXT: &str = "motcua batch context v1";

/// What one direction of a session has told so far. Memory: about 20 kB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The documents that changed last with their last changes, the newest at the end.
    changed: VecDeque<(DocId, ChangeHash)>,
    /// The contents of the last small batches, the newest at the end.
    recent: VecDeque<u8>,
}

impl Context {
    /// A batch was written or read: what it was before it was packed, and its entries in order.
    pub(crate) fn learn<'a>(&mut self, content: &[u8], entries: impl DoubleEndedIterator<Item = &'a Entry>) {
        if content.len() <= CONTEXT_RECENT_BYTES_MAX {
            let room = CONTEXT_RECENT_BYTES_MAX - content.len();
            let too_much = self.recent.len().saturating_sub(room);
            self.recent.drain(..too_much);
            self.recent.extend(content);
        }
        let mut seen = HashSet::new();
        let mut last = Vec::new();
        for entry in entries.rev().filter(|entry| entry.doc != DocId::NONE) {
            if last.len() == CONTEXT_DOCUMENTS_MAX {
                break;
            }
            if seen.insert(entry.doc) {
                last.push((entry.doc, entry.hash));
            }
        }
        self.changed.retain(|(doc, _)| !seen.contains(doc));
        self.changed.extend(last.into_iter().rev());
        let too_many = self.changed.len().saturating_sub(CONTEXT_DOCUMENTS_MAX);
        self.changed.drain(..too_many);
    }

    /// Whether there is nothing in it yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.recent.is_empty()
    }

    /// What stands behind the dictionary: documents and hashes, then recent content.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.changed.len() * 48 + self.recent.len());
        for (doc, hash) in &self.changed {
            bytes.extend_from_slice(doc.as_bytes());
            bytes.extend_from_slice(hash.as_bytes());
        }
        bytes.extend(&self.recent);
        bytes
    }
}

/// What a batch says of the context it was packed with.
pub(crate) fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = blake3::derive_key(CHECK_CONTEXT, bytes);
    hash.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::EntryKind;
    use crate::ids::BootId;

    fn entry(doc: u16, hash: u8) -> Entry {
        let mut id = [0xff; 16];
        id[..2].copy_from_slice(&doc.to_be_bytes());
        Entry {
            log: BootId([1; 16]),
            lsn: 1,
            kind: EntryKind::CHANGE,
            doc: DocId(id),
            hash: ChangeHash([hash; 32]),
            min_reader: 1,
            body: None,
        }
    }

    #[test]
    fn a_document_stands_once_with_its_last_change() {
        let mut context = Context::default();
        assert!(context.is_empty());
        context.learn(b"", [entry(1, 1), entry(2, 2), entry(1, 3)].iter());
        context.learn(b"", [entry(3, 4), entry(2, 5)].iter());
        let expected = [(1, 3), (3, 4), (2, 5)];
        let expected: Vec<_> =
            expected.map(|(doc, hash)| entry(doc, hash)).map(|one| (one.doc, one.hash)).into();
        assert_eq!(context.changed, expected);
        assert_eq!(context.bytes().len(), 3 * 48);
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let mut context = Context::default();
        let many: Vec<Entry> = (0..2000).map(|doc| entry(doc, 1)).collect();
        context.learn(&[1; CONTEXT_RECENT_BYTES_MAX - 1], many.iter());
        assert_eq!(context.changed.len(), CONTEXT_DOCUMENTS_MAX);
        assert_eq!(context.changed.back().map(|(doc, _)| *doc), Some(entry(1999, 1).doc));
        context.learn(&[2; 3], [entry(5, 2)].iter());
        assert_eq!(context.changed.len(), CONTEXT_DOCUMENTS_MAX);
        let recent: Vec<u8> = context.recent.iter().copied().collect();
        assert_eq!(recent, [vec![1; CONTEXT_RECENT_BYTES_MAX - 3], vec![2; 3]].concat());
        context.learn(&[3; CONTEXT_RECENT_BYTES_MAX + 1], [].iter());
        assert_eq!(context.recent.back(), Some(&2), "what is too large is not kept in part");
        context.learn(&[4; CONTEXT_RECENT_BYTES_MAX], [].iter());
        assert!(context.recent.iter().all(|byte| *byte == 4));
    }
}
