//! A client's own place on the network: programs run there reach the brokers and nothing else.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::process::Command;

use super::network::Seat;

/// A place for clients to run: a namespace with an address of its own. It ends when dropped.
pub struct Client {
    seat: Seat,
}

impl Client {
    pub(super) fn new(seat: Seat) -> Self {
        Self { seat }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.seat.address()
    }

    /// A command that runs `program` in the client's namespace; arguments, environment and streams are the caller's.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.seat.command(program)
    }
}
