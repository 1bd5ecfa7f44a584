//! The acceptance suite's cases, and the step protocol that resource cases follow.
//!
//! The protocol, as terraform-plugin-testing has it: plan, plan checks, apply, state checks, plan without refresh is empty, plan with
//! refresh is empty, import and verify, destroy and look. Every case acts in an account of its own, so cases may run at the same time.

pub mod bad_input;
pub mod boot;
pub mod broker;
pub mod doubles;
pub mod resources;
pub mod store;
pub mod topic;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::emulator::{self, Aws, Inventory};
use crate::terraform::{Plan, Refresh, Terraform};
use crate::world::{REGION, World};

/// One resource configuration under test, in an account of its own.
pub struct Stage {
    /// Its working directory.
    pub terraform: Terraform,
    /// The account as the emulator shows it.
    pub aws: Aws,
    endpoint: String,
    before: Inventory,
}

impl Stage {
    /// An empty working directory in a fresh account.
    ///
    /// # Errors
    /// When the scratch folder or the emulator fails.
    pub fn new(world: &World, name: &str) -> Result<Self> {
        let account = world.account();
        let aws = world.aws.as_account(&account);
        let before = aws.inventory()?;
        let terraform = world.terraform(name)?.in_account(&account);
        Ok(Self { terraform, aws, endpoint: world.localstack.endpoint(), before })
    }

    /// Sends all calls through another endpoint from the next configuration on.
    pub fn through(&mut self, endpoint: &str) {
        endpoint.clone_into(&mut self.endpoint);
    }

    /// Writes the provider's settings and `resources` as the configuration.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, resources: &str) -> Result<()> {
        let endpoint = &self.endpoint;
        let services = ["autoscaling", "ec2", "iam", "kms", "logs", "s3", "sts"];
        let endpoints: String = services.iter().map(|service| format!("    {service} = \"{endpoint}\"\n")).collect();
        self.terraform.write(&format!(
            "terraform {{\n  required_providers {{\n    ringfence = {{ source = \"ringfence/ringfence\" }}\n  }}\n}}\n\
             provider \"ringfence\" {{\n  region = \"{REGION}\"\n  manager = \"acceptance\"\n  s3_use_path_style = true\n  \
             endpoints = {{\n{endpoints}  }}\n}}\n{resources}"
        ))
    }

    /// One step: applies `resources` after `look` has seen the plan, then both plans must be empty.
    ///
    /// # Errors
    /// Where the protocol is broken.
    pub fn step(&self, resources: &str, look: impl FnOnce(&Plan) -> Result<()>) -> Result<()> {
        self.configure(resources)?;
        self.terraform.init()?;
        let plan = self.terraform.plan(Refresh::Yes)?;
        ensure!(!plan.is_empty, "the plan does nothing");
        look(&plan)?;
        self.terraform.apply_plan()?;
        self.expect_empty()
    }

    /// Neither plan does anything.
    ///
    /// # Errors
    /// With the changes that were planned.
    pub fn expect_empty(&self) -> Result<()> {
        for refresh in [Refresh::No, Refresh::Yes] {
            let plan = self.terraform.plan(refresh)?;
            ensure!(plan.is_empty, "the plan after apply ({refresh:?}) is not empty:\n{}", plan.changes());
        }
        Ok(())
    }

    /// Imports the object by `id` into an empty state beside this one, where `resource` describes it alone: nothing may be
    /// replaced, and after an apply every attribute is as here.
    ///
    /// # Errors
    /// Names the attributes that differ, or what would be replaced.
    pub fn import_verify(&self, world: &World, resource: &str, address: &str, id: &str) -> Result<()> {
        let beside = Self {
            terraform: world.terraform("import")?.in_account(self.terraform.account()),
            aws: self.aws.clone(),
            endpoint: self.endpoint.clone(),
            before: Inventory::new(),
        };
        beside.configure(resource)?;
        beside.terraform.init()?;
        beside.terraform.import(address, id)?;
        let plan = beside.terraform.plan(Refresh::Yes)?;
        ensure!(!plan.destroys(), "after the import of {address} by {id} it would be replaced:\n{}", plan.changes());
        beside.terraform.apply_plan()?;
        beside.expect_empty()?;
        let differing = differences(&self.terraform.attributes(address)?, &beside.terraform.attributes(address)?);
        ensure!(differing.is_empty(), "after the import of {address}:\n{}", differing.join("\n"));
        Ok(())
    }

    /// Destroys everything; only what `expected` names may be left.
    ///
    /// # Errors
    /// Lists what is left besides.
    pub fn destroy(&self, expected: impl Fn(&str) -> bool) -> Result<()> {
        self.terraform.destroy()?;
        ensure!(self.terraform.addresses()?.is_empty(), "the state is not empty after destroy");
        let left = emulator::added(&self.before, &self.aws.inventory()?);
        let unexpected: Vec<_> = left.iter().filter(|line| !expected(line)).collect();
        ensure!(unexpected.is_empty(), "left after destroy: {unexpected:?}");
        self.terraform.expect_no_secret()
    }

    /// What was made in the account since the case began.
    ///
    /// # Errors
    /// When the emulator refuses a listing.
    pub fn made(&self) -> Result<Vec<String>> {
        Ok(emulator::added(&self.before, &self.aws.inventory()?))
    }

    /// The account's root, as a principal.
    #[must_use]
    pub fn administrator(&self) -> String {
        format!("arn:aws:iam::{}:root", self.terraform.account())
    }
}

/// Attributes that differ, one a line.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return vec!["not objects".to_owned()];
    };
    let differing = before.keys().filter(|name| before.get(*name) != after.get(*name));
    differing.map(|name| format!("{name}: {:?} became {:?}", before.get(name), after.get(name))).collect()
}

/// A key that was scheduled for deletion is expected to be left.
#[must_use]
pub fn waits_for_deletion(line: &str) -> bool {
    line.contains("(PendingDeletion)")
}
