//! The host that plays EC2, without any emulated AWS: instances launched from bytes this test names, a store of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use acceptance::clock::{Poll, poll};
use acceptance::host::{Boot, Host, HostConfig, Instance, Isolation, Launch};

/// Far more than a boot takes, on a machine that compiles at the same time.
const LIMIT: Duration = Duration::from_secs(60);

/// A store that answers every connection with its name.
fn store() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in socket.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nstore");
        }
    });
    address
}

/// A host, or the reason why this machine cannot be one.
fn host(folder: PathBuf) -> Option<Host> {
    if let Err(reason) = Host::possible() {
        eprintln!("skipped: {reason:#}");
        return None;
    }
    let mut config = HostConfig::new(store(), "eu-central-1", folder).expect("a configuration");
    config.program = PathBuf::from(env!("CARGO_BIN_EXE_acceptance"));
    Some(Host::start(config).expect("a host"))
}

fn launch(host: &Host, number: u8, user_data: &str) -> Arc<Instance> {
    let launch = Launch {
        instance_id: format!("i-{number}"),
        address: Ipv4Addr::new(10, 77, 0, number),
        zone: "eu-central-1a".to_owned(),
        user_data: user_data.as_bytes().to_vec(),
        profile: None,
    };
    host.launch(launch).expect("a launch")
}

fn until(what: &str, instance: &Instance, mut done: impl FnMut() -> bool) {
    poll(what, LIMIT, || {
        let seen = format!(
            "{:?}\n{}{}",
            instance.boot(),
            instance.output(),
            fs::read_to_string(instance.log_path()).unwrap_or_default()
        );
        Ok(if done() { Poll::Ready(()) } else { Poll::Pending(seen) })
    })
    .expect("in time");
}

#[test]
fn an_instance_sees_its_metadata_its_store_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(host) = host(folder.path().to_owned()) else { return };
    let instance = launch(&host, 4, include_str!("host/look_around.py"));
    until("the boot", &instance, || instance.boot() != Boot::Running);
    assert_eq!(instance.boot(), Boot::Succeeded, "{}", instance.output());
    assert_eq!(instance.console(), "a line on the console\n");
    let packets = host.packets().expect("counters");
    assert!(packets.declared > 0);
    assert_eq!(packets.offenders, ["out 203.0.113.9 tcp 443"]);
}

#[test]
fn a_broker_is_run_restarted_and_killed_as_its_unit_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(host) = host(folder.path().to_owned()) else { return };
    let (instance, peer) = (launch(&host, 5, include_str!("host/service.py")), launch(&host, 6, "#!/bin/sh\n"));
    until("the broker", &instance, || instance.get("/live").is_ok_and(|answer| answer.status == 200));
    until("the peer", &peer, || peer.boot() == Boot::Succeeded);
    let log = fs::read_to_string(instance.log_path()).expect("a log");
    assert!(log.contains("user nobody, core 0, privileges 0, written nothing"), "{log}");
    assert!(instance.settings().honoured.contains(&"ProtectSystem=strict".to_owned()), "{:?}", instance.settings());

    let client = host.client().expect("a client");
    let dialled = client
        .command("python3")
        .args(["-c", "import socket; print(socket.create_connection(('10.77.0.5', 9092), 5).recv(5))"])
        .output();
    assert_eq!(String::from_utf8_lossy(&dialled.expect("python3").stdout), "b'hello'\n");

    let first = instance.broker_pid().expect("a process");
    instance.crash_broker().expect("a kill");
    until("the restart", &instance, || instance.broker_pid().is_some_and(|pid| pid != first));
    until("the broker after the restart", &instance, || instance.get("/live").is_ok());

    instance.kill_broker().expect("a kill");
    assert!(instance.get("/live").is_err());
    assert_eq!(instance.broker_pid(), None);
    instance.start_broker().expect("a start");
    until("the broker after the start", &instance, || instance.get("/live").is_ok());
    assert_eq!(instance.broker_starts(), 3);

    instance.kill().expect("a kill");
    assert_eq!(instance.boot(), Boot::Lost);
    assert!(instance.get("/live").is_err());
    assert_eq!(host.packets().expect("counters").offenders, [""; 0]);
}

#[test]
fn without_namespaces_user_data_runs_unchanged_on_the_loopback() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = HostConfig::new(store(), "eu-central-1", folder.path().to_owned()).expect("a configuration");
    config.isolation = Isolation::Loopback;
    let host = Host::start(config).expect("a host");
    let instance = launch(&host, 10, include_str!("host/loopback.py"));
    until("the broker", &instance, || instance.get("/live").is_ok_and(|answer| answer.status == 200));
    until("the boot", &instance, || instance.boot() == Boot::Succeeded);
    assert_eq!(instance.address(), Ipv4Addr::new(127, 77, 0, 10));
    assert_eq!(instance.console(), "a line on the console\n");

    let first = instance.broker_pid().expect("a process");
    instance.crash_broker().expect("a kill");
    until("the restart", &instance, || instance.broker_pid().is_some_and(|pid| pid != first));
    until("the broker after the restart", &instance, || instance.get("/live").is_ok());
    instance.kill_broker().expect("a kill");
    assert!(instance.get("/live").is_err());
    assert!(!host.packets().expect("counters").counted);
    assert!(!std::path::Path::new("/etc/ringfence").exists(), "the machine's own files were written");
}

#[test]
fn user_data_that_fails_or_is_no_script_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(host) = host(folder.path().to_owned()) else { return };
    for (number, bytes, code) in [(7, "#!/bin/sh\necho broken >&2\nexit 3\n", 3), (8, "echo no interpreter\n", 126)] {
        let instance = launch(&host, number, bytes);
        until("the boot", &instance, || instance.boot() != Boot::Running);
        assert_eq!(instance.boot(), Boot::Failed(code));
        assert!(!instance.output().is_empty());
    }
}

#[test]
fn nothing_is_left_when_the_host_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(host) = host(folder.path().to_owned()) else { return };
    let instance = launch(&host, 9, "#!/bin/sh\nexec /usr/bin/python3 -c 'import signal; signal.pause()'\n");
    let namespaces =
        || fs::read_dir("/run/netns").expect("a folder").flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
    let ours = |name: &std::ffi::OsString| name.to_string_lossy().ends_with("-i-9");
    assert!(namespaces().iter().any(ours));
    drop(host);
    assert_eq!(instance.boot(), Boot::Lost);
    assert!(!namespaces().iter().any(ours));
    assert!(
        fs::read_to_string("/proc/self/mountinfo").expect("a table").lines().all(|line| !line.contains("i-9/root"))
    );
}
