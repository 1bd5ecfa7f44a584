//! The process itself: handshake, and who may connect.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use crate::cli::EXAMPLE;

const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// What an HTTP/2 client begins with: the preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A client's certificate as Terraform makes it: P-521, self-signed, marked as an authority.
struct Identity {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Identity {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// A running provider, ended with the test.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    socket: PathBuf,
    certificate: Vec<u8>,
}

impl Running {
    fn start(client: &Identity) -> Self {
        let mut child = Command::new(&*EXAMPLE)
            .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_CLIENT_CERT", client.certificate.pem())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let parts: Vec<&str> = line.trim().split('|').collect();
        let &["1", "6", "unix", socket, "grpc", certificate] = parts.as_slice() else { panic!("{line}") };
        let certificate = base64::engine::general_purpose::STANDARD_NO_PAD.decode(certificate).unwrap();
        Self { child, stdout, socket: socket.into(), certificate }
    }

    /// What the server answers to the beginning of an HTTP/2 connection.
    async fn greet(&self, identity: Option<(&Identity, PrivateKeyDer<'static>)>) -> std::io::Result<[u8; 9]> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.certificate.clone())).unwrap();
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let mut config = match identity {
            Some((identity, key)) => {
                config.with_client_auth_cert(vec![identity.certificate.der().clone()], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = UnixStream::connect(&self.socket).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(PREFACE).await?;
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await?;
        Ok(frame)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(self.socket.parent().unwrap_or(Path::new("/nonexistent")));
    }
}

#[tokio::test]
async fn only_the_parents_certificate_and_key_may_connect() {
    let (parent, stranger) = (Identity::new(), Identity::new());
    let provider = Running::start(&parent);
    let frame = provider.greet(Some((&parent, parent.key()))).await.unwrap();
    assert_eq!(frame[3], 4, "settings");
    assert!(provider.greet(None).await.is_err(), "no certificate");
    assert!(provider.greet(Some((&stranger, stranger.key()))).await.is_err(), "another certificate");
    let mut plain = UnixStream::connect(&provider.socket).await.unwrap();
    plain.write_all(PREFACE).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert_ne!(answer.get(3), Some(&4), "no TLS");
    assert!(provider.greet(Some((&parent, parent.key()))).await.is_ok(), "still there");
}

#[tokio::test]
async fn the_socket_is_in_a_private_folder() {
    let parent = Identity::new();
    let provider = Running::start(&parent);
    let mode = std::fs::metadata(provider.socket.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn an_interrupt_does_not_end_it_and_stdout_has_nothing_but_the_handshake() {
    let parent = Identity::new();
    let mut provider = Running::start(&parent);
    let id = provider.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(provider.greet(Some((&parent, parent.key()))).await.is_ok());
    let mut rest = String::new();
    provider.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "stdout was handed over to stderr");
}

#[tokio::test]
async fn a_provider_does_not_outlive_a_terraform_that_was_killed() {
    let parent = Identity::new();
    let mut provider = Running::start(&parent);
    assert!(provider.greet(Some((&parent, parent.key()))).await.is_ok());
    let ended = provider.child.wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert!(!provider.socket.exists());
}

#[test]
fn started_by_hand_it_says_what_it_is() {
    let ran = Command::new(&*EXAMPLE).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stdout.is_empty());
    assert!(String::from_utf8_lossy(&ran.stderr).contains("the Terraform provider files 0.1.0"));
}

#[test]
fn a_terraform_without_protocol_6_is_told_so() {
    let ran = Command::new(&*EXAMPLE)
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_PROTOCOL_VERSIONS", "4,5")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(told.contains("Terraform offers 4,5, this provider speaks 6"), "{told}");
}
