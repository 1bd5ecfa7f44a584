//! At which await points processes were crashed, of how many there are.
//!
//! **What is counted.** A *site* is a line of the sources of `engine`, `metadata` or `store` that holds an `.await`, or
//! begins a `select!`: the places where a task can stand still. The sources are read and scanned as text; comments,
//! tests and files that only talk to AWS or serve tests are left out ([`LEFT_OUT`]). A site counts as *crashed at* when a
//! process was crashed while one of its tasks was suspended there: just before the task is dropped, its future is polled
//! once more in tokio's tracing mode, in which every primitive at the bottom answers "pending" and says so, and the call
//! stack from there up to the task names the line of each await on the way, by the debug information of this program.
//!
//! **What that leaves open.** A frame that the optimiser has merged with another site's is not told apart; two awaits on
//! one line are one site; futures inside a `FuturesUnordered` or a `buffered` stream are polled by those only when they
//! were woken, so that the sites inside them are seen only at such moments. An await that never suspends (an async function
//! that has nothing to wait for in that case) cannot be crashed at; such sites are named in [`NEVER_SUSPENDS`], each with
//! its reason, and are not part of the total.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::executor::PinnedTask;

/// One place where a task can stand still: the file below `broker/`, and the line.
pub type Site = (String, u32);

/// Files that no broker of a world runs: they talk to AWS, or serve tests.
pub const LEFT_OUT: [&str; 5] =
    ["store/src/s3", "store/src/conformance", "store/src/faults", "store/src/sign", "/tests"];

/// Sites that never suspend, by file and a piece of their line, with the reason.
pub const NEVER_SUSPENDS: [(&str, &str, &str); 0] = [];

/// All sites that there are.
///
/// # Errors
/// The sources are not where this program was built.
pub fn all_sites() -> std::io::Result<BTreeSet<Site>> {
    let broker = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sites = BTreeSet::new();
    for part in ["engine", "metadata", "store"] {
        let mut folders = vec![broker.join(part).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    scan(&path, &mut sites)?;
                }
            }
        }
    }
    Ok(sites)
}

/// The file as a site names it; none for files of other crates.
fn file_of(path: &Path) -> Option<String> {
    let text = path.to_string_lossy();
    let text = text.replace("/sim/../", "/");
    let (_, file) = text.rsplit_once("/broker/")?;
    let counted = ["engine/src/", "metadata/src/", "store/src/"].iter().any(|part| file.starts_with(part));
    (counted && !LEFT_OUT.iter().any(|left_out| file.contains(left_out))).then(|| file.to_owned())
}

fn scan(path: &PathBuf, sites: &mut BTreeSet<Site>) -> std::io::Result<()> {
    let Some(file) = file_of(path) else { return Ok(()) };
    let text = std::fs::read_to_string(path)?;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        if code.contains("#[cfg(test)]") {
            break;
        }
        let never = NEVER_SUSPENDS.iter().any(|(in_file, piece, _)| file.ends_with(in_file) && code.contains(piece));
        if (code.contains(".await") || code.contains("select! {")) && !never {
            sites.insert((file.clone(), number));
        }
    }
    Ok(())
}

/// Notes where a task waits that is about to be dropped.
#[cfg(not(feature = "await-points"))]
pub(crate) fn crashed(_task: PinnedTask<'_>) {}

#[cfg(feature = "await-points")]
pub(crate) use tracing_mode::crashed;
#[cfg(feature = "await-points")]
pub use tracing_mode::take;

/// The sites crashed at on this thread since this was last called: none where they are not recorded.
#[cfg(not(feature = "await-points"))]
#[must_use]
pub fn take() -> BTreeSet<Site> {
    BTreeSet::new()
}

#[cfg(feature = "await-points")]
mod tracing_mode {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};
    use std::ffi::c_void;
    use std::task::Context;

    use super::{PinnedTask, Site, file_of};

    thread_local! {
        static SEEN: RefCell<BTreeSet<Site>> = const { RefCell::new(BTreeSet::new()) };
        /// What an address stands for, with all that was inlined there.
        static KNOWN: RefCell<BTreeMap<usize, Vec<Site>>> = const { RefCell::new(BTreeMap::new()) };
    }

    /// Notes where a task waits that is about to be dropped.
    pub(crate) fn crashed(task: PinnedTask<'_>) {
        let waker = futures::task::noop_waker();
        let mut addresses = BTreeSet::new();
        tokio::runtime::dump::trace_with(
            || {
                let _pending = task.poll(&mut Context::from_waker(&waker));
            },
            |_leaf| {
                backtrace::trace(|frame| {
                    addresses.insert(frame.ip().addr());
                    true
                });
            },
        );
        KNOWN.with_borrow_mut(|known| {
            SEEN.with_borrow_mut(|seen| {
                for address in addresses {
                    let sites = known.entry(address).or_insert_with(|| sites_of(address));
                    for site in sites {
                        if !seen.contains(site) {
                            seen.insert(site.clone());
                        }
                    }
                }
            });
        });
    }

    fn sites_of(address: usize) -> Vec<Site> {
        let mut sites = Vec::new();
        // A return address is that of the instruction after the call.
        backtrace::resolve(std::ptr::without_provenance_mut::<c_void>(address.saturating_sub(1)), |symbol| {
            if let (Some(path), Some(line)) = (symbol.filename(), symbol.lineno())
                && let Some(file) = file_of(path)
            {
                sites.push((file, line));
            }
        });
        sites
    }

    /// The sites crashed at on this thread since this was last called.
    #[must_use]
    pub fn take() -> BTreeSet<Site> {
        SEEN.take()
    }
}
