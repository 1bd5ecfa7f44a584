//! Decimal numbers with six places, in integers: equal inputs give equal bytes.

/// A number in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Micro(i128);

/// Millionths in one.
const ONE: i128 = 1_000_000;

impl Micro {
    /// Reads `12.5`; at most six places, no sign.
    pub(super) fn read(text: &str) -> Option<Micro> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.chars().all(|one| one.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || part.len() > 6 || !digits(whole) || !digits(part) {
            return None;
        }
        let part = format!("{part:0<6}");
        Some(Micro(whole.parse::<i128>().ok()? * ONE + part.parse::<i128>().ok()?))
    }

    pub(super) fn micro(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    pub(super) fn times(self, factor: i64) -> Micro {
        Micro(self.0.saturating_mul(i128::from(factor)))
    }

    pub(super) fn over(self, divisor: i64) -> Micro {
        Micro(self.0 / i128::from(divisor).max(1))
    }

    pub(super) fn plus(self, other: Micro) -> Micro {
        Micro(self.0.saturating_add(other.0))
    }

    pub(super) fn times_fraction(self, fraction: Micro) -> Micro {
        Micro(self.0.saturating_mul(fraction.0) / ONE)
    }

    /// One minus it; not below nothing.
    pub(super) fn complement(self) -> Micro {
        Micro((ONE - self.0).max(0))
    }

    /// An amount of money: so many times a price in micro-dollars.
    pub(super) fn times_micro(self, price: i64) -> i64 {
        i64::try_from(self.0.saturating_mul(i128::from(price)) / ONE).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_multiplied_without_rounding_up() {
        assert_eq!(Micro::read("12.5").map(Micro::micro), Some(12_500_000));
        assert_eq!(Micro::read("0").map(Micro::micro), Some(0));
        assert_eq!(Micro::read("2.5").map(|one| one.times_micro(3)), Some(7));
        assert_eq!(Micro::read("0.75").map(|one| one.complement().micro()), Some(250_000));
        for text in ["", ".5", "-1", "1e3", "1.1234567", "1.2.3"] {
            assert_eq!(Micro::read(text), None, "{text}");
        }
    }
}
