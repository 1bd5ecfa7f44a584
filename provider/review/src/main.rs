//! `ringfence`.

use std::{
    io::{self, Write as _},
    panic::catch_unwind,
    process::ExitCode,
};

use clap::Parser as _;
use provider_review::{
    args::Arguments,
    exit::{OWN_FAILURE, USAGE},
    run::run,
};

fn main() -> ExitCode {
    // What panics has said so on standard error.
    catch_unwind(start).unwrap_or_else(|_| ExitCode::from(OWN_FAILURE))
}

fn start() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(asked) => {
            // Where standard output is closed there is nobody to tell.
            let _ = asked.print();
            return if asked.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    match run(&arguments.command, today) {
        Ok(done) => {
            let _ = io::stdout().write_all(done.printed.as_bytes());
            ExitCode::from(done.code)
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "ringfence: {error}");
            ExitCode::from(error.code())
        }
    }
}
