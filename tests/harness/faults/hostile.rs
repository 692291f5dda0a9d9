//! A machine with a real certificate whose owner writes what no program of ours would: it keeps to the protocol, and
//! lies about everything else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use motcua_node::dossier::act::Act;
use motcua_node::dossier::act::Attestation;
use motcua_node::dossier::act::Body;
use motcua_node::dossier::act::DirectoryRef;
use motcua_node::dossier::document::Document;
use motcua_node::dossier::document::Writing;
use motcua_node::dossier::fold::fold;
use motcua_node::identity::MachineIdentity;
use motcua_node::ids::AgencyCode;
use motcua_node::roles::Office;
use motcua_node::store::log::BOOT_BODY_VERSION;
use motcua_node::store::log::BootBody;
use motcua_node::sync::driver::NodeStep;
use motcua_node::sync::driver::NodeStore;
use motcua_node::sync::driver::ProvinceStep;
use motcua_node::sync::driver::step_node;
use motcua_node::sync::driver::step_province;
use motcua_node::sync::province_store::ProvinceSide;
use sync_protocol::entry;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::frame::Feed;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::Message;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::SignedHead;
use sync_protocol::head::feed_key;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::PublicKey;
use sync_protocol::item::Item;
use sync_protocol::item::PlacedItem;
use sync_protocol::proof::Proof;
use sync_protocol::range::Compared;
use sync_protocol::range::Comparison;
use sync_protocol::range::Member;
use sync_protocol::range::Place;
use sync_protocol::range::Range;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::run::weight_bytes;
use sync_protocol::session::NodeSession;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::node::CutFacts;
use sync_protocol::session::node::NodeFacts;
use sync_protocol::session::node::NodeInput;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOptions;
use sync_protocol::time::Millis;

use crate::faults::call::Failing;
use crate::faults::planted::Plant;

/// The machine's disk, in memory.
#[derive(Debug)]
pub struct Hostile {
    identity: Arc<MachineIdentity>,
    /// Logs of its own identity.
    pub logs: BTreeMap<BootId, Vec<Entry>>,
    /// Logs of others that it sends as if they were its own.
    pub stolen: BTreeMap<BootId, Vec<Entry>>,
    /// Logs of which the province said that it takes nothing of them.
    pub denied: BTreeSet<BootId>,
    /// Everything its feed brought, in order.
    pub received: Vec<Entry>,
    /// How many own entries came beside the feed.
    pub came_aside: usize,
    feed: FeedHead,
    items: ItemsHead,
    /// Everything the province published, in the order in which it came.
    published: Vec<Item>,
    last_proof: Option<Proof>,
}

impl Hostile {
    /// A machine under this identity with an empty disk.
    #[must_use]
    pub fn new(identity: Arc<MachineIdentity>) -> Self {
        Self {
            identity,
            logs: BTreeMap::new(),
            stolen: BTreeMap::new(),
            denied: BTreeSet::new(),
            received: Vec::new(),
            came_aside: 0,
            feed: FeedHead::default(),
            items: ItemsHead::default(),
            published: Vec::new(),
            last_proof: None,
        }
    }

    /// The seat of its certificate.
    #[must_use]
    pub fn seat(&self) -> AgencyCode {
        self.identity.seat().clone()
    }

    /// Begins a log with an entry that says whose it is.
    pub fn begin(&mut self, boot: BootId, machine: NodeId) {
        let body = self.boot_body(machine);
        self.append(boot, EntryKind::BOOT, DocId::NONE, entry::body_hash(&body), Some(body));
    }

    /// Will send as its own, with every session, a log whose name is another's: it begins with an entry that says that it
    /// is this machine's, and goes on with junk.
    pub fn steal(&mut self, boot: BootId, junk: Vec<u8>) {
        let begin = self.boot_body(self.identity.node());
        let entry = |lsn, kind, body: Vec<u8>| Entry {
            log: boot,
            lsn,
            kind,
            doc: DocId::NONE,
            hash: entry::body_hash(&body),
            min_reader: 1,
            body: Some(body),
        };
        self.stolen.insert(boot, vec![entry(1, EntryKind::BOOT, begin), entry(2, EntryKind::KEY, junk)]);
    }

    fn boot_body(&self, machine: NodeId) -> Vec<u8> {
        let body = BootBody {
            version: BOOT_BODY_VERSION,
            machine,
            seat: self.identity.seat().clone(),
            links: Vec::new(),
            program: "not ours".to_owned(),
            at: Millis(0),
            province: self.identity.province(),
        };
        motcua_node::provincial::to_bytes(&body)
    }

    /// Appends whatever it likes.
    pub fn append(
        &mut self,
        boot: BootId,
        kind: EntryKind,
        doc: DocId,
        hash: ChangeHash,
        body: Option<Vec<u8>>,
    ) -> Lsn {
        let log = self.logs.entry(boot).or_default();
        let lsn = log.len() as u64 + 1;
        log.push(Entry { log: boot, lsn, kind, doc, hash, min_reader: 1, body });
        lsn
    }

    /// A document from what the feed brought; none when that fits together no more, as parts of two histories of a log
    /// after the province was put back.
    #[must_use]
    pub fn document(&self, doc: DocId) -> Option<Document> {
        let changes =
            self.received.iter().filter(|entry| entry.doc == doc && entry.kind == EntryKind::CHANGE);
        Document::load(changes.filter_map(|entry| entry.body.as_deref())).ok()
    }

    /// Writes an act in the name of a seat into a document and appends the change.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(
        &mut self,
        boot: BootId,
        doc: DocId,
        document: &mut Document,
        seat: &AgencyCode,
        body: impl Into<Body>,
    ) -> ChangeHash {
        let (hash, bytes) = change(boot, document, seat, body);
        self.append(boot, EntryKind::CHANGE, doc, hash, Some(bytes));
        hash
    }

    fn heads(&self) -> Vec<LogHead> {
        self.logs.values().map(|log| head_at(log, log.len() as u64)).collect()
    }

    fn facts(&self, province_key: PublicKey) -> NodeFacts {
        let heads = self.heads();
        let province = self.identity.province();
        NodeFacts {
            province,
            province_key,
            node: self.identity.node(),
            session: 7,
            older: LogsSummary::default(),
            current: None,
            logs: heads,
            feed: self.feed,
            items: self.items,
            last_proof: self.last_proof.clone(),
            series_left: None,
            may_hold_lost: false,
        }
    }

    /// One whole session with the province.
    ///
    /// # Panics
    /// The province's end fails, or the session does not end.
    pub fn sync(&mut self, centre: &Office) -> NodeOutcome {
        self.try_sync(centre, None).unwrap()
    }

    /// One session with the province, which may have a mistake planted.
    ///
    /// # Errors
    /// How one end failed, or that the session does not end.
    ///
    /// # Panics
    /// What the province sent cannot be understood.
    pub fn try_sync(&mut self, centre: &Office, planted: Option<Plant>) -> Result<NodeOutcome, String> {
        let identity = Arc::clone(&self.identity);
        let province_key = PublicKey(centre.identity.certified().keys.signing);
        let now = centre.clock().wall();
        let facts = self.facts(province_key);
        let mut near = NodeSession::new(now, facts, NodeOptions::default()).unwrap();
        let options = ProvinceOptions {
            province: centre.identity.province(),
            province_key,
            node: identity.node(),
            node_key: PublicKey(identity.certified().keys.signing),
        };
        let mut far = ProvinceSession::new(now, options);
        let far_store = ProvinceSide::new(
            Arc::clone(&centre.store),
            Arc::clone(&centre.identity),
            identity.node(),
            identity.seat().clone(),
        );
        let mut far_store = Failing::new(far_store, planted);
        let mut inputs = VecDeque::from([NodeInput::Tick]);
        for (boot, log) in &self.stolen {
            inputs.push_back(NodeInput::Appended { boot: *boot, lsn: log.len() as u64 });
        }
        let (mut up, mut down): (VecDeque<Message>, VecDeque<Message>) = Default::default();
        for _ in 0..100_000_u32 {
            let now = centre.clock().wall();
            let next = inputs
                .pop_front()
                .or_else(|| down.pop_front().map(|message| NodeInput::Message(message.bytes)));
            if let Some(input) = next {
                let mut step = NodeStep::default();
                step_node(&mut near, self, now, input, &mut step)
                    .map_err(|error| format!("at the hostile node: {error:?}"))?;
                up.extend(step.messages);
                if let Some(outcome) = step.outcome {
                    return Ok(outcome);
                }
                continue;
            }
            let Some(message) = up.pop_front() else {
                return Err("nobody has anything to say".to_owned());
            };
            let mut step = ProvinceStep::default();
            let input = ProvinceInput::Message(message.bytes);
            step_province(&mut far, &mut far_store, now, input, &mut step)
                .map_err(|error| format!("at the province: {error:?}"))?;
            down.extend(step.messages);
        }
        Err("the session does not end".to_owned())
    }
}

/// One change with one act in the name of a seat.
///
/// # Panics
/// It cannot be written.
pub fn change(
    boot: BootId,
    document: &mut Document,
    seat: &AgencyCode,
    body: impl Into<Body>,
) -> (ChangeHash, Vec<u8>) {
    let generation = fold(document.history()).process.generation;
    let act = Act {
        seat: seat.clone(),
        officer: "01".to_owned(),
        role: None,
        generation,
        occurred_at: None,
        evidence: None,
        note: Some("not ours".to_owned()),
        directory: DirectoryRef { version: 1, hash: [0; 8] },
        attestation: Attestation::Unattested,
        up_ms: 0,
        anchor: None,
        cause: None,
        historic: false,
        approved_by: None,
        signature: None,
        body: body.into(),
    };
    let writing = Writing { acts: vec![act], ..Writing::default() };
    let change = document.author(boot, Millis(1_772_413_200_000), &writing).unwrap();
    (change.hash, change.bytes)
}

fn head_at(log: &[Entry], lsn: Lsn) -> LogHead {
    let boot = log[0].log;
    let prefix = &log[..usize::try_from(lsn).unwrap()];
    let chain =
        prefix.iter().fold(entry::chain_start(boot), |chain, entry| entry::chain_next(chain, entry.link()));
    LogHead { boot, lsn, chain }
}

impl NodeStore for Hostile {
    type Error = Infallible;

    fn heads(&mut self, after: Option<BootId>) -> Result<(Vec<LogHead>, bool), Infallible> {
        let heads = Self::heads(self);
        Ok((heads.into_iter().filter(|head| after.is_none_or(|after| head.boot > after)).collect(), true))
    }

    fn log(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, Option<SignedHead>), Infallible> {
        let Some(log) = self.logs.get(&boot).or_else(|| self.stolen.get(&boot)) else {
            return Ok((vec![], None));
        };
        let mut bytes = 0;
        let entries: Vec<Entry> = log
            .iter()
            .skip(usize::try_from(after_lsn).unwrap())
            .take(entries_max)
            .take_while(|entry| {
                bytes += weight_bytes(entry);
                bytes <= bytes_max || bytes == weight_bytes(entry)
            })
            .cloned()
            .collect();
        let keys = self.identity.keys();
        let head = entries.last().map(|last| {
            SignedHead::sign_with(head_at(log, last.lsn), self.identity.province(), |bytes| keys.sign(bytes))
        });
        Ok((entries, head))
    }

    fn store_items(&mut self, items: Vec<Item>) -> Result<(), Infallible> {
        for item in items {
            if item.follows(self.items).is_ok() {
                self.items = item.head();
            }
            self.published.push(item);
        }
        Ok(())
    }

    fn items(
        &mut self,
        _held: &[ItemsHead],
        after_place: u64,
        _bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, Infallible> {
        // All of it at once; what the province has already does no harm.
        let head = self.published.iter().position(|item| item.head() == self.items).unwrap_or(0);
        let placed = (1..).zip(self.published.iter().take(head + 1).cloned());
        Ok(placed
            .filter(|(place, _)| *place > after_place)
            .map(|(place, item)| PlacedItem { place, item })
            .collect())
    }

    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: Option<&[Range]>,
    ) -> Result<Option<Compared>, Infallible> {
        let foreign = self.received.iter().filter(|entry| !self.logs.contains_key(&entry.log));
        let member =
            |entry: &Entry| Member { doc: entry.doc, hash: entry.hash, log: entry.log, lsn: entry.lsn };
        // What it holds of others, for comparing.
        let mut foreign: BTreeMap<Place, Member> =
            foreign.map(member).map(|member| (member.place(), member)).collect();
        Compared::over(comparison, theirs, &mut foreign)
    }

    fn aside(
        &mut self,
        _after_place: u64,
        _bytes_max: usize,
        _entries_max: usize,
    ) -> Result<(Vec<Entry>, u64), Infallible> {
        Ok((Vec::new(), 0))
    }

    fn store_proofs(&mut self, proofs: Vec<Proof>) -> Result<(), Infallible> {
        self.last_proof = proofs.into_iter().last();
        Ok(())
    }

    fn begin_feed(&mut self, feed: FeedId) -> Result<(), Infallible> {
        self.feed = FeedHead { id: Some(feed), ..FeedHead::default() };
        Ok(())
    }

    fn store_feed(&mut self, feed: Feed) -> Result<u64, Infallible> {
        let key = feed_key(feed.feed);
        self.feed.position = feed.last_position();
        for run in feed.runs {
            let entries = match run {
                FeedRun::Bytes(run) => run.into_entries(),
                FeedRun::Own { log, first_lsn, count } => {
                    (first_lsn..first_lsn + count).filter_map(|lsn| self.held(log, lsn)).collect()
                }
            };
            for entry in entries {
                self.feed.digest = self.feed.digest.plus(&key, entry.link());
                self.take_back(&entry);
                // A feed that begins anew brings or names most of it again.
                if !self.received.iter().any(|held| (held.log, held.lsn) == (entry.log, entry.lsn)) {
                    self.received.push(entry);
                }
            }
        }
        Ok(self.feed.position)
    }

    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<(), Infallible> {
        for entry in runs.iter().flat_map(EntryRun::entries) {
            self.came_aside += 1;
            self.take_back(entry);
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<CutFacts, Infallible> {
        Ok(CutFacts {
            feed: self.feed,
            logs: LogsSummary::of(self.identity.province(), &Self::heads(self)),
            current: None,
            waiting: 0,
            items: self.items,
        })
    }

    fn store_proof(&mut self, proof: Proof, _is_renewal: bool) -> Result<(), Infallible> {
        self.last_proof = Some(proof);
        Ok(())
    }

    fn acked(&mut self, _logs: &[LogAck], _counts: Option<StoredCounts>) -> Result<(), Infallible> {
        Ok(())
    }

    fn forked(&mut self, logs: &[LogAck]) -> Result<(), Infallible> {
        for log in logs {
            assert!(self.stolen.contains_key(&log.boot) && log.lsn == 0, "forked: {log:?}");
            self.denied.insert(log.boot);
        }
        Ok(())
    }
}

impl Hostile {
    /// An entry that the province takes it to hold; none where it only said that it does.
    fn held(&self, log: BootId, lsn: Lsn) -> Option<Entry> {
        let own = self.logs.get(&log).and_then(|log| log.get(usize::try_from(lsn - 1).unwrap()));
        let is_it = |entry: &&Entry| (entry.log, entry.lsn) == (log, lsn);
        let held = own.or_else(|| self.received.iter().find(is_it));
        assert!(held.is_some() || self.stolen.contains_key(&log), "{lsn} of {log} was named");
        held.cloned()
    }

    /// An entry of a log of its own identity comes back.
    fn take_back(&mut self, entry: &Entry) {
        let is_begin = entry.kind == EntryKind::BOOT && entry.lsn == 1;
        if is_begin {
            self.logs.entry(entry.log).or_default();
        }
        if let Some(log) = self.logs.get_mut(&entry.log)
            && entry.lsn == log.len() as u64 + 1
        {
            log.push(entry.clone());
        }
    }
}
