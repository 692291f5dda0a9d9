//! What the province's items say: the bodies of `sync_protocol::item::Item`, each with its version.

use minicbor::Decode;
use minicbor::Encode;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

/// The body format this program writes.
pub const BODY_VERSION: u16 = 1;
/// Largest directory that is unpacked.
pub const DIRECTORY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A published directory version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PublishedDirectory {
    /// The body's format.
    #[n(0)]
    pub format: u16,
    /// The directory's version, from 1.
    #[n(1)]
    pub version: u32,
    /// From when it is in force.
    #[n(2)]
    pub effective_at: Millis,
    /// BLAKE3 of the content.
    #[n(3)]
    pub hash: Hash,
    /// The content's size before packing.
    #[n(4)]
    pub size_bytes: u64,
    /// The canonical content under zstd.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub packed: Vec<u8>,
}

/// Number series given to one machine.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SeriesGrant {
    /// The body's format.
    #[n(0)]
    pub format: u16,
    /// The machine.
    #[n(1)]
    pub machine: NodeId,
    /// The series, as their digits.
    #[n(2)]
    pub series: Vec<String>,
}

/// A machine that was shut out for good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ban {
    /// The body's format.
    #[n(0)]
    pub format: u16,
    /// The machine.
    #[n(1)]
    pub machine: NodeId,
    /// Why; every node keeps it, so it holds no personal data.
    #[n(2)]
    pub why: String,
    /// From when on what the province had accepted of it is suspect; `None` when nothing is.
    #[n(3)]
    pub suspect_from: Option<Millis>,
    /// Since when it is banned.
    #[n(4)]
    pub at: Millis,
}

/// Entries of one machine that a person at the province keeps out for good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refused {
    /// The body's format.
    #[n(0)]
    pub format: u16,
    /// The machine whose entries they are.
    #[n(1)]
    pub machine: NodeId,
    /// Why; every node keeps it, so it holds no personal data.
    #[n(2)]
    pub why: String,
    /// The entries.
    #[n(3)]
    pub entries: Vec<RefusedEntry>,
    /// When it was decided.
    #[n(4)]
    pub at: Millis,
}

/// One entry that is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefusedEntry {
    /// Its log.
    #[n(0)]
    pub log: BootId,
    /// Its position there.
    #[n(1)]
    pub lsn: Lsn,
    /// Its hash.
    #[n(2)]
    pub hash: ChangeHash,
}

impl Refused {
    /// Reads the body's bytes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        read(bytes, |body: &Self| body.format)
    }
}

/// Number series that were given to two machines, and are taken back from one of them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Withdrawal {
    /// The body's format.
    #[n(0)]
    pub format: u16,
    /// The machine that leaves them.
    #[n(1)]
    pub machine: NodeId,
    /// The series, as their digits.
    #[n(2)]
    pub series: Vec<String>,
}

/// Two branches of the province's items are one again. All that an item with this body says is in whom it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Join {
    /// The body's format.
    #[n(0)]
    pub format: u16,
}

/// A body that this program cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not of the expected shape, or its content is not what it says.
    #[error("an item's body is damaged")]
    Damaged,
    /// Of a newer program.
    #[error("an item's body needs a program that reads format {0}")]
    Newer(u16),
}

impl PublishedDirectory {
    /// Packs a canonical directory.
    ///
    /// # Errors
    /// The compressor failed, which means that memory ran out.
    pub fn pack(version: u32, effective_at: Millis, content: &[u8]) -> std::io::Result<Self> {
        Ok(Self {
            format: BODY_VERSION,
            version,
            effective_at,
            hash: Hash(*blake3::hash(content).as_bytes()),
            size_bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            packed: zstd::bulk::compress(content, 12)?,
        })
    }

    /// The canonical content, checked against its hash.
    ///
    /// # Errors
    /// [`BodyError::Damaged`] when it is too large or not what its hash says.
    pub fn unpack(&self) -> Result<Vec<u8>, BodyError> {
        let size_bytes = usize::try_from(self.size_bytes).map_err(|_| BodyError::Damaged)?;
        if size_bytes > DIRECTORY_BYTES_MAX {
            return Err(BodyError::Damaged);
        }
        let content = zstd::bulk::decompress(&self.packed, size_bytes).map_err(|_| BodyError::Damaged)?;
        if *blake3::hash(&content).as_bytes() == self.hash.0 { Ok(content) } else { Err(BodyError::Damaged) }
    }

    /// Reads the body's bytes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        read(bytes, |body: &Self| body.format)
    }
}

impl Ban {
    /// Reads the body's bytes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        read(bytes, |body: &Self| body.format)
    }
}

impl Withdrawal {
    /// Reads the body's bytes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        read(bytes, |body: &Self| body.format)
    }
}

impl SeriesGrant {
    /// Reads the body's bytes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        read(bytes, |body: &Self| body.format)
    }
}

/// A body of a form that this program reads.
fn read<'b, T: Decode<'b, ()>>(bytes: &'b [u8], format: fn(&T) -> u16) -> Result<T, BodyError> {
    let body = minicbor::decode(bytes).map_err(|_| BodyError::Damaged)?;
    match format(&body) {
        newer if newer > BODY_VERSION => Err(BodyError::Newer(newer)),
        _ => Ok(body),
    }
}

/// A body's bytes.
///
/// # Panics
/// Never: writing to memory cannot fail.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "writing to a Vec cannot fail and no encoder of ours returns an error"
)]
pub fn to_bytes<T: Encode<()>>(body: &T) -> Vec<u8> {
    minicbor::to_vec(body).expect("encoding to memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn directories_come_out_as_they_went_in_and_damage_is_noticed() {
        let content = b"{\"kind\":\"province\"}\n".repeat(100);
        let body = PublishedDirectory::pack(3, Millis(5), &content).unwrap();
        let read = PublishedDirectory::read(&to_bytes(&body)).unwrap();
        assert_eq!(read.unpack().unwrap(), content);
        assert_eq!(
            PublishedDirectory { size_bytes: u64::MAX, ..read.clone() }.unpack(),
            Err(BodyError::Damaged)
        );
        assert_eq!(
            PublishedDirectory { hash: Hash([0; 32]), ..read.clone() }.unpack(),
            Err(BodyError::Damaged)
        );
        let newer = PublishedDirectory { format: 9, ..read };
        assert_eq!(PublishedDirectory::read(&to_bytes(&newer)), Err(BodyError::Newer(9)));
        assert_eq!(SeriesGrant::read(&[0xff]), Err(BodyError::Damaged));
    }

    #[test]
    fn bodies_of_items_keep_their_first_form() {
        let machine = NodeId([4; 16]);
        golden::keeps(
            "item-directory",
            &PublishedDirectory {
                format: BODY_VERSION,
                version: 3,
                effective_at: Millis(1_772_411_732_123),
                hash: Hash([5; 32]),
                size_bytes: 100_000,
                packed: vec![6; 20],
            },
        );
        let series = vec!["102".to_owned(), "9001".to_owned()];
        golden::keeps("item-series-grant", &SeriesGrant { format: BODY_VERSION, machine, series });
        let (why, at) = ("mất máy".to_owned(), Millis(9));
        let ban = Ban { format: BODY_VERSION, machine, why: why.clone(), suspect_from: Some(Millis(7)), at };
        golden::keeps("item-ban", &ban);
        assert_eq!(Ban::read(&to_bytes(&Ban { format: 9, ..ban })), Err(BodyError::Newer(9)));
        let entries = vec![RefusedEntry { log: BootId([1; 16]), lsn: 7, hash: ChangeHash([2; 32]) }];
        golden::keeps("item-refused", &Refused { format: BODY_VERSION, machine, why, entries, at });
    }

    #[test]
    fn a_refusal_comes_out_as_it_went_in() {
        let entries = vec![RefusedEntry { log: BootId([1; 16]), lsn: 7, hash: ChangeHash([2; 32]) }];
        let why = "sai hồ sơ".to_owned();
        let refused = Refused { format: BODY_VERSION, machine: NodeId([4; 16]), why, entries, at: Millis(9) };
        assert_eq!(Refused::read(&to_bytes(&refused)), Ok(refused.clone()));
        assert_eq!(Refused::read(&to_bytes(&Refused { format: 9, ..refused })), Err(BodyError::Newer(9)));
        assert_eq!(Refused::read(&[0xff]), Err(BodyError::Damaged));
    }

    #[test]
    fn a_withdrawal_and_a_join_have_the_bytes_of_the_released_version() {
        let series = vec!["102".to_owned()];
        let body = Withdrawal { format: BODY_VERSION, machine: NodeId([4; 16]), series };
        let bytes = to_bytes(&body);
        assert_eq!(bytes, [&[0xa3, 0, 1, 1, 0x50][..], &[4; 16], &[2, 0x81, 0x63], b"102"].concat());
        assert_eq!(Withdrawal::read(&bytes), Ok(body.clone()));
        assert_eq!(Withdrawal::read(&to_bytes(&Withdrawal { format: 9, ..body })), Err(BodyError::Newer(9)));
        assert_eq!(to_bytes(&Join { format: BODY_VERSION }), [0xa1, 0, 1]);
    }

    #[test]
    fn a_ban_comes_out_as_it_went_in() {
        for suspect_from in [None, Some(Millis(7))] {
            let why = "mất máy".to_owned();
            let ban =
                Ban { format: BODY_VERSION, machine: NodeId([4; 16]), why, suspect_from, at: Millis(9) };
            assert_eq!(Ban::read(&to_bytes(&ban)), Ok(ban.clone()));
            assert_eq!(Ban::read(&to_bytes(&Ban { format: 9, ..ban })), Err(BodyError::Newer(9)));
        }
        assert_eq!(Ban::read(&[0xff]), Err(BodyError::Damaged));
    }
}
