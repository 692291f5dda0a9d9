//! The commands that write, carried out: by the running program for those who ask through the control socket, and
//! by a short command itself when nothing runs.

use std::io::BufRead;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use serde_json::Value;
use serde_json::json;
use sync_protocol::time::Millis;
use tokio::runtime::Runtime;

use crate::control::Command;
use crate::control::Failure;
use crate::control::Handler;
use crate::control::LineAnswer;
use crate::control::lines;
use crate::control::lines::InputLine;
use crate::desk::Answer;
use crate::desk::line::LINE_BYTES_MAX;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::ban;
use crate::roles::commune;
use crate::roles::pack;
use crate::roles::province;
use crate::roles::stick;
use crate::roles::store_failure;
use crate::shutdown::Stop;
use crate::store::Role;
use crate::store::StoreError;
use crate::store::WriteTx;
use crate::sync::line::Line;

/// Lines that are decided and not yet durable at once, so that many share one commit.
const LINES_IN_FLIGHT_MAX: usize = 64;
/// Largest directory file that is imported.
const DIRECTORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Carries out commands over one office.
#[derive(Clone, Debug)]
pub struct Operations {
    office: Arc<Office>,
    line: Option<Arc<Line>>,
}

impl Operations {
    /// Of the running program; `line` is a commune's.
    #[must_use]
    pub fn new(office: Arc<Office>, line: Option<Line>) -> Self {
        Self { office, line: line.map(Arc::new) }
    }

    /// Decides line after line on a thread of its own, and answers each as soon as it is durable: a caller may wait
    /// for an answer before it writes its next line.
    fn lines(
        input: &mut (dyn BufRead + Send),
        answer: &mut dyn FnMut(LineAnswer) -> bool,
        decide: &(dyn Fn(&str) -> Answer + Sync),
    ) -> Result<Value, Failure> {
        let (mut done, mut refused) = (0u64, 0u64);
        let (decided, waiting) = std::sync::mpsc::sync_channel(LINES_IN_FLIGHT_MAX);
        let failed = std::thread::scope(|scope| {
            scope.spawn(move || decide_lines(input, decide, &decided));
            for (line, given) in waiting {
                match given.wait() {
                    Ok(value) => {
                        done += 1;
                        answer(LineAnswer::Done(value));
                    }
                    Err(StoreError::Refused(refusal)) => {
                        refused += 1;
                        answer(LineAnswer::Refused { line, refusal });
                    }
                    Err(error) => {
                        // Said in its place, too: who waits for it may not end the input before.
                        let failure = store_failure(error);
                        answer(LineAnswer::Refused { line, refusal: failure.refusal().clone() });
                        return Some(failure);
                    }
                }
            }
            None
        });
        match failed {
            Some(failure) => Err(failure),
            None => Ok(json!({ "lines": done + refused, "done": done, "refused": refused })),
        }
    }

    fn sync_now(&self, wait_s: u64, is_scrub: bool) -> Result<Value, Failure> {
        let wait_ms = wait_s.saturating_mul(1_000);
        let report = match &self.line {
            Some(line) => line.sync_now(wait_ms, is_scrub),
            None => {
                if self.office.store.identity().role == Role::Province {
                    return Err(Refusal::new("commune-only").into());
                }
                let runtime = runtime()?;
                let caller = commune::caller(&self.office, runtime.handle().clone(), Stop::new(5_000))?;
                caller.once(wait_ms, is_scrub)
            }
        };
        report.map(|report| report.to_json()).map_err(|error| commune::call_failure(&error))
    }
}

/// Reads lines until the input ends or nobody takes what is decided any more.
fn decide_lines(
    input: &mut (dyn BufRead + Send),
    decide: &dyn Fn(&str) -> Answer,
    decided: &SyncSender<(u64, Answer)>,
) {
    let mut line = 0;
    while let Some(read) = lines::next_line(input, LINE_BYTES_MAX).transpose() {
        line += 1;
        let given = match &read {
            Ok(InputLine::Text(text)) if text.trim().is_empty() => continue,
            Ok(InputLine::Text(text)) => decide(text.trim()),
            Ok(InputLine::TooLong) => {
                Answer::refused(Refusal::new("line-too-large").with("most", LINE_BYTES_MAX))
            }
            Ok(InputLine::NotText) => Answer::refused(Refusal::new("line-not-utf8")),
            Err(_) => Answer::refused(Refusal::new("line-unreadable")),
        };
        if decided.send((line, given)).is_err() || read.is_err() {
            return;
        }
    }
}

/// A runtime for the network.
///
/// # Errors
/// The operating system gives no threads.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
        tracing::error!(%error, "no network runtime");
        Failure::Machine(Refusal::new("no-threads"))
    })
}

impl Handler for Operations {
    fn handle(
        &self,
        command: &Command,
        input: &mut (dyn BufRead + Send),
        answer: &mut dyn FnMut(LineAnswer) -> bool,
    ) -> Result<Value, Failure> {
        let desk = &self.office.desk;
        match command {
            Command::Lodge { historic } => Self::lines(input, answer, &|text| desk.lodge(text, *historic)),
            Command::Act { historic } => Self::lines(input, answer, &|text| desk.act(text, *historic)),
            Command::SyncNow { wait_s, scrub } => self.sync_now(*wait_s, *scrub),
            Command::SyncState => {
                let state = self.line.as_ref().map(|line| line.state()).unwrap_or_default();
                Ok(json!({ "online": state.is_online, "fault": state.last_fault }))
            }
            Command::EnrolNew { agency, addresses, valid_h, pack } => match pack {
                Some(out) => province::enrol_pack(&self.office, agency, addresses, *valid_h, out),
                None => province::enrol_new(&self.office, agency, addresses, *valid_h),
            },
            Command::EnrolGrant { request, out } => pack::grant(&self.office, request, out),
            Command::DirectoryImport => {
                let mut text = String::new();
                let read = input.take(DIRECTORY_BYTES_MAX + 1).read_to_string(&mut text);
                match read.map(|size_bytes| u64::try_from(size_bytes).unwrap_or(u64::MAX)) {
                    Ok(size_bytes) if size_bytes <= DIRECTORY_BYTES_MAX => {}
                    Ok(_) => {
                        return Err(Refusal::new("line-too-large").with("most", DIRECTORY_BYTES_MAX).into());
                    }
                    Err(_) => return Err(Refusal::new("line-unreadable").into()),
                }
                province::import(&self.office, &text)
            }
            Command::DirectoryPublish { effective_at } => {
                province::publish(&self.office, effective_at.map(Millis))
            }
            Command::EnrolBan { node, why, suspect_from } => {
                ban::ban(&self.office, node, why, suspect_from.map(Millis))
            }
            Command::QuarantineRelease { ids, machine } => {
                province::quarantine_release(&self.office, ids, machine.as_deref())
            }
            Command::QuarantineRefuse { id, why } => province::quarantine_refuse(&self.office, id, why),
            Command::ConditionDismiss { code, subject } => {
                let (code, subject) = (code.clone(), subject.clone());
                let dismiss = move |tx: &mut WriteTx<'_>| tx.dismiss_condition(&code, subject.as_deref());
                let count = self.office.store.write(dismiss).map_err(store_failure)?;
                Ok(json!({ "dismissed": count }))
            }
            Command::BundleExport { out, part_mb, node, agency } => {
                stick::export(&self.office, out, *part_mb, node.as_deref(), agency.as_deref())
            }
            Command::BundleImport { file } => stick::import(&self.office, file),
            Command::QuarantineVoid { ids, why } => province::quarantine_void(&self.office, ids, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// A caller that writes its next line only after the answer to the last one.
    struct Patient(mpsc::Receiver<&'static str>);

    impl Read for Patient {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let line = self.0.recv_timeout(Duration::from_secs(10)).unwrap_or_default();
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }

    #[test]
    fn each_line_is_answered_before_the_next_one_is_written() {
        let (write, written) = mpsc::channel();
        write.send("một\n").unwrap();
        let mut left = vec!["", "ba\n", "hai\n"];
        let mut answers = Vec::new();
        let refuse = |text: &str| Answer::refused(Refusal::new("line-not-json").with("text", text));
        let summary = Operations::lines(
            &mut BufReader::new(Patient(written)),
            &mut |answer| {
                answers.push(answer);
                write.send(left.pop().unwrap()).is_ok()
            },
            &refuse,
        );
        assert_eq!(summary, Ok(json!({ "lines": 3, "done": 0, "refused": 3 })));
        let lines = answers.iter().map(|answer| match answer {
            LineAnswer::Refused { line, .. } => *line,
            LineAnswer::Done(_) => 0,
        });
        assert!(lines.eq(1..=3), "{answers:?}");
    }
}
