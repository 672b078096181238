//! Finds programs. This crate reads nothing of the environment except `PATH`.

use crate::Error;
use std::path::{Path, PathBuf};

/// Where Debian installs servers; these folders are not in every user's `PATH`.
const SBIN: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The first `name` in `PATH` or the `sbin` folders.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SBIN.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| is_executable(program))
}

/// `given`, if it is a program, else `name` as found by [`find`].
///
/// # Errors
/// If there is no such program; the error names its Debian package.
pub(crate) fn resolve(
    given: Option<&Path>,
    name: &str,
    package: &'static str,
) -> Result<PathBuf, Error> {
    let missing = |program: String| Error::Missing { program, package };
    match given {
        Some(path) if is_executable(path) => Ok(path.to_owned()),
        Some(path) => Err(missing(path.display().to_string())),
        None => find(name).ok_or_else(|| missing(name.to_owned())),
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
