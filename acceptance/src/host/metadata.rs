//! The instance metadata service of one instance, version 2 only: every read needs a token that a PUT handed out.
//!
//! Source: EC2 user guide, "Use the Instance Metadata Service to access instance metadata" and "Retrieve security
//! credentials from instance metadata". It knows nothing of namespaces: the socket it answers on is made elsewhere.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::json;

use super::cloud::{Cloud, Credentials, Role};
use super::http::{Request, Response};
use super::limits;
use super::listener::Listener;
use crate::clock::Stopwatch;

/// What the service tells about its instance.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) instance_id: String,
    pub(super) address: Ipv4Addr,
    pub(super) hostname: String,
    pub(super) zone: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) image_id: String,
    pub(super) instance_type: String,
    pub(super) user_data: Vec<u8>,
    /// Name of the instance profile.
    pub(super) profile: Option<String>,
    pub(super) role: Option<Role>,
}

/// Serves one instance's metadata on `socket`.
pub(super) fn serve(socket: TcpListener, facts: Facts, cloud: Cloud) -> Listener {
    let service = Service {
        facts,
        cloud,
        started: Stopwatch::start(),
        tokens: Mutex::new(Tokens::default()),
        credentials: Mutex::new(None),
    };
    let service = Arc::new(service);
    Listener::serve(socket, move |stream| service.answer(&stream))
}

struct Service {
    facts: Facts,
    cloud: Cloud,
    started: Stopwatch,
    tokens: Mutex<Tokens>,
    credentials: Mutex<Option<(u64, Credentials)>>,
}

impl Service {
    fn answer(&self, stream: &TcpStream) {
        let Ok(request) = Request::read(stream) else { return };
        let response = self.respond(&request, self.started.elapsed().as_secs()).unwrap_or_else(|error| {
            eprintln!("host: metadata of {}: {} {}: {error:#}", self.facts.instance_id, request.method, request.path);
            Response::new(500, "")
        });
        let _ = response.write(stream);
    }

    /// `now` counts seconds since the service started.
    fn respond(&self, request: &Request, now: u64) -> Result<Response> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.judge(request, now) {
            Verdict::Issue { ttl } => {
                let token = random()?;
                tokens.add(token.clone(), now + ttl);
                Ok(Response::new(200, token))
            }
            Verdict::Refuse(status) => Ok(Response::new(status, "")),
            Verdict::Read => {
                drop(tokens);
                self.read(&request.path, now)
            }
        }
    }

    fn read(&self, path: &str, now: u64) -> Result<Response> {
        let facts = &self.facts;
        let role = facts.role.as_ref();
        let found = match path.strip_prefix("/latest/").unwrap_or_default() {
            "meta-data/instance-id" => Some(facts.instance_id.clone()),
            "meta-data/local-ipv4" => Some(facts.address.to_string()),
            "meta-data/local-hostname" | "meta-data/hostname" => Some(facts.hostname.clone()),
            "meta-data/ami-id" => Some(facts.image_id.clone()),
            "meta-data/instance-type" => Some(facts.instance_type.clone()),
            "meta-data/placement/availability-zone" => Some(facts.zone.clone()),
            "meta-data/placement/region" => Some(facts.region.clone()),
            "meta-data/autoscaling/target-lifecycle-state" => Some("InService".to_owned()),
            "meta-data/iam/security-credentials/" | "meta-data/iam/security-credentials" => {
                role.map(|role| role.name.clone())
            }
            "user-data" if !facts.user_data.is_empty() => Some(String::from_utf8_lossy(&facts.user_data).into_owned()),
            "dynamic/instance-identity/document" => Some(self.identity()),
            other => match other.strip_prefix("meta-data/iam/security-credentials/").zip(role) {
                Some((name, role)) if name == role.name => Some(self.credentials(role, now)?),
                _ => None,
            },
        };
        Ok(found.map_or_else(|| Response::new(404, ""), |body| Response::new(200, body)))
    }

    fn identity(&self) -> String {
        let Facts { instance_id, address, zone, region, account, image_id, instance_type, .. } = &self.facts;
        let architecture = std::env::consts::ARCH;
        let document = json!({ "accountId": account, "architecture": architecture, "availabilityZone": zone, "imageId": image_id,
            "instanceId": instance_id, "instanceType": instance_type, "privateIp": address, "region": region, "version": "2017-09-30" });
        format!("{document:#}")
    }

    /// The role's credentials, fetched anew long before they expire.
    fn credentials(&self, role: &Role, now: u64) -> Result<String> {
        let mut kept = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = kept.take().filter(|(since, _)| now - since < limits::CREDENTIALS_REFRESH_SECONDS);
        let current = match fresh {
            Some(fresh) => fresh,
            None => (now, self.cloud.assume(&role.arn, &self.facts.instance_id)?),
        };
        let (_, credentials) = kept.insert(current);
        let document = json!({ "Code": "Success", "LastUpdated": "1970-01-01T00:00:00Z", "Type": "AWS-HMAC",
            "AccessKeyId": credentials.access_key_id, "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token, "Expiration": credentials.expiration });
        Ok(format!("{document:#}"))
    }
}

/// The tokens handed out, each with the second it ends in.
#[derive(Debug, Default)]
struct Tokens(VecDeque<(String, u64)>);

/// What a request may have.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Issue { ttl: u64 },
    Read,
    Refuse(u16),
}

impl Tokens {
    fn judge(&self, request: &Request, now: u64) -> Verdict {
        match request.method.as_str() {
            "PUT" if request.path == "/latest/api/token" => Self::judge_put(request),
            "GET" => match request.header("x-aws-ec2-metadata-token") {
                Some(token) if self.valid(token, now) => Verdict::Read,
                _ => Verdict::Refuse(401),
            },
            _ => Verdict::Refuse(405),
        }
    }

    /// A PUT that came through a proxy is refused: that is what keeps open proxies from handing out credentials.
    fn judge_put(request: &Request) -> Verdict {
        if request.header("x-forwarded-for").is_some() {
            return Verdict::Refuse(403);
        }
        let ttl = request.header("x-aws-ec2-metadata-token-ttl-seconds").and_then(|ttl| ttl.parse().ok());
        match ttl {
            Some(ttl @ 1..=limits::METADATA_TOKEN_TTL_SECONDS_MAX) => Verdict::Issue { ttl },
            _ => Verdict::Refuse(400),
        }
    }

    fn valid(&self, token: &str, now: u64) -> bool {
        self.0.iter().any(|(known, end)| known == token && now < *end)
    }

    fn add(&mut self, token: String, end: u64) {
        self.0.push_back((token, end));
        if self.0.len() > limits::METADATA_TOKENS_MAX {
            self.0.pop_front();
        }
    }
}

/// 32 random bytes in hexadecimal.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(ttl: &str) -> Request {
        Request::new("PUT", "/latest/api/token").with("X-aws-ec2-metadata-token-ttl-seconds", ttl)
    }

    fn get(token: &str) -> Request {
        Request::new("GET", "/latest/meta-data/instance-id").with("X-aws-ec2-metadata-token", token)
    }

    #[test]
    fn a_read_without_a_valid_token_is_unauthorised() {
        let tokens = Tokens::default();
        assert_eq!(tokens.judge(&Request::new("GET", "/latest/meta-data/instance-id"), 0), Verdict::Refuse(401));
        assert_eq!(tokens.judge(&get("guess"), 0), Verdict::Refuse(401));
    }

    #[test]
    fn a_token_lives_exactly_as_long_as_was_asked() {
        let mut tokens = Tokens::default();
        tokens.add("t".to_owned(), 100 + 60);
        assert_eq!(tokens.judge(&get("t"), 159), Verdict::Read);
        assert_eq!(tokens.judge(&get("t"), 160), Verdict::Refuse(401));
    }

    #[test]
    fn a_token_needs_a_life_between_a_second_and_six_hours() {
        assert_eq!(Tokens::default().judge(&put("21600"), 0), Verdict::Issue { ttl: 21600 });
        assert_eq!(Tokens::default().judge(&put("1"), 0), Verdict::Issue { ttl: 1 });
        for ttl in ["0", "21601", "-1", "x", ""] {
            assert_eq!(Tokens::default().judge(&put(ttl), 0), Verdict::Refuse(400), "{ttl}");
        }
        assert_eq!(Tokens::default().judge(&Request::new("PUT", "/latest/api/token"), 0), Verdict::Refuse(400));
    }

    #[test]
    fn a_token_is_not_handed_through_a_proxy() {
        assert_eq!(Tokens::default().judge(&put("60").with("X-Forwarded-For", "10.0.0.1"), 0), Verdict::Refuse(403));
    }

    #[test]
    fn nothing_can_be_written() {
        for method in ["POST", "DELETE", "HEAD"] {
            assert_eq!(Tokens::default().judge(&Request::new(method, "/latest/user-data"), 0), Verdict::Refuse(405));
        }
        assert_eq!(Tokens::default().judge(&Request::new("PUT", "/latest/user-data"), 0), Verdict::Refuse(405));
    }

    #[test]
    fn the_oldest_token_goes_when_there_are_too_many() {
        let mut tokens = Tokens::default();
        (0..=limits::METADATA_TOKENS_MAX).for_each(|n| tokens.add(n.to_string(), 10));
        assert_eq!(tokens.judge(&get("0"), 0), Verdict::Refuse(401));
        assert_eq!(tokens.judge(&get("1"), 0), Verdict::Read);
    }
}
