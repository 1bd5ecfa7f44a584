//! The connection to AWS: one configuration, one HTTP client, a client per service on its first use.
//!
//! Invariant: nothing is sent before [`Aws::connect`], which asks STS once who is calling unless told not to.

use std::sync::OnceLock;

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use crate::{
    failure::{Answer, Failure},
    kafka::log::Logs,
    limits,
    names::{ACCOUNT_SYMBOL, Scope},
    settings::Settings,
};

/// Who is calling, as STS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// ARN of the session, user or root.
    pub arn: String,
    /// What `${aws:userid}` is for this caller.
    pub user_id: String,
}

impl Caller {
    /// What `aws:PrincipalArn` is for this caller: a session's role, without the role's path, which STS does not tell.
    pub fn principal_arn(&self) -> String {
        let parts: Vec<&str> = self.arn.splitn(6, ':').collect();
        let [arn, partition, "sts", region, account, resource] = parts.as_slice() else { return self.arn.clone() };
        match resource.split('/').collect::<Vec<_>>().as_slice() {
            ["assumed-role", role, ..] => format!("{arn}:{partition}:iam:{region}:{account}:role/{role}"),
            _ => self.arn.clone(),
        }
    }
}

/// A configured provider's view of AWS.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    settings: Settings,
    scope: Scope,
    caller: Option<Caller>,
    autoscaling: OnceLock<aws_sdk_autoscaling::Client>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    clusters: Logs,
}

/// Makes a lazily built client of one service.
macro_rules! service {
    ($(#[$doc:meta])* $name:ident, $krate:ident, $endpoint:literal) => {
        $(#[$doc])*
        pub fn $name(&self) -> &$krate::Client {
            self.$name.get_or_init(|| {
                let mut config = $krate::config::Builder::from(&self.config);
                config.set_endpoint_url(self.settings.endpoints.get($endpoint).cloned());
                $krate::Client::from_conf(config.build())
            })
        }
    };
}

impl Aws {
    /// Loads region and credentials and asks who is calling.
    ///
    /// # Errors
    /// No region, no credentials, an account that is not allowed.
    pub async fn connect(settings: Settings) -> Answer<Aws> {
        let config = load(&settings).await;
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(Failure::new(
                "no region is configured",
                "Set region in the provider block, or AWS_REGION in the environment, or region in the profile.",
            ));
        };
        let (account, caller) = match settings.skip_requesting_account_id {
            true => (ACCOUNT_SYMBOL.to_owned(), None),
            false => identity(&config, &settings).await?,
        };
        check_account(&settings, &account)?;
        Ok(Aws {
            scope: Scope::new(&region, &account),
            config,
            settings,
            caller,
            autoscaling: OnceLock::new(),
            ec2: OnceLock::new(),
            iam: OnceLock::new(),
            kms: OnceLock::new(),
            logs: OnceLock::new(),
            s3: OnceLock::new(),
            clusters: Logs::default(),
        })
    }

    /// Partition, region and account.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Who is calling, unless nobody was asked.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The provider block.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What signs the calls, for those that are made without the SDK.
    pub fn credentials(&self) -> Option<SharedCredentialsProvider> {
        self.config.credentials_provider()
    }

    /// The metadata logs that were opened since the provider was configured.
    pub(crate) fn logs_of_clusters(&self) -> &Logs {
        &self.clusters
    }

    service!(
        /// EC2 Auto Scaling.
        autoscaling, aws_sdk_autoscaling, "autoscaling"
    );
    service!(
        /// EC2.
        ec2, aws_sdk_ec2, "ec2"
    );
    service!(
        /// IAM.
        iam, aws_sdk_iam, "iam"
    );
    service!(
        /// KMS.
        kms, aws_sdk_kms, "kms"
    );
    service!(
        /// CloudWatch Logs.
        logs, aws_sdk_cloudwatchlogs, "logs"
    );

    /// S3.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            let mut config = aws_sdk_s3::config::Builder::from(&self.config);
            config.set_endpoint_url(self.settings.endpoints.get("s3").cloned());
            aws_sdk_s3::Client::from_conf(config.force_path_style(self.settings.s3_use_path_style).build())
        })
    }
}

async fn load(settings: &Settings) -> SdkConfig {
    let attempts = settings.max_retries.unwrap_or(limits::ATTEMPTS);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .operation_attempt_timeout(limits::ATTEMPT_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .timeout_config(timeouts);
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if settings.use_fips_endpoint {
        loader = loader.use_fips(true);
    }
    if settings.use_dualstack_endpoint {
        loader = loader.use_dual_stack(true);
    }
    let mut config = with_keys(loader, settings).load().await;
    for role in &settings.assume_role {
        config = assume(config, role, settings).await;
    }
    config
}

fn with_keys(loader: ConfigLoader, settings: &Settings) -> ConfigLoader {
    let (Some(access), Some(secret)) = (&settings.access_key, &settings.secret_key) else { return loader };
    let token = settings.token.as_ref().map(|t| t.expose().to_owned());
    loader.credentials_provider(Credentials::new(access, secret.expose(), token, None, "provider block"))
}

async fn assume(config: SdkConfig, role: &crate::settings::AssumeRole, settings: &Settings) -> SdkConfig {
    let session = role.session_name.as_deref().unwrap_or("terraform-provider-ringfence");
    let mut base = config.clone().into_builder();
    if let Some(url) = settings.endpoints.get("sts") {
        base = base.endpoint_url(url);
    }
    let mut builder =
        aws_config::sts::AssumeRoleProvider::builder(&role.role_arn).configure(&base.build()).session_name(session);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(builder.build().await);
    config.into_builder().credentials_provider(provider).build()
}

async fn identity(config: &SdkConfig, settings: &Settings) -> Answer<(String, Option<Caller>)> {
    let mut sts = aws_sdk_sts::config::Builder::from(config);
    sts.set_endpoint_url(settings.endpoints.get("sts").cloned());
    let client = aws_sdk_sts::Client::from_conf(sts.build());
    let answer = client.get_caller_identity().send().await;
    let identity = answer.map_err(|e| Failure::of("sts:GetCallerIdentity", "the configured credentials", e))?;
    let caller = Caller {
        arn: identity.arn().unwrap_or_default().into(),
        user_id: identity.user_id().unwrap_or_default().into(),
    };
    Ok((identity.account().unwrap_or(ACCOUNT_SYMBOL).into(), Some(caller)))
}

fn check_account(settings: &Settings, account: &str) -> Answer<()> {
    let allowed = &settings.allowed_account_ids;
    let refused = settings.forbidden_account_ids.iter().any(|id| id == account)
        || (!allowed.is_empty() && !allowed.iter().any(|id| id == account));
    if refused {
        return Err(Failure::new(
            format!("account {account} is not allowed by the provider block"),
            "The credentials belong to an account that allowed_account_ids does not list or forbidden_account_ids lists. \
             Use credentials of another account, or change the list.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_principal_of_a_session_is_its_role() {
        let principal = |arn: &str| Caller { arn: arn.into(), user_id: String::new() }.principal_arn();
        assert_eq!(principal("arn:aws:sts::123456789012:assumed-role/ci/run-7"), "arn:aws:iam::123456789012:role/ci");
        assert_eq!(principal("arn:aws:iam::123456789012:root"), "arn:aws:iam::123456789012:root");
        assert_eq!(principal("arn:aws:iam::123456789012:user/ann"), "arn:aws:iam::123456789012:user/ann");
    }

    #[test]
    fn accounts_outside_the_list_are_refused() {
        let settings = Settings { allowed_account_ids: vec!["123456789012".into()], ..Settings::default() };
        check_account(&settings, "123456789012").unwrap();
        assert!(check_account(&settings, "210987654321").unwrap_err().summary.contains("210987654321"));
    }
}
