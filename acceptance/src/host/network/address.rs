//! Which address belongs to whom on the instances' network. Pure.
//!
//! Instances carry the address EC2 assigned. Everything of the test's own making takes 198.18.0.0/15, which RFC 2544 sets
//! aside for tests: no VPC uses it, so the two never meet.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Result, bail};

use crate::host::limits;

/// The store's address: the one neighbour of every instance that is neither a broker nor a client.
pub const STORE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The instance metadata service. Source: EC2 user guide.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// The addresses in use, and the ones to come.
#[derive(Debug, Default)]
pub(super) struct Plan {
    taken: BTreeSet<Ipv4Addr>,
    clients: u8,
}

impl Plan {
    /// Takes the address EC2 gave to an instance.
    ///
    /// # Errors
    /// When the address is not one a VPC can have, or is in use.
    pub(super) fn instance(&mut self, address: Ipv4Addr) -> Result<()> {
        if !address.is_private() {
            bail!("the address {address} is not a private one");
        }
        if !self.taken.insert(address) {
            bail!("the address {address} is in use by another instance");
        }
        Ok(())
    }

    /// The next client's address.
    ///
    /// # Errors
    /// When the run has had more clients than a run can have.
    pub(super) fn client(&mut self) -> Result<Ipv4Addr> {
        if self.clients >= limits::CLIENTS_MAX {
            bail!("more than {} clients in one run", limits::CLIENTS_MAX);
        }
        self.clients += 1;
        let address = Ipv4Addr::new(198, 18, 1, self.clients);
        self.taken.insert(address);
        Ok(address)
    }

    /// Gives an address back.
    pub(super) fn release(&mut self, address: Ipv4Addr) {
        self.taken.remove(&address);
    }
}

/// The loopback address that stands for an instance's where namespaces are not permitted.
#[must_use]
pub(super) fn looped(address: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = address.octets();
    Ipv4Addr::new(127, b, c, d)
}

/// The host name EC2 gives to an instance with this address.
#[must_use]
pub(in crate::host) fn hostname(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("ip-{a}-{b}-{c}-{d}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_once_until_it_is_released() {
        let mut plan = Plan::default();
        let address = Ipv4Addr::new(10, 20, 0, 4);
        plan.instance(address).expect("free");
        assert!(plan.instance(address).is_err());
        plan.release(address);
        plan.instance(address).expect("free again");
    }

    #[test]
    fn instances_take_only_addresses_a_vpc_can_have() {
        for address in [STORE, METADATA, Ipv4Addr::LOCALHOST, Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::UNSPECIFIED] {
            assert!(Plan::default().instance(address).is_err(), "{address}");
        }
    }

    #[test]
    fn clients_never_meet_the_store_or_each_other() {
        let mut plan = Plan::default();
        let clients: BTreeSet<_> = (0..limits::CLIENTS_MAX).map(|_| plan.client().expect("in bounds")).collect();
        assert_eq!(clients.len(), usize::from(limits::CLIENTS_MAX));
        assert!(!clients.contains(&STORE));
        assert!(plan.client().is_err());
    }

    #[test]
    fn an_instance_on_the_loopback_keeps_its_last_three_numbers() {
        assert_eq!(looped(Ipv4Addr::new(10, 20, 0, 4)), Ipv4Addr::new(127, 20, 0, 4));
    }

    #[test]
    fn host_names_are_those_of_ec2() {
        assert_eq!(hostname(Ipv4Addr::new(10, 20, 0, 4)), "ip-10-20-0-4");
    }
}
