//! ARNs: six parts between colons, of which the last may hold more colons.

use crate::iam::glob::{Letters, Token, compare, is_plain, plain};
use crate::iam::truth::Truth;

/// The parts of an ARN as tokens.
pub(crate) type Segments<'a> = Vec<&'a [Token]>;

/// Cuts tokens at their first five colons.
pub(crate) fn segments(tokens: &[Token]) -> Segments<'_> {
    tokens.splitn(6, |token| *token == Token::Char(':')).collect()
}

/// Whether an ARN pattern matches an ARN, each of the six parts separately.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>
/// ("each of the six colon-delimited components of the ARN is checked separately").
pub(crate) fn compare_arn(pattern: &[Token], value: &[Token]) -> Truth {
    let (patterns, values) = (segments(pattern), segments(value));
    if patterns.len() == 6 && values.len() == 6 {
        return Truth::all(patterns.iter().zip(&values).map(|(p, v)| compare(p, v, Letters::Exact)));
    }
    let opaque = |tokens: &[Token]| tokens.iter().any(|token| !matches!(token, Token::Char(_)));
    if *pattern == [Token::Star] {
        return Truth::Yes;
    }
    // `${aws_s3_bucket.data.arn}/*` and the ARN of an object in the same bucket.
    let same_symbol =
        matches!((pattern.first(), value.first()), (Some(Token::Symbol(a)), Some(Token::Symbol(b))) if a == b);
    if same_symbol {
        return compare(pattern, value, Letters::Exact);
    }
    // A part of the ARN may hide in what is not known or in a pattern's `*`.
    if opaque(value) || patterns.len() < 6 {
        return match compare(pattern, value, Letters::Exact) {
            Truth::No => Truth::No,
            Truth::Yes if values.len() < 6 => Truth::unsupported("a value that is not a whole ARN"),
            Truth::Yes => Truth::unsupported("an ARN pattern of fewer than six parts"),
            maybe @ Truth::Maybe(_) => maybe,
        };
    }
    Truth::No
}

/// The same for a plain pattern of six parts and a plain ARN; nothing if they are not.
pub(crate) fn compare_plain_arn(pattern: &str, value: &str) -> Option<bool> {
    if !is_plain(pattern) || !is_plain(value) {
        return None;
    }
    let (mut patterns, mut values) = (pattern.splitn(6, ':'), value.splitn(6, ':'));
    let (patterns, values): ([_; 6], [_; 6]) =
        (std::array::from_fn(|_| patterns.next()), std::array::from_fn(|_| values.next()));
    if patterns.contains(&None) || values.contains(&None) {
        return None;
    }
    let mut parts = patterns.iter().flatten().zip(values.iter().flatten());
    Some(parts.all(|(pattern, value)| plain(pattern, value, Letters::Exact)))
}

/// The parts of a written ARN: partition, service, region, account, resource.
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN. A colon inside a symbol `${account:x}` separates nothing.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let mut parts = Vec::with_capacity(6);
        let (mut start, mut inside) = (0, false);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'{' => inside = true,
                b'}' => inside = false,
                b':' if !inside && parts.len() < 5 => {
                    parts.push(text.get(start..at)?);
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(text.get(start..)?);
        let [prefix, partition, service, _, account, resource] = parts.as_slice() else { return None };
        (*prefix == "arn").then_some(Self { partition, service, account, resource })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::glob::{set_tokens, value_tokens};

    #[test]
    fn a_star_does_not_leave_its_part() {
        // The example of the documentation page cited above.
        let pattern = set_tokens("arn:aws:someservice:*:111122223333:finance/*");
        let value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
        assert_eq!(compare_arn(&pattern, &value_tokens(value)), Truth::No);
    }

    #[test]
    fn colons_of_symbols_do_not_separate() {
        let arn = Arn::read("arn:${partition}:kms:eu-west-1:${account:x}:key/${key:data}").unwrap();
        assert_eq!((arn.partition, arn.account, arn.resource), ("${partition}", "${account:x}", "key/${key:data}"));
    }
}
