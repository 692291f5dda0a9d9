//! The local socket of a running program: short commands write through it, under the boot of `serve`, so that a
//! directory has one writer and one log at a time.
//!
//! One request per connection: a JSON line, then the request's own lines until the caller stops writing; answers
//! are JSON lines, the last one final. Only who may enter the office's directory may connect.

use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::control::lines::InputLine;
use crate::refusal::Refusal;

pub mod lines;

/// The socket's name in the office's directory.
const SOCKET_NAME: &str = "control.sock";
/// Most requests served at once.
const REQUESTS_MAX: usize = 32;
/// How long a further request waits for one of them to end before it is answered "busy".
const BUSY_WAIT_MS: u64 = 5_000;
/// Longest first line of a request, which says what to do.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// The form of requests and answers.
const CONTROL_VERSION: u16 = 1;

/// What a short command asks of the running program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The form; another one is refused.
    v: u16,
    /// What to do.
    pub command: Command,
}

/// The commands that write, or that ask the running program about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Lines of `dossier lodge` follow; one answer each.
    Lodge {
        /// Entered afterwards.
        historic: bool,
    },
    /// Lines of `dossier act` follow; one answer each.
    Act {
        /// Entered afterwards.
        historic: bool,
    },
    /// One session with the province now.
    SyncNow {
        /// Longest wait.
        wait_s: u64,
        /// Whether all entries are compared.
        #[serde(default)]
        scrub: bool,
    },
    /// Whether a session with the province is open.
    SyncState,
    /// A code for one new machine.
    EnrolNew {
        /// Its seat.
        agency: String,
        /// Where it finds this server.
        addresses: Vec<String>,
        /// For how long.
        valid_h: u64,
        /// Where its pack goes; an absolute path.
        pack: Option<PathBuf>,
    },
    /// A request that came by stick is answered.
    EnrolGrant {
        /// The request; an absolute path.
        request: PathBuf,
        /// Where the answer goes; an absolute path.
        out: PathBuf,
    },
    /// A checked directory file becomes the draft; its text follows as lines.
    DirectoryImport,
    /// The draft becomes the next version.
    DirectoryPublish {
        /// From when it is in force, in milliseconds since 1970; now without it.
        effective_at: Option<i64>,
    },
    /// A machine is shut out for good.
    EnrolBan {
        /// Its id: 32 hex digits.
        node: String,
        /// Why; no personal data.
        why: String,
        /// From when its accepted work is suspect, in milliseconds since 1970; none of it without.
        suspect_from: Option<i64>,
    },
    /// Quarantined entries are applied after all.
    QuarantineRelease {
        /// Their ids.
        ids: Vec<String>,
        /// Or all of this machine: 32 hex digits.
        machine: Option<String>,
    },
    /// A quarantined entry is kept out for good.
    QuarantineRefuse {
        /// Its id.
        id: String,
        /// Why; no personal data.
        why: String,
    },
    /// A person has understood a standing condition and takes it away.
    ConditionDismiss {
        /// Its code.
        code: String,
        /// What it concerns; all of that code without it.
        subject: Option<String>,
    },
    /// What the other side lacks, as files.
    BundleExport {
        /// The file, or the first of its parts; an absolute path.
        out: PathBuf,
        /// Largest part, in megabytes.
        part_mb: Option<u32>,
        /// At the province: for this machine, 32 hex digits.
        node: Option<String>,
        /// At the province: for the machine of this seat.
        agency: Option<String>,
    },
    /// Files that came are taken in.
    BundleImport {
        /// The file, or the first of its parts; an absolute path.
        file: PathBuf,
    },
    /// Quarantined entries are marked void by a person.
    QuarantineVoid {
        /// Their ids.
        ids: Vec<String>,
        /// Why.
        why: String,
    },
}

impl Request {
    /// A request of this program's form.
    #[must_use]
    pub const fn new(command: Command) -> Self {
        Self { v: CONTROL_VERSION, command }
    }
}

/// How a command ended when it did not end well; the exit codes of the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The input or the request is refused.
    #[error(transparent)]
    Refused(Refusal),
    /// The other side was not reached; nothing is lost.
    #[error(transparent)]
    NotReached(Refusal),
    /// This machine cannot: disk, lock, permission, version.
    #[error(transparent)]
    Machine(Refusal),
    /// Our mistake.
    #[error(transparent)]
    Bug(Refusal),
}

impl Failure {
    /// What a person is told.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        match self {
            Self::Refused(refusal)
            | Self::NotReached(refusal)
            | Self::Machine(refusal)
            | Self::Bug(refusal) => refusal,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// To one line, or progress.
    Line(LineAnswer),
    /// The last one.
    Done(Value),
    /// The last one, when it failed as a whole.
    Failed(Failure),
}

/// The answer to one line: done, or refused while the others go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineAnswer {
    /// What was done.
    Done(Value),
    /// Why not.
    Refused {
        /// The line, counted from 1.
        line: u64,
        /// Why.
        refusal: Refusal,
    },
}

/// What carries out requests: the same code in the running program and in a short command that found none.
pub trait Handler: Send + Sync {
    /// Carries out one command.
    ///
    /// `input` gives the request's lines; `answer` takes one answer at a time and returns false when nobody listens
    /// any more, which does not stop the work.
    ///
    /// # Errors
    /// [`Failure`] when the command failed as a whole.
    fn handle(
        &self,
        command: &Command,
        input: &mut (dyn BufRead + Send),
        answer: &mut dyn FnMut(LineAnswer) -> bool,
    ) -> Result<Value, Failure>;
}

/// The path that fits into a socket address however deep the directory lies. Valid while the file is open.
fn short_path(dir: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET_NAME}", dir.as_raw_fd()))
}

/// A listening control socket; gone when dropped.
#[derive(Debug)]
pub struct Listening {
    path: PathBuf,
    dir: File,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Wakes the accepting thread, which sees that the socket's file is gone.
        let _nobody_may_be_there = std::fs::remove_file(&self.path);
        let _nobody_may_be_there = UnixStream::connect(short_path(&self.dir));
    }
}

/// Listens in the office's directory and serves each request on a thread of its own.
///
/// The caller holds the directory's lock, so a socket file found here is left over and is replaced.
///
/// # Errors
/// The socket cannot be created there.
pub fn listen(dir: &Path, handler: Arc<dyn Handler>) -> std::io::Result<Listening> {
    let path = dir.join(SOCKET_NAME);
    let opened = File::open(dir)?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(short_path(&opened))?;
    let places = Arc::new(Places::default());
    let watched = path.clone();
    std::thread::Builder::new().name("control".to_owned()).spawn(move || {
        for stream in listener.incoming() {
            if !watched.exists() {
                return;
            }
            let Ok(stream) = stream else { continue };
            let Some(place) = Places::take(&places) else {
                let failed = Answer::Failed(Failure::Machine(Refusal::new("control-busy")));
                let _caller_may_be_gone = send(&mut &stream, &failed);
                continue;
            };
            let handler = Arc::clone(&handler);
            // Without a thread the place is free again and the caller sees its connection end.
            let _no_thread =
                std::thread::Builder::new().name("control-request".to_owned()).spawn(move || {
                    serve_one(&stream, handler.as_ref());
                    drop(place);
                });
        }
    })?;
    Ok(Listening { path, dir: opened })
}

/// How many requests are served, and who waits for one to end.
#[derive(Debug, Default)]
struct Places {
    taken: Mutex<usize>,
    freed: Condvar,
}

impl Places {
    /// A place for one request; `None` when none gets free in time.
    fn take(places: &Arc<Self>) -> Option<Place> {
        let taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, _) = places
            .freed
            .wait_timeout_while(taken, Duration::from_millis(BUSY_WAIT_MS), |taken| *taken >= REQUESTS_MAX)
            .unwrap_or_else(PoisonError::into_inner);
        if *taken >= REQUESTS_MAX {
            return None;
        }
        *taken += 1;
        Some(Place(Arc::clone(places)))
    }
}

/// The place of one request, free again when dropped.
#[derive(Debug)]
struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

fn serve_one(stream: &UnixStream, handler: &dyn Handler) {
    let mut input = BufReader::new(stream);
    let request = match lines::next_line(&mut input, REQUEST_BYTES_MAX) {
        Ok(Some(InputLine::Text(first))) => {
            serde_json::from_str::<Request>(&first).ok().filter(|request| request.v == CONTROL_VERSION)
        }
        Ok(_) | Err(_) => None,
    };
    let mut out = stream;
    let last = match request {
        None => Answer::Failed(Failure::Machine(Refusal::new("control-version"))),
        Some(request) => {
            let mut answer = |line| send(&mut out, &Answer::Line(line)).is_ok();
            match handler.handle(&request.command, &mut input, &mut answer) {
                Ok(value) => Answer::Done(value),
                Err(failure) => Answer::Failed(failure),
            }
        }
    };
    let _caller_may_be_gone = send(&mut &*stream, &last);
}

fn send(out: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(std::io::Error::other)?;
    line.push(b'\n');
    out.write_all(&line)
}

/// Asks the program that serves this directory; `None` when none does.
///
/// # Errors
/// What the running program answered, or that the connection broke.
pub fn call(
    dir: &Path,
    request: &Request,
    mut input: impl BufRead + Send,
    mut answer: impl FnMut(LineAnswer),
) -> Option<Result<Value, Failure>> {
    let opened = File::open(dir).ok()?;
    let stream = UnixStream::connect(short_path(&opened)).ok()?;
    let broken = || Failure::Machine(Refusal::new("control-broken"));
    Some(std::thread::scope(|scope| {
        let mut out = &stream;
        let mut first = serde_json::to_vec(request).map_err(|_| broken())?;
        first.push(b'\n');
        // A program that has no place for us answers and hangs up without reading.
        let _its_answer_is_read_below = out.write_all(&first);
        scope.spawn(|| {
            // Answers are read meanwhile, so neither side waits for the other for ever.
            let _running_program_may_have_ended = std::io::copy(&mut input, &mut &stream);
            let _running_program_may_have_ended = stream.shutdown(std::net::Shutdown::Write);
        });
        let mut reader = BufReader::new(&stream);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).map_err(|_| broken())? == 0 {
                return Err(broken());
            }
            match serde_json::from_str::<Answer>(&line).map_err(|_| broken())? {
                Answer::Line(line) => answer(line),
                Answer::Done(value) => return Ok(value),
                Answer::Failed(failure) => return Err(failure),
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Echo;

    impl Handler for Echo {
        fn handle(
            &self,
            command: &Command,
            input: &mut (dyn BufRead + Send),
            answer: &mut dyn FnMut(LineAnswer) -> bool,
        ) -> Result<Value, Failure> {
            let mut count = 0;
            for (place, line) in input.lines().enumerate() {
                count += 1;
                let line = line.unwrap();
                let refused =
                    LineAnswer::Refused { line: place as u64 + 1, refusal: Refusal::new("line-not-json") };
                answer(if line == "bad" { refused } else { LineAnswer::Done(line.into()) });
            }
            if matches!(command, Command::Lodge { .. }) {
                return Ok(count.into());
            }
            Err(Failure::NotReached(Refusal::of_field("x", "y").with("z", 1)))
        }
    }

    #[test]
    fn requests_are_answered_line_by_line_even_from_a_deep_directory() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("sâu".repeat(30)).join("sâu".repeat(30));
        std::fs::create_dir_all(&dir).unwrap();
        let lodge = Request::new(Command::Lodge { historic: false });
        assert!(call(&dir, &lodge, std::io::empty(), |_| {}).is_none(), "nobody serves");
        let listening = listen(&dir, Arc::new(Echo)).unwrap();
        let mut answers = Vec::new();
        let lines: String =
            (0..5000).map(|n| if n == 7 { "bad\n".to_owned() } else { format!("{n}\n") }).collect();
        let done = call(&dir, &lodge, lines.as_bytes(), |line| answers.push(line)).unwrap();
        assert_eq!((done, answers.len()), (Ok(5000.into()), 5000));
        assert!(
            matches!(&answers[7], LineAnswer::Refused { line: 8, refusal } if refusal.code == "line-not-json")
        );
        let failed = call(&dir, &Request::new(Command::SyncState), std::io::empty(), |_| {}).unwrap();
        assert_eq!(failed, Err(Failure::NotReached(Refusal::of_field("x", "y").with("z", 1))));
        drop(listening);
        assert!(call(&dir, &lodge, std::io::empty(), |_| {}).is_none(), "nobody serves any more");
    }
}
