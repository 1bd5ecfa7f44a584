//! Tasks that have an owner, and run where the environment says.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{AbortHandle, Abortable, BoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::Env;

/// Runs tasks in the place of tokio: a simulation, which decides who runs when, pauses whole processes and crashes them.
pub trait Spawner: Send + Sync {
    /// Takes a task; it is dropped unfinished when its process crashes.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// The tasks of one owner, who can wait for their end; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    env: Env,
}

impl Tasks {
    /// No tasks yet.
    pub(crate) fn new(env: &Env) -> Self {
        Self { tracker: TaskTracker::new(), env: env.clone() }
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.env.spawner {
            None => drop(self.tracker.spawn(task)),
            Some(spawner) => spawner.spawn(Box::pin(self.tracker.track_future(task))),
        }
    }

    /// From now on [`Tasks::wait`] ends when no task is left.
    pub(crate) fn close(&self) {
        self.tracker.close();
    }

    /// Waits until it is closed and no task is left.
    pub(crate) async fn wait(&self) {
        self.tracker.wait().await;
    }
}

/// Tasks with results, which end when the set is dropped.
#[derive(Debug)]
pub(crate) struct TaskSet<T> {
    env: Env,
    tokio: JoinSet<T>,
    elsewhere: FuturesUnordered<Elsewhere<T>>,
}

/// A task that a [`Spawner`] runs.
#[derive(Debug)]
struct Elsewhere<T> {
    task: AbortHandle,
    result: oneshot::Receiver<T>,
}

/// A task has ended without a result: it panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task ended without a result")]
pub(crate) struct NoResult;

impl<T: Send + 'static> TaskSet<T> {
    /// No tasks yet.
    pub(crate) fn new(env: &Env) -> Self {
        Self { env: env.clone(), tokio: JoinSet::new(), elsewhere: FuturesUnordered::new() }
    }

    /// Starts a task.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = T> + Send + 'static) {
        let Some(spawner) = &self.env.spawner else {
            drop(self.tokio.spawn(task));
            return;
        };
        let (answer, result) = oneshot::channel();
        let (handle, registration) = AbortHandle::new_pair();
        spawner.spawn(Box::pin(async move {
            if let Ok(value) = Abortable::new(task, registration).await {
                let _gone = answer.send(value);
            }
        }));
        self.elsewhere.push(Elsewhere { task: handle, result });
    }

    /// Tasks whose result was not taken yet.
    pub(crate) fn len(&self) -> usize {
        self.tokio.len() + self.elsewhere.len()
    }

    /// The result of the next task that ends; none when there are no tasks.
    ///
    /// # Errors
    /// [`NoResult`].
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn join_next(&mut self) -> Option<Result<T, NoResult>> {
        if self.env.spawner.is_some() {
            return self.elsewhere.next().await;
        }
        Some(self.tokio.join_next().await?.map_err(|_| NoResult))
    }
}

impl<T> Future for Elsewhere<T> {
    type Output = Result<T, NoResult>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result).poll(cx).map_err(|_| NoResult)
    }
}

impl<T> Drop for Elsewhere<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
