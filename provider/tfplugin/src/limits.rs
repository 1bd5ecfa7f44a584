//! Every bound of this crate: unit and reason in one place.

use std::time::Duration;

/// Bytes of one message in either direction: gRPC's default of 4 MiB fails on large configurations.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Levels of nesting in a value or a type: far beyond any schema, far below what would exhaust a stack.
pub const NESTING_MAX: usize = 64;

/// Digits that an exponent may add to a number's text: a number of the language has at most 155 significant ones.
pub const EXPONENT_MAX: i64 = 4_096;

/// How long a shutdown waits for calls that are still running before the process ends.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// How long a provider waits for a Terraform whose connection ended without a word: it was killed.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(10);

/// How long a connection may take to prove who it is.
pub const TLS_HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Connections that wait to be served: Terraform opens one.
pub const CONNECTIONS_WAITING_MAX: usize = 16;

/// Bytes of a Unix socket's path, the terminating zero included.
pub const SOCKET_PATH_MAX: usize = 108;

/// Diagnostics in one answer: whoever sees these fixes them before reading on.
pub const DIAGNOSTICS_MAX: usize = 200;
