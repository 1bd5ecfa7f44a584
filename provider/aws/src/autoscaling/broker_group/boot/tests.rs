//! Runs the rendered script with python3 against a small metadata service and store.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::SystemTime,
};

use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use sha2::{Digest, Sha256};

use super::*;

const TOKEN: &str = "token-of-the-test";

/// One request as it arrived.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Plays instance metadata and an S3 endpoint on one port.
struct World {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _server: JoinHandle<()>,
}

impl World {
    /// Serves `package` at any object key; `token` is the one that metadata requests must bear.
    fn start(package: Vec<u8>, token: &'static str) -> World {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let server = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some(request) = read(&mut stream) else { continue };
                let (status, body) = answer(&request, &package, token);
                record.lock().unwrap().push(request);
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        World { port, seen, _server: server }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn report(&self) -> serde_json::Value {
        let requests = self.requests();
        let put = requests.iter().find(|r| r.path == "/meta-bucket/orders/live/boot/i-0123").expect("a report");
        serde_json::from_slice(&put.body).unwrap()
    }
}

fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut parts = line.split(' ');
    let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { method, path, headers, body })
}

fn answer(request: &Seen, package: &[u8], token: &str) -> (u16, Vec<u8>) {
    let ok = |text: &str| (200, text.as_bytes().to_vec());
    if request.path == "/latest/api/token" && request.method == "PUT" {
        return ok(TOKEN);
    }
    if let Some(path) = request.path.strip_prefix("/latest/meta-data/") {
        if request.headers.get("x-aws-ec2-metadata-token").map(String::as_str) != Some(token) {
            return (401, b"unauthorized".to_vec());
        }
        return match path {
            "instance-id" => ok("i-0123"),
            "local-ipv4" => ok("10.0.1.5"),
            "placement/availability-zone" => ok("eu-central-1a"),
            "iam/security-credentials/" => ok("broker"),
            "iam/security-credentials/broker" => {
                ok(r#"{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"secret/+key","Token":"session-token"}"#)
            }
            _ => (404, Vec::new()),
        };
    }
    match request.method.as_str() {
        "GET" => (200, package.to_vec()),
        _ => ok(""),
    }
}

fn package() -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in [("bin/ringfence-broker", "#!binary"), ("ringfence-broker.service", "[Service]\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn config(world: &World, sha256: &str) -> BootConfig {
    BootConfig {
        cluster: "orders".into(),
        cluster_id: "0192-aa".into(),
        region: "eu-central-1".into(),
        s3_host: "s3.eu-central-1.amazonaws.com".into(),
        s3_endpoint: Some(world.url()),
        role_id: Some("AROATEST".into()),
        data_bucket: "data-bucket".into(),
        metadata_bucket: "meta-bucket".into(),
        data_kms_key_id: Some("arn:data-key".into()),
        metadata_kms_key_id: Some("arn:metadata-key".into()),
        package_sha256: sha256.into(),
        port: 9092,
        health_port: 9464,
        put_budget_per_second: None,
        attempts: 1,
    }
}

/// Runs the script with commands that only write down how they were called.
fn run(world: &World, config: &BootConfig, root: &Path) -> Output {
    let bin = root.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for command in ["systemctl", "useradd"] {
        let log = root.join("commands");
        let script = format!("#!/bin/sh\necho {command} \"$@\" >> {}\n", log.display());
        std::fs::write(bin.join(command), script).unwrap();
        std::fs::set_permissions(bin.join(command), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = root.join("user-data");
    std::fs::write(&script, render_for(config, &world.url(), &root.display().to_string())).unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    Command::new("python3").arg(script).env("PATH", path).output().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn a_package_with_the_right_checksum_is_installed_and_started() {
    let (root, world) = (tempfile::tempdir().unwrap(), World::start(package(), TOKEN));
    let output = run(&world, &config(&world, &sha256(&package())), root.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let broker = std::fs::read(root.path().join("opt/ringfence/bin/ringfence-broker")).unwrap();
    assert_eq!(broker, b"#!binary");
    let toml = std::fs::read_to_string(root.path().join("etc/ringfence/broker.toml")).unwrap();
    expect_test::expect![[r#"
        cluster = "orders"
        cluster_id = "0192-aa"
        host = "i-0123"
        region = "eu-central-1"
        zone = "eu-central-1a"
        listen = "0.0.0.0:9092"
        advertised = "10.0.1.5:9092"
        health_listen = "0.0.0.0:9464"
        actor = "AROATEST:i-0123"
        s3_endpoint = "URL"

        [data]
        bucket = "data-bucket"
        kms_key_id = "arn:data-key"

        [metadata]
        bucket = "meta-bucket"
        kms_key_id = "arn:metadata-key"
    "#]]
    .assert_eq(&toml.replace(&world.url(), "URL"));
    let commands = std::fs::read_to_string(root.path().join("commands")).unwrap();
    assert!(commands.contains("systemctl mask --now amazon-ssm-agent.service"), "{commands}");
    assert!(
        commands.ends_with("systemctl daemon-reload\nsystemctl enable --now ringfence-broker.service\n"),
        "{commands}"
    );
    assert_eq!(world.report()["stage"], "serve");
    assert_eq!(world.report()["error"], serde_json::Value::Null);
}

#[test]
fn one_flipped_byte_in_the_package_stops_the_boot() {
    let mut flipped = package();
    flipped[20] ^= 1;
    let (root, world) = (tempfile::tempdir().unwrap(), World::start(flipped, TOKEN));
    let output = run(&world, &config(&world, &sha256(&package())), root.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(!root.path().join("opt").exists());
    let error = world.report()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("verify: package refused: its SHA-256 is "), "{error}");
}

#[test]
fn a_refused_metadata_token_is_an_error_that_says_so() {
    let (root, world) = (tempfile::tempdir().unwrap(), World::start(package(), "another token"));
    let output = run(&world, &config(&world, &sha256(&package())), root.path());
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("FAILED in metadata: the metadata service (instance-id) answered HTTP 401: unauthorized"),
        "{error}"
    );
}

#[test]
fn an_unreachable_store_is_an_error_that_names_it() {
    let (root, world) = (tempfile::tempdir().unwrap(), World::start(package(), TOKEN));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = BootConfig { s3_endpoint: Some(format!("http://{closed}")), ..config(&world, "00") };
    let output = run(&world, &config, root.path());
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error
            .contains("FAILED in package: the metadata bucket (packages/00/ringfence-broker.tar.gz) cannot be reached"),
        "{error}"
    );
}

#[test]
fn signatures_are_those_of_the_sdk() {
    let (root, world) = (tempfile::tempdir().unwrap(), World::start(package(), TOKEN));
    run(&world, &config(&world, &sha256(&package())), root.path());
    let signed: Vec<Seen> = world.requests().into_iter().filter(|r| r.headers.contains_key("authorization")).collect();
    assert_eq!(signed.len(), 2, "one GET of the package, one PUT of the report");
    for request in signed {
        assert_eq!(request.headers["authorization"], expected_authorization(&world, &request));
    }
}

/// The `Authorization` that the SDK's own signer gives to the same request.
fn expected_authorization(world: &World, request: &Seen) -> String {
    let given = &request.headers["authorization"];
    let names = given.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let added = ["x-amz-date", "x-amz-security-token"];
    let headers = names.split(';').filter(|n| !added.contains(n)).map(|n| (n, request.headers[n].as_str()));
    let identity = aws_credential_types::Credentials::new(
        "AKIDEXAMPLE",
        "secret/+key",
        Some("session-token".into()),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let time: jiff::Timestamp = {
        let date = &request.headers["x-amz-date"];
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
    };
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name("s3")
        .time(SystemTime::from(time))
        .settings(settings)
        .build()
        .unwrap();
    let url = format!("{}{}", world.url(), request.path);
    let signable = SignableRequest::new(
        &request.method,
        url,
        headers,
        SignableBody::Precomputed(request.headers["x-amz-content-sha256"].clone()),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &params.into()).unwrap().into_parts();
    let header = instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1;
    header.to_owned()
}

#[test]
fn the_script_stays_below_its_bound_with_the_longest_values() {
    let world = World::start(Vec::new(), TOKEN);
    let arn = format!("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/{}", "a".repeat(40));
    let config = BootConfig {
        cluster: "a".repeat(limits::CLUSTER_NAME_MAX),
        data_bucket: "a".repeat(63),
        metadata_bucket: "a".repeat(63),
        data_kms_key_id: Some(arn.clone()),
        metadata_kms_key_id: Some(arn),
        ..config(&world, &"a".repeat(64))
    };
    assert!(render(&config).unwrap().contains(IMDS));
}
