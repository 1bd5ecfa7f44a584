//! One instance: its namespaces, its init, and how the harness looks at it and does it harm.

mod spawn;
mod told;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::cloud::Cloud;
use super::http::{Request, Response};
use super::limits;
use super::listener::Listener;
use super::machine::protocol::Order;
use super::metadata::{self, Facts};
use super::network::{Network, Packets, Ports, Seat};
use crate::clock::{Poll, poll};
use told::Told;
pub use told::{Boot, UnitSettings};

/// An instance that was booted. Dropping it ends all its processes and its network.
pub struct Instance {
    facts: Facts,
    group: String,
    folder: PathBuf,
    health: u16,
    told: Arc<Mutex<Told>>,
    machine: Mutex<Option<Machine>>,
    counted: Mutex<Packets>,
}

/// An instance that the harness boots by itself, without a group: to see what given bytes do.
#[derive(Debug, Clone)]
pub struct Launch {
    /// What to call it: `i-` and a few letters or digits.
    pub instance_id: String,
    /// Its address: private, and not in use.
    pub address: Ipv4Addr,
    /// Its availability zone.
    pub zone: String,
    /// The bytes to run.
    pub user_data: Vec<u8>,
    /// Name of the instance profile whose role it gets.
    pub profile: Option<String>,
}

/// The processes, sockets and namespaces behind an instance.
struct Machine {
    network: Arc<Network>,
    seat: Seat,
    init: Child,
    orders: ChildStdin,
    reader: JoinHandle<()>,
    metadata: Listener,
}

/// Where instances run: what is the same for all of them.
pub(super) struct Site {
    pub(super) network: Arc<Network>,
    pub(super) cloud: Cloud,
    /// Each instance gets a folder below, for its console and logs.
    pub(super) folder: PathBuf,
    /// This program, which is also what runs inside.
    pub(super) program: PathBuf,
    pub(super) hidden: Vec<PathBuf>,
    pub(super) ports: Ports,
}

impl Instance {
    /// Boots an instance from its facts, the user-data among them.
    pub(super) fn boot_at(site: &Site, mut facts: Facts, group: String) -> Result<Self> {
        let folder = site.folder.join(&facts.instance_id);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("user-data"), &facts.user_data)?;
        let seat = site.network.seat_instance(&facts.instance_id, facts.address)?;
        facts.address = seat.address();
        let (socket, metadata_at) = seat.metadata()?;
        let metadata = metadata::serve(socket, facts.clone(), site.cloud.clone());
        let told = Arc::new(Mutex::new(Told::new(&folder)?));
        let mut init = spawn::init(site, &facts, &folder, &seat, metadata_at)?;
        let orders = init.stdin.take().context("init takes no orders")?;
        let events = init.stdout.take().context("init tells nothing")?;
        let reader = read(events, Arc::clone(&told));
        let network = Arc::clone(&site.network);
        let machine = Mutex::new(Some(Machine { network, seat, init, orders, reader, metadata }));
        Ok(Self { facts, group, folder, health: site.ports.health, told, machine, counted: Mutex::default() })
    }

    /// EC2's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.facts.instance_id
    }

    /// The address EC2 assigned.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.facts.address
    }

    /// The availability zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.facts.zone
    }

    /// The auto scaling group; empty when the harness booted it by itself.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// What it takes to launch the same again; the caller changes id and address, and what it wants to try.
    #[must_use]
    pub fn as_launch(&self) -> Launch {
        let Facts { instance_id, address, zone, user_data, profile, .. } = self.facts.clone();
        Launch { instance_id, address, zone, user_data, profile }
    }

    /// The file that takes what the instance writes to its console.
    #[must_use]
    pub fn console_path(&self) -> PathBuf {
        self.folder.join(told::CONSOLE)
    }

    /// What the console says.
    #[must_use]
    pub fn console(&self) -> String {
        fs::read_to_string(self.console_path()).unwrap_or_default()
    }

    /// What the user-data wrote to standard output and error.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(self.folder.join(told::OUTPUT)).unwrap_or_default()
    }

    /// The file that takes what the broker writes to standard output and error.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", told::BROKER))
    }

    /// How far the instance came.
    #[must_use]
    pub fn boot(&self) -> Boot {
        lock(&self.told).boot()
    }

    /// The broker's process as this machine sees it, while it runs.
    #[must_use]
    pub fn broker_pid(&self) -> Option<i32> {
        lock(&self.told).broker()
    }

    /// How often the broker's process was started.
    #[must_use]
    pub fn broker_starts(&self) -> u32 {
        lock(&self.told).starts()
    }

    /// Which of the broker unit's settings are in force.
    #[must_use]
    pub fn settings(&self) -> UnitSettings {
        lock(&self.told).settings().clone()
    }

    /// Asks the broker's health listener, from the outer namespace.
    ///
    /// # Errors
    /// When nothing answers.
    pub fn get(&self, path: &str) -> Result<Response> {
        let network = lock(&self.machine).as_ref().map(|machine| Arc::clone(&machine.network));
        let stream = network.context("the instance has ended")?.connect((self.facts.address, self.health).into())?;
        Request::new("GET", path).send(stream)
    }

    /// The host is lost: its network goes silent, then all its processes die. Nothing starts it again.
    ///
    /// # Errors
    /// When the instance has ended before, or its processes do not vanish.
    pub fn kill(&self) -> Result<()> {
        let mut machine = lock(&self.machine);
        let machine = machine.as_mut().context("the instance has ended")?;
        machine.seat.silence()?;
        end_all(&mut machine.init);
        poll("the end of the instance", limits::KILL_TIMEOUT, || {
            let ended = machine.reader.is_finished() && self.broker_pid().is_none_or(|pid| !alive(pid));
            Ok(if ended { Poll::Ready(()) } else { Poll::Pending("processes are left".to_owned()) })
        })
    }

    /// `kill -9` of the broker; init does not start it again until [`Instance::start_broker`].
    ///
    /// # Errors
    /// When no broker runs.
    pub fn kill_broker(&self) -> Result<()> {
        self.order(&Order::Hold { unit: told::BROKER_UNIT.to_owned() })?;
        self.signal_broker(Signal::SIGKILL)?;
        poll("the end of the broker", limits::KILL_TIMEOUT, || {
            Ok(self.broker_pid().map_or(Poll::Ready(()), |pid| Poll::Pending(format!("process {pid} lives"))))
        })
    }

    /// `kill -9` of the broker, which init then restarts as the unit says.
    ///
    /// # Errors
    /// When no broker runs.
    pub fn crash_broker(&self) -> Result<()> {
        self.signal_broker(Signal::SIGKILL)
    }

    /// Starts the broker's unit, and lets init restart it from now on.
    ///
    /// # Errors
    /// When init does not answer.
    pub fn start_broker(&self) -> Result<()> {
        self.order(&Order::Start { unit: told::BROKER_UNIT.to_owned() })
    }

    /// Stops the broker's process where it is, as a long pause would.
    ///
    /// # Errors
    /// When no broker runs.
    pub fn pause_broker(&self) -> Result<()> {
        self.signal_broker(Signal::SIGSTOP)
    }

    /// Lets a paused broker go on.
    ///
    /// # Errors
    /// When no broker runs.
    pub fn resume_broker(&self) -> Result<()> {
        self.signal_broker(Signal::SIGCONT)
    }

    /// The packets counted so far; the last count when the instance has ended.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn packets(&self) -> Result<Packets> {
        let mut counted = lock(&self.counted);
        if let Some(machine) = lock(&self.machine).as_ref() {
            *counted = machine.seat.packets()?;
        }
        Ok(counted.clone())
    }

    /// Ends all processes at once, without the orderly shutdown that EC2 grants.
    pub(super) fn power_off(&self) {
        if let Some(machine) = lock(&self.machine).as_mut() {
            end_all(&mut machine.init);
        }
    }

    /// Ends the instance and its network. Its counters stay readable.
    pub(super) fn end(&self) {
        self.power_off();
        if let Err(error) = self.packets() {
            eprintln!("host: {}: the packets were not counted: {error:#}", self.id());
        }
        let Some(mut machine) = lock(&self.machine).take() else { return };
        let _ = machine.init.wait();
        drop(machine.orders);
        let _ = machine.reader.join();
        drop(machine.metadata);
        drop(machine.seat);
    }

    fn signal_broker(&self, signal: Signal) -> Result<()> {
        let pid = self.broker_pid().with_context(|| format!("no broker runs on {}", self.id()))?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("process {pid} takes no {signal}"))
    }

    /// Gives init an order and waits until it is carried out.
    fn order(&self, order: &Order) -> Result<()> {
        let before = lock(&self.told).done();
        {
            let mut machine = lock(&self.machine);
            let machine = machine.as_mut().context("the instance has ended")?;
            writeln!(machine.orders, "{}", serde_json::to_string(order)?).context("init takes no orders")?;
        }
        poll("an order to init", limits::KILL_TIMEOUT, || match self.boot() {
            Boot::Lost => bail!("the instance is lost"),
            _ if lock(&self.told).done() > before => Ok(Poll::Ready(())),
            _ => Ok(Poll::Pending("not carried out".to_owned())),
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends init and its process group. Inside namespaces the kernel ends every other process of the instance with it.
fn end_all(init: &mut Child) {
    let _ = init.kill();
    if let Ok(group) = i32::try_from(init.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

fn read(events: ChildStdout, told: Arc<Mutex<Told>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(events).lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(event) => lock(&told).take(event),
                Err(error) => eprintln!("host: init said {line:?}: {error}"),
            }
        }
        lock(&told).lost();
    })
}

fn alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
