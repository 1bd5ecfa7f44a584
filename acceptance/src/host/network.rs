//! The network the instances live on: namespaces on a bridge, or the machine's loopback where namespaces are not permitted.

mod address;
mod bridge;
mod firewall;
mod namespace;
mod relay;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use anyhow::{Context, Result};

use super::limits;
pub(super) use address::hostname;
pub use address::{METADATA, STORE};
use bridge::Bridge;
pub use firewall::Packets;
pub(super) use firewall::Ports;
pub(super) use namespace::permitted;

/// Where instances and clients have their places.
#[derive(Debug)]
pub(super) enum Network {
    /// Namespaces whose packets are counted.
    Bridge(Bridge),
    /// Addresses of the machine's own loopback: nothing is isolated, nothing is counted.
    Loopback {
        /// The emulated AWS.
        store: SocketAddr,
    },
}

/// A place on the network. It is given up when dropped.
#[derive(Debug)]
pub(super) enum Seat {
    /// A namespace of its own.
    Bridge(bridge::Seat),
    /// An address of the loopback.
    Loopback(Ipv4Addr),
}

impl Network {
    /// Makes the network; `store` is the emulated AWS on this machine's loopback.
    pub(super) fn create(isolation: super::Isolation, ports: Ports, store: SocketAddr) -> Result<Self> {
        match isolation {
            super::Isolation::Namespaces => Bridge::create(ports, store).map(Self::Bridge),
            super::Isolation::Loopback => Ok(Self::Loopback { store }),
        }
    }

    /// The store's address as instances see it.
    pub(super) fn store(&self) -> SocketAddr {
        match self {
            Self::Bridge(_) => (STORE, limits::STORE_PORT).into(),
            Self::Loopback { store } => *store,
        }
    }

    /// Seats an instance at the address EC2 gave it, or, on the loopback, at 127 followed by its last three numbers.
    pub(super) fn seat_instance(&self, label: &str, address: Ipv4Addr) -> Result<Seat> {
        match self {
            Self::Bridge(bridge) => bridge.seat_instance(label, address).map(Seat::Bridge),
            Self::Loopback { .. } => Ok(Seat::Loopback(address::looped(address))),
        }
    }

    /// Seats a client.
    pub(super) fn seat_client(&self) -> Result<Seat> {
        match self {
            Self::Bridge(bridge) => bridge.seat_client().map(Seat::Bridge),
            Self::Loopback { .. } => Ok(Seat::Loopback(Ipv4Addr::LOCALHOST)),
        }
    }

    /// Connects to an instance from outside of all instances and clients.
    pub(super) fn connect(&self, to: SocketAddr) -> Result<TcpStream> {
        let connect = || Ok(TcpStream::connect_timeout(&to, limits::HEALTH_TIMEOUT)?);
        match self {
            Self::Bridge(bridge) => bridge.outer().inside(connect),
            Self::Loopback { .. } => connect(),
        }
    }

    /// The paths an instance's packets may take, one a line.
    pub(super) fn declared(&self) -> Vec<String> {
        match self {
            Self::Bridge(bridge) => bridge.declared(),
            Self::Loopback { .. } => vec!["none: on the loopback no packet is counted".to_owned()],
        }
    }
}

impl Seat {
    /// Its address.
    pub(super) fn address(&self) -> Ipv4Addr {
        match self {
            Self::Bridge(seat) => seat.address,
            Self::Loopback(address) => *address,
        }
    }

    /// A socket for the instance's metadata service, and where it listens.
    pub(super) fn metadata(&self) -> Result<(TcpListener, SocketAddr)> {
        let listen = |at: (Ipv4Addr, u16)| TcpListener::bind(at).context("the metadata service cannot listen");
        let socket = match self {
            Self::Bridge(seat) => seat.namespace.inside(|| listen((METADATA, 80)))?,
            Self::Loopback(address) => listen((*address, 0))?,
        };
        let address = socket.local_addr()?;
        Ok((socket, address))
    }

    /// Cuts it off: a lost host answers nothing, while a dying process's kernel would still reset its connections.
    pub(super) fn silence(&self) -> Result<()> {
        match self {
            Self::Bridge(seat) => firewall::silence(&seat.namespace),
            Self::Loopback(_) => Ok(()),
        }
    }

    /// The packets counted at this place; none are on the loopback.
    pub(super) fn packets(&self) -> Result<Packets> {
        match self {
            Self::Bridge(seat) => firewall::read(&seat.namespace),
            Self::Loopback(_) => Ok(Packets::default()),
        }
    }

    /// A command that runs `program` at this place.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match self {
            Self::Bridge(seat) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net={}", seat.namespace.path().display())).arg("--").arg(program);
                command
            }
            Self::Loopback(_) => Command::new(program),
        }
    }
}
