//! What happens in a world, as a list made from a seed before anything happens.

use crate::faults::chance::Chance;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub what: What,
    /// The seed of everything that is chosen while it happens.
    pub draw: u64,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Officers take in dossiers.
    Lodge,
    /// Officers of a commune act.
    Act,
    /// Officers of a hosted department act.
    ActHosted,
    /// The province marks, or settles what was done apart.
    Province,
    /// A machine calls the province.
    Dial,
    /// Some of what is under way arrives.
    Talk,
    /// Everybody calls, and the sessions run to their end unless something stops them.
    Exchange,
    /// The line of one session goes.
    Cut,
    /// It goes while an acknowledgement is under way.
    AckLost,
    /// The province cannot be reached for a while by some.
    Partition,
    /// The power of one end of a session fails at a call of its store, or during it.
    PowerInSession,
    /// The power fails while an officer's work is written.
    PowerAtDesk,
    /// What one end of a session stores is delivered to it twice.
    Doubled,
    /// A commune's process ends or dies, and starts.
    RestartNode,
    /// The province's process ends or dies, and starts.
    RestartProvince,
    /// A copy of a directory is laid aside.
    Copy,
    /// An earlier copy takes the place of a directory.
    PutBack,
    /// A copy goes to work beside the original.
    Clone,
    /// A perfect image of a running machine, witness and all, goes to work beside it.
    Image,
    /// An earlier copy takes the place of the province's directory.
    RestoreProvince,
    /// A clock jumps.
    Clock,
    /// A disk has no room left for a while.
    DiskFull,
    /// The province publishes another version of its directory.
    Publish,
    /// A machine is enrolled for a seat that had none.
    Enrol,
    /// A machine is banned, and another one enrolled in its place.
    Replace,
    /// A machine with a certificate writes what no program of ours would.
    Adversary,
    /// The province decides about quarantined entries.
    Decide,
    /// Somebody carries bundles and papers on a stick.
    Carry,
    /// A program that is not ours writes in another office's name at a machine of ours.
    Misuse,
    /// Something of another version of the program comes along.
    Newer,
}

/// Faults that the program cannot cure yet. Each goes when its cure is there.
///
/// Where the province was put back, a hosted act that came back and builds on an image's lost branch waits for good, and a
/// beginning that two images share can be written again by one of them.
pub const NOT_CURED: [What; 1] = [What::RestoreProvince];

/// What happens how often, in a thousand.
const SHARES: [(What, u64); 30] = [
    (What::Lodge, 145),
    (What::Act, 230),
    (What::ActHosted, 60),
    (What::Province, 30),
    (What::Dial, 150),
    (What::Talk, 190),
    (What::Exchange, 6),
    (What::Cut, 26),
    (What::AckLost, 14),
    (What::Partition, 8),
    (What::PowerInSession, 34),
    (What::PowerAtDesk, 10),
    (What::Doubled, 14),
    (What::RestartNode, 16),
    (What::RestartProvince, 7),
    (What::Copy, 12),
    (What::PutBack, 10),
    (What::Clone, 5),
    (What::Image, 4),
    (What::RestoreProvince, 5),
    (What::Clock, 6),
    (What::DiskFull, 8),
    (What::Publish, 5),
    (What::Enrol, 2),
    (What::Replace, 2),
    (What::Adversary, 12),
    (What::Decide, 8),
    (What::Carry, 50),
    (What::Misuse, 8),
    (What::Newer, 12),
];

/// Communes with a machine at the beginning: at least, and so many more at most.
const COMMUNES: (u64, u64) = (7, 3);

impl What {
    /// Its name in traces and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lodge => "lodge",
            Self::Act => "act",
            Self::ActHosted => "act hosted",
            Self::Province => "province acts",
            Self::Dial => "dial",
            Self::Talk => "talk",
            Self::Exchange => "exchange",
            Self::Cut => "line cut",
            Self::AckLost => "ack lost",
            Self::Partition => "partition",
            Self::PowerInSession => "power fails in a session",
            Self::PowerAtDesk => "power fails at a desk",
            Self::Doubled => "delivered twice",
            Self::RestartNode => "node restarted",
            Self::RestartProvince => "province restarted",
            Self::Copy => "copy",
            Self::PutBack => "copy put back",
            Self::Clone => "directory cloned",
            Self::Image => "image of a running machine",
            Self::RestoreProvince => "province put back",
            Self::Clock => "clock jumps",
            Self::DiskFull => "disk full",
            Self::Publish => "directory published",
            Self::Enrol => "enrolled late",
            Self::Replace => "banned and replaced",
            Self::Adversary => "adversary",
            Self::Decide => "quarantine decided",
            Self::Carry => "carried",
            Self::Misuse => "written in another's name",
            Self::Newer => "newer version",
        }
    }
}

/// A world's whole future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it was made from.
    pub seed: u64,
    /// Communes with a machine at the beginning.
    pub communes: usize,
    /// Whether some of them were set up by a pack, and may never have a line.
    pub has_packs: bool,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan of a seed with so many steps. Faults that are not cured are left out unless they are `forced`.
    #[must_use]
    pub fn new(seed: u64, steps: usize, forced: &[What]) -> Self {
        let mut chance = Chance::new(seed);
        let communes = usize::try_from(COMMUNES.0 + chance.below(COMMUNES.1 + 1)).unwrap_or(7);
        let is_possible = |what: What| forced.contains(&what) || !NOT_CURED.contains(&what);
        let steps = (0..steps)
            .map(|_| {
                let (what, draw) = (pick(&mut chance), chance.draw());
                Step { what: if is_possible(what) { what } else { What::Talk }, draw }
            })
            .collect();
        Self { seed, communes, has_packs: true, steps }
    }
}

fn pick(chance: &mut Chance) -> What {
    let mut at = chance.below(SHARES.iter().map(|(_, share)| share).sum());
    for (what, share) in SHARES {
        if at < share {
            return what;
        }
        at -= share;
    }
    What::Talk
}
