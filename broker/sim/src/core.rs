//! What every part of a world shares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::bucket::Request;
use crate::clock::WorldClock;
use crate::executor::{Executor, ProcessId, Strike, WORLD};
use crate::fault::{Fault, Tally};
use crate::invariant::{Invariant, Violation};
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::random::Random;

/// Violations of one world that are kept.
const VIOLATIONS_MAX: usize = 20;

/// A broker's place in the world: it stays when its process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub usize);

/// What a broker is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The other brokers.
    Peer,
    /// The metadata bucket.
    Metadata,
    /// The data bucket.
    Data,
    /// Clients.
    Client,
}

/// The world's shared parts.
#[derive(Debug)]
pub struct Core {
    /// Runs everything.
    pub executor: Executor,
    /// The true time.
    pub clock: WorldClock,
    /// What this world is like.
    pub plan: Plan,
    /// Everything in flight in the stores lands at once when this is cancelled.
    pub landing: CancellationToken,
    random: Mutex<Random>,
    ledger: Mutex<Ledger>,
    notes: Mutex<Notes>,
}

/// Something happens to the first process that sends a request of a kind.
#[derive(Debug)]
struct Trap {
    request: Request,
    strike: Strike,
    /// Told who was caught.
    sprung: oneshot::Sender<(Slot, ProcessId)>,
}

#[derive(Debug, Default)]
struct Notes {
    tally: Tally,
    cuts: BTreeSet<(Slot, Link)>,
    /// The process that runs in each slot.
    running: BTreeMap<Slot, ProcessId>,
    /// Brokers to which something was done that may get them fenced.
    unwell: BTreeSet<Slot>,
    /// No faults are drawn any more.
    healed: bool,
    /// When that was.
    healed_at: Option<Duration>,
    violations: Vec<Violation>,
    traps: Vec<Trap>,
    trace: u64,
    lines: Option<Vec<String>>,
}

impl Core {
    /// The shared parts of a world with this plan.
    #[must_use]
    pub fn new(plan: Plan, random: Random, executor: Executor, clock: WorldClock, keeps_lines: KeepLines) -> Arc<Self> {
        let lines = (keeps_lines == KeepLines::Yes).then(Vec::new);
        Arc::new(Self {
            executor,
            clock,
            plan,
            landing: CancellationToken::new(),
            random: Mutex::new(random),
            ledger: Mutex::new(Ledger::default()),
            notes: Mutex::new(Notes { lines, ..Notes::default() }),
        })
    }

    /// The world's random numbers.
    pub fn random(&self) -> MutexGuard<'_, Random> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was written, acknowledged and seen.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a fault has struck.
    pub fn strike(&self, fault: Fault) {
        self.notes().tally.strike(fault);
    }

    /// Whether a fault strikes that does so a few times in a thousand; noted if it does.
    pub fn strikes(&self, fault: Fault, per_mille: u64) -> bool {
        let strikes = per_mille > 0 && !self.is_healed() && self.random().per_mille(per_mille);
        if strikes {
            self.strike(fault);
        }
        strikes
    }

    /// Cuts a broker's link, or mends it.
    pub fn set_cut(&self, slot: Slot, link: Link, is_cut: bool) {
        let mut notes = self.notes();
        notes.unwell.insert(slot);
        if is_cut {
            notes.cuts.insert((slot, link));
        } else {
            notes.cuts.remove(&(slot, link));
        }
    }

    /// Whether a link is cut.
    #[must_use]
    pub fn is_cut(&self, slot: Slot, link: Link) -> bool {
        self.notes().cuts.contains(&(slot, link))
    }

    /// A process runs in a slot from now on.
    pub fn runs(&self, slot: Slot, process: ProcessId) {
        self.notes().running.insert(slot, process);
    }

    /// The process that runs on a host.
    #[must_use]
    pub fn process_of(&self, host: &str) -> Option<ProcessId> {
        let slot = host.strip_prefix("host-").and_then(|number| number.parse().ok()).map(Slot)?;
        self.notes().running.get(&slot).copied()
    }

    /// Notes that something is done to a broker that may get it fenced.
    pub fn is_unwell(&self, slot: Slot) {
        self.notes().unwell.insert(slot);
    }

    /// Strikes the first broker that sends such a request from now on, shortly after it has; says who it was.
    pub fn set_trap(&self, request: Request, strike: Strike) -> oneshot::Receiver<(Slot, ProcessId)> {
        let (sprung, caught) = oneshot::channel();
        let mut notes = self.notes();
        if !notes.healed {
            notes.traps.push(Trap { request, strike, sprung });
        }
        caught
    }

    /// A broker sends a request.
    pub fn step_on(&self, slot: Slot, request: Request) {
        let (trap, process) = {
            let mut notes = self.notes();
            let Some(at) = notes.traps.iter().position(|trap| trap.request == request) else { return };
            let Some(process) = notes.running.get(&slot).copied() else { return };
            notes.unwell.insert(slot);
            (notes.traps.remove(at), process)
        };
        let polls = if request == Request::ENDS { 0 } else { self.random().below(6) };
        self.executor.strike_after(process, polls, trap.strike);
        let _nobody = trap.sprung.send((slot, process));
    }

    /// A broker was fenced by others: wrong, where nothing was done to it.
    pub fn fenced_by_others(&self, host: &str) {
        self.say(|| format!("    {host} is fenced by others"));
        let slot = host.strip_prefix("host-").and_then(|number| number.parse().ok()).map(Slot);
        let was_well = slot.is_some_and(|slot| !self.notes().unwell.contains(&slot));
        if was_well && self.plan.is_fair() {
            self.violated(Invariant::StorelessBrokerIsFenced, format!("{host} was well, and others have fenced it"));
        }
    }

    /// From now on nothing goes wrong by chance.
    pub fn heal(&self) {
        let now = self.clock.now();
        let mut notes = self.notes();
        notes.healed = true;
        notes.healed_at.get_or_insert(now);
        notes.cuts.clear();
        notes.traps.clear();
    }

    /// When everything was healed, in milliseconds of the world; at the end of time where that is still to come.
    #[must_use]
    pub fn healed_at_ms(&self) -> u64 {
        self.notes().healed_at.and_then(|at| u64::try_from(at.as_millis()).ok()).unwrap_or(u64::MAX)
    }

    /// Whether nothing goes wrong any more.
    #[must_use]
    pub fn is_healed(&self) -> bool {
        self.notes().healed
    }

    /// Notes that an invariant does not hold.
    pub fn violated(&self, invariant: Invariant, what: String) {
        let now = self.clock.now();
        self.say(|| format!("VIOLATION {invariant}: {what}"));
        let mut notes = self.notes();
        if notes.violations.len() < VIOLATIONS_MAX {
            notes.violations.push(Violation { invariant, what: format!("{what} (at {now:?})") });
        }
    }

    /// Whether an invariant was violated.
    #[must_use]
    pub fn is_violated(&self) -> bool {
        !self.notes().violations.is_empty()
    }

    /// Something happened that the outside can see: it becomes a part of the trace.
    pub fn happened(&self, what: &[u64]) {
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX);
        let mut notes = self.notes();
        for number in std::iter::once(&now).chain(what) {
            notes.trace = (notes.trace.rotate_left(7) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// A line of the trace, where somebody wants to read it.
    pub fn say(&self, line: impl FnOnce() -> String) {
        let now = self.clock.now();
        let mut notes = self.notes();
        if let Some(lines) = &mut notes.lines {
            lines.push(format!("{:>9.3} {}", now.as_secs_f64(), line()));
        }
    }

    /// What is left when the world has ended.
    #[must_use]
    pub fn finish(&self) -> Finished {
        let mut notes = self.notes();
        let (polls, order) = self.executor.progress();
        Finished {
            trace: notes.trace ^ order,
            polls,
            tally: notes.tally.clone(),
            violations: std::mem::take(&mut notes.violations),
            lines: notes.lines.take().unwrap_or_default(),
            time: self.clock.now(),
        }
    }

    /// Starts a task that no crash ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(WORLD, task);
    }

    /// Starts a task of a process.
    pub fn spawn_in(&self, process: ProcessId, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(process, task);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the lines of the trace are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepLines {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// A world that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Folds everything that happened: equal for equal seeds.
    pub trace: u64,
    /// Polls of all tasks.
    pub polls: u64,
    /// Faults that struck.
    pub tally: Tally,
    /// Invariants that did not hold.
    pub violations: Vec<Violation>,
    /// The trace in words, where it was kept.
    pub lines: Vec<String>,
    /// How long it lasted, in its own time.
    pub time: Duration,
}
