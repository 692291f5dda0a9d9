//! Ctrl-C and SIGTERM during the demo: remembered, so that every office is stopped in order first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use motcua_node::refusal::Refusal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::commands::demo::program::no_place;
use crate::exit::Exit;
use crate::exit::Failure;

/// Whether the person wants the demo to end.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    is_asked: AtomicBool,
}

impl Interrupt {
    /// Listens for the signals from now on, for the rest of the process.
    ///
    /// # Errors
    /// The system gives no thread or no signals.
    pub(crate) fn listen() -> Result<Arc<Self>, Failure> {
        let interrupt = Arc::new(Self::default());
        let told = Arc::clone(&interrupt);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(|error| no_place(&error))?;
        let thread = std::thread::Builder::new().name("interrupt".to_owned());
        thread
            .spawn(move || {
                runtime.block_on(async {
                    let (Ok(mut interrupted), Ok(mut ended)) =
                        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
                    else {
                        return;
                    };
                    loop {
                        tokio::select! {
                            _ = interrupted.recv() => {}
                            _ = ended.recv() => {}
                        }
                        told.is_asked.store(true, Ordering::SeqCst);
                    }
                });
            })
            .map_err(|error| no_place(&error))?;
        Ok(interrupt)
    }

    /// Whether it was asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }

    /// Goes on unless it was asked for.
    ///
    /// # Errors
    /// It was asked for.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_asked() {
            return Err(Failure { exit: Exit::Findings, refusal: Refusal::new(INTERRUPTED) });
        }
        Ok(())
    }
}

/// The code of the refusal after an interruption.
pub(crate) const INTERRUPTED: &str = "demo-interrupted";
