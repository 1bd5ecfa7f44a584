//! The emulated S3 does what the broker's store needs: it runs the suite that every store runs.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process;
use crate::suite::{Case, Outcome};
use crate::world::World;

/// The cases of this module.
pub const CASES: &[Case] = &[Case { name: "store::the_conformance_suite_passes_on_the_emulated_s3", run: conformance }];

/// The test of `broker-store` that takes its bucket from the environment.
const TEST: &str = "conformance::s3_conforms_where_a_bucket_is_given";
/// The suite lists over more than one page, and makes every object by itself.
const LIMIT: Duration = Duration::from_secs(300);

fn conformance(world: &World) -> Result<Outcome> {
    let Some(tests) = &world.binaries.store_tests else {
        return Ok(Outcome::Skipped("only `cargo verify` builds the tests that this case runs".to_owned()));
    };
    world.aws.create_bucket("conformance")?;
    let log = world.folder("conformance")?.join("log");
    let bucket = format!("{}/conformance", world.localstack.endpoint());
    let mut command = process::command(tests);
    command.args([TEST, "--exact", "--nocapture"]).env("RINGFENCE_TEST_S3", bucket);
    process::run_within(&mut command, &log, LIMIT)?;
    let output = std::fs::read_to_string(&log)?;
    ensure!(output.contains("1 passed") && !output.contains("skipped:"), "the suite did not run:\n{output}");
    Ok(Outcome::Passed)
}
