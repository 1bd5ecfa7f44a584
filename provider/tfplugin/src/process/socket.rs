//! A socket that only this user can reach.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::limits::SOCKET_PATH_MAX;

/// A folder of its own with mode 0700, and the socket in it; both go away with it.
#[derive(Debug)]
pub(super) struct PrivateSocket {
    folder: PathBuf,
    path: PathBuf,
}

/// A socket could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("make a socket: the path {0} is longer than {SOCKET_PATH_MAX} bytes; set TMPDIR to a shorter one")]
    TooLong(PathBuf),
    #[error("make a socket in {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

impl PrivateSocket {
    pub(super) fn bind(parent: &Path) -> Result<(Self, UnixListener), SocketError> {
        let folder = parent.join(format!("tfplugin-{:016x}", rand::random::<u64>()));
        let path = folder.join("socket");
        if path.as_os_str().len() >= SOCKET_PATH_MAX {
            return Err(SocketError::TooLong(path));
        }
        let failed = |error| SocketError::Io(parent.to_owned(), error);
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        let socket = Self { folder, path };
        let listener = UnixListener::bind(&socket.path).map_err(failed)?;
        Ok((socket, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_dir(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_goes_away() {
        let parent = tempfile::tempdir().unwrap();
        let (socket, _listener) = PrivateSocket::bind(parent.path()).unwrap();
        let mode = std::fs::metadata(&socket.folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(socket);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_says_so() {
        let parent = Path::new("/tmp").join("x".repeat(SOCKET_PATH_MAX));
        assert!(matches!(PrivateSocket::bind(&parent), Err(SocketError::TooLong(_))));
    }
}
