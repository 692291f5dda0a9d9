//! The processes of the demo: this same program, started once per command or running as an office's `serve`.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::i18n::Language;
use motcua_node::refusal::Refusal;
use serde_json::Value;

use crate::commands::demo::interrupt::Interrupt;
use crate::exit::Failure;

/// Longest time for one command, in milliseconds. Generous: the machine may be busy.
const COMMAND_MS_MAX: u64 = 90_000;
/// Longest time until `serve` accepts work, in milliseconds.
const READY_MS_MAX: u64 = 30_000;
/// Longest time for `serve` to stop in order, in milliseconds; then it is killed.
const STOP_MS_MAX: u64 = 5_000;
/// How often an ending process is looked at, in milliseconds.
const LOOK_MS: u64 = 5;

/// How this program is started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    language: Language,
    clock: SystemClock,
    interrupt: Arc<Interrupt>,
}

/// One office's files.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// Its witness, outside of it.
    pub(crate) witness: PathBuf,
    /// Where its `serve` writes what it says to people.
    pub(crate) log: PathBuf,
}

impl Home {
    /// The files of the office `name` below `place`.
    pub(crate) fn below(place: &Path, name: &str) -> Self {
        Self {
            dir: place.join(name),
            witness: place.join(format!("{name}.witness")),
            log: place.join(format!("{name}.log")),
        }
    }
}

/// What one command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its JSON values, one per line.
    pub(crate) values: Vec<Value>,
    /// Its standard output byte for byte.
    pub(crate) text: String,
}

impl Answer {
    /// The only or first value.
    pub(crate) fn value(&self) -> &Value {
        self.values.first().unwrap_or(&Value::Null)
    }

    /// The values before the summary.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().filter(|value| value.get("summary").is_none())
    }
}

impl Program {
    /// The program that is running now.
    ///
    /// # Errors
    /// The system does not say where it lies.
    pub(crate) fn this(
        language: Language,
        clock: SystemClock,
        interrupt: Arc<Interrupt>,
    ) -> Result<Self, Failure> {
        let path = std::env::current_exe().map_err(|error| no_place(&error))?;
        Ok(Self { path, language, clock, interrupt })
    }

    /// Runs one command on an office's files to its end, with `--json`, `input` on its standard input.
    ///
    /// # Errors
    /// It could not be started, did not end in time, said something that is no JSON, or the person interrupted.
    /// Its exit code is for the caller to judge.
    pub(crate) fn run(&self, home: &Home, arguments: &[&str], input: &str) -> Result<Answer, Failure> {
        let mut command = self.command(home, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(command.spawn().map_err(|error| no_place(&error))?);
        let writer = child.0.stdin.take().map(|mut stdin| {
            let input = input.to_owned();
            std::thread::spawn(move || {
                let _a_command_that_reads_nothing_is_fine = stdin.write_all(input.as_bytes());
            })
        });
        let printed = child.0.stdout.take().map(read_all);
        let told = child.0.stderr.take().map(read_all);
        let what = arguments.join(" ");
        let status = self.wait(&mut child.0, COMMAND_MS_MAX, &what)?;
        let text = joined(printed);
        let told = joined(told);
        if let Some(writer) = writer {
            let _it_panicked_and_said_so = writer.join();
        }
        let values = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()
            .map_err(|_| child_failed(&what, status, told.trim()))?;
        Ok(Answer { code: status, values, text })
    }

    /// As [`Program::run`], for a command that must end well.
    ///
    /// # Errors
    /// As there, or its exit code is not 0.
    pub(crate) fn done(&self, home: &Home, arguments: &[&str], input: &str) -> Result<Answer, Failure> {
        let answer = self.run(home, arguments, input)?;
        if answer.code == Some(0) {
            return Ok(answer);
        }
        let wrong = answer.values.iter().find_map(|value| value.get("error"));
        let told = wrong.map_or_else(String::new, |error| {
            let part = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("{}: {}", part("code"), part("message"))
        });
        Err(child_failed(&arguments.join(" "), answer.code, &told))
    }

    /// Starts an office's `serve` and waits until it accepts work.
    ///
    /// # Errors
    /// It did not become ready in time.
    pub(crate) fn serve(&self, home: &Home, arguments: &[&str]) -> Result<Serving, Failure> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&home.log)
            .map_err(|error| no_place(&error))?;
        let mut words = vec!["serve"];
        words.extend_from_slice(arguments);
        let mut command = self.command(home, &words);
        // A group of its own: Ctrl-C reaches the demo alone, which then stops the offices in order.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut child = Running(command.spawn().map_err(|error| no_place(&error))?);
        let what = words.join(" ");
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = child.0.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _nobody_waits_any_more = sender.send(line);
                }
            });
        }
        let started_ms = self.clock.monotonic_ms();
        loop {
            self.interrupt.check()?;
            match receiver.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
                    if event.get("event").and_then(Value::as_str) == Some("ready") {
                        let quic = event.get("quic").and_then(Value::as_str);
                        let quic = quic.and_then(|address| address.parse().ok());
                        return Ok(Serving { child, quic, clock: self.clock });
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = self.wait(&mut child.0, STOP_MS_MAX, &what)?;
                    let told = std::fs::read_to_string(&home.log).unwrap_or_default();
                    return Err(child_failed(&what, status, told.trim()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if self.clock.monotonic_ms().saturating_sub(started_ms) > READY_MS_MAX {
                        return Err(silent(&what, READY_MS_MAX));
                    }
                }
            }
        }
    }

    fn command(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .arg("--dir")
            .arg(&home.dir)
            .arg("--witness")
            .arg(&home.witness)
            .args(["--lang", self.language.code(), "--json"])
            .args(arguments)
            .env_remove("MOTCUA_DIR")
            .env_remove("MOTCUA_WITNESS")
            .env_remove("MOTCUA_LANG");
        command
    }

    /// Waits for a process to end by itself; its exit code.
    fn wait(&self, child: &mut Child, most_ms: u64, what: &str) -> Result<Option<i32>, Failure> {
        let started_ms = self.clock.monotonic_ms();
        loop {
            if let Some(status) = child.try_wait().map_err(|error| no_place(&error))? {
                return Ok(status.code());
            }
            self.interrupt.check()?;
            if self.clock.monotonic_ms().saturating_sub(started_ms) > most_ms {
                return Err(silent(what, most_ms));
            }
            self.clock.wait_ms(LOOK_MS);
        }
    }
}

/// A process that does not outlive whoever started it.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _it_ended_meanwhile = self.0.kill();
            let _it_ended_meanwhile = self.0.wait();
        }
    }
}

/// An office's running `serve`. Dropped, it is stopped in order.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Running,
    quic: Option<SocketAddr>,
    clock: SystemClock,
}

impl Serving {
    /// Where it listens for QUIC, where it does.
    pub(crate) const fn quic(&self) -> Option<SocketAddr> {
        self.quic
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The standard library sends no SIGTERM; every shell does.
        let id = self.child.0.id().to_string();
        let _without_a_shell_it_is_killed =
            Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).stderr(Stdio::null()).status();
        let asked_ms = self.clock.monotonic_ms();
        while let Ok(None) = self.child.0.try_wait() {
            if self.clock.monotonic_ms().saturating_sub(asked_ms) > STOP_MS_MAX {
                return; // Running::drop kills it.
            }
            self.clock.wait_ms(LOOK_MS);
        }
    }
}

fn read_all(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _what_came_until_then_counts = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn joined(reader: Option<JoinHandle<String>>) -> String {
    reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
}

/// A process of the demo ended otherwise than it should.
pub(crate) fn child_failed(what: &str, code: Option<i32>, told: &str) -> Failure {
    Failure::bug(
        Refusal::new("demo-child-failed")
            .with("what", what)
            .with("code", code.map_or_else(|| "-".to_owned(), |code| code.to_string()))
            .with("told", told),
    )
}

fn silent(what: &str, most_ms: u64) -> Failure {
    Failure::bug(Refusal::new("demo-child-silent").with("what", what).with("seconds", most_ms / 1000))
}

/// The machine gives no file, socket or process.
pub(crate) fn no_place(error: &std::io::Error) -> Failure {
    Failure::machine(Refusal::new("demo-no-place").with("cause", error))
}
