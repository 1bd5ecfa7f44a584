//! Numbers, dates, addresses and bytes as policies write them.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An integer or decimal number.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    (!text.is_empty() && text.bytes().all(plain)).then(|| text.parse().ok())?.filter(|number: &f64| number.is_finite())
}

/// Bytes in base 64.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Milliseconds since 1970: one of the W3C's forms of ISO 8601, or seconds since 1970.
///
/// Source: <http://www.w3.org/TR/NOTE-datetime>, which the page on condition operators names.
pub(super) fn date(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() != 4 {
        return text.parse::<i64>().ok()?.checked_mul(1_000);
    }
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let mut fields = day.split('-');
    let year = digits(fields.next()?, 4)?;
    let month = fields.next().map_or(Some(1), |field| digits(field, 2))?;
    let day = fields.next().map_or(Some(1), |field| digits(field, 2))?;
    if fields.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let milliseconds = time.map_or(Some(0), time_of_day)?;
    days_since_1970(year, month, day).checked_mul(86_400_000)?.checked_add(milliseconds)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.s` with `Z` or an offset, in milliseconds of UTC.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, offset) = if let Some(clock) = text.strip_suffix('Z') {
        (clock, 0)
    } else {
        let at = text.rfind(['+', '-'])?;
        let (clock, offset) = text.split_at_checked(at)?;
        let sign = if offset.starts_with('-') { -1 } else { 1 };
        let (hours, minutes) = offset.get(1..)?.split_once(':')?;
        (clock, sign * (digits(hours, 2)? * 60 + digits(minutes, 2)?))
    };
    let mut fields = clock.split(':');
    let (hours, minutes) = (digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    let seconds = fields.next().map_or(Some(0.0), number)?;
    if fields.next().is_some() || hours > 23 || minutes > 59 || !(0.0..61.0).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 61 seconds, in milliseconds")]
    let milliseconds = (seconds * 1_000.0).round() as i64;
    Some((hours * 60 + minutes - offset) * 60_000 + milliseconds)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant's days_from_civil.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// An address with its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `203.0.113.0/24`, `2001:DB8::/32` or a single address.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(widest), |prefix| prefix.parse().ok())?;
        (prefix <= widest).then_some(Self { address, prefix })
    }

    /// Whether all of another network lies in this one.
    pub(super) fn contains(&self, other: &Self) -> bool {
        match (self.address, other.address) {
            (IpAddr::V4(own), IpAddr::V4(others)) => {
                self.prefix <= other.prefix
                    && same_bits(u128::from(own.to_bits()), u128::from(others.to_bits()), 32 - self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(others)) => {
                self.prefix <= other.prefix && same_bits(own.to_bits(), others.to_bits(), 128 - self.prefix)
            }
            _ => false,
        }
    }
}

fn same_bits(one: u128, other: u128, ignored: u8) -> bool {
    let shift = |bits: u128| bits.checked_shr(u32::from(ignored)).unwrap_or(0);
    shift(one) == shift(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_form() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2020-01-01T00:00:01Z", 1_577_836_801_000),
            ("2020-01-01T01:00:01+01:00", 1_577_836_801_000),
            ("2020-01-01", 1_577_836_800_000),
            ("2020-01", 1_577_836_800_000),
            ("2020", 1_577_836_800_000),
            ("1577836801", 1_577_836_801_000),
            ("2000-02-29T12:00Z", 951_825_600_000),
        ] {
            assert_eq!(date(text), Some(expected), "{text}");
        }
        for text in ["", "2020-13-01", "2019-02-29", "2020-01-01T00:00", "yesterday", "2020-01-01T25:00Z"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn networks_contain_their_addresses() {
        let network = |text| Network::read(text).unwrap();
        assert!(network("203.0.113.0/24").contains(&network("203.0.113.255")));
        assert!(!network("203.0.113.0/24").contains(&network("203.0.114.0")));
        assert!(network("2001:DB8:1234:5678::/64").contains(&network("2001:db8:1234:5678::1")));
        assert!(network("0.0.0.0/0").contains(&network("10.0.0.1")));
        assert!(!network("::/0").contains(&network("10.0.0.1")));
        assert_eq!(Network::read("10.0.0.0/33"), None);
    }
}
