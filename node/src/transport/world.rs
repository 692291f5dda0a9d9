//! A small world for this room's tests: provinces, machines and a clock that stands where it is put.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::sync::Arc;

use sync_protocol::time::Millis;
use tokio::runtime::Handle;

use super::endpoint::Dialer;
use super::endpoint::Listening;
use super::endpoint::listen;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::identity::Authority;
use crate::identity::MachineIdentity;
use crate::identity::Role;
use crate::identity::SecretKeys;
use crate::identity::Terms;
use crate::identity::Validity;

/// When everything here happens.
pub(crate) const NOW: Millis = Millis(1_790_000_000_000);
/// Any free port of this machine, reachable by itself only.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A real clock whose wall stands still.
#[derive(Debug)]
struct StoppedWall {
    wall: Millis,
    monotonic: SystemClock,
}

impl Clock for StoppedWall {
    fn wall(&self) -> Millis {
        self.wall
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.monotonic_ms()
    }

    fn wait_ms(&self, duration_ms: u64) {
        self.monotonic.wait_ms(duration_ms);
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    clock_at(NOW)
}

pub(crate) fn clock_at(wall: Millis) -> Arc<dyn Clock> {
    Arc::new(StoppedWall { wall, monotonic: SystemClock::new() })
}

/// A province with its server.
pub(crate) struct Province {
    pub(crate) authority: Authority,
    pub(crate) server: MachineIdentity,
}

impl Province {
    pub(crate) fn new(of: u8) -> Self {
        let validity = Validity::days(Millis(NOW.0 - 86_400_000), 7_300);
        let authority = Authority::from_seed("H27".parse().unwrap(), validity, &[of; 32]).unwrap();
        let server = certified(&authority, Role::Province, "H27", of.wrapping_add(100), validity);
        Self { authority, server }
    }

    pub(crate) fn machine(&self, role: Role, seat: &str, of: u8) -> MachineIdentity {
        self.machine_with(role, seat, of, Validity::days(Millis(NOW.0 - 86_400_000), 398))
    }

    pub(crate) fn machine_with(&self, role: Role, seat: &str, of: u8, validity: Validity) -> MachineIdentity {
        certified(&self.authority, role, seat, of, validity)
    }

    /// The province's port, everyone allowed.
    pub(crate) fn listen(&self) -> Listening {
        listen(&Handle::current(), LOOPBACK, &self.server, Arc::new(|_| true), clock()).unwrap()
    }

    /// Dials as `identity`, everyone allowed.
    pub(crate) fn dialer(&self, identity: &MachineIdentity) -> Dialer {
        Dialer::new(identity, Arc::new(|_| true), clock()).unwrap()
    }
}

/// Keys that differ for every `of`.
pub(crate) fn keys(of: u8) -> SecretKeys {
    SecretKeys::from_seeds(&[[of; 32], [of ^ 0x40; 32], [of ^ 0x80; 32]])
}

fn certified(authority: &Authority, role: Role, seat: &str, of: u8, validity: Validity) -> MachineIdentity {
    let keys = keys(of);
    let terms = Terms { role, seat: seat.parse().unwrap(), validity, serial: u64::from(of) };
    let certificate = authority.sign(&keys.request(authority.province()), &terms).unwrap();
    MachineIdentity::new(keys, certificate, authority.public_key()).unwrap()
}
