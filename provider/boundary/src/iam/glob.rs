//! Matching of patterns against values when either holds something that is not known.
//!
//! Both sides are lists of tokens. [`compare`] answers yes when the pattern covers the value whatever its unknown parts are,
//! no when nothing that the unknown parts can be makes it match, maybe otherwise.

use crate::iam::limits;
use crate::iam::text::{Symbol, SymbolNature};
use crate::iam::truth::{Reason, Reasons, Truth};

/// A token of a pattern or of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Itself.
    Char(char),
    /// In a pattern any text, in a value *every* text (a set of resources).
    Star,
    /// In a pattern any character, in a value every character.
    Mark,
    /// An identifier that is not known yet.
    Symbol(Symbol),
    /// Some text that is not known, for this reason.
    Hole(Reason),
}

/// How characters compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Upper and lower case differ.
    Exact,
    /// Upper and lower case are the same.
    IgnoreCase,
}

/// The tokens of a value of a request: characters and symbols.
pub(crate) fn value_tokens(value: &str) -> Vec<Token> {
    tokens(value, false)
}

/// The tokens of a set of values, in which `*` and `?` stand for all texts and characters.
pub(crate) fn set_tokens(value: &str) -> Vec<Token> {
    tokens(value, true)
}

fn tokens(value: &str, wildcards: bool) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let symbol = rest.strip_prefix("${").and_then(|tail| tail.split_once('}'));
        if let Some((symbol, after)) = symbol.and_then(|(inner, after)| Some((Symbol::read(inner)?, after))) {
            tokens.push(Token::Symbol(symbol));
            rest = after;
            continue;
        }
        tokens.push(match first {
            '*' if wildcards => Token::Star,
            '?' if wildcards => Token::Mark,
            other => Token::Char(other),
        });
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    tokens
}

/// Whether `pattern` matches `value`.
pub(crate) fn compare(pattern: &[Token], value: &[Token], letters: Letters) -> Truth {
    if pattern.len() > limits::TEXT_CHARS_MAX || value.len() > limits::TEXT_CHARS_MAX {
        return Truth::unsupported("a value of more than 4096 characters");
    }
    if covers(pattern, value, letters) {
        return Truth::Yes;
    }
    let known = |token: &Token| matches!(token, Token::Char(_));
    if value.iter().all(known) && pattern.iter().all(|token| known(token) || matches!(token, Token::Star | Token::Mark))
    {
        return Truth::No;
    }
    if !meet(pattern, value, letters) {
        return Truth::No;
    }
    let mut reasons = Reasons::new();
    for (token, is_value) in pattern.iter().map(|t| (t, false)).chain(value.iter().map(|t| (t, true))) {
        match token {
            Token::Symbol(symbol) => {
                reasons.insert(symbol.reason());
            }
            Token::Hole(reason) => {
                reasons.insert(reason.clone());
            }
            Token::Star | Token::Mark if is_value => {
                reasons.insert(Reason::SomeResources);
            }
            _ => {}
        }
    }
    // Without anything unknown the two answers agree; a `*` in a value can only be met by part of what it stands for.
    if reasons.is_empty() { Truth::No } else { Truth::Maybe(reasons) }
}

/// Whether a text is nothing but characters and wildcards.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains("${")
}

/// Whether a plain pattern matches a plain text: what [`compare`] answers, without its tokens.
pub(crate) fn plain(pattern: &str, value: &str, letters: Letters) -> bool {
    let (mut patterns, mut values) = (pattern.chars(), value.chars());
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let at = values.clone();
        match (patterns.next(), values.next()) {
            (Some('*'), _) => {
                retry = Some((patterns.clone(), at.clone()));
                values = at;
            }
            (Some(p), Some(v)) if p == '?' || same(p, v, letters) => {}
            (None, None) => return true,
            _ => {
                let Some((after_star, mut from)) = retry.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                (patterns, values) = (after_star.clone(), from.clone());
                retry = Some((after_star, from));
            }
        }
    }
}

/// Whether two sets have a text in common, as far as can be known: no is certain.
pub(crate) fn meet(one: &[Token], other: &[Token], letters: Letters) -> bool {
    let flexible = |tokens: &[Token]| tokens.iter().any(is_flexible);
    let (one_flexible, other_flexible) = (flexible(one), flexible(other));
    // reach.get(j): the first i tokens of one and the first j of the other can be the same text.
    let mut reach = vec![false; other.len() + 1];
    for i in 0..=one.len() {
        let mut next = vec![false; other.len() + 1];
        let left = i.checked_sub(1).and_then(|i| one.get(i));
        for j in 0..=other.len() {
            let right = j.checked_sub(1).and_then(|j| other.get(j));
            let at = |row: &[bool], j: Option<usize>| j.and_then(|j| row.get(j)).copied().unwrap_or(false);
            let (up, corner) = (at(&reach, Some(j)), at(&reach, j.checked_sub(1)));
            let here = at(&next, j.checked_sub(1));
            let met = match (left, right) {
                (None, None) => true,
                (None, Some(r)) => here && may_be_empty(r),
                (Some(l), None) => up && may_be_empty(l),
                (Some(l), Some(r)) => {
                    (corner && alike(l, r, letters))
                        || (up && may_be_empty(l))
                        || (here && may_be_empty(r))
                        || ((here || corner) && takes(l, r, other_flexible))
                        || ((up || corner) && takes(r, l, one_flexible))
                }
            };
            if let Some(cell) = next.get_mut(j) {
                *cell = met;
            }
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

/// Whether a token leaves room for what AWS will assign. A symbol does where the other side has one for the whole ARN.
fn is_flexible(token: &Token) -> bool {
    match token {
        Token::Star | Token::Mark | Token::Hole(_) | Token::Symbol(_) => true,
        Token::Char(_) => false,
    }
}

/// Whether nothing may stand where this token is.
fn may_be_empty(token: &Token) -> bool {
    match token {
        Token::Star | Token::Hole(_) => true,
        Token::Symbol(symbol) => symbol.nature == SymbolNature::Anything,
        Token::Char(_) | Token::Mark => false,
    }
}

/// Whether two tokens can be one and the same piece of text.
fn alike(one: &Token, other: &Token, letters: Letters) -> bool {
    match (one, other) {
        (Token::Char(a), Token::Char(b)) => same(*a, *b, letters),
        (Token::Symbol(a), Token::Symbol(b)) => a.may_be(b),
        (Token::Mark, Token::Char(_) | Token::Mark) | (Token::Char(_), Token::Mark) => true,
        _ => false,
    }
}

/// Whether the text of `wide` can contain that of `narrow`, beside others.
fn takes(wide: &Token, narrow: &Token, others_flexible: bool) -> bool {
    match wide {
        Token::Star | Token::Hole(_) => true,
        Token::Symbol(symbol) => match (symbol.nature, narrow) {
            (SymbolNature::Anything, _) => true,
            // An ARN has identifiers in it, perhaps one that has a symbol of its own.
            (SymbolNature::AssignedArn, Token::Symbol(other)) => symbol.may_be(other) || is_identifier(other),
            // An identifier has neither of these in it.
            (SymbolNature::Assigned | SymbolNature::Environment, Token::Char(':' | '/')) => false,
            // What AWS will assign equals nothing that is written out, but may begin as a pattern does, and an ARN of an
            // assigned identifier has known parts.
            (SymbolNature::Assigned | SymbolNature::AssignedArn, Token::Char(_) | Token::Mark) => others_flexible,
            (SymbolNature::Environment, Token::Char(_) | Token::Mark) => true,
            (_, Token::Star | Token::Hole(_)) => true,
            (_, Token::Symbol(_)) => false,
        },
        Token::Char(_) | Token::Mark => false,
    }
}

fn is_identifier(symbol: &Symbol) -> bool {
    matches!(symbol.nature, SymbolNature::Assigned | SymbolNature::Environment)
}

/// Whether the pattern matches, whatever the value's unknown parts are.
fn covers(pattern: &[Token], value: &[Token], letters: Letters) -> bool {
    // The usual two-pointer match: a later `*` makes an earlier one's choice final.
    let (mut p, mut v) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(token) = value.get(v) {
        let step = match (pattern.get(p), token) {
            (Some(Token::Star), _) => {
                retry = Some((p, v));
                p += 1;
                continue;
            }
            (Some(Token::Mark), Token::Char(_) | Token::Mark) => true,
            (Some(Token::Char(a)), Token::Char(b)) => same(*a, *b, letters),
            (Some(Token::Symbol(a)), Token::Symbol(b)) => a == b,
            _ => false,
        };
        if step {
            p += 1;
            v += 1;
        } else if let Some((star, from)) = retry {
            p = star + 1;
            v = from + 1;
            retry = Some((star, from + 1));
        } else {
            return false;
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|token| *token == Token::Star))
}

fn same(one: char, other: char, letters: Letters) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one == other || (letters == Letters::IgnoreCase && one.eq_ignore_ascii_case(&other));
    }
    one == other || (letters == Letters::IgnoreCase && one.to_lowercase().eq(other.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, value: &str) -> Truth {
        compare(&set_tokens(pattern), &value_tokens(value), Letters::Exact)
    }

    #[test]
    fn stars_and_question_marks_match_as_documented() {
        for (pattern, value, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a?", "a", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*/test/*", "1/2/test/3", true),
            ("a?c", "abc", true),
            ("abc", "ABC", false),
        ] {
            assert_eq!(glob(pattern, value), Truth::of(expected), "{pattern} {value}");
        }
    }

    #[test]
    fn plain_texts_match_as_tokens_do() {
        let texts =
            ["", "a", "b", "ab", "a*", "*a", "a?b", "*", "?", "a*b*c", "abc", "aXbYc", "abcabc", "*abc", "??", "a**b"];
        for pattern in texts {
            for value in texts.iter().filter(|value| !value.contains(['*', '?'])) {
                assert_eq!(Truth::of(plain(pattern, value, Letters::Exact)), glob(pattern, value), "{pattern} {value}");
            }
        }
    }

    #[test]
    fn an_assigned_identifier_equals_no_literal_but_may_begin_as_a_pattern_does() {
        assert_eq!(glob("vpce-0abc", "${vpce:s3}"), Truth::No);
        assert_eq!(glob("${vpce:s3}", "vpce-0abc"), Truth::No);
        assert_eq!(glob("${vpce:s3}", "${vpce:s3}"), Truth::Yes);
        assert_eq!(glob("${vpce:s3}", "${vpce:kms}"), Truth::No);
        assert_eq!(glob("*", "${vpce:s3}"), Truth::Yes);
        assert!(matches!(glob("vpce-0*", "${vpce:s3}"), Truth::Maybe(_)));
        assert_eq!(glob("arn:aws:kms:*:222:key/*", "arn:aws:kms:eu:111:key/${key:data}"), Truth::No);
    }

    #[test]
    fn the_account_may_equal_any_literal() {
        assert!(matches!(glob("111122223333", "${account}"), Truth::Maybe(_)));
        assert_eq!(glob("${account}", "${account}"), Truth::Yes);
        assert_eq!(glob("x/111122223333", "y/${account}"), Truth::No);
    }

    #[test]
    fn a_set_is_covered_only_by_a_pattern_that_has_all_of_it() {
        let set = |pattern: &str, value: &str| compare(&set_tokens(pattern), &set_tokens(value), Letters::Exact);
        assert_eq!(set("b/*", "b/data/*"), Truth::Yes);
        assert_eq!(set("b/wal/*", "b/data/*"), Truth::No);
        assert_eq!(set("b/data/x*", "b/data/*"), Truth::maybe(Reason::SomeResources));
    }
}
