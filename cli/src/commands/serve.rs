//! `motcua serve`: runs the role that the directory holds.

use std::net::SocketAddr;
use std::sync::Arc;

use motcua_node::control;
use motcua_node::refusal::Refusal;
use motcua_node::roles::Office;
use motcua_node::roles::commune;
use motcua_node::roles::operations::Operations;
use motcua_node::roles::operations::runtime;
use motcua_node::roles::province;
use motcua_node::shutdown::Stop;
use motcua_node::store::Role;
use motcua_node::sync::line::Line;
use serde_json::json;
use sync_protocol::ids::NodeId;

use crate::args::LISTEN_DEFAULT;
use crate::args::Serve;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office::witness_of;

/// How long the program has to stop in order.
const DRAIN_MS: u64 = 4_000;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &Serve) -> Result<Exit, Failure> {
    if args.http.is_some() {
        return Err(Failure::not_in_this_version("motcua serve --http"));
    }
    let dir = context.dir()?;
    let office = Arc::new(Office::open(dir, witness_of(context))?);
    let runtime = runtime()?;
    let stop = Stop::new(DRAIN_MS);
    stop_on_signals(&runtime, &stop, &office)?;
    let node = office.identity.node();
    match office.store.identity().role {
        Role::Commune if args.listen.is_some() => {
            return Err(Failure::refused(Refusal::of_field("serve-listen-commune", "--listen")));
        }
        // Set up by a pack: it works, and has no line until its grant is here.
        Role::Commune if !office.identity.is_granted() => {
            let operations = Operations::new(Arc::clone(&office), None);
            let _listening = control::listen(dir, Arc::new(operations)).map_err(|error| socket(&error))?;
            ready(context, None, node, false)?;
            runtime.block_on(stop.requested());
        }
        Role::Commune => {
            let caller = Arc::new(commune::caller(&office, runtime.handle().clone(), stop.clone())?);
            let line = Line::start(caller, !args.no_sync).map_err(|error| threads(&error))?;
            let operations = Operations::new(Arc::clone(&office), Some(line));
            let _listening = control::listen(dir, Arc::new(operations)).map_err(|error| socket(&error))?;
            ready(context, None, node, !args.no_sync)?;
            runtime.block_on(stop.requested());
        }
        Role::Province => {
            let operations = Operations::new(Arc::clone(&office), None);
            let mut listening = None;
            let mut failed = None;
            let address = args.listen.unwrap_or(LISTEN_DEFAULT);
            province::serve(&office, address, &runtime, &stop, &mut |bound| {
                let started = control::listen(dir, Arc::new(operations.clone()))
                    .map_err(|error| socket(&error))
                    .and_then(|socket| {
                        listening = Some(socket);
                        ready(context, Some(bound), node, true)
                    });
                if let Err(failure) = started {
                    failed = Some(failure);
                    stop.request(office.clock().as_ref());
                }
            })?;
            drop(listening);
            if let Some(failure) = failed {
                return Err(failure);
            }
        }
    }
    let left_ms = stop.remaining_ms(office.clock().as_ref()).unwrap_or(0);
    runtime.shutdown_timeout(std::time::Duration::from_millis(left_ms.min(DRAIN_MS)));
    context.output.note(&context.output.text("serve-stopped", &[]));
    Ok(Exit::Done)
}

/// Tells that work is accepted.
fn ready(
    context: &Context,
    quic: Option<SocketAddr>,
    node: NodeId,
    is_dialling: bool,
) -> Result<(), Failure> {
    let quic = quic.map(|address| address.to_string());
    let event = json!({ "event": "ready", "quic": quic, "http": null, "node": node.to_string() });
    context.output.line(&event, || match &quic {
        Some(address) => context.output.text("serve-ready-province", &[("address", address)]),
        None if is_dialling => context.output.text("serve-ready-commune", &[]),
        None => context.output.text("serve-ready-no-sync", &[]),
    })
}

/// From its return on, a signal stops the program in order: nobody who saw it ready can kill it by asking it to stop.
fn stop_on_signals(
    runtime: &tokio::runtime::Runtime,
    stop: &Stop,
    office: &Arc<Office>,
) -> Result<(), Failure> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let _registering_needs_it = runtime.enter();
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| threads(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| threads(&error))?;
    let (stop, office) = (stop.clone(), Arc::clone(office));
    runtime.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.request(office.clock().as_ref());
    });
    Ok(())
}

fn threads(error: &std::io::Error) -> Failure {
    Failure::machine(Refusal::new("no-threads").with("why", error))
}

fn socket(error: &std::io::Error) -> Failure {
    Failure::machine(Refusal::new("control-socket").with("why", error))
}
