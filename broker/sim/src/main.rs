//! The simulation's command line: `cargo sim -- --seeds 10000`, `--seed N --trace`, `--mutations`.

use std::io::Write;
use std::process::ExitCode;

use broker_sim::{Finished, KeepLines, Tally, world};
use clap::Parser;

/// Runs deterministic worlds and checks what Kafka promises in each.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Runs one seed only.
    #[arg(long, env = "SIM_SEED")]
    seed: Option<u64>,
    /// Prints everything that happened in the world of `--seed`.
    #[arg(long)]
    trace: bool,
    /// Worlds at the same time; one per processor where it is not said.
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    match args.seed {
        Some(seed) => one(seed, args.trace, &mut out),
        None => many(&args, &mut out),
    }
    .unwrap_or(ExitCode::FAILURE)
}

fn one(seed: u64, trace: bool, out: &mut impl Write) -> std::io::Result<ExitCode> {
    let finished = world::run(seed, if trace { KeepLines::Yes } else { KeepLines::No });
    for line in &finished.lines {
        writeln!(out, "{line}")?;
    }
    report(seed, &finished, out)?;
    writeln!(
        out,
        "seed {seed}: {:?} in its own time, {} polls, trace {:016x}",
        finished.time, finished.polls, finished.trace
    )?;
    Ok(if finished.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(seed: u64, finished: &Finished, out: &mut impl Write) -> std::io::Result<()> {
    for violation in &finished.violations {
        writeln!(out, "seed {seed}: {violation}")?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "seeds per second are measured in the time outside of all worlds")]
fn many(args: &Args, out: &mut impl Write) -> std::io::Result<ExitCode> {
    let began = std::time::Instant::now();
    let mut tally = Tally::default();
    let (mut violated, mut polls) = (0_u64, 0_u64);
    for seed in args.first..args.first.saturating_add(args.seeds) {
        let finished = world::run(seed, KeepLines::No);
        report(seed, &finished, out)?;
        violated += u64::from(!finished.violations.is_empty());
        polls += finished.polls;
        tally.add(&finished.tally);
    }
    let seconds = began.elapsed().as_secs_f64();
    writeln!(out, "{} seeds in {seconds:.1} s, {polls} polls, {violated} with violations", args.seeds)?;
    Ok(if violated == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
