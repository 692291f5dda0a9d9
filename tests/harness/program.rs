//! The `motcua` program as a process: found or built once, run with a bound on its time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]

use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::SystemTime;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use serde_json::Value;

use crate::sources::root;

/// Longest time for one command, in milliseconds: the machine may be busy with other tests.
const COMMAND_MS_MAX: u64 = 120_000;
/// How often an ending process is looked at, in milliseconds.
const LOOK_MS: u64 = 5;

/// A number that the environment may give a test.
///
/// # Panics
/// What it gives is no number.
#[must_use]
pub fn from_variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The program, as this workspace builds it now.
///
/// `cargo test --workspace` has built it beside the tests. Where it is missing or older than a source (tests of
/// this package run alone), it is built once, whichever test process comes first.
///
/// # Panics
/// It cannot be built.
#[must_use]
pub fn motcua() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // target/PROFILE/deps/TEST: the program lies beside `deps`.
        let test = std::env::current_exe().expect("this test has a path");
        let profile = test.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
        let path = profile.join("motcua");
        if is_current(&path) {
            return path;
        }
        let lock = File::create(profile.join(".motcua-tests.lock")).expect("target can be written");
        lock.lock().expect("a lock in target");
        if !is_current(&path) {
            let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            build.current_dir(root()).args(["build", "--quiet", "--locked", "-p", "motcua"]);
            if profile.file_name().is_some_and(|name| name == "release") {
                build.arg("--release");
            }
            assert!(build.status().expect("cargo runs").success(), "motcua could not be built");
        }
        path
    })
}

/// Whether the program is there and no older than what it is made of.
fn is_current(path: &Path) -> bool {
    let Some(built) = modified(path) else { return false };
    let made_of = ["sync-protocol", "node", "cli"].map(|member| root().join(member));
    let files = made_of.iter().flat_map(|member| {
        ["src", "i18n", "migrations"]
            .iter()
            .flat_map(|folder| files_below(&member.join(folder)))
            .chain([member.join("Cargo.toml")])
    });
    files
        .chain([root().join("Cargo.lock")])
        .filter_map(|file| modified(&file))
        .all(|changed| changed <= built)
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).ok()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .collect()
}

/// One office's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its directory.
    pub dir: PathBuf,
    /// Its witness, outside of it.
    pub witness: PathBuf,
}

impl Home {
    /// The files of the office `name` below `place`.
    #[must_use]
    pub fn below(place: &Path, name: &str) -> Self {
        Self { dir: place.join(name), witness: place.join(format!("{name}.witness")) }
    }

    /// A command on these files, with `--json`, in English so that failures read well.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(motcua());
        command
            .arg("--dir")
            .arg(&self.dir)
            .arg("--witness")
            .arg(&self.witness)
            .args(["--lang", "en", "--json"])
            .args(arguments);
        for name in ["MOTCUA_DIR", "MOTCUA_WITNESS", "MOTCUA_LANG", "MOTCUA_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// It does not end in time, or prints something that is no JSON.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "")
    }

    /// Runs a command to its end with `input` on its standard input.
    ///
    /// # Panics
    /// As [`Home::run`].
    #[must_use]
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Answer {
        Running::start(self.command(arguments), input).answer()
    }

    /// Runs a command that must end with exit code 0.
    ///
    /// # Panics
    /// It ends otherwise.
    pub fn done(&self, arguments: &[&str]) -> Answer {
        let answer = self.run(arguments);
        assert_eq!(answer.code, Some(0), "motcua {}: {}\n{}", arguments.join(" "), answer.text, answer.told);
        answer
    }
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its JSON values, one per line. The last line of a killed process may be torn; it is left out.
    pub values: Vec<Value>,
    /// Its standard output.
    pub text: String,
    /// Its standard error.
    pub told: String,
}

impl Answer {
    /// The only or first value.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.values.first().unwrap_or(&Value::Null)
    }

    /// The values before the summary.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.values.iter().filter(|value| value.get("summary").is_none()).cloned().collect()
    }

    /// `error.code` of the first value that has one.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.values.iter().find_map(|value| value.get("error"))?.get("code")?.as_str()
    }
}

/// A command under way. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    printed: Option<JoinHandle<String>>,
    told: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts a command with `input` on its standard input.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("motcua starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        std::thread::spawn(move || {
            let _a_command_may_read_nothing = stdin.write_all(input.as_bytes());
        });
        let printed = child.stdout.take().map(read_all);
        let told = child.stderr.take().map(read_all);
        Self { child, printed, told }
    }

    /// Kills it with SIGKILL, wherever it is.
    pub fn kill(&mut self) {
        let _it_may_have_ended = self.child.kill();
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// The system does not know.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end in time; or it ended by itself and what it printed is no JSON.
    #[must_use]
    pub fn answer(mut self) -> Answer {
        let code = ended(&mut self.child, COMMAND_MS_MAX);
        let text = self.printed.take().expect("read once").join().expect("a reader");
        let told = self.told.take().expect("read once").join().expect("a reader");
        let whole_lines = if code.is_some() { text.len() } else { text.rfind('\n').map_or(0, |end| end + 1) };
        let values = text
            .get(..whole_lines)
            .unwrap_or_default()
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\nstderr: {told}"))
            })
            .collect();
        Answer { code, values, text, told }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _it_may_have_ended = self.child.wait();
    }
}

/// A running `serve`. Dropped, it is killed; [`Serving::stop`] ends it in order.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    /// Where it listens for QUIC: `127.0.0.1:PORT`, where it does.
    pub quic: Option<String>,
}

impl Serving {
    /// Starts `serve` and waits until it accepts work.
    ///
    /// # Panics
    /// It ends before that.
    #[must_use]
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::try_start(home, arguments).unwrap_or_else(|answer| panic!("serve ended: {answer:?}"))
    }

    /// Starts `serve`; gives its answer when it ends instead of accepting work.
    ///
    /// # Errors
    /// It ended; what it answered.
    ///
    /// # Panics
    /// It says nothing for too long.
    pub fn try_start(home: &Home, arguments: &[&str]) -> Result<Self, Answer> {
        let mut words = vec!["serve"];
        words.extend_from_slice(arguments);
        let mut command = home.command(&words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("motcua starts");
        let told = child.stderr.take().map(read_all);
        let mut printed = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut text = String::new();
        while printed.read_line(&mut text).expect("a pipe") > 0 {
            let last = text.lines().last().unwrap_or_default();
            let event: Value = serde_json::from_str(last).unwrap_or(Value::Null);
            if event.get("event").and_then(Value::as_str) == Some("ready") {
                let quic = event.get("quic").and_then(Value::as_str).map(str::to_owned);
                // What it prints later is read so that it never waits for us.
                std::thread::spawn(move || std::io::copy(&mut printed, &mut std::io::sink()));
                return Ok(Self { child, quic });
            }
        }
        let code = ended(&mut child, COMMAND_MS_MAX);
        let told = told.map(|reader| reader.join().expect("a reader")).unwrap_or_default();
        let values = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Err(Answer { code, values, text, told })
    }

    /// Stops it with SIGTERM and waits; it must end well within five seconds.
    ///
    /// # Panics
    /// It does not.
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().expect("a shell");
        assert!(sent.success(), "serve was not running");
        // The contract says 5 s; the machine may be busy with other tests.
        let code = ended(&mut self.child, 15_000);
        assert_eq!(code, Some(0), "serve stops in order");
    }

    /// Kills it with SIGKILL, wherever it is.
    pub fn kill(mut self) {
        let _it_may_have_ended = self.child.kill();
        let _it_may_have_ended = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _it_may_have_ended = self.child.wait();
    }
}

fn ended(child: &mut Child, most_ms: u64) -> Option<i32> {
    let clock = SystemClock::new();
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status.code();
        }
        if clock.monotonic_ms() > most_ms {
            let _the_test_fails_anyway = child.kill();
            panic!("motcua did not end within {most_ms} ms");
        }
        clock.wait_ms(LOOK_MS);
    }
}

fn read_all(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _what_came_until_then_counts = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
