//! The files of a bundle: signed, sealed, in parts, written whole or not at all.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle;
use sync_protocol::bundle::BUNDLE_VERSION;
use sync_protocol::bundle::BundleError;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Certificate;
use sync_protocol::bundle::Header;
use sync_protocol::bundle::Part;
use sync_protocol::bundle::Recipient;
use sync_protocol::frame::Message;
use sync_protocol::ids::BundleId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::ids::PublicKey;
use sync_protocol::limits::BUNDLE_PART_BYTES_MAX;
use sync_protocol::limits::BUNDLE_PARTS_MAX;
use sync_protocol::time::Millis;

use crate::bundle::BundleFault;
use crate::clock::rfc3339;
use crate::identity::SecretKeys;
use crate::identity::node_of;
use crate::identity::seal;
use crate::identity::seal::SealSeeds;
use crate::refusal::Refusal;
use crate::store::Random;

/// Largest part without another wish: a part is held in memory twice while it is sealed.
pub const PART_BYTES_DEFAULT: usize = 64 * 1024 * 1024;
/// Largest part that is made, whatever is wished for: sealing, header and one item more than was wished for stay within the bound.
pub const PART_MB_MAX: u32 = 192;

/// Somebody a file is sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To {
    /// The machine, or what stands for it.
    pub machine: NodeId,
    /// Its public seal key.
    pub seal: [u8; 32],
}

/// Who writes to whom.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// What it is.
    pub kind: BundleKind,
    /// The province of both.
    pub province: ProvinceId,
    /// The writer's keys.
    pub keys: &'a SecretKeys,
    /// The writer's certificate, where the reader may not have it.
    pub certificate: Option<Vec<u8>>,
    /// Who can open it.
    pub to: Vec<To>,
    /// Now.
    pub at: Millis,
}

impl Letter<'_> {
    /// One file.
    ///
    /// # Errors
    /// There are no random bytes, or a recipient's key is none.
    pub fn part(
        &self,
        bundle: BundleId,
        part: u64,
        is_last: bool,
        content: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, BundleFault> {
        let from = PublicKey(self.keys.public().signing);
        let mut seeds =
            SealSeeds { key: [0; 32], content: [0; 32], recipients: vec![[0; 32]; self.to.len()] };
        for seed in [&mut seeds.key, &mut seeds.content].into_iter().chain(&mut seeds.recipients) {
            random.fill(seed)?;
        }
        let to: Vec<[u8; 32]> = self.to.iter().map(|to| to.seal).collect();
        let sealed = seal::seal(content, &to, &Header::seal_info(&from, bundle, part), &seeds)
            .map_err(|error| BundleFault::Bug(error.to_string()))?;
        // Who finds a backup and has no key to it must be able to ask somebody who has.
        let is_asked_for = self.kind == BundleKind::BACKUP;
        let recipient = |(to, key): (&To, Vec<u8>)| Recipient {
            machine: to.machine,
            key,
            seal: is_asked_for.then_some(Hash(to.seal)),
        };
        let header = Header {
            kind: self.kind,
            province: self.province,
            from,
            to: self.to.iter().zip(sealed.keys).map(recipient).collect(),
            bundle,
            part,
            is_last,
            at: self.at,
            size_bytes: 0,
            hash: Hash([0; 32]),
            certificate: self.certificate.clone().map(Certificate),
        };
        Ok(header.write(&sealed.content, |message| self.keys.sign(message)))
    }

    /// A bundle of one part, as a file at `out`.
    ///
    /// # Errors
    /// The file is there already or cannot be written.
    pub fn write_whole(
        &self,
        out: &Path,
        content: &[u8],
        random: &dyn Random,
    ) -> Result<BundleId, BundleFault> {
        let bundle = fresh_id(random)?;
        refuse_existing(out)?;
        write_file(out, &self.part(bundle, 1, true, content, random)?)?;
        Ok(bundle)
    }
}

fn fresh_id(random: &dyn Random) -> Result<BundleId, BundleFault> {
    let mut id = [0; 16];
    random.fill(&mut id)?;
    Ok(BundleId(id))
}

/// Writes a bundle of frame messages, part by part.
pub struct Parts<'a> {
    letter: &'a Letter<'a>,
    random: &'a dyn Random,
    out: PathBuf,
    part_bytes: usize,
    bundle: BundleId,
    /// What every part begins with.
    opening: Vec<u8>,
    content: Vec<u8>,
    files: Vec<(PathBuf, usize)>,
}

impl std::fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("bundle", &self.bundle).finish_non_exhaustive()
    }
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The bundle.
    pub bundle: BundleId,
    /// Its files, in their order, with their sizes.
    pub files: Vec<(PathBuf, usize)>,
}

impl Written {
    /// The files as outputs give them.
    #[must_use]
    pub fn files_json(&self) -> Value {
        let file = |(path, size_bytes): &(PathBuf, usize)| json!({ "file": path.display().to_string(), "bytes": size_bytes });
        self.files.iter().map(file).collect()
    }
}

impl<'a> Parts<'a> {
    /// Begins a bundle at `out`, every part of which begins with `opening`.
    ///
    /// # Errors
    /// The file is there already, or there are no random bytes.
    pub fn new(
        letter: &'a Letter<'a>,
        random: &'a dyn Random,
        out: &Path,
        part_bytes: usize,
        opening: &[Message],
    ) -> Result<Self, BundleFault> {
        refuse_existing(out)?;
        let mut begun = Vec::new();
        opening.iter().for_each(|message| bundle::push_message(&mut begun, &message.bytes));
        let bundle = fresh_id(random)?;
        Ok(Self {
            letter,
            random,
            out: out.to_owned(),
            part_bytes,
            bundle,
            content: begun.clone(),
            opening: begun,
            files: Vec::new(),
        })
    }

    /// Adds messages that only make sense together; a new part begins where they do not fit.
    ///
    /// # Errors
    /// A part cannot be written; those before it are removed.
    pub fn push(&mut self, together: &[Message]) -> Result<(), BundleFault> {
        let bytes: Vec<&[u8]> = together.iter().map(|message| message.bytes.as_slice()).collect();
        self.push_bytes(&bytes)
    }

    /// The same for messages that are no frames.
    ///
    /// # Errors
    /// As [`Parts::push`].
    pub fn push_bytes(&mut self, together: &[&[u8]]) -> Result<(), BundleFault> {
        let size_bytes: usize = together.iter().map(|message| message.len() + 4).sum();
        let is_begun = self.content.len() > self.opening.len();
        if is_begun && self.content.len() + size_bytes > self.part_bytes {
            self.write(false)?;
        }
        together.iter().for_each(|message| bundle::push_message(&mut self.content, message));
        Ok(())
    }

    /// Writes the last part.
    ///
    /// # Errors
    /// It cannot be written; those before it are removed.
    pub fn finish(mut self) -> Result<Written, BundleFault> {
        self.write(true)?;
        Ok(Written { bundle: self.bundle, files: self.files })
    }

    /// Gives the bundle up: the parts that are written are removed. Hands back why.
    pub fn abandon<E>(&self, why: E) -> E {
        // Half a bundle would only be carried for nothing.
        for (path, _) in &self.files {
            let _it_may_stay = std::fs::remove_file(path);
        }
        why
    }

    fn write(&mut self, is_last: bool) -> Result<(), BundleFault> {
        self.write_part(is_last).map_err(|fault| self.abandon(fault))
    }

    fn write_part(&mut self, is_last: bool) -> Result<(), BundleFault> {
        let part = self.files.len() as u64 + 1;
        if part > BUNDLE_PARTS_MAX {
            return Err(Refusal::of_field("bundle-too-many-parts", "--part-mb")
                .with("most", BUNDLE_PARTS_MAX)
                .into());
        }
        let content = std::mem::replace(&mut self.content, self.opening.clone());
        let file = self.letter.part(self.bundle, part, is_last, &content, self.random)?;
        let path = part_path(&self.out, part);
        if part > 1 {
            refuse_existing(&path)?;
        }
        write_file(&path, &file)?;
        self.files.push((path, file.len()));
        Ok(())
    }
}

/// Where a part lies: the first at `out` itself, the others beside it as `OUT.2`, `OUT.3` …
#[must_use]
pub fn part_path(out: &Path, part: u64) -> PathBuf {
    if part <= 1 {
        return out.to_owned();
    }
    let mut name = out.as_os_str().to_owned();
    name.push(format!(".{part}"));
    PathBuf::from(name)
}

fn refuse_existing(path: &Path) -> Result<(), BundleFault> {
    if path.symlink_metadata().is_ok() {
        return Err(Refusal::of_field("bundle-file-exists", "--out").with("path", path.display()).into());
    }
    Ok(())
}

/// Writes a file whole or not at all, readable by its owner only, and never over another one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), BundleFault> {
    let failed = |source| BundleFault::File { path: path.to_owned(), source };
    let mut name = path.as_os_str().to_owned();
    name.push(".motcua-new");
    let temporary = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = (|| {
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = options.open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        #[cfg(unix)]
        {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            // A stick's file system may not know this; the file itself is synced.
            let _not_everywhere =
                File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        }
        Ok(())
    })();
    written.map_err(|source| {
        let _there_may_be_none = std::fs::remove_file(&temporary);
        failed(source)
    })
}

/// Reads one file, whatever it is.
///
/// # Errors
/// It cannot be read, or is larger than a part may be.
pub fn read_file(path: &Path) -> Result<Vec<u8>, BundleFault> {
    let failed = |source| BundleFault::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BUNDLE_PART_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > BUNDLE_PART_BYTES_MAX {
        return Err(refusal_of(path, "bundle-not-a-bundle"));
    }
    Ok(bytes)
}

/// Reads and checks one part: whole, and as it was signed. Whose it is, is the caller's to judge.
///
/// # Errors
/// It is not to be used; the person is told why.
pub fn read<'b>(path: &Path, bytes: &'b [u8]) -> Result<Part<'b>, BundleFault> {
    Part::read(bytes).map_err(|error| match error {
        BundleError::NotABundle => refusal_of(path, "bundle-not-a-bundle"),
        BundleError::Newer { found } => Refusal::of_field("bundle-newer", "file")
            .with("path", path.display())
            .with("found", found)
            .with("ours", BUNDLE_VERSION)
            .into(),
        BundleError::Truncated => refusal_of(path, "bundle-truncated"),
        BundleError::Damaged => refusal_of(path, "bundle-damaged"),
    })
}

/// Reads and checks one part: whole, as it was signed, of this province.
///
/// # Errors
/// It is not to be used; the person is told why.
pub fn check<'b>(path: &Path, bytes: &'b [u8], province: ProvinceId) -> Result<Part<'b>, BundleFault> {
    let part = read(path, bytes)?;
    if part.header.province != province {
        return Err(refusal_of(path, "bundle-other-province"));
    }
    Ok(part)
}

/// Opens the content of a part that was checked.
///
/// # Errors
/// It is not sealed to this machine.
pub fn open(path: &Path, part: &Part<'_>, keys: &SecretKeys) -> Result<Vec<u8>, BundleFault> {
    let node = keys.node();
    let header = &part.header;
    let info = Header::seal_info(&header.from, header.bundle, header.part);
    let mine = header.to.iter().filter(|to| to.machine == node);
    mine.map(|to| seal::open(part.sealed, &to.key, &info, keys))
        .find_map(Result::ok)
        .ok_or_else(|| refusal_of(path, "bundle-other-machine"))
}

/// A refusal that concerns one file.
pub(crate) fn refusal_of(path: &Path, code: &'static str) -> BundleFault {
    Refusal::of_field(code, "file").with("path", path.display()).into()
}

/// What a part says in the clear, as outputs give it.
#[must_use]
pub fn header_json(header: &Header) -> Value {
    let to: Vec<String> = header.to.iter().map(|to| to.machine.to_string()).collect();
    json!({
        "kind": header.kind.name(),
        "bundle": header.bundle.to_string(),
        "part": header.part,
        "is_last": header.is_last,
        "province": header.province.to_string(),
        "from": node_of(&header.from.0).to_string(),
        "to": to,
        "at": rfc3339(header.at),
        "sealed_bytes": header.size_bytes,
    })
}
