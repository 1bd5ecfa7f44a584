//! Address ranges.

use std::net::IpAddr;

/// A range of IPv4 or IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    v6: bool,
    first: u128,
    last: u128,
}

impl Cidr {
    /// Reads `10.0.0.0/16`, `::/0` or a single address.
    pub fn read(text: &str) -> Option<Cidr> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (v6, bits, value) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) => (false, 32, u128::from(u32::from(v4))),
            IpAddr::V6(v6) => (true, 128, u128::from(v6)),
        };
        let free = bits - length.unwrap_or(bits).min(bits);
        if length.is_some_and(|length| length > bits) {
            return None;
        }
        let mask = if free == 128 { u128::MAX } else { (1 << free) - 1 };
        Some(Cidr { v6, first: value & !mask, last: value | mask })
    }

    /// Whether every address of `other` is in it.
    pub fn contains(self, other: Cidr) -> bool {
        self.v6 == other.v6 && self.first <= other.first && other.last <= self.last
    }

    /// Whether an address is in both.
    pub fn overlaps(self, other: Cidr) -> bool {
        self.v6 == other.v6 && self.first <= other.last && other.first <= self.last
    }

    /// How many addresses it has, as a power of two.
    pub fn size_bits(self) -> u32 {
        128 - (self.last - self.first).leading_zeros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Cidr {
        Cidr::read(text).expect(text)
    }

    #[test]
    fn ranges_contain_and_overlap() {
        assert!(of("0.0.0.0/0").contains(of("10.1.0.0/16")));
        assert!(of("10.0.0.0/8").overlaps(of("10.1.2.3")));
        assert!(!of("10.0.0.0/16").overlaps(of("10.1.0.0/16")));
        assert!(!of("::/0").contains(of("10.0.0.0/8")));
        assert!(of("::/0").contains(of("fd00::/8")));
        assert_eq!(of("0.0.0.0/0").size_bits(), 32);
        assert_eq!(of("10.0.0.1/32").size_bits(), 0);
    }

    #[test]
    fn what_is_no_range_is_none() {
        for text in ["", "a", "10.0.0.0/33", "10.0.0/8", "pl-1", "${aws_vpc.a.cidr_block}"] {
            assert_eq!(Cidr::read(text), None, "{text}");
        }
    }
}
