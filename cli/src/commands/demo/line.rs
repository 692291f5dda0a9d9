//! A line that can be cut: carries datagrams between one commune's machine and the province, counts them, and
//! stops when told. It knows addresses and sizes, nothing of what is in a datagram.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// The largest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// How many ports of the machine are told apart at once; beyond that the oldest is forgotten. A machine uses one
/// for enrolment and one per dialling.
const FLOWS_MAX: usize = 32;
/// How long a thread waits for a datagram before it looks whether the line is over.
const LOOK: Duration = Duration::from_millis(100);

/// A line. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

/// What a line has carried, in bytes of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// From the commune to the province.
    pub(crate) up_bytes: u64,
    /// From the province to the commune.
    pub(crate) down_bytes: u64,
    /// Datagrams that were lost because the line was cut.
    pub(crate) lost: u64,
}

#[derive(Debug, Default)]
struct State {
    is_cut: AtomicBool,
    is_over: AtomicBool,
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
    lost: AtomicU64,
}

/// One port of the machine, and the port through which the province sees it.
struct Flow {
    machine: SocketAddr,
    outward: Arc<UdpSocket>,
    is_over: Arc<AtomicBool>,
}

impl Line {
    /// A line to the province's server, open.
    ///
    /// # Errors
    /// No socket or no thread can be had.
    pub(crate) fn open(province: SocketAddr) -> io::Result<Self> {
        let inward = Arc::new(local_socket()?);
        let address = inward.local_addr()?;
        let state = Arc::new(State::default());
        let carrying = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("line up".to_owned())
            .spawn(move || carry_up(&inward, province, &carrying))?;
        Ok(Self { address, state, threads: vec![thread] })
    }

    /// Where the machine finds the province through this line.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loses every datagram from now on.
    pub(crate) fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
    }

    /// Carries again.
    pub(crate) fn restore(&self) {
        self.state.is_cut.store(false, Ordering::SeqCst);
    }

    /// What it has carried so far.
    pub(crate) fn carried(&self) -> Carried {
        Carried {
            up_bytes: self.state.up_bytes.load(Ordering::SeqCst),
            down_bytes: self.state.down_bytes.load(Ordering::SeqCst),
            lost: self.state.lost.load(Ordering::SeqCst),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _it_panicked_and_said_so = thread.join();
        }
    }
}

fn local_socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(LOOK))?;
    Ok(socket)
}

/// Takes what the machine sends, until the line is over.
fn carry_up(inward: &Arc<UdpSocket>, province: SocketAddr, state: &Arc<State>) {
    let mut flows: Vec<Flow> = Vec::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while !state.is_over.load(Ordering::SeqCst) {
        // A timeout, or news that an earlier datagram found nobody: both mean "look again".
        let Ok((size, machine)) = inward.recv_from(&mut buffer) else { continue };
        if state.is_cut.load(Ordering::SeqCst) {
            state.lost.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        if !flows.iter().any(|flow| flow.machine == machine) {
            let Ok(flow) = new_flow(inward, province, machine, state) else { continue };
            flows.push(flow);
            if flows.len() > FLOWS_MAX {
                flows.remove(0).is_over.store(true, Ordering::SeqCst);
            }
        }
        let Some(flow) = flows.iter().find(|flow| flow.machine == machine) else { continue };
        let Some(datagram) = buffer.get(..size) else { continue };
        if flow.outward.send(datagram).is_ok() {
            state.up_bytes.fetch_add(size as u64, Ordering::SeqCst);
        }
    }
    for flow in flows {
        flow.is_over.store(true, Ordering::SeqCst);
    }
}

fn new_flow(
    inward: &Arc<UdpSocket>,
    province: SocketAddr,
    machine: SocketAddr,
    state: &Arc<State>,
) -> io::Result<Flow> {
    let outward = Arc::new(local_socket()?);
    outward.connect(province)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let (inward, listening, over, state) =
        (Arc::clone(inward), Arc::clone(&outward), Arc::clone(&is_over), Arc::clone(state));
    std::thread::Builder::new().name("line down".to_owned()).spawn(move || {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while !over.load(Ordering::SeqCst) {
            let Ok(size) = listening.recv(&mut buffer) else { continue };
            if state.is_cut.load(Ordering::SeqCst) {
                state.lost.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            let Some(datagram) = buffer.get(..size) else { continue };
            if inward.send_to(datagram, machine).is_ok() {
                state.down_bytes.fetch_add(size as u64, Ordering::SeqCst);
            }
        }
    })?;
    Ok(Flow { machine, outward, is_over })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that waits long enough for any datagram on this machine.
    fn end() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    fn heard(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 64];
        let (size, from) = socket.recv_from(&mut buffer).unwrap();
        (buffer[..size].to_vec(), from)
    }

    #[test]
    fn a_line_carries_both_ways_and_counts() {
        let (machine, province) = (end(), end());
        let line = Line::open(province.local_addr().unwrap()).unwrap();
        machine.send_to(b"xin", line.address()).unwrap();
        let (up, back) = heard(&province);
        province.send_to(b"chao", back).unwrap();
        assert_eq!((up, heard(&machine).0), (b"xin".to_vec(), b"chao".to_vec()));
        // Counted a moment after it was sent on.
        while line.carried().down_bytes == 0 {
            std::thread::yield_now();
        }
        assert_eq!(line.carried(), Carried { up_bytes: 3, down_bytes: 4, lost: 0 });
    }

    #[test]
    fn a_cut_line_loses_everything_and_a_restored_one_carries_again() {
        let (machine, province) = (end(), end());
        let line = Line::open(province.local_addr().unwrap()).unwrap();
        machine.send_to(b"1", line.address()).unwrap();
        let (_, back) = heard(&province);
        line.cut();
        machine.send_to(b"2", line.address()).unwrap();
        province.send_to(b"3", back).unwrap();
        while line.carried().lost < 2 {
            std::thread::yield_now();
        }
        line.restore();
        machine.send_to(b"4", line.address()).unwrap();
        assert_eq!(heard(&province).0, b"4");
        province.send_to(b"5", back).unwrap();
        assert_eq!(heard(&machine).0, b"5");
    }

    #[test]
    fn two_ports_of_a_machine_stay_apart() {
        let (one, other, province) = (end(), end(), end());
        let line = Line::open(province.local_addr().unwrap()).unwrap();
        one.send_to(b"1", line.address()).unwrap();
        let (_, back_to_one) = heard(&province);
        other.send_to(b"2", line.address()).unwrap();
        let (_, back_to_other) = heard(&province);
        province.send_to(b"to other", back_to_other).unwrap();
        province.send_to(b"to one", back_to_one).unwrap();
        assert_eq!((heard(&one).0, heard(&other).0), (b"to one".to_vec(), b"to other".to_vec()));
    }
}
