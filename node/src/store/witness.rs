//! The second file, outside the directory, that tells a machine whether its database was rolled back or copied.
//!
//! It holds what numbering needs in two alternating slots, so that a torn write loses one group at most. It is
//! locked while a process may append and written in parallel with each commit; so it may be ahead of the database
//! by the one group it marks as in flight, or behind by one.

use std::collections::BTreeMap;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;

use minicbor::Decode;
use minicbor::Encode;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::NodeId;

/// The record format this program writes.
const RECORD_VERSION: u16 = 1;
const MAGIC: &[u8; 8] = b"MOTCUAW1";
const SLOT_BYTES: usize = 8192;
/// Counters kept one by one: one series on 256 days, about 4 kB of a slot.
const COUNTERS_MAX: usize = 256;

/// What the witness says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Record {
    #[n(0)]
    version: u16,
    /// Grows with each write; the higher readable slot counts.
    #[n(1)]
    pub(crate) sequence: u64,
    /// Whose witness it is.
    #[n(2)]
    pub(crate) machine: NodeId,
    /// The boot that appended last.
    #[n(3)]
    pub(crate) boot: Option<BootId>,
    /// Up to where that boot's entries were committed.
    #[n(4)]
    pub(crate) confirmed: Lsn,
    /// Up to where they stand if the commit in flight succeeded.
    #[n(5)]
    pub(crate) in_flight: Lsn,
    /// The boot before, and up to where it was committed.
    #[n(6)]
    pub(crate) previous: Option<(BootId, Lsn)>,
    /// The series numbers are drawn from.
    #[n(7)]
    pub(crate) series: Option<String>,
    /// The last counter per series and day (yyyymmdd).
    #[n(8)]
    pub(crate) counters: BTreeMap<(String, u32), u32>,
    /// Per series, the highest counter of all days that no longer stand in `counters`.
    #[n(9)]
    pub(crate) floors: BTreeMap<String, u32>,
    /// What the last rolled-back database under this witness lacked: a boot, and up to where it was committed.
    #[n(10)]
    pub(crate) lacked: Option<(BootId, Lsn)>,
    /// The boot that stood here when two databases were last seen to take turns under this witness.
    #[n(11)]
    pub(crate) shared_at: Option<BootId>,
    /// At the province: the newest item of its chain.
    #[n(12)]
    pub(crate) items: Option<ItemsSeen>,
}

/// The newest provincial item, before and after the commit in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct ItemsSeen {
    /// Up to which number items were committed.
    #[n(0)]
    pub(crate) confirmed: u64,
    /// Up to which they stand if the commit in flight succeeded.
    #[n(1)]
    pub(crate) in_flight: u64,
}

impl Record {
    pub(crate) fn new(machine: NodeId) -> Self {
        Self {
            version: RECORD_VERSION,
            sequence: 0,
            machine,
            boot: None,
            confirmed: 0,
            in_flight: 0,
            previous: None,
            series: None,
            counters: BTreeMap::new(),
            floors: BTreeMap::new(),
            lacked: None,
            shared_at: None,
            items: None,
        }
    }

    /// Notes the newest item of the province's chain.
    pub(crate) fn note_item(&mut self, n: u64) {
        let seen = self.items.get_or_insert_default();
        seen.in_flight = n;
    }

    /// What was in flight is committed.
    pub(crate) fn confirm(&mut self) {
        self.confirmed = self.in_flight;
        if let Some(seen) = &mut self.items {
            seen.confirmed = seen.in_flight;
        }
    }

    /// How many items were committed that the database lacks, whose newest is `n`.
    pub(crate) fn lost_items(&self, n: u64) -> u64 {
        self.items.map_or(0, |seen| seen.confirmed.saturating_sub(n))
    }

    /// Forgets what it said of logs and items: it has been told, and the database goes on from where it stands.
    pub(crate) fn go_on_from(&mut self, n: u64) {
        (self.boot, self.previous, self.confirmed, self.in_flight) = (None, None, 0, 0);
        self.items = self.items.map(|_| ItemsSeen { confirmed: n, in_flight: n });
    }

    /// The database was put back from a backup. What it lacks is noted, also of the commit in flight: so another
    /// database that has it is known for another one.
    pub(crate) fn note_put_back<E>(
        &mut self,
        mut lsn_of: impl FnMut(BootId) -> Result<Lsn, E>,
    ) -> Result<(), E> {
        let claims = [self.boot.map(|boot| (boot, self.in_flight.max(self.confirmed))), self.previous];
        for (boot, lsn) in claims.into_iter().flatten() {
            if lsn_of(boot)? < lsn {
                self.lacked = Some((boot, lsn));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Notes a number that was drawn; the oldest days make room.
    pub(crate) fn note_number(&mut self, series: &str, day: u32, counter: u32) {
        self.series = Some(series.to_owned());
        let last = self.counters.entry((series.to_owned(), day)).or_default();
        *last = counter.max(*last);
        while self.counters.len() > COUNTERS_MAX {
            let oldest = self.counters.keys().min_by_key(|(_, day)| *day).cloned();
            let Some(((series, _), dropped)) = oldest.and_then(|key| self.counters.remove_entry(&key)) else {
                break;
            };
            let floor = self.floors.entry(series).or_default();
            *floor = dropped.max(*floor);
        }
    }

    /// Notes the boot that is about to append for the first time.
    pub(crate) fn note_boot(&mut self, boot: BootId) {
        self.previous = self.boot.map(|last| (last, self.confirmed));
        self.boot = Some(boot);
        self.confirmed = 0;
        self.in_flight = 0;
    }

    /// Whether the database, asked how far it has each boot's log, lacks something that was committed. The group
    /// in flight may be there or not.
    ///
    /// What it lacks is noted. A database that lacks something and has what another one lacked is not that one: two
    /// copies of the directory take turns under this witness, which is noted too.
    pub(crate) fn shows_rollback<E>(
        &mut self,
        mut lsn_of: impl FnMut(BootId) -> Result<Lsn, E>,
    ) -> Result<bool, E> {
        let claims = [self.boot.map(|boot| (boot, self.confirmed)), self.previous];
        let mut lacking = None;
        for (boot, lsn) in claims.into_iter().flatten() {
            if lacking.is_none() && lsn_of(boot)? < lsn {
                lacking = Some((boot, lsn));
            }
        }
        let has_what_was_lacked = match self.lacked {
            Some((boot, lsn)) => lsn_of(boot)? >= lsn,
            None => false,
        };
        if lacking.is_some() && has_what_was_lacked {
            self.shared_at = self.boot;
        }
        if lacking.is_some() || has_what_was_lacked {
            self.lacked = lacking;
        }
        Ok(lacking.is_some())
    }

    fn to_slot(&self) -> Option<Vec<u8>> {
        let body = minicbor::to_vec(self).ok()?;
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
        slot.extend_from_slice(&body);
        let checksum = blake3::hash(&slot);
        slot.extend_from_slice(checksum.as_bytes());
        if slot.len() > SLOT_BYTES {
            return None;
        }
        slot.resize(SLOT_BYTES, 0);
        Some(slot)
    }

    fn from_slot(slot: &[u8]) -> Option<Self> {
        let rest = slot.strip_prefix(MAGIC)?;
        let (len, _) = rest.split_first_chunk::<4>()?;
        let end = MAGIC.len().checked_add(4)?.checked_add(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        let (covered, tail) = slot.split_at_checked(end)?;
        if tail.get(..32)? != blake3::hash(covered).as_bytes() {
            return None;
        }
        let record: Self = minicbor::decode(covered.get(MAGIC.len() + 4..)?).ok()?;
        (record.version == RECORD_VERSION).then_some(record)
    }
}

/// Why there is no witness for this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWitness {
    /// No file at the path, though the database says there was one.
    Missing,
    /// Another process holds it: a copy of this directory is at work.
    Locked,
    /// It belongs to another machine.
    OtherMachine,
    /// Neither slot can be read.
    Unreadable,
    /// The place cannot be read or written.
    NotWritable,
}

impl NoWitness {
    /// The word in conditions.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Missing => "witness-missing",
            Self::Locked => "witness-locked",
            Self::OtherMachine => "witness-of-other-machine",
            Self::Unreadable => "witness-unreadable",
            Self::NotWritable => "witness-not-writable",
        }
    }
}

/// The file, locked for this process.
#[derive(Debug)]
pub(crate) struct WitnessFile {
    file: File,
}

impl WitnessFile {
    /// Opens and locks the witness of `machine` and reads its newest record.
    pub(crate) fn open(path: &Path, machine: NodeId) -> Result<(Self, Record), NoWitness> {
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(NoWitness::Missing),
            Err(_) => return Err(NoWitness::NotWritable),
        };
        lock(&file)?;
        let mut bytes = Vec::with_capacity(2 * SLOT_BYTES);
        let read = (&mut file).take(2 * SLOT_BYTES as u64).read_to_end(&mut bytes);
        read.map_err(|_| NoWitness::NotWritable)?;
        let record = bytes
            .chunks(SLOT_BYTES)
            .filter_map(Record::from_slot)
            .max_by_key(|record| record.sequence)
            .ok_or(NoWitness::Unreadable)?;
        if record.machine == machine { Ok((Self { file }, record)) } else { Err(NoWitness::OtherMachine) }
    }

    /// Writes a first record at `path`, in place of what cannot be read there, and makes file and name durable.
    ///
    /// A file that another process holds, or that is another machine's, is left alone.
    pub(crate) fn create(path: &Path, record: &Record) -> Result<Self, NoWitness> {
        match Self::open(path, record.machine) {
            Ok(_) | Err(NoWitness::Missing | NoWitness::Unreadable) => {}
            Err(other) => return Err(other),
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(|_| NoWitness::NotWritable)?;
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|_| NoWitness::NotWritable)?;
        lock(&file)?;
        let mut witness = Self { file };
        witness.fill(record).map_err(|_| NoWitness::NotWritable)?;
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(|_| NoWitness::NotWritable)?;
        Ok(witness)
    }

    fn fill(&mut self, record: &Record) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(&[0; 2 * SLOT_BYTES])?;
        self.file.sync_all()?;
        self.write(record)?;
        self.file.sync_all()
    }

    /// Writes the slot that does not hold the newest record and waits until it is on the disk.
    pub(crate) fn write(&mut self, record: &Record) -> std::io::Result<()> {
        let slot =
            record.to_slot().ok_or_else(|| std::io::Error::other("the witness record is too large"))?;
        let offset = (record.sequence % 2) * SLOT_BYTES as u64;
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.write_all(&slot)?;
        self.file.sync_data()
    }
}

fn lock(file: &File) -> Result<(), NoWitness> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(NoWitness::Locked),
        Err(TryLockError::Error(_)) => Err(NoWitness::NotWritable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: NodeId = NodeId([7; 16]);

    fn record(sequence: u64) -> Record {
        Record { sequence, boot: Some(BootId([1; 16])), confirmed: sequence, ..Record::new(MACHINE) }
    }

    #[test]
    fn newest_slot_counts_and_a_torn_one_loses_one_write_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        let mut file = WitnessFile::create(&path, &record(1)).unwrap();
        for sequence in 2..=5 {
            file.write(&record(sequence)).unwrap();
        }
        drop(file);
        assert_eq!(WitnessFile::open(&path, MACHINE).unwrap().1, record(5));
        for torn_at in [0, 9, 40] {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[SLOT_BYTES + torn_at..2 * SLOT_BYTES].fill(0xff);
            std::fs::write(dir.path().join("torn"), &bytes).unwrap();
            let (_, read) = WitnessFile::open(&dir.path().join("torn"), MACHINE).unwrap();
            assert_eq!(read, record(4), "torn at {torn_at}");
        }
    }

    #[test]
    fn missing_locked_foreign_and_unreadable_witnesses_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        assert_eq!(WitnessFile::open(&path, MACHINE).unwrap_err(), NoWitness::Missing);
        let held = WitnessFile::create(&path, &record(1)).unwrap();
        assert_eq!(WitnessFile::open(&path, MACHINE).unwrap_err(), NoWitness::Locked);
        drop(held);
        assert_eq!(WitnessFile::open(&path, NodeId([8; 16])).unwrap_err(), NoWitness::OtherMachine);
        let foreign = Record::new(NodeId([8; 16]));
        assert_eq!(WitnessFile::create(&path, &foreign).unwrap_err(), NoWitness::OtherMachine);
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(WitnessFile::open(&path, MACHINE).unwrap_err(), NoWitness::Unreadable);
        assert_eq!(WitnessFile::open(dir.path(), MACHINE).unwrap_err(), NoWitness::NotWritable);
    }

    #[test]
    fn dropped_days_leave_their_highest_counter_and_the_slot_never_overflows() {
        let mut record = Record::new(MACHINE);
        for day in 0..1000u32 {
            record.note_number("9000", 20_000_101 + day, 1 + day % 300);
        }
        assert_eq!(record.counters.len(), COUNTERS_MAX);
        assert_eq!(record.floors.get("9000"), Some(&300));
        assert!(record.to_slot().is_some());
    }

    #[test]
    fn lost_items_are_those_that_were_confirmed_and_a_record_without_them_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        let mut record = Record::new(MACHINE);
        drop(WitnessFile::create(&path, &record).unwrap());
        assert_eq!(
            WitnessFile::open(&path, MACHINE).unwrap().1.items,
            None,
            "as written by the first version"
        );
        record.note_item(7);
        assert_eq!(record.lost_items(5), 0, "in flight is not committed");
        record.confirm();
        record.note_item(9);
        assert_eq!((record.lost_items(5), record.lost_items(7), record.lost_items(9)), (2, 0, 0));
        record.sequence = 1;
        WitnessFile::create(&path, &record).unwrap().write(&record).unwrap();
        assert_eq!(WitnessFile::open(&path, MACHINE).unwrap().1, record);
        record.go_on_from(5);
        assert_eq!(record.lost_items(5), 0);
    }

    #[test]
    fn only_what_was_confirmed_shows_a_rollback() {
        let (old, new) = (BootId([1; 16]), BootId([2; 16]));
        let mut record = Record { confirmed: 9, in_flight: 12, boot: Some(old), ..Record::new(MACHINE) };
        let judge = |record: &Record, old_lsn: Lsn, new_lsn: Lsn| {
            let mut record = record.clone();
            record.shows_rollback(|boot| Ok::<_, ()>(if boot == old { old_lsn } else { new_lsn })).unwrap()
        };
        for (lsn, is_rollback) in [(8, true), (9, false), (12, false), (15, false)] {
            assert_eq!(judge(&record, lsn, 0), is_rollback, "{lsn}");
        }
        record.note_boot(new);
        record.in_flight = 3;
        assert!(!judge(&record, 9, 0), "the first group of the new boot was in flight");
        assert!(judge(&record, 8, 3), "the boot before is missing entries");
    }

    #[test]
    fn two_databases_that_take_turns_are_told_from_one_that_was_put_back() {
        let (first, second, third) = (BootId([1; 16]), BootId([2; 16]), BootId([3; 16]));
        let open = |record: &mut Record, has: &[(BootId, Lsn)]| {
            let lsn_of = |boot| has.iter().find(|(known, _)| *known == boot).map_or(0, |(_, lsn)| *lsn);
            record.shows_rollback(|boot| Ok::<_, ()>(lsn_of(boot))).unwrap()
        };
        let append = |record: &mut Record, boot, lsn| {
            record.note_boot(boot);
            (record.confirmed, record.in_flight) = (lsn, lsn);
        };
        let mut record = Record::new(MACHINE);
        append(&mut record, first, 9);
        assert!(open(&mut record, &[(first, 4)]), "put back");
        append(&mut record, second, 3);
        // What was lost came back from the province; much later an older state is put back once more.
        let mut back = record.clone();
        assert!(!open(&mut back, &[(first, 9), (second, 3)]));
        append(&mut back, third, 5);
        assert!(open(&mut back, &[(first, 9), (second, 1)]));
        assert_eq!(back.shared_at, None);
        // But a database that never lacked it, and has not what the other wrote, is another copy.
        assert!(open(&mut record, &[(first, 9)]));
        assert_eq!(record.shared_at, Some(second));
    }

    #[test]
    fn a_record_without_the_later_fields_is_read() {
        /// The fields of the first released form.
        #[derive(Encode)]
        #[cbor(map)]
        struct First {
            #[n(0)]
            version: u16,
            #[n(1)]
            sequence: u64,
            #[n(2)]
            machine: NodeId,
            #[n(3)]
            boot: Option<BootId>,
            #[n(4)]
            confirmed: Lsn,
            #[n(5)]
            in_flight: Lsn,
            #[n(6)]
            previous: Option<(BootId, Lsn)>,
            #[n(7)]
            series: Option<String>,
            #[n(8)]
            counters: BTreeMap<(String, u32), u32>,
            #[n(9)]
            floors: BTreeMap<String, u32>,
        }
        let newer = Record { previous: Some((BootId([2; 16]), 4)), ..record(3) };
        let older = First {
            version: newer.version,
            sequence: newer.sequence,
            machine: newer.machine,
            boot: newer.boot,
            confirmed: newer.confirmed,
            in_flight: newer.in_flight,
            previous: newer.previous,
            series: None,
            counters: BTreeMap::new(),
            floors: BTreeMap::new(),
        };
        let bytes = minicbor::to_vec(&older).unwrap();
        assert_eq!(minicbor::decode::<Record>(&bytes).unwrap(), newer);
    }
}
