//! Nothing on disk: `serve` is traced while it does everything that a broker does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use broker_record::BatchBuilder;
use broker_wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use broker_wire::{ErrorCode, Request, Response, Str};

use crate::client::Client;

/// Calls that name a file, and those that change an open one or make one without a name.
const TRACED: &str =
    "trace=%file,ftruncate,fallocate,memfd_create,fchmod,fchown,fsetxattr,copy_file_range,sendfile,io_uring_setup";

/// Traced calls that change nothing, whatever their arguments.
const HARMLESS: [&str; 16] = [
    "access",
    "chdir",
    "execve",
    "faccessat",
    "faccessat2",
    "getcwd",
    "getxattr",
    "lstat",
    "newfstatat",
    "readlink",
    "readlinkat",
    "stat",
    "stat64",
    "statfs",
    "statx",
    "inotify_add_watch",
];

/// Flags of `open` that can change something.
const WRITING: [&str; 6] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];

/// The lines of a trace that write, or might.
fn writes(trace: &str) -> Vec<&str> {
    let is_suspect = |line: &&str| {
        let call = line.split_once(' ').map_or(*line, |(_, call)| call.trim_start());
        // Ends of calls whose beginnings stand before, signals, and ends of processes.
        if call.starts_with("<...") || call.starts_with("---") || call.starts_with("+++") {
            return false;
        }
        match call.split('(').next().unwrap_or_default() {
            "open" | "openat" | "openat2" => WRITING.iter().any(|flag| call.contains(flag)),
            name => !HARMLESS.contains(&name),
        }
    };
    trace.lines().filter(is_suspect).collect()
}

/// Runs a program under `strace`, which writes what it sees beside the program's own process.
fn traced(trace: &Path, program: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-D", "-q", "-s", "256", "-e", TRACED, "-o"]).arg(trace).arg(program);
    command
}

/// Why nothing can be traced here; none where it can.
fn untraceable(folder: &Path) -> Option<String> {
    let trace = folder.join("probe");
    let output = match traced(&trace, Path::new("/bin/true")).output() {
        Ok(output) => output,
        Err(error) => return Some(format!("strace does not start: {error}")),
    };
    (!output.status.success()).then(|| format!("strace fails: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A process that ends with the value, and what it says, which must not break off.
struct Running(Child, #[expect(dead_code, reason = "held open")] BufReader<ChildStdout>);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts a program and reads its first line.
    fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        (Self(child, said), line)
    }

    /// Asks it to end as an operator does, and waits until it has.
    fn terminate(&mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success(), "it ended well");
    }
}

/// Builds the S3 double, which the tests of this crate do not depend on otherwise: few of them need it.
fn double_program() -> PathBuf {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let mut command = Command::new(cargo);
    command.args(["build", "--locked", "--package", "broker-s3double", "--message-format=json-render-diagnostics"]);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the double is built");
    let messages = String::from_utf8(output.stdout).unwrap();
    let paths = messages.lines().filter_map(|line| line.split("\"executable\":\"").nth(1)?.split('"').next());
    paths.map(PathBuf::from).find(|path| path.ends_with("ringfence-s3double")).unwrap()
}

fn ready(line: &str) -> SocketAddr {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["ready:", address, "node", _] = words[..] else { panic!("not ready: {line:?}") };
    address.parse().unwrap()
}

fn broker(command: &mut Command) -> &mut Command {
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret")
}

/// Has a development broker make a cluster in the bucket; says its id.
fn make_cluster(double: &str) -> String {
    let endpoint = format!("http://{double}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence-broker"));
    command.args(["dev", "--listen", "127.0.0.1:0", "--store", "s3://orders", "--s3-endpoint", &endpoint]);
    let (mut dev, line) = Running::start(broker(&mut command));
    ready(&line);
    dev.terminate();
    let mut stream = TcpStream::connect(double).unwrap();
    write!(stream, "GET /orders/dev/meta/marker HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split("\"cluster_id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn create_topic(client: &mut Client, name: &'static str) {
    let topic = CreatableTopic {
        name: Str::from_static(name),
        num_partitions: 1,
        replication_factor: -1,
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
    let Response::CreateTopics(response) = client.call(&Request::CreateTopics(request), 7) else { panic!() };
    assert_eq!(response.topics[0].error_code, ErrorCode::None, "{response:?}");
}

/// Produces 8 MiB, reads it from the start, and waits for more that does not come.
fn use_broker(address: SocketAddr) {
    let mut client = Client::connect(address);
    create_topic(&mut client, "t");
    client.topic("t");
    for n in 0..64 {
        let mut builder = BatchBuilder::new(n);
        builder.push(None, Some(&vec![b'x'; 128 << 10]));
        let answer = client.produce("t", builder.build().bytes().clone());
        assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::None, n));
    }
    assert!(!client.fetch("t", 0, 1_000).records.unwrap().is_empty());
    assert_eq!(client.fetch("t", 64, 1_500).records.unwrap().len(), 0);
}

/// What was traced, once the tracer has seen the process end.
fn whole_trace(path: &Path, pid: u32) -> String {
    let end = format!("{pid} +++ exited");
    for _ in 0..300 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(&end)) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the trace has no end");
}

#[test]
fn serve_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(reason) = untraceable(folder.path()) {
        println!("skipped: {reason}");
        return;
    }
    let mut command = Command::new(double_program());
    let (_double, line) = Running::start(command.args(["--bucket", "orders", "--put-ms", "3,9", "--get-ms", "2,6"]));
    let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    let cluster_id = make_cluster(&address);
    let config = folder.path().join("broker.toml");
    let text = format!(
        "cluster = \"dev\"\ncluster_id = \"{cluster_id}\"\nhost = \"traced\"\nregion = \"us-east-1\"\n\
         listen = \"127.0.0.1:0\"\nadvertised = \"127.0.0.1:9092\"\nhealth_listen = \"127.0.0.1:0\"\n\
         s3_endpoint = \"http://{address}\"\ncredentials = \"environment\"\n\
         [data]\nbucket = \"orders\"\n[metadata]\nbucket = \"orders\"\n"
    );
    std::fs::write(&config, text).unwrap();

    let trace = folder.path().join("trace");
    let mut command = traced(&trace, Path::new(env!("CARGO_BIN_EXE_ringfence-broker")));
    let (mut serve, line) = Running::start(broker(command.arg("serve").arg("--config").arg(&config)));
    use_broker(ready(&line));
    serve.terminate();

    let trace = whole_trace(&trace, serve.0.id());
    assert!(trace.contains("broker.toml"), "the trace shows what the broker opens");
    assert_eq!(writes(&trace), [""; 0]);
}

#[test]
fn the_trace_shows_every_way_to_write() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(reason) = untraceable(folder.path()) {
        println!("skipped: {reason}");
        return;
    }
    let file = folder.path().join("file");
    let scripts = [
        "echo x > FILE",
        "echo x >> FILE",
        "mkdir FILE.d",
        "mv FILE FILE.2",
        "ln FILE.2 FILE.3",
        "rm FILE.3",
        "truncate -s 1 FILE.2",
    ];
    for script in scripts {
        let script = script.replace("FILE", file.to_str().unwrap());
        let trace = folder.path().join("trace");
        let mut child = traced(&trace, Path::new("/bin/sh")).args(["-c", &script]).spawn().unwrap();
        assert!(child.wait().unwrap().success(), "{script}");
        let trace = whole_trace(&trace, child.id());
        assert!(writes(&trace).iter().any(|line| line.contains("/file")), "{script}: {trace}");
    }
}
