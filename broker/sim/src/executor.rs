//! Who runs when: a deterministic executor of the tasks of several processes.
//!
//! tokio supplies the (paused) clock and the primitives that tasks wait on; which of the tasks that could run is next is
//! drawn from the seed. A task is polled only from here, so a process can be stopped between any two steps of it: paused,
//! which is that none of its tasks runs, or crashed, which is that all of them are dropped where they wait.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use broker_engine::Spawner;
use futures::future::BoxFuture;

use crate::await_points;
use crate::random::Random;

/// Polls of one world after which something runs in circles.
const POLLS_MAX: u64 = 20_000_000;

/// A process, or the world around them ([`WORLD`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// What is no process: clients, the store's inside, the chaos itself. Never paused, never crashed.
pub const WORLD: ProcessId = ProcessId(0);

/// A handle on the tasks of a world; clones share them.
#[derive(Clone, Debug)]
pub struct Executor {
    shared: Arc<Mutex<Shared>>,
    ready: Arc<Mutex<Ready>>,
}

#[derive(Debug)]
struct Shared {
    tasks: BTreeMap<u64, Task>,
    processes: BTreeMap<ProcessId, Process>,
    next_task: u64,
    next_process: u32,
    random: Random,
    polls: u64,
    /// Folds who ran when.
    trace: u64,
}

struct Task {
    process: ProcessId,
    /// None while it is being polled.
    future: Option<BoxFuture<'static, ()>>,
    waker: Waker,
    /// Whether it was ever polled: one that has not begun waits nowhere.
    has_begun: bool,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("process", &self.process).finish_non_exhaustive()
    }
}

/// What happens to a process at a certain poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// All its tasks are dropped.
    Crash,
    /// None of its tasks runs until [`Executor::resume`].
    Pause,
}

#[derive(Debug, Default)]
struct Process {
    alive: bool,
    paused: bool,
    polls: u64,
    strike: Option<(u64, Strike)>,
    /// Woken when a strike has happened.
    struck: Option<Waker>,
    stalled: BTreeSet<u64>,
}

#[derive(Debug, Default)]
struct Ready {
    tasks: BTreeSet<u64>,
    root: Option<Waker>,
}

struct TaskWaker {
    task: u64,
    ready: Arc<Mutex<Ready>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = lock(&self.ready);
        ready.tasks.insert(self.task);
        if let Some(root) = ready.root.take() {
            root.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Executor {
    /// An executor without tasks.
    #[must_use]
    pub fn new(random: Random) -> Self {
        let world = Process { alive: true, ..Process::default() };
        let shared = Shared {
            tasks: BTreeMap::new(),
            processes: BTreeMap::from([(WORLD, world)]),
            next_task: 0,
            next_process: 1,
            random,
            polls: 0,
            trace: 0,
        };
        Self { shared: Arc::new(Mutex::new(shared)), ready: Arc::default() }
    }

    /// Begins a process.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        let mut shared = lock(&self.shared);
        let id = ProcessId(shared.next_process);
        shared.next_process += 1;
        shared.processes.insert(id, Process { alive: true, ..Process::default() });
        id
    }

    /// Starts a task of a process; of one that is dead it is dropped at once.
    pub fn spawn(&self, process: ProcessId, future: impl Future<Output = ()> + Send + 'static) {
        let boxed: BoxFuture<'static, ()> = Box::pin(future);
        let mut shared = lock(&self.shared);
        if !shared.processes.get(&process).is_some_and(|process| process.alive) {
            drop(shared);
            drop(boxed);
            return;
        }
        let id = shared.next_task;
        shared.next_task += 1;
        let waker = Waker::from(Arc::new(TaskWaker { task: id, ready: Arc::clone(&self.ready) }));
        shared.tasks.insert(id, Task { process, future: Some(boxed), waker: waker.clone(), has_begun: false });
        drop(shared);
        waker.wake();
    }

    /// What an engine of this process spawns its tasks with.
    #[must_use]
    pub fn spawner(&self, process: ProcessId) -> Arc<dyn Spawner> {
        Arc::new(ProcessSpawner { executor: self.clone(), process })
    }

    /// Whether a process was not crashed.
    #[must_use]
    pub fn is_alive(&self, process: ProcessId) -> bool {
        lock(&self.shared).processes.get(&process).is_some_and(|process| process.alive)
    }

    /// Whether a process is paused.
    #[must_use]
    pub fn is_paused(&self, process: ProcessId) -> bool {
        lock(&self.shared).processes.get(&process).is_some_and(|process| process.paused)
    }

    /// Tasks of a process.
    #[must_use]
    pub fn task_count(&self, process: ProcessId) -> usize {
        lock(&self.shared).tasks.values().filter(|task| task.process == process).count()
    }

    /// Polls so far, and what they fold to.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let shared = lock(&self.shared);
        (shared.polls, shared.trace)
    }

    /// Stops all tasks of a process until it is resumed.
    pub fn pause(&self, process: ProcessId) {
        if let Some(process) = lock(&self.shared).processes.get_mut(&process) {
            process.paused = true;
        }
    }

    /// Lets a paused process go on.
    pub fn resume(&self, process: ProcessId) {
        let stalled = {
            let mut shared = lock(&self.shared);
            let Some(process) = shared.processes.get_mut(&process) else { return };
            process.paused = false;
            mem::take(&mut process.stalled)
        };
        let mut ready = lock(&self.ready);
        ready.tasks.extend(stalled);
        if let Some(root) = ready.root.take() {
            root.wake();
        }
    }

    /// Drops all tasks of a process where they wait; nothing of it runs any more.
    pub fn crash(&self, process: ProcessId) {
        let tasks = {
            let mut shared = lock(&self.shared);
            if let Some(process) = shared.processes.get_mut(&process) {
                process.alive = false;
                process.stalled.clear();
                if let Some(waker) = process.struck.take() {
                    waker.wake();
                }
            }
            let ids: Vec<u64> =
                shared.tasks.iter().filter(|(_, task)| task.process == process).map(|(id, _)| *id).collect();
            ids.into_iter().filter_map(|id| shared.tasks.remove(&id)).collect::<Vec<Task>>()
        };
        for mut task in tasks {
            if let (Some(future), true) = (&mut task.future, task.has_begun) {
                await_points::crashed(future.as_mut());
            }
            // Without the lock: what is dropped wakes others.
            drop(task);
        }
    }

    /// Strikes a process after so many of its polls from now.
    pub fn strike_after(&self, process: ProcessId, polls: u64, strike: Strike) {
        if let Some(process) = lock(&self.shared).processes.get_mut(&process) {
            process.strike = Some((process.polls.saturating_add(polls), strike));
        }
    }

    /// Takes back all strikes that have not happened, and lets everybody go on.
    pub fn calm(&self) {
        let paused: Vec<ProcessId> = {
            let mut shared = lock(&self.shared);
            for process in shared.processes.values_mut() {
                process.strike = None;
                if let Some(waker) = process.struck.take() {
                    waker.wake();
                }
            }
            let paused = shared.processes.iter().filter(|(_, process)| process.paused);
            paused.map(|(id, _)| *id).collect()
        };
        for process in paused {
            self.resume(process);
        }
    }

    /// Waits until a strike has happened, or the process has crashed otherwise.
    pub async fn struck(&self, process: ProcessId) {
        std::future::poll_fn(|cx| {
            let mut shared = lock(&self.shared);
            let Some(process) = shared.processes.get_mut(&process) else { return Poll::Ready(()) };
            if !process.alive || process.strike.is_none() {
                return Poll::Ready(());
            }
            process.struck = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs all tasks until `main`, a task of the world, has ended.
    pub async fn run(&self, main: impl Future<Output = ()> + Send + 'static) {
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        self.spawn(WORLD, async move {
            main.await;
            drop(done);
        });
        let mut ended = Box::pin(ended);
        let run = std::future::poll_fn(|cx| {
            loop {
                if ended.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                let Some(next) = self.next() else {
                    // Nothing wakes a task but another task or a timer, and neither runs now.
                    lock(&self.ready).root = Some(cx.waker().clone());
                    return Poll::Pending;
                };
                self.poll_task(next);
            }
        });
        // Who runs when is decided here, not by tokio's budgets.
        tokio::task::coop::unconstrained(run).await;
        let tasks = mem::take(&mut lock(&self.shared).tasks);
        drop(tasks);
    }

    /// One of the tasks that can run.
    fn next(&self) -> Option<u64> {
        let mut shared = lock(&self.shared);
        let mut ready = lock(&self.ready);
        loop {
            let choices = ready.tasks.len();
            if choices == 0 {
                return None;
            }
            let at = if choices == 1 { 0 } else { shared.random.index(choices) };
            let id = ready.tasks.iter().nth(at).copied()?;
            ready.tasks.remove(&id);
            let Some(process) = shared.tasks.get(&id).map(|task| task.process) else { continue };
            match shared.processes.get_mut(&process) {
                Some(process) if process.paused => {
                    process.stalled.insert(id);
                }
                Some(process) if process.alive => return Some(id),
                _ => {}
            }
        }
    }

    fn poll_task(&self, id: u64) {
        let (mut future, waker, process) = {
            let mut shared = lock(&self.shared);
            shared.polls += 1;
            #[expect(clippy::panic, reason = "the world is broken and its seed must be seen")]
            if shared.polls > POLLS_MAX {
                panic!("something runs in circles");
            }
            shared.trace = (shared.trace.rotate_left(5) ^ id).wrapping_mul(0x0000_0100_0000_01b3);
            let Some(task) = shared.tasks.get_mut(&id) else { return };
            task.has_begun = true;
            let Some(future) = task.future.take() else { return };
            (future, task.waker.clone(), task.process)
        };
        let ended = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let strike = {
            let mut shared = lock(&self.shared);
            if ended {
                shared.tasks.remove(&id);
            } else if let Some(task) = shared.tasks.get_mut(&id) {
                task.future = Some(future);
            }
            shared.processes.get_mut(&process).and_then(Process::polled)
        };
        match strike {
            None => {}
            Some(Strike::Crash) => self.crash(process),
            Some(Strike::Pause) => self.pause(process),
        }
    }
}

impl Process {
    fn polled(&mut self) -> Option<Strike> {
        self.polls += 1;
        let (at, strike) = self.strike?;
        if self.polls < at {
            return None;
        }
        self.strike = None;
        if let Some(waker) = self.struck.take() {
            waker.wake();
        }
        Some(strike)
    }
}

struct ProcessSpawner {
    executor: Executor,
    process: ProcessId,
}

impl Spawner for ProcessSpawner {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(self.process, task);
    }
}

/// Needed by [`await_points::crashed`]: a future behind its pin.
pub(crate) type PinnedTask<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send + 'static)>;
