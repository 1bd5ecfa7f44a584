//! Symbols in policy templates: `${key:data}`, `${vpce:s3}`, `${account}`.
//!
//! IAM's own policy variables (`${aws:SourceVpc}`) look alike and pass through untouched.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::names::ACCOUNT_SYMBOL;

/// The symbol of a key's ARN.
pub fn key(purpose: &str) -> String {
    format!("${{key:{purpose}}}")
}

/// The symbol of an endpoint's id.
pub fn vpce(name: &str) -> String {
    format!("${{vpce:{name}}}")
}

/// A symbol that nothing was given for.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the policy template still holds {symbol}, for which no value is known")]
pub struct Unfilled {
    /// The symbol, with its braces.
    pub symbol: String,
}

/// The values that stand in for symbols.
#[derive(Clone, Debug, Default)]
pub struct Symbols(BTreeMap<String, String>);

impl Symbols {
    /// Only the account, which every template may hold.
    pub fn of_account(account: &str) -> Symbols {
        Symbols::default().with(ACCOUNT_SYMBOL, account)
    }

    /// One more value.
    #[must_use]
    pub fn with(mut self, symbol: &str, value: &str) -> Symbols {
        self.0.insert(symbol.into(), value.into());
        self
    }

    /// The template with every symbol replaced.
    ///
    /// # Errors
    /// [`Unfilled`] when a symbol has no value.
    pub fn fill(&self, template: &str) -> Result<String, Unfilled> {
        let mut filled = template.to_owned();
        for (symbol, value) in &self.0 {
            if value != symbol {
                filled = filled.replace(symbol, value);
            }
        }
        match first_symbol(&filled) {
            Some(symbol) => Err(Unfilled { symbol }),
            None => Ok(filled),
        }
    }
}

fn first_symbol(text: &str) -> Option<String> {
    for (start, _) in text.match_indices("${") {
        let rest = text.get(start..)?;
        let symbol = rest.get(..=rest.find('}')?)?;
        if symbol == ACCOUNT_SYMBOL || symbol.starts_with("${key:") || symbol.starts_with("${vpce:") {
            return Some(symbol.into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_replaced_and_policy_variables_are_left() {
        let symbols = Symbols::of_account("1").with(&key("data"), "arn:k").with(&vpce("s3"), "vpce-1");
        let template = "${account} ${key:data} ${vpce:s3} ${aws:userid}";
        assert_eq!(symbols.fill(template).unwrap(), "1 arn:k vpce-1 ${aws:userid}");
    }

    #[test]
    fn a_symbol_without_a_value_is_an_error_that_names_it() {
        let error = Symbols::of_account("1").fill("x ${aws:userid} ${key:data}").unwrap_err();
        assert_eq!(error.symbol, "${key:data}");
        let error = Symbols::of_account(ACCOUNT_SYMBOL).fill("${account}").unwrap_err();
        assert_eq!(error.symbol, "${account}");
    }
}
