//! Organisation policies: what service and resource control policies leave of other permissions.

use crate::iam::layer::{Layer, Policies, Said, ask};
use crate::iam::request::Request;
use crate::iam::truth::{Reason, Truth};

/// Services whose resources resource control policies reach.
const COVERED_BY_RCP: &[&str] = &[
    "aoss",
    "cognito-identity",
    "cognito-idp",
    "dynamodb",
    "ecr",
    "kms",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
    "sts",
];

/// Services whose resources they do not reach; of all others nothing is said.
const NOT_COVERED_BY_RCP: &[&str] = &["autoscaling", "ec2", "events", "iam", "lambda", "ssm"];

/// The organisation policies above an account.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guardrails {
    /// There are none: the account is in no organisation, or is its management account.
    None,
    /// They could not be read.
    Unreadable,
    /// Of each level from the root down to the account: every level must allow.
    Levels(Vec<Policies>),
}

impl Guardrails {
    /// What service control policies say of a request, and what they leave open if they are not readable.
    ///
    /// "SCPs do not affect any service-linked role"; they affect the root user of member accounts, and only the organisation's
    /// own principals: neither services nor foreign accounts.
    pub(crate) fn ask_scp(&self, request: &Request) -> (Vec<Said>, Option<Truth>) {
        let Some(account) = request.caller.account() else { return (Vec::new(), None) };
        if request.caller.is_service_linked() {
            return (Vec::new(), None);
        }
        match self {
            Self::None => (Vec::new(), None),
            Self::Unreadable => {
                (Vec::new(), Some(Truth::maybe(Reason::ScpNotReadable { account: account.to_owned() })))
            }
            Self::Levels(levels) => (levels.iter().map(|level| ask(level, request, Layer::Scp)).collect(), None),
        }
    }

    /// What resource control policies say of a request, and what they leave open if they are not readable.
    ///
    /// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html> (they apply to callers of
    /// any account and to services, not to service-linked roles nor to `kms:RetireGrant`; services that support them are S3,
    /// STS, KMS, SQS, Secrets Manager and a few more).
    pub(crate) fn ask_rcp(&self, request: &Request) -> (Vec<Said>, Option<Truth>) {
        let service = request.action_lower();
        let service = service.split(':').next().unwrap_or_default();
        let covered = COVERED_BY_RCP.contains(&service);
        let exempt = request.caller.is_service_linked() || request.action.eq_ignore_ascii_case("kms:RetireGrant");
        if exempt || NOT_COVERED_BY_RCP.contains(&service) {
            return (Vec::new(), None);
        }
        match self {
            Self::None => (Vec::new(), None),
            // Newer services may have joined the list.
            Self::Levels(_) if !covered => {
                (Vec::new(), Some(Truth::unsupported("a resource control policy for this service")))
            }
            Self::Unreadable => {
                let account = request.resource_account.clone().unwrap_or_default();
                (Vec::new(), Some(Truth::maybe(Reason::RcpNotReadable { account })))
            }
            Self::Levels(levels) => (levels.iter().map(|level| ask(level, request, Layer::Rcp)).collect(), None),
        }
    }
}
