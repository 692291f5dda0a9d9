//! The command tree, word for word as the command-line contract has it.
//!
//! What a person reads under `--help` comes from `node/i18n/*/cli.ftl` (see [`crate::help`]); the comments here
//! are for whoever changes the tree.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ArgGroup;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use motcua_node::clock;
use motcua_node::i18n::Language;
use motcua_node::ids::AgencyCode;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

/// Where a provincial server listens for QUIC without `--listen`.
pub(crate) const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 4272);

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "motcua", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Everywhere {
    /// The office's directory.
    #[arg(long, global = true, env = "MOTCUA_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The witness file, outside the directory; by default in the user's state directory.
    #[arg(long, global = true, env = "MOTCUA_WITNESS", value_name = "FILE")]
    pub(crate) witness: Option<PathBuf>,
    /// The language of texts for people.
    #[arg(long, global = true, env = "MOTCUA_LANG", value_name = "vi|en", default_value = "vi", value_parser = language)]
    pub(crate) lang: Language,
    /// JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A province on this machine, with a line that is cut.
    Demo(Demo),
    /// A provincial server's directory.
    #[command(subcommand)]
    Province(Province),
    /// Agencies, procedures, calendars and officers.
    #[command(subcommand)]
    Directory(Directory),
    /// Machines of communes.
    #[command(subcommand)]
    Enrol(Enrol),
    /// A commune node's directory.
    #[command(subcommand)]
    Commune(Commune),
    /// Runs the role that the directory holds.
    Serve(Serve),
    /// Dossiers.
    #[command(subcommand)]
    Dossier(Dossier),
    /// The exchange with the province.
    #[command(subcommand)]
    Sync(Sync),
    /// What the province kept and did not apply.
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Standing conditions.
    #[command(subcommand)]
    Condition(Condition),
    /// Scans of papers.
    #[command(subcommand)]
    Scan(Scan),
    /// The USB stick.
    #[command(subcommand)]
    Bundle(Bundle),
    /// Copies for the bad day.
    #[command(subcommand)]
    Backup(Backup),
    /// Officers of this office.
    #[command(subcommand)]
    Person(Person),
    /// Recomputes chains, digests and views and compares.
    Verify,
    /// Rebuilds the views from the log.
    Rebuild,
    /// Finds what a person here can fix.
    Doctor(Doctor),
    /// Measurements.
    #[command(subcommand)]
    Bench(Bench),
}

/// `motcua demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Ends by itself.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Keeps the line cut and everything running until Enter.
    #[arg(long, conflicts_with = "headless")]
    pub(crate) hold: bool,
    /// How many communes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=69))]
    pub(crate) communes: u16,
    /// How many dossiers.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) dossiers: u32,
    /// How long the line stays cut, in seconds.
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(crate) outage_s: u32,
    /// What to corrupt, so that the demo must fail.
    #[arg(long, value_name = "NAME", value_parser = ["replica", "number", "proof"])]
    pub(crate) sabotage: Option<String>,
    /// What the made-up people and their dossiers are drawn from.
    #[arg(long, value_name = "N", default_value_t = crate::commands::demo::SEED_DEFAULT)]
    pub(crate) seed: u64,
}

/// `motcua province …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Province {
    /// Creates a provincial server's directory.
    Init(ProvinceInit),
}

/// `motcua province init`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("catalogue").required(true).args(["directory", "sample"]))]
pub(crate) struct ProvinceInit {
    /// The province's agency code, such as `H27`.
    #[arg(long, value_name = "CODE")]
    pub(crate) code: AgencyCode,
    /// The province's name for people.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: String,
    /// The directory to begin with.
    #[arg(long, value_name = "FILE")]
    pub(crate) directory: Option<PathBuf>,
    /// The built-in sample; watermarks everything for ever.
    #[arg(long)]
    pub(crate) sample: bool,
}

/// `motcua directory …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Directory {
    /// Every fault of a file, with line and field.
    Check(DirectoryFile),
    /// Takes a file in as draft.
    Import(DirectoryFile),
    /// Publishes the draft as a new signed version.
    Publish(DirectoryPublish),
    /// Shows a file, or the version in force.
    Show(DirectoryShow),
}

/// One directory file.
#[derive(Debug, Args)]
pub(crate) struct DirectoryFile {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `motcua directory publish`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryPublish {
    /// From when the version is in force; now without it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) effective_at: Option<Millis>,
}

/// `motcua directory show`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryShow {
    /// The file; the version in force here without it.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `motcua enrol …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Enrol {
    /// A one-time code for one machine of a seat.
    New(EnrolNew),
    /// Answers a request that came by stick.
    Grant(EnrolGrant),
    /// The machines.
    List,
    /// Shuts a machine out.
    Ban(EnrolBan),
}

/// `motcua enrol new`.
#[derive(Debug, Args)]
pub(crate) struct EnrolNew {
    /// The seat.
    #[arg(long, value_name = "CODE")]
    pub(crate) agency: AgencyCode,
    /// Where the machine reaches this server.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: String,
    /// How long the code is good for, in hours; 24 without it, with a pack 720: its request comes by stick.
    #[arg(long, value_name = "H", value_parser = clap::value_parser!(u32).range(1..=8_760))]
    pub(crate) valid_h: Option<u32>,
    /// A sealed file for a machine that may have no line.
    #[arg(long, value_name = "FILE")]
    pub(crate) pack: Option<PathBuf>,
}

/// `motcua enrol grant`.
#[derive(Debug, Args)]
pub(crate) struct EnrolGrant {
    /// The request.
    #[arg(value_name = "REQUEST")]
    pub(crate) request: PathBuf,
    /// Where the answer goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `motcua enrol ban`.
#[derive(Debug, Args)]
pub(crate) struct EnrolBan {
    /// The machine.
    #[arg(value_name = "NODE")]
    pub(crate) node: NodeId,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// From when its entries get a review mark.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) suspect_from: Option<Millis>,
}

/// `motcua commune …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Commune {
    /// Creates a commune node.
    Init(CommuneInit),
}

/// `motcua commune init`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("admission").required(true).multiple(true).args(["token", "grant"]))]
pub(crate) struct CommuneInit {
    /// The one-time code.
    #[arg(long, value_name = "TOKEN", conflicts_with = "grant")]
    pub(crate) token: Option<String>,
    /// The sealed file, where there may be no line.
    #[arg(long, value_name = "FILE", requires = "token", conflicts_with = "grant")]
    pub(crate) pack: Option<PathBuf>,
    /// Where the request for the province goes.
    #[arg(long, value_name = "FILE", requires = "pack")]
    pub(crate) request: Option<PathBuf>,
    /// The province's answer to that request.
    #[arg(long, value_name = "FILE")]
    pub(crate) grant: Option<PathBuf>,
}

/// `motcua serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where a provincial server listens; [`LISTEN_DEFAULT`] without it. Port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the counters' pages are.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) http: Option<SocketAddr>,
    /// Never dials.
    #[arg(long)]
    pub(crate) no_sync: bool,
}

/// `motcua dossier …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Dossier {
    /// Takes dossiers in, one per line.
    Lodge(Lines),
    /// Does acts, one per line.
    Act(Lines),
    /// One dossier whole.
    Show(DossierShow),
    /// Lists and searches.
    List(DossierList),
    /// The act table.
    Acts(DossierActs),
    /// Every dossier here in canonical form.
    Export,
}

/// Lines of JSON to work on.
#[derive(Debug, Args)]
pub(crate) struct Lines {
    /// The file, or `-` for standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) from: Source,
    /// Entered afterwards: times are what the lines say.
    #[arg(long)]
    pub(crate) historic: bool,
}

/// `motcua dossier show`.
#[derive(Debug, Args)]
pub(crate) struct DossierShow {
    /// The dossier's number.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
}

/// `motcua dossier list`.
#[derive(Debug, Args)]
pub(crate) struct DossierList {
    /// Only this national status.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) status: Option<u8>,
    /// Only what this seat holds.
    #[arg(long, value_name = "CODE")]
    pub(crate) holder: Option<AgencyCode>,
    /// Only what is late.
    #[arg(long)]
    pub(crate) overdue: bool,
    /// Only what waits for a person's decision.
    #[arg(long)]
    pub(crate) needs_person: bool,
    /// Words to find, with or without diacritics.
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

/// `motcua dossier acts`. It answers `--help` itself, so that `--help --json` gives the table as JSON.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct DossierActs {
    /// The table, as without it.
    #[arg(short = 'h', long)]
    pub(crate) help: bool,
}

/// `motcua sync …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Sync {
    /// One session.
    Now(SyncNow),
    /// What waits, since when, the last proof.
    Status,
}

/// `motcua sync now`.
#[derive(Debug, Args)]
pub(crate) struct SyncNow {
    /// How long to wait for the session's end, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) wait_s: u32,
    /// Compares everything, not only what is new.
    #[arg(long)]
    pub(crate) scrub: bool,
}

/// `motcua quarantine …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// What is kept and not applied.
    List,
    /// Applies it after all.
    Release(QuarantineRelease),
    /// Applies it and marks it void.
    Void(QuarantineVoid),
    /// Keeps it out for good.
    Refuse(QuarantineRefuse),
}

/// `motcua quarantine release`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["ids", "machine"]))]
pub(crate) struct QuarantineRelease {
    /// The items.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Everything of this machine.
    #[arg(long, value_name = "NODE")]
    pub(crate) machine: Option<NodeId>,
}

/// `motcua quarantine void`.
#[derive(Debug, Args)]
pub(crate) struct QuarantineVoid {
    /// The items.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}

/// `motcua quarantine refuse`.
#[derive(Debug, Args)]
pub(crate) struct QuarantineRefuse {
    /// The item.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}

/// `motcua condition …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Condition {
    /// Takes away what a person has understood and settled.
    Dismiss(ConditionDismiss),
}

/// `motcua condition dismiss`.
#[derive(Debug, Args)]
pub(crate) struct ConditionDismiss {
    /// The condition's code, as `sync status --json` gives it.
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    /// What it concerns; all of that code without it.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
}

/// `motcua scan …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Scan {
    /// Adds a scan to a paper.
    Add(ScanAdd),
    /// Scans, their states and progress.
    List,
}

/// `motcua scan add`.
#[derive(Debug, Args)]
pub(crate) struct ScanAdd {
    /// The dossier's number.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// The paper's key in the dossier.
    #[arg(value_name = "PAPER")]
    pub(crate) paper: String,
    /// The scan.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `motcua bundle …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Bundle {
    /// Writes what the other side lacks.
    Export(BundleExport),
    /// Says what a bundle holds.
    Inspect(BundleFile),
    /// Takes a bundle in.
    Import(BundleFile),
}

/// `motcua bundle export`.
#[derive(Debug, Args)]
pub(crate) struct BundleExport {
    /// The file, or the first of its parts.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The largest part, in megabytes; 64 without it, and 192 at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) part_mb: Option<u32>,
    /// At the province: the machine it is for.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<NodeId>,
    /// At the province: the seat whose machine it is for.
    #[arg(long, value_name = "CODE", conflicts_with = "node")]
    pub(crate) agency: Option<AgencyCode>,
}

/// One bundle.
#[derive(Debug, Args)]
pub(crate) struct BundleFile {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `motcua backup …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// A copy while the office works.
    Create(BackupCreate),
    /// Into an empty directory.
    Restore(BackupRestore),
    /// Checks a copy.
    Verify(BackupFile),
}

/// `motcua backup create`.
#[derive(Debug, Args)]
pub(crate) struct BackupCreate {
    /// The file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `motcua backup restore`.
#[derive(Debug, Args)]
pub(crate) struct BackupRestore {
    /// The copy.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The province's leave to restore on other hardware.
    #[arg(long, value_name = "FILE")]
    pub(crate) grant: Option<PathBuf>,
    /// Where to ask for that leave.
    #[arg(long, value_name = "FILE", conflicts_with = "grant")]
    pub(crate) request: Option<PathBuf>,
    /// The directory whose identity folder can open it.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["grant", "request"])]
    pub(crate) keys: Option<PathBuf>,
}

/// One copy.
#[derive(Debug, Args)]
pub(crate) struct BackupFile {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The directory whose identity folder can open it; `--dir` without it.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
}

/// `motcua person …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Person {
    /// The officers.
    List,
    /// A new officer.
    Add(PersonNamed),
    /// A new secret for an officer.
    Reset(PersonNamed),
    /// An officer who may no longer sign in.
    Disable(PersonNamed),
}

/// One officer.
#[derive(Debug, Args)]
pub(crate) struct PersonNamed {
    /// The officer, as `H27.102/02`.
    #[arg(value_name = "OFFICER")]
    pub(crate) officer: String,
}

/// `motcua doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The line to the province as well.
    #[arg(long)]
    pub(crate) line: bool,
}

/// `motcua bench …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The workload through two replicas.
    Wire(BenchWire),
    /// Thin lines.
    Link,
    /// Commits, lists, search, start and memory.
    Store,
}

/// `motcua bench wire`.
#[derive(Debug, Args)]
pub(crate) struct BenchWire {
    /// The workload generator's file.
    #[arg(long, value_name = "FILE")]
    pub(crate) ops: PathBuf,
    /// One more day's file (S3).
    #[arg(long, value_name = "FILE")]
    pub(crate) day: Option<PathBuf>,
    /// How often the office's program is started during the workload.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) boots: u16,
}

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input.
    Input,
    /// A file.
    File(PathBuf),
}

impl From<std::ffi::OsString> for Source {
    fn from(text: std::ffi::OsString) -> Self {
        if text == "-" { Self::Input } else { Self::File(PathBuf::from(text)) }
    }
}

fn language(text: &str) -> Result<Language, &'static str> {
    Language::by_code(text).ok_or("vi, en")
}

fn time(text: &str) -> Result<Millis, &'static str> {
    clock::parse_rfc3339(text).ok_or("2026-03-02T07:35:32+07:00")
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let matches = crate::help::command(Language::En).try_get_matches_from(line.split_whitespace())?;
        Cli::from_arg_matches(&matches)
    }

    #[test]
    fn every_form_of_the_contract_is_understood() {
        for line in [
            "motcua demo --headless",
            "motcua demo --hold --communes 3 --dossiers 60 --outage-s 20 --sabotage proof --seed 7",
            "motcua province init --code H27 --name Tỉnh --sample --dir d",
            "motcua province init --code H27 --name Tỉnh --directory f",
            "motcua directory check f",
            "motcua directory import f",
            "motcua directory show f",
            "motcua directory show",
            "motcua directory publish --effective-at 2026-03-02T00:00:00+07:00",
            "motcua enrol new --agency H27.101 --address tinh.example:4272 --valid-h 24 --pack f",
            "motcua enrol grant request --out f",
            "motcua enrol list --json",
            "motcua enrol ban 000102030405060708090a0b0c0d0e0f --why mất --suspect-from 2026-03-02T07:35:32+07:00",
            "motcua commune init --token t",
            "motcua commune init --pack f --token t --request r",
            "motcua commune init --grant f",
            "motcua serve --listen 127.0.0.1:0 --http 127.0.0.1:0 --no-sync",
            "motcua --dir d --witness w --lang en --json dossier lodge --from - --historic",
            "motcua dossier act --from f --historic",
            "motcua dossier show H27.101-260302-0690001",
            "motcua dossier list --status 4 --holder H27.101 --overdue --needs-person --query khai --limit 10",
            "motcua dossier acts --help --json",
            "motcua dossier export",
            "motcua sync now --wait-s 60 --scrub",
            "motcua sync status",
            "motcua quarantine list",
            "motcua quarantine release a b",
            "motcua quarantine release --machine 000102030405060708090a0b0c0d0e0f",
            "motcua quarantine void a b",
            "motcua quarantine refuse a --why sai",
            "motcua condition dismiss other-copy",
            "motcua condition dismiss log-reissued 00112233445566778899aabbccddeeff",
            "motcua scan add H27.101-260302-0690001 p1 f",
            "motcua scan list",
            "motcua bundle export --out f --part-mb 700",
            "motcua bundle inspect f",
            "motcua bundle import f",
            "motcua backup create --out f",
            "motcua backup restore f --grant g",
            "motcua backup verify f",
            "motcua person list",
            "motcua person add H27.102/02",
            "motcua person reset H27.102/02",
            "motcua person disable H27.102/02",
            "motcua verify",
            "motcua rebuild",
            "motcua doctor --line",
            "motcua bench wire --ops f",
            "motcua bench link",
            "motcua bench store",
        ] {
            let parsed = parse(line);
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn forms_that_the_contract_excludes_are_refused() {
        for line in [
            "motcua",
            "motcua province init --code H27 --name Tỉnh",
            "motcua province init --code H27 --name Tỉnh --sample --directory f",
            "motcua province init --code h27 --name Tỉnh --sample",
            "motcua commune init",
            "motcua commune init --pack f",
            "motcua commune init --token t --request r",
            "motcua commune init --token t --grant f",
            "motcua commune init --pack p --grant f",
            "motcua demo --sabotage everything",
            "motcua demo --hold --headless",
            "motcua dossier list --status 11",
            "motcua enrol ban zz --why mất",
            "motcua quarantine release",
            "motcua quarantine release a --machine 000102030405060708090a0b0c0d0e0f",
            "motcua quarantine void",
            "motcua condition dismiss",
            "motcua directory publish --effective-at yesterday",
            "motcua --lang fr verify",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_dash_is_standard_input() {
        let Ok(Cli { command: Command::Dossier(Dossier::Lodge(lines)), .. }) =
            parse("motcua dossier lodge --from -")
        else {
            panic!("not understood");
        };
        assert_eq!(lines.from, Source::Input);
        assert_eq!(Source::from(std::ffi::OsString::from("./-")), Source::File("./-".into()));
    }
}
