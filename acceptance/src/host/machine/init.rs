//! The first process of an instance: runs the user-data as cloud-init would, keeps the units that systemctl started, reaps
//! every orphan. One thread decides; the others only carry lines to it.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::protocol::{Event, Order, Spec};
use super::root::{PATH, SOCKET, USER_DATA};
use super::systemctl::{self, Reply};
use super::units::Units;
use crate::clock::Stopwatch;
use crate::host::limits;

/// `machine init SPEC`: returns when the harness is gone; the kernel then ends every process of the instance.
pub(super) fn run(spec: &Spec) -> Result<ExitCode> {
    // Read through the machine's own /proc, it still is the process id outside.
    let pid = std::fs::read_link("/proc/self").ok().and_then(|link| link.to_str()?.parse().ok());
    super::root::enter(spec)?;
    emit(&Event::Up { pid: pid.context("no process id")? });
    let (inputs, received) = sync_channel(limits::INIT_QUEUE);
    orders(inputs.clone());
    console(inputs.clone())?;
    calls(inputs.clone())?;
    let mut init = Init { units: Units::new(inputs.clone()), inputs, user_data: None, started: Stopwatch::start() };
    init.boot();
    init.serve(&received);
    Ok(ExitCode::SUCCESS)
}

/// What a carrying thread brings.
pub(super) enum Input {
    Order(Order),
    HarnessGone,
    Console(String),
    Call(Vec<String>, SyncSender<Reply>),
    Output(String),
    Log { unit: String, line: String },
}

struct Init {
    units: Units,
    inputs: SyncSender<Input>,
    user_data: Option<i32>,
    started: Stopwatch,
}

impl Init {
    fn boot(&mut self) {
        match start_user_data(&self.inputs) {
            Ok(pid) => self.user_data = Some(pid),
            Err(error) => {
                emit(&Event::Output { line: format!("the user-data cannot be run: {error:#}") });
                emit(&Event::Booted { code: 126 });
            }
        }
    }

    fn serve(&mut self, received: &Receiver<Input>) {
        loop {
            match received.recv_timeout(limits::INIT_EVERY) {
                Ok(Input::HarnessGone) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.reap();
            self.units.restart_due(self.now_ms());
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Order(Order::Hold { unit }) => {
                self.units.hold(&unit);
                emit(&Event::Done);
            }
            Input::Order(Order::Start { unit }) => {
                self.units.start(&unit);
                emit(&Event::Done);
            }
            Input::Console(line) => emit(&Event::Console { line }),
            Input::Output(line) => emit(&Event::Output { line }),
            Input::Log { unit, line } => emit(&Event::Log { unit, line }),
            Input::Call(arguments, reply) => {
                let answer = match systemctl::parse(&arguments) {
                    Ok(call) => self.units.call(&call),
                    Err(text) => Reply { code: 1, text },
                };
                let _ = reply.send(answer);
            }
            Input::HarnessGone => {}
        }
    }

    /// Collects every process that ended, ours or adopted.
    fn reap(&mut self) {
        loop {
            let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid.as_raw(), code),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid.as_raw(), 128 + signal as i32),
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(_) => continue,
            };
            if self.user_data == Some(pid) {
                self.user_data = None;
                emit(&Event::Booted { code });
            } else {
                self.units.ended(pid, code, self.now_ms());
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Tells the harness. A harness that no longer listens has ended, and the instance ends with it.
pub(super) fn emit(event: &Event) {
    let Ok(mut line) = serde_json::to_string(event) else { return };
    line.push('\n');
    let mut stdout = std::io::stdout().lock();
    if stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(1);
    }
}

fn start_user_data(inputs: &SyncSender<Input>) -> Result<i32> {
    let mut command = Command::new(USER_DATA);
    command.env_clear().env("PATH", PATH).current_dir("/").stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.context("cloud-init would refuse it too: it must start with #!")?;
    let pid = i32::try_from(child.id())?;
    carry_all(&mut child, inputs, Input::Output);
    Ok(pid)
}

/// Carries both output streams of a process.
pub(super) fn carry_all(
    child: &mut Child,
    inputs: &SyncSender<Input>,
    wrap: impl Fn(String) -> Input + Clone + Send + 'static,
) {
    let outputs = child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>);
    let errors = child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>);
    for stream in outputs.into_iter().chain(errors) {
        let (inputs, wrap) = (inputs.clone(), wrap.clone());
        std::thread::spawn(move || carry(stream, |line| inputs.send(wrap(line)).is_ok()));
    }
}

fn orders(inputs: SyncSender<Input>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if let Ok(order) = serde_json::from_str(&line) {
                let _ = inputs.send(Input::Order(order));
            }
        }
        let _ = inputs.send(Input::HarnessGone);
    });
}

/// The console is a FIFO that init keeps open both ways, so that writers come and go.
fn console(inputs: SyncSender<Input>) -> Result<()> {
    let fifo = OpenOptions::new().read(true).write(true).open("/dev/console").context("no console")?;
    std::thread::spawn(move || carry(fifo, |line| inputs.send(Input::Console(line)).is_ok()));
    Ok(())
}

/// Carries lines until the source ends or nobody takes them. What is not UTF-8 is replaced.
fn carry(source: impl Read, mut take: impl FnMut(String) -> bool) {
    let mut reader = BufReader::new(source);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        if !take(line) {
            return;
        }
    }
}

fn calls(inputs: SyncSender<Input>) -> Result<()> {
    let socket = UnixListener::bind(SOCKET).context("no socket for systemctl")?;
    std::thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            let inputs = inputs.clone();
            std::thread::spawn(move || answer(&stream, &inputs));
        }
    });
    Ok(())
}

fn answer(mut stream: &UnixStream, inputs: &SyncSender<Input>) -> Option<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    let (reply, replied) = sync_channel(1);
    inputs.send(Input::Call(serde_json::from_str(&line).ok()?, reply)).ok()?;
    let text = serde_json::to_string(&replied.recv().ok()?).ok()?;
    writeln!(stream, "{text}").ok()
}
