//! The command line, as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};

use crate::output::sentence::REASONS;

/// Reviews what a Terraform plan does to the boundary around Kafka's data: which data lives where, under which key, who
/// can read or administer it, over which paths, for how long, at what cost - and what proves it.
///
/// Every question has one answer for each thing it is asked of: proved, violated (with a witness), unknown (with the
/// reason) or excluded (with who approved it). Nothing is sent anywhere, and nothing but the named files is read.
#[derive(Debug, Parser)]
#[command(name = "ringfence", version, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  terraform plan -out plan.bin && terraform show -json plan.bin > plan.json
  ringfence accept --plan plan.json                          write a first contract, boundary.hcl
  ringfence review --plan plan.json --contract boundary.hcl --markdown comment.md --sarif out.sarif
  ringfence explain --plan plan.json --contract boundary.hcl reads-now

Exit codes of review and scorecard:
  0   all is proved or excluded, or what is unknown is allowed
  2   something is violated
  3   something is unknown
  4   nothing is violated or unknown, but evidence is stale
  64  the command line or an input file is wrong: nothing was written
  70  this program or the machine failed: nothing was written";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers every question about a plan, and writes reports.
    Review(ReviewArguments),
    /// Shows one finding: its witness statement by statement, and the facts behind it.
    Explain(ExplainArguments),
    /// Writes a contract that approves what the plan makes, for people to read as a diff and complete.
    Accept(AcceptArguments),
    /// Writes the ten answers of a review packet; every sentence names its evidence.
    Packet(TextArguments),
    /// Shows the gates: the same questions in three groupings.
    Scorecard(TextArguments),
}

/// What is reviewed, and against what.
#[derive(Clone, Debug, Args)]
pub struct Inputs {
    /// The plan, as `terraform show -json` prints it.
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,
    /// The folder of the root module: gives findings their lines, and values that the plan leaves open. Without it the
    /// plan's folder, if there are .tf files in it.
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// The contract: what people approve. Without it nothing is approved.
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,
    /// The day that expiry days are compared with, such as 2027-01-31. Without it today, in UTC.
    #[arg(long, value_name = "DAY")]
    pub now: Option<jiff::civil::Date>,
}

/// The arguments of `review`.
#[derive(Debug, Args)]
pub struct ReviewArguments {
    /// What is reviewed.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Reasons for which an unknown answer does not fail the review; a list with commas.
    #[arg(long, value_name = "REASONS", value_delimiter = ',', value_parser = PossibleValuesParser::new(REASONS))]
    pub allow_unknown: Vec<String>,
    /// Writes a comment for the pull request, of at most 65,536 characters.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Writes SARIF 2.1.0 for code scanning; results point into the configuration.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Writes the whole report as one page, with the zones drawn and all evidence.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes everything as JSON for scripts; two runs on one plan are byte-identical.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes OSCAL assessment results.
    #[arg(long, value_name = "FILE")]
    pub oscal: Option<PathBuf>,
}

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// What is reviewed.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The finding: its identifier or the beginning of one, a question's name, or "QUESTION SUBJECT".
    pub finding: String,
}

/// The arguments of `accept`.
#[derive(Debug, Args)]
pub struct AcceptArguments {
    /// What is accepted. With --contract, what it says stays, and what the plan adds is added.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where the contract is written. Without it over the one of --contract, else to boundary.hcl.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Who accepts the ways in which administrators could become readers. Without it they are not accepted.
    #[arg(long, value_name = "NAME", requires = "expires")]
    pub approved_by: Option<String>,
    /// Until which day they are accepted.
    #[arg(long, value_name = "DAY", requires = "approved_by")]
    pub expires: Option<jiff::civil::Date>,
}

/// The arguments of commands that print one text.
#[derive(Debug, Args)]
pub struct TextArguments {
    /// What is reviewed.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where the text is written. Without it, it is printed.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every line of a text that calls the program, up to what a shell does with it.
    fn calls(text: &str) -> Vec<Vec<String>> {
        let lines = text.lines().map(|line| line.trim_start_matches("  ").trim());
        let calls = lines
            .filter_map(|line| line.find("ringfence ").filter(|at| *at == 0).and_then(|_| line.split(" || ").next()));
        calls
            .map(|call| call.split_whitespace().take_while(|word| !word.starts_with('#')).map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_the_example_calls_is_understood() {
        let files = [
            include_str!("../../../examples/pull-request-review/boundary-review.yml"),
            include_str!("../../../examples/pull-request-review/README.md"),
        ];
        let calls: Vec<Vec<String>> = files.iter().flat_map(|text| calls(text)).collect();
        assert_eq!(calls.len(), 2, "{calls:?}");
        for call in calls {
            Arguments::try_parse_from(&call).unwrap_or_else(|error| panic!("{call:?}: {error}"));
        }
    }
}
