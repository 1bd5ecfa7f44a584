//! Numbers as Terraform has them: decimals of arbitrary precision, in one canonical form so that equal means equal.

use std::fmt;

use crate::limits::EXPONENT_MAX;

/// A number. `0.1` stays the decimal 0.1 and is never rounded to a binary fraction.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(Form);

/// Exactly one of these fits a given number: the first that represents it exactly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    Integer(i64),
    Float(f64),
    Decimal(String),
}

/// The text or the floating-point value is no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a number")]
pub struct NotANumber {
    text: String,
}

impl Number {
    /// Reads a decimal: sign, digits, fraction, exponent.
    ///
    /// # Errors
    /// When the text is anything else, or its exponent is beyond reason.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        let plain = expand(text).ok_or_else(|| NotANumber { text: text.chars().take(64).collect() })?;
        if let Ok(integer) = plain.parse() {
            return Ok(Self(Form::Integer(integer)));
        }
        match plain.parse::<f64>() {
            Ok(float) if float.is_finite() && exact(float) == plain => Ok(Self(Form::Float(float))),
            _ => Ok(Self(Form::Decimal(plain))),
        }
    }

    /// Takes a binary fraction at its exact value, as the wire sends it.
    pub(crate) fn from_binary(float: f64) -> Result<Self, NotANumber> {
        if !float.is_finite() {
            return Err(NotANumber { text: float.to_string() });
        }
        if float.fract() == 0.0 {
            return Self::parse(&exact(float));
        }
        Ok(Self(Form::Float(float)))
    }

    pub(crate) fn form(&self) -> &Form {
        &self.0
    }

    /// The number as an integer, when it is one and fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Form::Integer(integer) => Some(integer),
            Form::Float(_) | Form::Decimal(_) => None,
        }
    }

    /// The nearest binary fraction.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest one is what was asked for")]
            Form::Integer(integer) => *integer as f64,
            Form::Float(float) => *float,
            Form::Decimal(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether the number has no fraction.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Form::Integer(_) => true,
            Form::Float(float) => float.fract() == 0.0,
            Form::Decimal(text) => !text.contains('.'),
        }
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(Form::Integer(integer))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Integer(integer) => write!(f, "{integer}"),
            Form::Float(float) => f.write_str(&exact(*float)),
            Form::Decimal(text) => f.write_str(text),
        }
    }
}

/// All digits of a finite binary fraction; 1,074 places are enough for each of them.
fn exact(float: f64) -> String {
    let text = format!("{float:.1074}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The canonical text without exponent, leading or trailing zeros; nothing when it is no number.
fn expand(text: &str) -> Option<String> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let (whole, fraction) = split_at(&digits, point)?;
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.is_empty() && fraction.is_empty() {
        return Some("0".to_owned());
    }
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{dot}{fraction}"))
}

/// Splits digits at the decimal point, which may lie outside of them.
fn split_at(digits: &str, point: i64) -> Option<(String, String)> {
    if point < 0 {
        let zeros = usize::try_from(point.unsigned_abs()).ok()?;
        return Some((String::new(), "0".repeat(zeros) + digits));
    }
    let point = usize::try_from(point).ok()?;
    match digits.split_at_checked(point) {
        Some((whole, fraction)) => Some((whole.to_owned(), fraction.to_owned())),
        None => Some((digits.to_owned() + &"0".repeat(point - digits.len()), String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &str) -> String {
        Number::parse(input).unwrap().to_string()
    }

    #[test]
    fn equal_numbers_have_one_form() {
        assert_eq!(Number::parse("1e3").unwrap(), Number::from(1_000));
        assert_eq!(Number::parse("-0.0").unwrap(), Number::from(0));
        assert_eq!(Number::parse("00012.500").unwrap(), Number::from_binary(12.5).unwrap());
        assert_eq!(Number::parse("18446744073709551616").unwrap(), Number::from_binary(2f64.powi(64)).unwrap());
        assert_eq!(Number::from_binary(7.0).unwrap().as_i64(), Some(7));
    }

    #[test]
    fn a_decimal_keeps_its_digits() {
        assert_eq!(text("0.1"), "0.1");
        assert_eq!(text("1.25E-3"), "0.00125");
        assert_eq!(text("123456789012345678901234567890.5"), "123456789012345678901234567890.5");
        assert_ne!(Number::parse("0.1").unwrap(), Number::from_binary(0.1).unwrap());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for input in ["", "-", ".", "e1", "1e", "1e99999999", "0x1", "NaN", "inf", "1 ", "--1", "1_000"] {
            assert!(Number::parse(input).is_err(), "{input}");
        }
        assert!(Number::from_binary(f64::NAN).is_err());
        assert!(Number::from_binary(f64::INFINITY).is_err());
    }
}
