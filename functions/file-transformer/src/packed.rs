//! Kinds of packing, and limits for unpacked content.

use crate::closed::Closed;
use std::fmt;
use std::io;
use std::path::Path;

/// Most unpacked bytes for each packed byte. Real order files grow by a factor of 4 to 30; files made
/// to fill a disk by up to 1,032.
const RATIO_MAX: u64 = 200;
/// The ratio is not checked below this many bytes.
pub(crate) const RATIO_FROM_BYTES: u64 = 16 << 20;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zip,
    /// Encrypted; the content may be packed.
    Pgp,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Pgp => "encrypted",
        })
    }
}

/// Why a packed file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackedError {
    #[error("the {packing} file is broken behind {bytes} unpacked bytes: {reason}")]
    Broken { packing: Packing, bytes: u64, reason: io::Error },
    #[error("the {packing} file holds more than {bytes_max} bytes, the limit of inbox.max-bytes")]
    TooLarge { packing: Packing, bytes_max: u64 },
    #[error("the {packing} file holds more than {RATIO_MAX} times its size: {bytes} bytes so far")]
    Ratio { packing: Packing, bytes: u64 },
    #[error("the zip file cannot be taken: {reason}")]
    Zip { reason: String },
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Limits for a packed file, and the folder for temporary files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps<'a> {
    pub(crate) bytes_max: u64,
    /// Bytes of the outermost file: the content of nested packing is compared with these.
    pub(crate) packed_max: u64,
    pub(crate) scratch: &'a Path,
}

/// Counts the unpacked bytes of a file.
pub(crate) struct Meter {
    packing: Packing,
    bytes_max: u64,
    packed_max: u64,
    bytes: u64,
}

impl Meter {
    pub(crate) fn new(packing: Packing, caps: Caps<'_>) -> Self {
        Self { packing, bytes_max: caps.bytes_max, packed_max: caps.packed_max, bytes: 0 }
    }

    /// Adds `len` unpacked bytes, after `packed` bytes were read.
    pub(crate) fn add(&mut self, len: usize, packed: u64) -> Result<(), PackedError> {
        let (packing, bytes_max) = (self.packing, self.bytes_max);
        self.bytes += len as u64;
        if bytes_max < self.bytes {
            return Err(PackedError::TooLarge { packing, bytes_max });
        }
        let packed = packed.min(self.packed_max);
        if RATIO_FROM_BYTES < self.bytes && packed.saturating_mul(RATIO_MAX) < self.bytes {
            return Err(PackedError::Ratio { packing, bytes: self.bytes });
        }
        Ok(())
    }

    /// The unpacked bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn broken(&self, reason: io::Error) -> PackedError {
        PackedError::Broken { packing: self.packing, bytes: self.bytes, reason }
    }
}
