//! What the harness and an instance's init say to each other: one JSON value a line, orders on init's standard input,
//! events on its standard output. When the input ends, the harness is gone and the instance ends with it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything init needs to know; passed as its argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::host) struct Spec {
    /// Name the instance calls itself.
    pub(in crate::host) hostname: String,
    /// Folder outside, under which init makes its mount points and finds `user-data`.
    pub(in crate::host) folder: PathBuf,
    /// This program.
    pub(in crate::host) program: PathBuf,
    /// Folders to hide besides those that no stock system has: the checkout, caches, the home folder.
    pub(in crate::host) hidden: Vec<PathBuf>,
}

/// What the harness tells init.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::host) enum Order {
    /// Do not restart this unit when its process ends.
    Hold {
        /// The unit.
        unit: String,
    },
    /// Start this unit again, and restart it from now on as its file says.
    Start {
        /// The unit.
        unit: String,
    },
}

/// What init tells the harness.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::host) enum Event {
    /// Init runs; its process id as the machine outside sees it.
    Up {
        /// Process id outside.
        pid: i32,
    },
    /// A line on the console.
    Console {
        /// The line.
        line: String,
    },
    /// A line the user-data wrote to standard output or error.
    Output {
        /// The line.
        line: String,
    },
    /// The user-data ended.
    Booted {
        /// Exit code; 128 + signal when it was killed.
        code: i32,
    },
    /// A unit's process started.
    Started {
        /// The unit.
        unit: String,
        /// Its process id inside the instance.
        pid: i32,
        /// Settings of the unit that are in force.
        honoured: Vec<String>,
        /// Settings of the unit that are not, each with a reason.
        not_honoured: Vec<String>,
    },
    /// A unit's process ended.
    Ended {
        /// The unit.
        unit: String,
        /// Exit code; 128 + signal when it was killed.
        code: i32,
        /// Whether it will be started again.
        restarts: bool,
    },
    /// A line a unit wrote to standard output or error.
    Log {
        /// The unit.
        unit: String,
        /// The line.
        line: String,
    },
    /// An order was carried out.
    Done,
}
