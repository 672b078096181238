//! What a listing shows.

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, without a folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Last change, seconds since 1970 by the server's clock.
    pub mtime: u64,
    /// What it is.
    pub kind: Kind,
}

/// What something in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link, which is never followed.
    Symlink,
    /// A pipe, a socket, a device.
    Other,
}
