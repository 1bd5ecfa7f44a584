//! The provider block, validated: which account, as whom, and how AWS is reached.
//!
//! Invariant: a value of [`Settings`] needs no further checks; all problems of a block are reported together.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::limits;

/// Services that may have an endpoint of their own.
pub const SERVICES: [&str; 7] = ["autoscaling", "ec2", "iam", "kms", "logs", "s3", "sts"];

/// A role to assume on top of the first credentials; several form a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// Name of the session, seen in CloudTrail.
    pub session_name: Option<String>,
    /// External id that the role's trust policy demands.
    pub external_id: Option<String>,
}

/// The provider block.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The region; without it, the environment or the profile decides.
    pub region: Option<String>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// Access key, with `secret_key`.
    pub access_key: Option<String>,
    /// Secret key, with `access_key`.
    pub secret_key: Option<Secret>,
    /// Session token of temporary keys.
    pub token: Option<Secret>,
    /// Roles assumed one after the other.
    pub assume_role: Vec<AssumeRole>,
    /// Base URLs by service.
    pub endpoints: BTreeMap<String, String>,
    /// Buckets in the path instead of the host name.
    pub s3_use_path_style: bool,
    /// FIPS 140 endpoints.
    pub use_fips_endpoint: bool,
    /// IPv4 and IPv6 endpoints.
    pub use_dualstack_endpoint: bool,
    /// Attempts of one call; at least 1.
    pub max_retries: Option<u32>,
    /// The only accounts in which anything may be done; empty for all.
    pub allowed_account_ids: Vec<String>,
    /// Accounts in which nothing may be done.
    pub forbidden_account_ids: Vec<String>,
    /// Never ask STS which account this is.
    pub skip_requesting_account_id: bool,
    /// Tags of everything that has tags.
    pub default_tags: BTreeMap<String, String>,
    /// Who manages these resources, a repository's URL for instance: part of the owner tag and of log entries.
    pub manager: Option<String>,
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: &str) -> Secret {
        Secret(value.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One thing wrong with the provider block.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{problem}")]
pub struct BadSetting {
    /// The argument it is about.
    pub argument: &'static str,
    /// What is wrong and what to write instead.
    pub problem: String,
}

impl Settings {
    /// Everything that is wrong with it; empty when it can be used.
    pub fn problems(&self) -> Vec<BadSetting> {
        let mut found = Vec::new();
        let mut add = |argument, problem: String| found.push(BadSetting { argument, problem });
        if self.access_key.is_some() != self.secret_key.is_some() {
            add("access_key", "access_key and secret_key are given together or not at all".into());
        }
        if self.token.is_some() && self.access_key.is_none() {
            add("token", "token belongs to access_key and secret_key; give all three or none".into());
        }
        if self.access_key.is_some() && self.profile.is_some() {
            add("profile", "profile and access_key exclude each other; remove one".into());
        }
        for (service, url) in &self.endpoints {
            if !(url.starts_with("http://") || url.starts_with("https://")) {
                add(
                    "endpoints",
                    format!("endpoint {service} = {url:?} is not a URL; write http://HOST:PORT or https://HOST"),
                );
            }
        }
        for id in self.allowed_account_ids.iter().chain(&self.forbidden_account_ids) {
            if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
                add("allowed_account_ids", format!("{id:?} is not an account id: write its 12 digits as a string"));
            }
        }
        if !self.allowed_account_ids.is_empty() && self.skip_requesting_account_id {
            add(
                "skip_requesting_account_id",
                "allowed_account_ids cannot be checked with skip_requesting_account_id = true; remove one".into(),
            );
        }
        if self.max_retries.is_some_and(|n| n == 0 || n > limits::ATTEMPTS_MAX) {
            add("max_retries", format!("max_retries is from 1 to {}", limits::ATTEMPTS_MAX));
        }
        for role in &self.assume_role {
            if !role.role_arn.starts_with("arn:") {
                add("assume_role", format!("{:?} is not the ARN of a role", role.role_arn));
            }
        }
        found
    }

    /// The manager, as it stands in owner tags.
    pub fn manager(&self) -> &str {
        self.manager.as_deref().unwrap_or("terraform")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_of_a_block_are_reported_together() {
        let settings = Settings {
            access_key: Some("AKIA".into()),
            endpoints: BTreeMap::from([("s3".into(), "127.0.0.1:4566".into())]),
            allowed_account_ids: vec!["123".into()],
            skip_requesting_account_id: true,
            max_retries: Some(0),
            ..Settings::default()
        };
        let arguments: Vec<_> = settings.problems().into_iter().map(|p| p.argument).collect();
        assert_eq!(
            arguments,
            ["access_key", "endpoints", "allowed_account_ids", "skip_requesting_account_id", "max_retries"]
        );
        assert_eq!(Settings::default().problems(), []);
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = Settings { secret_key: Some(Secret::new("hunter2")), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
