//! A province and its nodes in memory: stores as plain sets, both session ends, and a line that a seed delays
//! and cuts. Everything the sessions claim is checked against the sets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may panic"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::convert::Infallible;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use sha2::Digest as _;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::frame::Feed;
use sync_protocol::frame::FrameKind;
use sync_protocol::frame::Hello;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::Message;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::SignedHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::ids::PublicKey;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::item::PlacedItem;
use sync_protocol::limits;
use sync_protocol::proof::EntryCounts;
use sync_protocol::proof::Proof;
use sync_protocol::proof::ProofContent;
use sync_protocol::proof::ProofState;
use sync_protocol::range::Compared;
use sync_protocol::range::Member;
use sync_protocol::range::Members;
use sync_protocol::range::Place;
use sync_protocol::run;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::session::NodeSession;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::node::CutFacts;
use sync_protocol::session::node::NodeFacts;
use sync_protocol::session::node::NodeInput;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::node::NodeOutput;
use sync_protocol::session::node::NodeStatistics;
use sync_protocol::session::province::FeedEntry;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::NotEqual;
use sync_protocol::session::province::ProofClaim;
use sync_protocol::session::province::ProofRequest;
use sync_protocol::session::province::ProvinceFacts;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOptions;
use sync_protocol::session::province::ProvinceOutput;
use sync_protocol::time::Millis;

pub(crate) const PROVINCE: ProvinceId = ProvinceId([0xaa; 16]);

/// Small, seeded, good enough.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let (a, b) = (self.next(), self.next());
        (u128::from(a) << 64 | u128::from(b)).to_be_bytes()
    }
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

/// Bytes with the outside of an uncompressed Automerge change.
fn chunk(contents: &[u8]) -> Vec<u8> {
    let mut hashed = vec![1u8];
    let mut length = contents.len();
    loop {
        let byte = u8::try_from(length & 0x7f).unwrap();
        length >>= 7;
        hashed.push(if length == 0 { byte } else { byte | 0x80 });
        if length == 0 {
            break;
        }
    }
    hashed.extend(contents);
    let hash = sha2::Sha256::digest(&hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &hash[..4], &hashed].concat()
}

/// One machine's disk.
#[derive(Clone)]
pub(crate) struct NodeStore {
    pub(crate) seat: u8,
    pub(crate) key: SigningKey,
    pub(crate) node: NodeId,
    /// Logs of this identity, whichever machine under it wrote them.
    pub(crate) own: BTreeMap<BootId, Vec<Entry>>,
    pub(crate) foreign: BTreeMap<(BootId, Lsn), Entry>,
    /// Own entries that came back while one before them is still missing.
    beyond: BTreeMap<(BootId, Lsn), Entry>,
    pub(crate) boot: Option<BootId>,
    pub(crate) feed: FeedHead,
    /// What the feed said, in order.
    pub(crate) feed_entries: Vec<(BootId, Lsn)>,
    pub(crate) items: Vec<Item>,
    pub(crate) proofs: Vec<Proof>,
    /// The feed has begun anew since all was given back that it no longer brings.
    may_hold_lost: bool,
    /// Heads that the last proof covers.
    pub(crate) proved: BTreeMap<BootId, Lsn>,
    /// Own logs that have another history at the province, which comes by the feed.
    pub(crate) forked: BTreeSet<BootId>,
    pub(crate) province_key: PublicKey,
}

/// Whether the province keeps this entry and puts it into no feed.
pub(crate) fn is_aside(entry: &Entry) -> bool {
    entry.doc.0[2] == ASIDE
}

/// Marks the documents of such entries.
const ASIDE: u8 = 0xa5;

/// The newest item on the line that begins with the first one and always goes on with what follows.
fn line_head(items: &[Item]) -> ItemsHead {
    items.iter().fold(ItemsHead::default(), |head, item| match item.follows(head) {
        Ok(()) => item.head(),
        Err(_) => head,
    })
}

/// Items that are neither `held` nor before it, after a place, until the bodies exceed a size.
fn items_beyond(items: &[Item], held: ItemsHead, after_place: u64, bytes_max: usize) -> Vec<PlacedItem> {
    let items_max = if bytes_max == usize::MAX { usize::MAX } else { 3 };
    let mut known = BTreeSet::new();
    let mut walk = vec![held.hash];
    while let Some(hash) = walk.pop() {
        if let Some(item) = items.iter().find(|item| item.hash() == hash).filter(|_| known.insert(hash)) {
            walk.extend(&item.header().parents);
        }
    }
    let placed = (1..).zip(items).map(|(place, item)| PlacedItem { place, item: item.clone() });
    let mut bytes = 0;
    placed
        .filter(|placed| placed.place > after_place && !known.contains(&placed.item.hash()))
        .take_while(|placed| {
            let is_within = bytes < bytes_max;
            bytes += placed.item.body().len();
            is_within
        })
        .take(items_max)
        .collect()
}

fn head_of(log: &[Entry], lsn: Lsn) -> Option<LogHead> {
    let boot = log.first()?.log;
    let prefix = log.get(..usize::try_from(lsn).ok()?)?;
    let chain = prefix.iter().fold(entry::chain_start(boot), |chain, e| entry::chain_next(chain, e.link()));
    Some(LogHead { boot, lsn, chain })
}

fn heads_of(own: &BTreeMap<BootId, Vec<Entry>>) -> Vec<LogHead> {
    own.values().filter_map(|log| head_of(log, log.len() as u64)).collect()
}

impl NodeStore {
    pub(crate) fn append(&mut self, random: &mut Random, doc: DocId, body_bytes: usize) -> (BootId, Lsn) {
        let boot = *self.boot.get_or_insert_with(|| BootId(random.bytes()));
        let node = self.node;
        let log = self.own.entry(boot).or_insert_with(|| {
            let body = node.0.to_vec();
            vec![Entry {
                log: boot,
                lsn: 1,
                kind: EntryKind::BOOT,
                doc: DocId::NONE,
                hash: entry::body_hash(&body),
                min_reader: 1,
                body: Some(body),
            }]
        });
        let mut contents = random.bytes().to_vec();
        contents.extend(std::iter::repeat_n(7, body_bytes));
        let lsn = log.len() as u64 + 1;
        let (kind, hash, body) = match random.below(10) {
            0 => (EntryKind::ERASURE, ChangeHash([lsn.to_be_bytes()[7]; 32]), None),
            1 => (EntryKind::CHANGE, ChangeHash(Hash([9; 32]).0), Some(contents)), // claims a wrong hash
            2 => (EntryKind(99), entry::body_hash(&contents), Some(contents)),
            _ => {
                let body = chunk(&contents);
                (EntryKind::CHANGE, entry::hash_of(EntryKind::CHANGE, &body).unwrap(), Some(body))
            }
        };
        log.push(Entry { log: boot, lsn, kind, doc, hash, min_reader: 1, body });
        (boot, lsn)
    }

    pub(crate) fn entries(&self) -> BTreeMap<(BootId, Lsn), Entry> {
        let own = self.own.values().flatten().map(|entry| ((entry.log, entry.lsn), entry.clone()));
        own.chain(self.foreign.clone()).collect()
    }

    pub(crate) fn items_head(&self) -> ItemsHead {
        line_head(&self.items)
    }

    fn current(&self) -> Option<LogHead> {
        let log = self.own.get(&self.boot?)?;
        head_of(log, log.len() as u64)
    }

    fn logs(&self) -> LogsSummary {
        LogsSummary::of(PROVINCE, &heads_of(&self.own))
    }

    pub(crate) fn facts(&self, session: u64) -> NodeFacts {
        let (mut logs, mut older) = (Vec::new(), LogsSummary::default());
        for head in heads_of(&self.own) {
            if self.proved.get(&head.boot) != Some(&head.lsn) && logs.len() < limits::NAMED_LOGS_MAX {
                logs.push(head);
            } else {
                older = older.plus(&head::logs_key(PROVINCE), &head);
            }
        }
        NodeFacts {
            province: PROVINCE,
            province_key: self.province_key,
            node: self.node,
            session,
            logs,
            older,
            current: self.current(),
            feed: self.feed,
            items: self.items_head(),
            last_proof: self.proofs.last().cloned(),
            series_left: Some(3),
            may_hold_lost: self.may_hold_lost,
        }
    }

    fn store_feed(&mut self, feed: Feed) -> u64 {
        assert_eq!(Some(feed.feed), self.feed.id);
        assert_eq!(feed.first_position, self.feed.position + 1, "the feed has no gaps");
        let end = feed.last_position();
        let key = head::feed_key(feed.feed);
        for run in feed.runs {
            let entries = match run {
                FeedRun::Bytes(run) => run.into_entries(),
                FeedRun::Own { log, first_lsn, count } => {
                    let from = usize::try_from(first_lsn).unwrap() - 1;
                    let to = from + usize::try_from(count).unwrap();
                    let of_others =
                        (first_lsn..first_lsn + count).map(|lsn| self.foreign.get(&(log, lsn)).cloned());
                    let own = self.own.get(&log).and_then(|log| log.get(from..to)).map(<[Entry]>::to_vec);
                    own.or_else(|| of_others.collect()).expect("named, so held")
                }
            };
            for entry in entries {
                self.feed.digest = self.feed.digest.plus(&key, entry.link());
                self.feed_entries.push((entry.log, entry.lsn));
                let is_own = self.own.contains_key(&entry.log)
                    || (entry.kind == EntryKind::BOOT && entry.body.as_deref() == Some(&self.node.0[..]));
                if is_own && !self.forked.contains(&entry.log) {
                    self.take_back(entry);
                } else {
                    let held = self.foreign.entry((entry.log, entry.lsn)).or_insert_with(|| entry.clone());
                    assert_eq!(*held, entry);
                }
            }
        }
        self.feed.position = end;
        assert_eq!(self.feed.digest, feed.end_digest, "digest grows alike on both sides");
        end
    }

    /// An own entry comes, or comes back.
    fn take_back(&mut self, entry: Entry) {
        let log = self.own.entry(entry.log).or_default();
        if let Some(held) = log.get(usize::try_from(entry.lsn).unwrap() - 1) {
            assert_eq!(*held, entry, "what is held is what was sent");
            return;
        }
        let boot = entry.log;
        self.beyond.insert((boot, entry.lsn), entry);
        while let Some(next) = self.beyond.remove(&(boot, log.len() as u64 + 1)) {
            log.push(next);
        }
        if log.is_empty() {
            self.own.remove(&boot);
        }
    }

    fn store_proof(&mut self, proof: Proof, is_renewal: bool) {
        if is_renewal {
            let last = self.proofs.last_mut().expect("only a proof that is here is renewed");
            assert_eq!(last.head(), proof.head());
            *last = proof;
        } else {
            assert_eq!(proof.follows(self.proofs.last().map(Proof::head)), Ok(()));
            self.proofs.push(proof);
        }
    }
}

/// Entries that are compared. Several can have one place: an erased body and a wrong hash tell nothing apart.
struct Held(Vec<Member>);

impl Held {
    fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let member =
            |entry: &Entry| Member { doc: entry.doc, hash: entry.hash, log: entry.log, lsn: entry.lsn };
        let mut all: Vec<Member> = entries.map(member).collect();
        all.sort_unstable();
        Self(all)
    }
}

impl Members for Held {
    type Error = Infallible;

    fn visit(
        &mut self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), Infallible> {
        let within = |one: &Member| one.place() >= from && to.is_none_or(|to| one.place() < to);
        self.0.iter().copied().filter(within).for_each(each);
        Ok(())
    }
}

/// The province's disk.
#[derive(Clone)]
pub(crate) struct ProvinceStore {
    pub(crate) key: SigningKey,
    pub(crate) boot: BootId,
    pub(crate) logs: BTreeMap<BootId, Vec<Entry>>,
    pub(crate) owner: BTreeMap<BootId, (NodeId, u8)>,
    pub(crate) feeds: BTreeMap<u8, (FeedId, Vec<(BootId, Lsn)>)>,
    pub(crate) proofs: BTreeMap<NodeId, Vec<Proof>>,
    pub(crate) items: Vec<Item>,
    /// Entries that came back from machines whose own they are not: kept, and standing nowhere else.
    pub(crate) returned: BTreeMap<(BootId, Lsn), Entry>,
}

impl ProvinceStore {
    fn own(&self, node: NodeId) -> BTreeMap<BootId, Vec<Entry>> {
        let own =
            self.logs.iter().filter(|(boot, _)| self.owner.get(boot).is_some_and(|owner| owner.0 == node));
        own.map(|(boot, log)| (*boot, log.clone())).collect()
    }

    pub(crate) fn feed_head(&self, seat: u8) -> FeedHead {
        let (id, entries) = &self.feeds[&seat];
        FeedHead {
            id: Some(*id),
            position: entries.len() as u64,
            digest: self.feed_digest(seat, entries.len()),
        }
    }

    fn feed_digest(&self, seat: u8, count: usize) -> Digest {
        let (id, entries) = &self.feeds[&seat];
        let key = head::feed_key(*id);
        let links = entries[..count].iter().map(|(boot, lsn)| self.entry(*boot, *lsn).link());
        links.fold(Digest::default(), |digest, link| digest.plus(&key, link))
    }

    pub(crate) fn entry(&self, boot: BootId, lsn: Lsn) -> &Entry {
        &self.logs[&boot][usize::try_from(lsn).unwrap() - 1]
    }

    fn items_head(&self) -> ItemsHead {
        line_head(&self.items)
    }

    pub(crate) fn add_item(&mut self, body: Vec<u8>) {
        let head = self.items_head();
        let parents = if head.n > 0 { vec![head.hash] } else { vec![] };
        self.sign_item(head.n + 1, ItemKind::MARK, parents, body);
    }

    fn sign_item(&mut self, n: u64, kind: ItemKind, parents: Vec<Hash>, body: Vec<u8>) {
        let key = self.key.clone();
        self.items.push(Item::sign_with(n, kind, parents, body, self.boot, Millis(7), |bytes| {
            key.sign(bytes).to_bytes()
        }));
    }

    /// Takes back items that were lost, and joins them with what came since.
    fn adopt(&mut self, items: Vec<Item>, is_last: bool) -> u64 {
        let head = self.items_head();
        let last = items.last().map(Item::head);
        for item in items {
            if !self.items.contains(&item) {
                let parents = &item.header().parents;
                assert!(parents.iter().all(|parent| self.items.iter().any(|held| held.hash() == *parent)));
                self.items.push(item);
            }
        }
        let is_beside = |last: &ItemsHead| {
            // What is not before the head here is a branch of its own.
            items_beyond(&self.items, self.items_head(), 0, usize::MAX)
                .iter()
                .any(|placed| placed.item.head() == *last)
        };
        let other = last.filter(|last| is_last && is_beside(last));
        if let Some(other) = other {
            let parents = vec![self.items_head().hash, other.hash];
            self.sign_item(self.items_head().n.max(other.n) + 1, ItemKind::JOIN, parents, vec![]);
        }
        assert!(self.items_head().n >= head.n);
        self.items_head().n
    }

    /// What is held, newest first, ever further apart.
    fn held_items(&self) -> Vec<ItemsHead> {
        let mut heads = Vec::new();
        let mut head = ItemsHead::default();
        for item in &self.items {
            if item.follows(head).is_ok() {
                head = item.head();
                heads.push(head);
            }
        }
        heads.reverse();
        let mut at =
            (0..).map(|step| (1usize << step) - 1).take_while(|at| *at < heads.len()).collect::<Vec<_>>();
        at.push(heads.len() - 1);
        at.into_iter().map(|at| heads[at]).collect()
    }

    fn compare(&self, node: NodeId, there: &LogHead) -> LogFacts {
        let unknown = LogHead { boot: there.boot, lsn: 0, chain: entry::chain_start(there.boot) };
        match self.logs.get(&there.boot) {
            None => LogFacts::compare(there, unknown, |_| None),
            Some(log) => {
                assert_eq!(self.owner[&there.boot].0, node);
                let here = head_of(log, log.len() as u64).unwrap_or(unknown);
                LogFacts::compare(there, here, |lsn| head_of(log, lsn).map(|head| head.chain))
            }
        }
    }

    pub(crate) fn facts(&self, seat: u8, hello: &Hello) -> ProvinceFacts {
        let named: BTreeSet<BootId> = hello.logs.iter().map(|head| head.boot).collect();
        let mut others = heads_of(&self.own(hello.node));
        others.retain(|head| !named.contains(&head.boot));
        let is_older_equal = LogsSummary::of(PROVINCE, &others) == hello.older;
        ProvinceFacts {
            logs: hello.logs.iter().map(|head| self.compare(hello.node, head)).collect(),
            is_older_equal,
            older: others,
            feed: self.feed_head(seat),
            items: self.items_head(),
            wants_items: (hello.items.n > 0 && !self.items.iter().any(|item| item.head() == hello.items))
                .then(|| self.held_items()),
            last_proof: self.proofs.get(&hello.node).and_then(|proofs| proofs.last()).map(Proof::head),
        }
    }

    /// Stores what is new, and routes it: to the author's seat, and to every seat that the document names.
    fn store_changes(&mut self, node: NodeId, seat: u8, runs: &[ChangeRun]) -> Vec<LogAck> {
        for run in runs {
            let boot = run.run.log();
            assert_eq!(self.owner.entry(boot).or_insert((node, seat)).0, node);
            for entry in run.run.entries() {
                let log = self.logs.entry(boot).or_default();
                if entry.lsn <= log.len() as u64 {
                    assert_eq!(log[usize::try_from(entry.lsn).unwrap() - 1], *entry);
                    continue;
                }
                assert_eq!(entry.lsn, log.len() as u64 + 1, "logs have no gaps");
                log.push(entry.clone());
                // Some entries never take effect at the province: they are kept, and stand in no feed.
                if is_aside(entry) {
                    continue;
                }
                for (party, (_, feed)) in &mut self.feeds {
                    if *party == seat || entry.doc.0[0] & (1 << party) != 0 {
                        feed.push((boot, entry.lsn));
                    }
                }
            }
        }
        let boots: BTreeSet<BootId> = runs.iter().map(|run| run.run.log()).collect();
        boots.into_iter().map(|boot| LogAck { boot, lsn: self.logs[&boot].len() as u64 }).collect()
    }

    fn make_proof(
        &mut self,
        node: NodeId,
        seat: u8,
        request: &ProofRequest,
        now: Millis,
    ) -> Result<Proof, NotEqual> {
        let (feed, own) = (self.feed_head(seat), heads_of(&self.own(node)));
        let logs = LogsSummary::of(PROVINCE, &own);
        match &request.claim {
            ProofClaim::Hello(hello) => {
                if !self.facts(seat, hello).is_even_with(hello) {
                    return Err(NotEqual::Differs);
                }
            }
            ProofClaim::Cut(cut) => cut.compare(&feed, &logs, &self.items_head())?,
        }
        let state = ProofState {
            province: PROVINCE,
            machine: node,
            feed: feed.id.unwrap(),
            position: feed.position,
            digest: feed.digest,
            logs,
            counts: EntryCounts { applied: own.iter().map(|head| head.lsn).sum(), ..EntryCounts::default() },
            items_n: self.items_head().n,
        };
        let proofs = self.proofs.entry(node).or_default();
        let content = ProofContent::next(&state, proofs.last(), request.told, self.boot);
        let key = self.key.clone();
        let proof = Proof::sign_with(content, now, |bytes| key.sign(bytes).to_bytes());
        if proofs.last().map(Proof::head) == Some(proof.head()) {
            proofs.pop();
        }
        proofs.push(proof.clone());
        Ok(proof)
    }
}

/// One open line: both sessions, what is on the wire, what the drivers still have to do.
struct Line {
    node: NodeSession,
    province: ProvinceSession,
    to_province: VecDeque<Vec<u8>>,
    to_node: VecDeque<Vec<u8>>,
    node_tasks: VecDeque<NodeOutput>,
    node_answers: VecDeque<NodeInput>,
    province_tasks: VecDeque<ProvinceOutput>,
    province_answers: VecDeque<ProvinceInput>,
}

/// A node, its line if there is one, and what it was told.
pub(crate) struct Office {
    pub(crate) store: NodeStore,
    line: Option<Line>,
    pub(crate) outcome: Option<NodeOutcome>,
    pub(crate) statistics: NodeStatistics,
    pub(crate) converged: u32,
    pub(crate) forked: Vec<BootId>,
    /// Logs whose bytes came by the feed.
    pub(crate) feed_byte_runs: u64,
    /// Entries that came beside the feed.
    pub(crate) came_aside: u64,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: Millis,
    pub(crate) province: ProvinceStore,
    pub(crate) offices: Vec<Office>,
    /// Every entry ever appended anywhere.
    pub(crate) written: BTreeMap<(BootId, Lsn), Entry>,
    pub(crate) cuts: u32,
    /// An office whose machine does nothing for now.
    pub(crate) frozen: Option<usize>,
    /// How many of a hundred appended entries stand in no feed.
    pub(crate) aside_percent: u64,
    /// The newest dictionary that nodes know.
    pub(crate) dictionary: u8,
    /// Batches by the version of their frames.
    pub(crate) batches: BTreeMap<u8, u64>,
    /// The most that one end of a session held at once.
    pub(crate) held_bytes_max: usize,
}

fn count_batch(batches: &mut BTreeMap<u8, u64>, message: &Message) {
    if matches!(message.kind, FrameKind::Changes | FrameKind::Feed) {
        *batches.entry(message.bytes[0]).or_default() += 1;
    }
}

impl World {
    pub(crate) fn new(seed: u64, seats: u8) -> Self {
        let mut random = Random::new(seed);
        let key = SigningKey::from_bytes(&[1; 32]);
        let province_key = public(&key);
        let feeds = (0..seats).map(|seat| (seat, (FeedId(random.bytes()), Vec::new()))).collect();
        let mut province = ProvinceStore {
            key,
            boot: BootId(random.bytes()),
            logs: BTreeMap::new(),
            owner: BTreeMap::new(),
            feeds,
            proofs: BTreeMap::new(),
            items: Vec::new(),
            returned: BTreeMap::new(),
        };
        province.add_item(b"directory".to_vec());
        let mut world = Self {
            random,
            now: Millis(1_770_000_000_000),
            province,
            offices: Vec::new(),
            written: BTreeMap::new(),
            cuts: 0,
            frozen: None,
            aside_percent: 0,
            dictionary: sync_protocol::dictionary::NEWEST,
            batches: BTreeMap::new(),
            held_bytes_max: 0,
        };
        for seat in 0..seats {
            let store = NodeStore {
                seat,
                key: SigningKey::from_bytes(&[seat + 50; 32]),
                node: NodeId([seat + 50; 16]),
                own: BTreeMap::new(),
                foreign: BTreeMap::new(),
                beyond: BTreeMap::new(),
                boot: None,
                feed: FeedHead::default(),
                feed_entries: Vec::new(),
                items: Vec::new(),
                proofs: Vec::new(),
                may_hold_lost: false,
                proved: BTreeMap::new(),
                forked: BTreeSet::new(),
                province_key,
            };
            world.add_office(store);
        }
        world
    }

    /// Another machine; a clone, if the store is a copy.
    pub(crate) fn add_office(&mut self, store: NodeStore) -> usize {
        self.offices.push(Office {
            store,
            line: None,
            outcome: None,
            statistics: NodeStatistics::default(),
            converged: 0,
            forked: Vec::new(),
            feed_byte_runs: 0,
            came_aside: 0,
        });
        self.offices.len() - 1
    }

    /// One commit of one entry. `parties` is a set of seats, one bit each.
    pub(crate) fn append(&mut self, office: usize, parties: u8, body_bytes: usize) {
        let mut doc = [3; 16];
        doc[0] = parties;
        doc[1] = u8::try_from(self.random.below(5)).unwrap();
        if self.aside_percent > 0 && self.aside_percent > self.random.below(100) {
            doc[2] = ASIDE;
        }
        let store = &mut self.offices[office].store;
        let (boot, lsn) = store.append(&mut self.random, DocId(doc), body_bytes);
        for entry in &store.own[&boot] {
            self.written.insert((boot, entry.lsn), entry.clone());
        }
        if self.offices[office].line.is_some() {
            // News of a commit may be late, doubled or lost.
            for _ in 0..self.random.below(3) {
                self.node_input(office, NodeInput::Appended { boot, lsn });
            }
        }
    }

    pub(crate) fn add_item(&mut self, body: Vec<u8>) {
        self.province.add_item(body);
        let n = self.province.items_head().n;
        for office in 0..self.offices.len() {
            self.province_input(office, ProvinceInput::ItemsGrown { n });
        }
    }

    pub(crate) fn is_connected(&self, office: usize) -> bool {
        self.offices[office].line.is_some()
    }

    pub(crate) fn connect(&mut self, office: usize, is_live: bool) {
        self.connect_with(office, NodeOptions { is_live, is_scrub: false });
    }

    pub(crate) fn connect_with(&mut self, office: usize, options: NodeOptions) {
        let node_options = options;
        let store = &self.offices[office].store;
        let facts = store.facts(self.random.next());
        let options = ProvinceOptions {
            province: PROVINCE,
            province_key: public(&self.province.key),
            node: store.node,
            node_key: public(&store.key),
        };
        let line = Line {
            node: NodeSession::with_dictionary(self.now, facts, node_options, self.dictionary).unwrap(),
            province: ProvinceSession::new(self.now, options),
            to_province: VecDeque::new(),
            to_node: VecDeque::new(),
            node_tasks: VecDeque::new(),
            node_answers: VecDeque::new(),
            province_tasks: VecDeque::new(),
            province_answers: VecDeque::new(),
        };
        self.offices[office].outcome = None;
        self.offices[office].line = Some(line);
        self.drain(office);
    }

    /// The line is gone: what is on the wire and what was not carried out is lost; what is on disk stays.
    pub(crate) fn disconnect(&mut self, office: usize) {
        if let Some(mut line) = self.offices[office].line.take() {
            line.node.handle(self.now, NodeInput::Close).unwrap();
            self.offices[office].statistics = line.node.statistics();
            self.cuts += 1;
        }
    }

    fn node_input(&mut self, office: usize, input: NodeInput) {
        let now = self.now;
        if let Some(line) = &mut self.offices[office].line {
            line.node.handle(now, input).unwrap_or_else(|error| panic!("office {office}: {error:?}"));
            self.drain(office);
        }
    }

    fn province_input(&mut self, office: usize, input: ProvinceInput) {
        let now = self.now;
        if let Some(line) = &mut self.offices[office].line {
            line.province.handle(now, input).unwrap_or_else(|error| panic!("province: {error:?}"));
            self.drain(office);
        }
    }

    /// Sends what is to be sent; everything else becomes a task.
    fn drain(&mut self, office: usize) {
        let Some(line) = &mut self.offices[office].line else { return };
        for held_bytes in [line.node.held_bytes(), line.province.held_bytes()] {
            self.held_bytes_max = self.held_bytes_max.max(held_bytes);
        }
        while let Some(output) = line.node.poll() {
            if let NodeOutput::Send(message) = output {
                count_batch(&mut self.batches, &message);
                line.to_province.push_back(message.bytes);
            } else {
                line.node_tasks.push_back(output);
            }
        }
        while let Some(output) = line.province.poll() {
            if let ProvinceOutput::Send(message) = output {
                count_batch(&mut self.batches, &message);
                line.to_node.push_back(message.bytes);
            } else {
                line.province_tasks.push_back(output);
            }
        }
    }

    /// One random thing that can happen on this line. False when nothing can.
    fn step(&mut self, office: usize) -> bool {
        if self.frozen == Some(office) {
            return false;
        }
        let Some(line) = &mut self.offices[office].line else { return false };
        let can = [
            !line.to_province.is_empty(),
            !line.to_node.is_empty(),
            !line.node_tasks.is_empty(),
            !line.node_answers.is_empty(),
            !line.province_tasks.is_empty(),
            !line.province_answers.is_empty(),
        ];
        let choices: Vec<usize> = (0..can.len()).filter(|choice| can[*choice]).collect();
        if choices.is_empty() {
            return false;
        }
        let choice = choices[usize::try_from(self.random.below(choices.len() as u64)).unwrap()];
        match choice {
            0 => {
                let bytes = line.to_province.pop_front().unwrap();
                self.province_input(office, ProvinceInput::Message(bytes));
            }
            1 => {
                let bytes = line.to_node.pop_front().unwrap();
                self.node_input(office, NodeInput::Message(bytes));
            }
            2 => {
                let task = line.node_tasks.pop_front().unwrap();
                self.node_task(office, task);
            }
            3 => {
                let answer = line.node_answers.pop_front().unwrap();
                self.node_input(office, answer);
            }
            4 => {
                let task = line.province_tasks.pop_front().unwrap();
                self.province_task(office, task);
            }
            _ => {
                let answer = line.province_answers.pop_front().unwrap();
                self.province_input(office, answer);
            }
        }
        true
    }

    fn node_task(&mut self, office: usize, task: NodeOutput) {
        let stored = &self.province.logs;
        let it = &mut self.offices[office];
        let store = &mut it.store;
        let answer = match task {
            NodeOutput::Send(_) => unreachable!("sent already"),
            NodeOutput::LoadHeads { after } => {
                let mut heads = heads_of(&store.own);
                heads.retain(|head| after.is_none_or(|after| head.boot > after));
                let is_last = heads.len() <= 3;
                heads.truncate(3);
                Some(NodeInput::HeadsLoaded { heads, is_last })
            }
            NodeOutput::LoadLog { boot, after_lsn, bytes_max, entries_max } => {
                let mut bytes = 0;
                let log = store.own.get(&boot).map(Vec::as_slice).unwrap_or_default();
                let entries: Vec<Entry> = log
                    .iter()
                    .skip(usize::try_from(after_lsn).unwrap())
                    .take(entries_max)
                    .take_while(|entry| {
                        bytes += run::weight_bytes(entry);
                        bytes <= bytes_max || bytes == run::weight_bytes(entry)
                    })
                    .cloned()
                    .collect();
                let head = entries.last().map(|last| {
                    let head = head_of(log, last.lsn).unwrap();
                    SignedHead::sign_with(head, PROVINCE, |bytes| store.key.sign(bytes).to_bytes())
                });
                Some(NodeInput::LogLoaded { boot, entries, head })
            }
            NodeOutput::StoreItems(items) => {
                for item in items.into_iter().filter(|item| !store.items.contains(item)).collect::<Vec<_>>() {
                    let held = |parent: &Hash| store.items.iter().any(|held| held.hash() == *parent);
                    assert!(item.header().parents.iter().all(held), "each comes after what it follows");
                    store.items.push(item);
                }
                Some(NodeInput::ItemsStored)
            }
            NodeOutput::LoadItems { held, after_place, bytes_max } => {
                let known = |head: &&ItemsHead| store.items.iter().any(|item| item.head() == **head);
                let beyond = held.iter().find(known).copied().unwrap_or_default();
                Some(NodeInput::ItemsLoaded(items_beyond(&store.items, beyond, after_place, bytes_max)))
            }
            NodeOutput::StoreProofs(proofs) => {
                proofs.into_iter().for_each(|proof| store.store_proof(proof, false));
                Some(NodeInput::ProofsStored)
            }
            NodeOutput::BeginFeed(id) => {
                store.may_hold_lost |= store.feed.position > 0;
                store.feed = FeedHead { id: Some(id), ..FeedHead::default() };
                store.feed_entries.clear();
                None
            }
            NodeOutput::StoreFeed(feed) => {
                let bytes = feed.runs.iter().filter(|run| matches!(run, FeedRun::Bytes(_))).count();
                it.feed_byte_runs += bytes as u64;
                Some(NodeInput::FeedStored { position: store.store_feed(feed) })
            }
            NodeOutput::StoreAside(runs) => {
                for entry in runs.into_iter().flat_map(EntryRun::into_entries) {
                    assert!(is_aside(&entry), "what the feed brings does not come beside it");
                    it.came_aside += 1;
                    store.take_back(entry);
                }
                Some(NodeInput::AsideStored)
            }
            NodeOutput::Compare { comparison, theirs } => {
                let mut held = Held::of(store.foreign.values());
                let compared = Compared::over(*comparison, theirs.as_deref(), &mut held).unwrap();
                Some(NodeInput::Compared(compared.map(Box::new)))
            }
            NodeOutput::LoadAside { after_place, bytes_max, entries_max } => {
                let fed: BTreeSet<&(BootId, Lsn)> = store.feed_entries.iter().collect();
                let placed = (1..).zip(&store.foreign);
                let mut lost = placed.filter(|(place, (at, _))| *place > after_place && !fed.contains(at));
                // One at a time: small frames show more.
                let next = lost.next().filter(|_| bytes_max > 0 && entries_max > 0);
                let (last_place, entries) =
                    next.map_or((0, vec![]), |(place, (_, entry))| (place, vec![entry.clone()]));
                store.may_hold_lost &= !entries.is_empty();
                Some(NodeInput::AsideLoaded { entries, last_place })
            }
            NodeOutput::LoadCut => Some(NodeInput::CutLoaded(CutFacts {
                feed: store.feed,
                logs: store.logs(),
                current: store.current(),
                waiting: 0,
                items: store.items_head(),
            })),
            NodeOutput::StoreProof { proof, is_renewal } => {
                if proof.content().logs == store.logs() {
                    store.proved = heads_of(&store.own).iter().map(|head| (head.boot, head.lsn)).collect();
                }
                store.store_proof(*proof, is_renewal);
                Some(NodeInput::ProofStored)
            }
            NodeOutput::Acked { logs, .. } => {
                for ack in logs {
                    let held = stored.get(&ack.boot).map_or(0, |log| log.len() as u64);
                    assert!(held >= ack.lsn, "acknowledged, so stored");
                }
                None
            }
            NodeOutput::Forked(logs) => {
                store.forked.extend(logs.iter().map(|log| log.boot));
                it.forked.extend(logs.iter().map(|log| log.boot));
                None
            }
            NodeOutput::Converged => {
                it.converged += 1;
                None
            }
            NodeOutput::Finished(outcome) => {
                it.outcome = Some(outcome);
                it.statistics = it.line.as_ref().unwrap().node.statistics();
                it.line = None;
                None
            }
        };
        if let (Some(answer), Some(line)) = (answer, &mut self.offices[office].line) {
            line.node_answers.push_back(answer);
        }
    }

    fn province_task(&mut self, office: usize, task: ProvinceOutput) {
        let (node, seat, now) = {
            let store = &self.offices[office].store;
            (store.node, store.seat, self.now)
        };
        let store = &mut self.province;
        let (mut has_grown, mut items_n) = (false, None);
        let answer = match task {
            ProvinceOutput::Send(_) => unreachable!("sent already"),
            ProvinceOutput::LoadFacts(hello) => {
                Some(ProvinceInput::FactsLoaded(Ok(Box::new(store.facts(seat, &hello)))))
            }
            ProvinceOutput::CheckHeads(heads) => {
                let checked = heads.iter().map(|head| store.compare(node, head)).collect();
                Some(ProvinceInput::HeadsChecked(checked))
            }
            ProvinceOutput::MakeProof(request) => {
                Some(ProvinceInput::ProofMade(store.make_proof(node, seat, &request, now).map(Box::new)))
            }
            ProvinceOutput::LoadItems { beyond, after_place, bytes_max } => {
                Some(ProvinceInput::ItemsLoaded(items_beyond(&store.items, beyond, after_place, bytes_max)))
            }
            ProvinceOutput::StoreItems { items, is_last } => {
                let n = store.adopt(items, is_last);
                items_n = is_last.then_some(n);
                Some(ProvinceInput::ItemsStored { n })
            }
            ProvinceOutput::LoadProofs { after_n, proofs_max } => {
                let proofs = store.proofs.get(&node).cloned().unwrap_or_default();
                let later =
                    proofs.into_iter().filter(|proof| proof.content().n > after_n).take(proofs_max.min(2));
                Some(ProvinceInput::ProofsLoaded(later.collect()))
            }
            ProvinceOutput::Compare { comparison, theirs, upto } => {
                let rows = store.feeds[&seat].1.iter().take(usize::try_from(upto).unwrap());
                let others = rows.filter(|(boot, _)| store.owner[boot].0 != node);
                let mut held = Held::of(others.map(|(boot, lsn)| store.entry(*boot, *lsn)));
                let compared = Compared::over(*comparison, Some(&theirs), &mut held).unwrap();
                Some(ProvinceInput::Compared(compared.map(Box::new)))
            }
            ProvinceOutput::RenewFeed => {
                store.feeds.get_mut(&seat).unwrap().0 = FeedId(self.random.bytes());
                Some(ProvinceInput::FeedRenewed(store.feed_head(seat)))
            }
            ProvinceOutput::LoadFeed { after_position, bytes_max, entries_max } => {
                let all = &store.feeds[&seat].1;
                let (mut bytes, from) = (0, usize::try_from(after_position).unwrap());
                let session = &self.offices[office].line.as_ref().unwrap().province;
                let entries: Vec<FeedEntry> = (after_position + 1..)
                    .zip(&all[from.min(all.len())..])
                    .take(entries_max.min(40))
                    .map(|(position, (boot, lsn))| {
                        let mut entry = store.entry(*boot, *lsn).clone();
                        if session.holds(position, *boot, *lsn) {
                            entry.body = None;
                        }
                        FeedEntry { position, entry }
                    })
                    .take_while(|entry| {
                        bytes += run::weight_bytes(&entry.entry);
                        bytes <= bytes_max || bytes == run::weight_bytes(&entry.entry)
                    })
                    .collect();
                let end_digest = store.feed_digest(seat, from + entries.len());
                Some(ProvinceInput::FeedLoaded { entries, end_digest, head_position: all.len() as u64 })
            }
            ProvinceOutput::LoadAside { boot, after_lsn, bytes_max, entries_max } => {
                let log = store.logs.get(&boot).map(Vec::as_slice).unwrap_or_default();
                let from = usize::try_from(after_lsn).unwrap();
                let mut bytes = 0;
                let entries = log[from.min(log.len())..].iter().filter(|entry| is_aside(entry));
                let entries = entries.take(entries_max.min(3)).take_while(|entry| {
                    bytes += run::weight_bytes(entry);
                    bytes <= bytes_max || bytes == run::weight_bytes(entry)
                });
                Some(ProvinceInput::AsideLoaded(entries.cloned().collect()))
            }
            ProvinceOutput::StoreAside(runs) => {
                for entry in runs.into_iter().flat_map(EntryRun::into_entries) {
                    store.returned.insert((entry.log, entry.lsn), entry);
                }
                Some(ProvinceInput::AsideStored)
            }
            ProvinceOutput::StoreChanges(runs) => {
                let acks = store.store_changes(node, seat, &runs);
                has_grown = true;
                let feed_position = store.feed_head(seat).position;
                Some(ProvinceInput::ChangesStored { acks, counts: StoredCounts::default(), feed_position })
            }
            ProvinceOutput::FeedAcked { position } => {
                assert!(self.offices[office].store.feed.position >= position, "acknowledged, so stored");
                None
            }
            ProvinceOutput::Forked(_) => None,
            ProvinceOutput::Finished(_) => None,
        };
        if let (Some(answer), Some(line)) = (answer, &mut self.offices[office].line) {
            line.province_answers.push_back(answer);
        }
        if let Some(n) = items_n {
            for other in (0..self.offices.len()).filter(|other| *other != office) {
                self.province_input(other, ProvinceInput::ItemsGrown { n });
            }
        }
        if has_grown {
            for other in (0..self.offices.len()).filter(|other| *other != office) {
                let feed_position = self.province.feed_head(self.offices[other].store.seat).position;
                self.province_input(other, ProvinceInput::Grown { feed_position });
            }
        }
    }

    /// Lets time pass to the next moment some session waits for, and ticks all.
    fn tick(&mut self) -> bool {
        let awake = self.offices.iter().enumerate().filter(|(office, _)| self.frozen != Some(*office));
        let times = awake.filter_map(|(_, office)| {
            let line = office.line.as_ref()?;
            line.node.wake_at().into_iter().chain(line.province.wake_at()).min()
        });
        let Some(next) = times.min() else { return false };
        self.now = self.now.max(next);
        for office in
            (0..self.offices.len()).filter(|office| self.frozen != Some(*office)).collect::<Vec<_>>()
        {
            self.node_input(office, NodeInput::Tick);
            self.province_input(office, ProvinceInput::Tick);
        }
        true
    }

    /// A few random steps on random lines.
    pub(crate) fn run_some(&mut self, steps: u64) {
        for _ in 0..steps {
            let office = usize::try_from(self.random.below(self.offices.len() as u64)).unwrap();
            self.step(office);
            self.now.0 += i64::try_from(self.random.below(40)).unwrap();
        }
    }

    /// Runs until nothing is left to do but wait for news; ticks may be needed on the way.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200_000 {
            let mut has_stepped = false;
            for office in 0..self.offices.len() {
                has_stepped |= self.step(office);
            }
            if !has_stepped && !self.tick() {
                return;
            }
        }
        panic!("no end");
    }

    /// One session that ends by itself.
    pub(crate) fn sync(&mut self, office: usize) -> NodeStatistics {
        self.connect(office, false);
        self.settle();
        match self.offices[office].outcome.take() {
            Some(NodeOutcome::Converged) => self.offices[office].statistics,
            other => panic!("office {office}: {other:?}"),
        }
    }

    /// As [`Self::sync`], with every entry compared.
    pub(crate) fn scrub(&mut self, office: usize) -> NodeStatistics {
        self.connect_with(office, NodeOptions { is_live: false, is_scrub: true });
        self.settle();
        match self.offices[office].outcome.take() {
            Some(NodeOutcome::Converged) => self.offices[office].statistics,
            other => panic!("office {office}: {other:?}"),
        }
    }

    /// Syncs every office until all have seen what the others brought.
    pub(crate) fn sync_all(&mut self) {
        for _ in 0..2 {
            for office in 0..self.offices.len() {
                self.sync(office);
            }
        }
    }

    /// The oracles: nothing is missing anywhere, nothing is twice, digests and proofs say what the sets say.
    pub(crate) fn check(&self) {
        let held: BTreeMap<(BootId, Lsn), Entry> =
            self.province.logs.values().flatten().map(|e| ((e.log, e.lsn), e.clone())).collect();
        assert_eq!(held, self.written, "the province holds everything that was ever written");
        for office in &self.offices {
            let store = &office.store;
            let feed = &self.province.feeds[&store.seat].1;
            assert_eq!(&store.feed_entries, feed, "feeds are equal and in one order");
            let entitled: BTreeSet<(BootId, Lsn)> = feed.iter().copied().collect();
            assert_eq!(entitled.len(), feed.len(), "nothing is twice in a feed");
            let own_aside = self.province.logs.iter().filter(|(boot, _)| {
                self.province.owner.get(*boot).is_some_and(|owner| owner.0 == store.node)
            });
            let own_aside = own_aside.flat_map(|(_, log)| log).filter(|entry| is_aside(entry));
            let entitled: BTreeSet<(BootId, Lsn)> =
                entitled.into_iter().chain(own_aside.map(|entry| (entry.log, entry.lsn))).collect();
            let here: BTreeSet<(BootId, Lsn)> = store.entries().into_keys().collect();
            assert_eq!(
                here, entitled,
                "the node holds what its seat is entitled to, and all that is its own"
            );
            assert!(store.entries().iter().all(|(place, entry)| self.written[place] == *entry));
            let hashes = |items: &[Item]| items.iter().map(Item::hash).collect::<BTreeSet<Hash>>();
            assert_eq!(hashes(&store.items), hashes(&self.province.items), "everybody holds every item");
            assert_eq!(store.items_head(), self.province.items_head());
            let proof = store.proofs.last().expect("converged, so proved").content();
            assert_eq!(proof.feed_head(), self.province.feed_head(store.seat));
            assert_eq!(proof.logs, store.logs());
            let proofs = store.proofs.iter();
            proofs.fold(None, |last, proof| {
                assert_eq!(proof.follows(last), Ok(()));
                assert_eq!(proof.verify(&store.province_key, PROVINCE, store.node), Ok(()));
                Some(proof.head())
            });
        }
    }
}
