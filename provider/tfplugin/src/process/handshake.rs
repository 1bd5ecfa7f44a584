//! The first line on stdout, by which Terraform finds and trusts the provider.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The plugin protocol that this crate serves.
pub(super) const PROTOCOL: u32 = 6;

/// `1|6|unix|PATH|grpc|CERTIFICATE`, and a seventh field when Terraform asks whether connections are multiplexed.
pub(super) fn line(socket: &Path, certificate: Option<&[u8]>, asks_for_multiplexing: bool) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    let multiplexing = if asks_for_multiplexing { "|false" } else { "" };
    format!("1|{PROTOCOL}|unix|{}|grpc|{certificate}{multiplexing}", socket.display())
}

/// Whether Terraform speaks the protocol; it says nothing when it is old, and then it does.
pub(super) fn is_spoken(versions: Option<&str>) -> bool {
    versions.is_none_or(|versions| versions.split(',').any(|version| version.trim().parse() == Ok(PROTOCOL)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_terraform_expects() {
        let socket = Path::new("/tmp/a/socket");
        assert_eq!(line(socket, None, false), "1|6|unix|/tmp/a/socket|grpc|");
        assert_eq!(line(socket, Some(&[1, 2]), true), "1|6|unix|/tmp/a/socket|grpc|AQI|false");
    }

    #[test]
    fn other_protocols_are_not_spoken() {
        assert!(is_spoken(None));
        assert!(is_spoken(Some("5,6")));
        assert!(!is_spoken(Some("4,5")));
    }
}
