//! Files are written all or none: every text is on the disk before the first name appears.
//!
//! Invariant: after an error each file is what it was before. A file is never seen half-written.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why files were not written; none was.
#[derive(Debug, Error)]
pub enum WriteError {
    /// Two texts for one file.
    #[error("{0} is named twice")]
    Twice(PathBuf),
    /// Not a file: a folder, a device, a pipe.
    #[error("{0} is not a regular file")]
    NotRegular(PathBuf),
    /// The file system refused.
    #[error("write {path}: {error}")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// A text on the disk that has not got its name yet.
struct Prepared {
    path: PathBuf,
    fresh: PathBuf,
    old: PathBuf,
}

/// Writes all texts, or none.
///
/// # Errors
/// [`WriteError`]: every file is as it was.
pub fn write_all(texts: &[(PathBuf, String)]) -> Result<(), WriteError> {
    let mut targets = BTreeSet::new();
    let mut prepared = Vec::new();
    for (path, _) in texts {
        let one = prepare(path)?;
        if !targets.insert(one.path.clone()) {
            return Err(WriteError::Twice(path.clone()));
        }
        prepared.push(one);
    }
    let written = prepared.iter().zip(texts).try_for_each(|(one, (_, text))| {
        write(&one.fresh, text).map_err(|error| WriteError::Refused { path: one.path.clone(), error })
    });
    let published = written.and_then(|()| publish(&prepared));
    for one in &prepared {
        // What is left over of a failed or finished run; that it is gone already is no failure.
        let _ = fs::remove_file(&one.fresh);
        let _ = fs::remove_file(&one.old);
    }
    published
}

/// The real path of a file, and the names beside it that are used meanwhile.
fn prepare(path: &Path) -> Result<Prepared, WriteError> {
    let refused = |error| WriteError::Refused { path: path.to_owned(), error };
    let real = match fs::metadata(path) {
        Ok(found) if found.is_file() => fs::canonicalize(path).map_err(refused)?,
        Ok(_) => return Err(WriteError::NotRegular(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|one| !one.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().ok_or_else(|| WriteError::NotRegular(path.to_owned()))?;
            fs::canonicalize(folder).map_err(refused)?.join(name)
        }
        Err(error) => return Err(refused(error)),
    };
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = |kind: &str| real.with_file_name(format!(".{name}.{}.{kind}", std::process::id()));
    Ok(Prepared { fresh: beside("new"), old: beside("old"), path: real })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives every text its name; when one cannot have it, takes back those that have.
fn publish(prepared: &[Prepared]) -> Result<(), WriteError> {
    for (at, one) in prepared.iter().enumerate() {
        if let Err(error) = exchange(one) {
            for done in prepared.iter().take(at) {
                take_back(done);
            }
            return Err(WriteError::Refused { path: one.path.clone(), error });
        }
    }
    Ok(())
}

fn exchange(one: &Prepared) -> io::Result<()> {
    match fs::hard_link(&one.path, &one.old) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => fs::copy(&one.path, &one.old).map(|_| ())?,
        Ok(()) => {}
    }
    fs::rename(&one.fresh, &one.path)
}

fn take_back(one: &Prepared) {
    // Nobody is left to tell: the error that led here is the one that is reported.
    let _ = match one.old.exists() {
        true => fs::rename(&one.old, &one.path),
        false => fs::remove_file(&one.path),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_files_are_written_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "before").unwrap();
        write_all(&[(a.clone(), "1".into()), (b.clone(), "2".into())]).unwrap();
        assert_eq!((fs::read_to_string(a).unwrap(), fs::read_to_string(b).unwrap()), ("1".into(), "2".into()));
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn when_one_cannot_be_written_none_is() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "before").unwrap();
        for bad in [folder.path().join("no/such/folder"), folder.path().to_owned(), b.join("..").join("b").join("c")] {
            let texts = [(a.clone(), "1".into()), (b.clone(), "2".into()), (bad, "3".into())];
            write_all(&texts).unwrap_err();
            assert_eq!(fs::read_to_string(&a).unwrap(), "before");
            assert_eq!(names(folder.path()), ["a"]);
        }
    }

    #[test]
    fn names_that_were_given_are_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b, c) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        fs::write(&a, "before").unwrap();
        let prepared = [prepare(&a).unwrap(), prepare(&b).unwrap(), prepare(&c).unwrap()];
        write(&prepared[0].fresh, "1").unwrap();
        write(&prepared[1].fresh, "2").unwrap();
        // The third text is not there: its name cannot be given.
        publish(&prepared).unwrap_err();
        assert_eq!(fs::read_to_string(&a).unwrap(), "before");
        assert!(!b.exists() && !c.exists());
    }

    #[test]
    fn a_file_is_not_written_twice_in_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let texts = [(folder.path().join("a"), "1".into()), (folder.path().join(".").join("a"), "2".into())];
        assert!(matches!(write_all(&texts), Err(WriteError::Twice(_))));
        assert!(names(folder.path()).is_empty());
    }
}
