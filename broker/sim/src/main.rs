//! The simulation's command line: `cargo sim -- --seeds 10000`, `--seed N --trace`, `--mutations`.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
#[cfg(feature = "mutations")]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use broker_sim::await_points::{self, Site};
use broker_sim::{Fault, Finished, KeepLines, Tally, world};
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
    /// Switches each deliberate mistake on in turn; `--seeds` is the budget of each.
    #[arg(long)]
    mutations: bool,
    /// Only mistakes (or worlds aimed at mistakes) whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Runs the worlds aimed at mistakes without making them.
    #[arg(long)]
    unmutated: bool,
    /// Prints the await points that no process was crashed at.
    #[arg(long)]
    list_await_points: bool,
}

impl Args {
    fn jobs(&self) -> usize {
        self.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1)
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = std::io::stdout();
    let ended = match args.seed {
        _ if args.mutations || args.unmutated => mutations(&args, &mut out),
        Some(seed) => one(seed, &args, &mut out),
        None => many(&args, &mut out),
    };
    ended.unwrap_or(ExitCode::FAILURE)
}

fn one(seed: u64, args: &Args, out: &mut impl Write) -> std::io::Result<ExitCode> {
    let finished = world::run(seed, if args.trace { KeepLines::Yes } else { KeepLines::No });
    show(&format!("seed {seed}"), &finished, out)
}

fn show(name: &str, finished: &Finished, out: &mut impl Write) -> std::io::Result<ExitCode> {
    for line in &finished.lines {
        writeln!(out, "{line}")?;
    }
    report(name, finished, out)?;
    let Finished { time, polls, trace, .. } = finished;
    writeln!(out, "{name}: {time:?} in its own time, {polls} polls, trace {trace:016x}")?;
    Ok(if finished.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(name: &str, finished: &Finished, out: &mut impl Write) -> std::io::Result<()> {
    for violation in finished.violations.iter().take(3) {
        writeln!(out, "{name}: {violation}")?;
    }
    Ok(())
}

/// What the worlds of one thread have come to.
struct Share {
    seed: u64,
    finished: Finished,
    crashed_at: BTreeSet<Site>,
}

#[expect(clippy::disallowed_methods, reason = "seeds per second are measured in the time outside of all worlds")]
fn many(args: &Args, out: &mut impl Write) -> std::io::Result<ExitCode> {
    let began = std::time::Instant::now();
    let jobs = args.jobs();
    let next = AtomicU64::new(args.first);
    let end = args.first.saturating_add(args.seeds);
    let (told, shares) = mpsc::sync_channel(64);
    let mut tally = Tally::default();
    let (mut violated, mut polls, mut ran) = (0_u64, 0_u64, 0_u64);
    let mut crashed_at = BTreeSet::new();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (told, next) = (told.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let finished = world::run(seed, KeepLines::No);
                    if told.send(Share { seed, finished, crashed_at: await_points::take() }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(told);
        for share in shares {
            report(&format!("seed {}", share.seed), &share.finished, out)?;
            violated += u64::from(!share.finished.violations.is_empty());
            polls += share.finished.polls;
            ran += 1;
            tally.add(&share.finished.tally);
            crashed_at.extend(share.crashed_at);
        }
        std::io::Result::Ok(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    for fault in Fault::ALL {
        writeln!(out, "{:>9} × {fault:?}", tally.of(fault))?;
    }
    let seconds_of_cores = seconds * f64::from(u32::try_from(jobs).unwrap_or(1));
    #[expect(clippy::cast_precision_loss, reason = "for human eyes")]
    let (rate, rate_of_core) = (ran as f64 / seconds, ran as f64 / seconds_of_cores);
    writeln!(
        out,
        "{ran} seeds in {seconds:.1} s: {rate:.1} seeds/s, {rate_of_core:.1} per core; {polls} polls; {violated} with violations"
    )?;
    let complete = await_points_of(args, &crashed_at, out)?;
    Ok(if violated == 0 && complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints how many await points processes were crashed at; whether that is all.
fn await_points_of(args: &Args, crashed_at: &BTreeSet<Site>, out: &mut impl Write) -> std::io::Result<bool> {
    if cfg!(not(feature = "await-points")) {
        writeln!(out, "await points crashed at: not recorded by this build")?;
        return Ok(true);
    }
    let all = await_points::all_sites()?;
    let missed: Vec<&Site> = all.iter().filter(|site| !crashed_at.contains(*site)).collect();
    if args.list_await_points {
        for (file, line) in &missed {
            writeln!(out, "never crashed at {file}:{line}")?;
        }
        for (file, line) in crashed_at.iter().filter(|site| !all.contains(*site)) {
            writeln!(out, "crashed at {file}:{line}, which is no site")?;
        }
    }
    writeln!(out, "await points crashed at: {} / {}", all.len() - missed.len(), all.len())?;
    Ok(missed.is_empty())
}

#[cfg(not(feature = "mutations"))]
fn mutations(_args: &Args, out: &mut impl Write) -> std::io::Result<ExitCode> {
    writeln!(out, "this build has no mistakes: run it by `cargo sim`")?;
    Ok(ExitCode::FAILURE)
}

#[cfg(feature = "mutations")]
fn mutations(args: &Args, out: &mut impl Write) -> std::io::Result<ExitCode> {
    use broker_store::mutation::Mutation;

    let wanted = |mutation: &Mutation| {
        args.only.as_ref().is_none_or(|only| format!("{mutation:?}").to_lowercase().contains(&only.to_lowercase()))
    };
    let all: Vec<Mutation> = Mutation::ALL.into_iter().filter(wanted).collect();
    let next = AtomicUsize::new(0);
    let (told, tried) = mpsc::sync_channel(64);
    let mut escaped = 0;
    thread::scope(|scope| {
        for _ in 0..args.jobs().min(all.len()) {
            let (told, next, all) = (told.clone(), &next, &all);
            scope.spawn(move || {
                while let Some(mutation) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if told.send(mutate(args, *mutation)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(told);
        for tried in tried {
            let (text, is_well) = tried?;
            out.write_all(&text)?;
            out.flush()?;
            escaped += u32::from(!is_well);
        }
        std::io::Result::Ok(())
    })?;
    Ok(if escaped == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes one mistake, or runs its worlds without it; what there is to print, and whether all is as it should be.
#[cfg(feature = "mutations")]
fn mutate(args: &Args, mutation: broker_store::mutation::Mutation) -> std::io::Result<(Vec<u8>, bool)> {
    use broker_sim::mutations::{catch, run};

    let name = format!("{mutation:?}");
    let mut out = Vec::new();
    let mut is_well = true;
    if args.unmutated || args.seed.is_some() {
        let made = (!args.unmutated).then_some(mutation);
        let lines = if args.trace { KeepLines::Yes } else { KeepLines::No };
        let seeds = args.seed.map_or(args.first..args.first.saturating_add(args.seeds), |seed| seed..seed + 1);
        let mut polls = 0;
        for seed in seeds {
            let finished = run(mutation, seed, made, lines);
            polls += finished.polls;
            if args.seed.is_some() {
                show(&format!("{name} seed {seed}"), &finished, &mut out)?;
            } else {
                report(&format!("{name} seed {seed}"), &finished, &mut out)?;
            }
            is_well &= !args.unmutated || finished.violations.is_empty();
        }
        writeln!(out, "{name:<30} {polls} polls")?;
        return Ok((out, is_well));
    }
    let fate = catch(mutation, args.seeds);
    match &fate.caught {
        Some((seed, violation)) => {
            let what: String = violation.what.chars().take(110).collect();
            let (invariant, seeds) = (violation.invariant.name(), fate.seeds);
            writeln!(out, "{name:<30} {invariant:<32} {seeds:>5} seeds (seed {seed}) {what}")?;
        }
        None => {
            is_well = false;
            writeln!(out, "{name:<30} NOT CAUGHT in {} seeds, could be made {} times", fate.seeds, fate.struck)?;
        }
    }
    Ok((out, is_well))
}
