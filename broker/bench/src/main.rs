//! The command behind `cargo broker-bench`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use broker_bench::args::Arguments;
use broker_bench::environment::Environment;
use broker_bench::programs::{self, Programs};
use broker_bench::report::{self, End, Measured};
use broker_bench::rows::{self, Run};
use broker_bench::specification::{FAILOVER, Row, Specification, select};
use broker_bench::statistics::spread;
use clap::Parser as _;

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("broker-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether no row failed.
fn measure(arguments: &Arguments) -> Result<bool> {
    let chosen = select(&arguments.rows)?;
    if arguments.list {
        chosen.iter().for_each(list);
        return Ok(true);
    }
    let programs = Programs {
        broker: built(arguments.broker.as_ref(), "broker-server", "ringfence-broker")?,
        double: built(arguments.double.as_ref(), "broker-s3double", "ringfence-s3double")?,
    };
    let folder = arguments
        .folder
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("ringfence-bench-{}", std::process::id())));
    let environment = Environment::look(broker_bench::client::version());
    report::print_head(&environment, arguments.minutes, arguments.runs);
    let mut rows: Vec<Measured> = Vec::new();
    for row in chosen {
        let measured = measure_row(row, &programs, &folder, arguments, &rows);
        measured.print();
        rows.push(measured);
        if let Some(path) = &arguments.json {
            let json = report::json(&environment, arguments.minutes, arguments.runs, &rows);
            std::fs::write(path, format!("{json:#}\n")).with_context(|| format!("write {}", path.display()))?;
        }
    }
    report::print_end(&rows);
    let passed = rows.iter().all(|row| row.end() != End::Failed);
    if passed && arguments.folder.is_none() {
        std::fs::remove_dir_all(&folder)?;
    } else {
        report::say(format_args!("logs are in {}", folder.display()));
    }
    Ok(passed)
}

fn built(given: Option<&PathBuf>, package: &str, program: &str) -> Result<PathBuf> {
    given.map_or_else(|| programs::build(package, program), |path| Ok(path.clone()))
}

fn measure_row(
    row: Specification,
    programs: &Programs,
    folder: &Path,
    arguments: &Arguments,
    earlier: &[Measured],
) -> Measured {
    let mut measured = Measured::new(row);
    let runs = arguments.runs.min(row.runs_max);
    measured.skipped = rows::unavailable(row.row);
    if measured.skipped.is_some() {
        return measured;
    }
    let one_killed = earlier.iter().find(|other| other.specification.row == Row::KillOne);
    let one_killed = one_killed.and_then(|other| spread(&other.values(FAILOVER))).map(|spread| spread.median);
    for number in 1..=runs {
        let run = Run {
            programs: programs.clone(),
            folder: folder.join(format!("{}-{number}", row.name)),
            seed: arguments.seed.saturating_add(u64::from(number)),
            log: arguments.log.clone(),
            window: Duration::from_secs_f64(arguments.minutes.max(0.01) * 60.0),
            label: format!("{} {number}/{runs}", row.name),
        };
        let sample = std::fs::create_dir_all(&run.folder).context("folder").and_then(|()| rows::run(row.row, &run));
        let sample = sample.and_then(|mut sample| {
            rows::compare(&row, &mut sample, one_killed)?;
            Ok(sample)
        });
        match sample {
            Ok(sample) => measured.samples.push(sample),
            Err(error) => measured.broken.push(format!("run {number}: {error:#}")),
        }
    }
    measured
}

fn list(row: &Specification) {
    report::say(format_args!("{}: {}", row.name, row.load));
    for target in row.targets {
        report::say(format_args!("    {:<32} {}", target.figure, target.bound));
    }
}
