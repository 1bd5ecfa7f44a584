//! The suite's own stand-ins do what the other cases rely on.

use anyhow::{Result, ensure};

use crate::denial::{Denial, REQUEST_ID};
use crate::http;
use crate::suite::{Case, Outcome};
use crate::world::World;

/// The cases of this module.
pub const CASES: &[Case] = &[
    Case { name: "doubles::the_proxy_refuses_what_it_is_told_and_passes_the_rest", run: proxy },
    Case { name: "doubles::the_inventory_shows_what_is_made_and_nothing_of_other_accounts", run: inventory },
];

fn proxy(world: &World) -> Result<Outcome> {
    let denial = Denial::start(world.localstack.address(), &["kms:CreateKey", "s3:CreateBucket"])?;
    let address = denial.endpoint().replace("http://", "");
    let aws = crate::emulator::Aws::new(address.clone(), crate::world::REGION).as_account(&world.account());
    let refused =
        aws.json("kms", "TrentService.CreateKey", &serde_json::json!({})).err().map(|error| format!("{error:#}"));
    ensure!(refused.as_deref().is_some_and(|text| text.contains("AccessDeniedException")), "{refused:?}");
    let refused = aws.create_bucket("never-made").err().map(|error| format!("{error:#}"));
    ensure!(refused.as_deref().is_some_and(|text| text.contains(REQUEST_ID)), "{refused:?}");
    aws.json("kms", "TrentService.ListKeys", &serde_json::json!({}))?;
    ensure!(http::get(&address, "/_localstack/health")?.status() == Some(200));
    ensure!(denial.refused() == ["kms:CreateKey", "s3:CreateBucket"], "{:?}", denial.refused());
    Ok(Outcome::Passed)
}

fn inventory(world: &World) -> Result<Outcome> {
    let (one, other) = (world.aws.as_account(&world.account()), world.aws.as_account(&world.account()));
    let before = one.inventory()?;
    one.create_bucket("inventory-one")?;
    other.create_bucket("inventory-other")?;
    one.json("kms", "TrentService.CreateKey", &serde_json::json!({}))?;
    let added = crate::emulator::added(&before, &one.inventory()?);
    ensure!(added.len() == 2 && added.contains(&"bucket inventory-one".to_owned()), "{added:?}");
    ensure!(added.iter().any(|line| line.starts_with("key ") && line.ends_with("(Enabled)")), "{added:?}");
    Ok(Outcome::Passed)
}
