//! The bytes of a file as received, and its content if it is packed.
//!
//! Packed files are recognised by their first bytes, whatever their name is. gzip (RFC 1952) is
//! unpacked while it is received; memory holds one block.

use crate::closed::{self, Closed};
use crate::failure::Failure;
use crate::packed::{Caps, Meter, PackedError, Packing};
use crate::unzip;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead, Read, Seek as _, Write as _};
use std::path::Path;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Magic numbers: of an archive with entries, and of an empty one.
const ZIP: [[u8; 4]; 2] = [*b"PK\x03\x04", *b"PK\x05\x06"];
const BLOCK_BYTES: usize = 1 << 20;

/// Passes the content of the file to `each`, unless it is encrypted, and reads the file to its end. The
/// inner error says why it cannot be unpacked.
///
/// # Errors
/// Errors of the file, of `each`, and of temporary files.
pub(crate) fn content<F, E: From<Failure>>(
    source: &mut Source<F, E>,
    packing: Option<Packing>,
    caps: Caps<'_>,
    each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Result<(), PackedError>, E>
where
    F: FnMut(&mut [u8]) -> Result<usize, E>,
{
    match packing {
        None => Ok(Ok(source.read_plain(each)?)),
        Some(Packing::Gzip) => source.read_gzip(caps, each),
        Some(Packing::Zip) => unzip::read_all(source.keep(caps.scratch)?, caps, each),
        Some(Packing::Pgp) => {
            source.read_plain(|_| Ok(()))?;
            Ok(Err(Closed::Twice.into()))
        }
    }
}

/// Fills `block`, as long as `read` returns bytes.
pub(crate) fn fill<E>(
    block: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<usize, E> {
    let mut len = 0;
    while let Some(rest) = block.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match read(rest)? {
            0 => break,
            n => len += n,
        }
    }
    Ok(len)
}

/// The bytes of a file, hashed as they are received.
pub(crate) struct Source<F, E> {
    fill: F,
    hash: Sha256,
    block: Vec<u8>,
    at: usize,
    len: usize,
    bytes: u64,
    failed: Option<E>,
}

impl<F: FnMut(&mut [u8]) -> Result<usize, E>, E> Source<F, E> {
    /// `fill` puts bytes into a block and returns their number; 0 at the end.
    pub(crate) fn new(fill: F) -> Self {
        let block = vec![0; BLOCK_BYTES];
        Self { fill, hash: Sha256::new(), block, at: 0, len: 0, bytes: 0, failed: None }
    }

    /// How the file is packed, if it is.
    ///
    /// # Errors
    /// Errors of `fill`.
    pub(crate) fn packing(&mut self) -> Result<Option<Packing>, E> {
        let first = self.next()?;
        Ok(if first.starts_with(&GZIP) {
            Some(Packing::Gzip)
        } else if ZIP.iter().any(|magic| first.starts_with(magic)) {
            Some(Packing::Zip)
        } else if closed::is_message(first) {
            Some(Packing::Pgp)
        } else {
            None
        })
    }

    /// Passes all bytes as received to `each`.
    ///
    /// # Errors
    /// Errors of `fill` or `each`.
    pub(crate) fn read_plain(
        &mut self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let bytes = self.next()?;
            let len = bytes.len();
            if len == 0 {
                return Ok(());
            }
            each(bytes)?;
            self.consume(len);
        }
    }

    /// Copies the file to a temporary file, positioned at its beginning.
    ///
    /// # Errors
    /// Errors of `fill`, and of the temporary file.
    pub(crate) fn keep(&mut self, scratch: &Path) -> Result<File, E>
    where
        E: From<Failure>,
    {
        let mut file = tempfile::tempfile_in(scratch).map_err(Failure::scratch)?;
        self.read_plain(|bytes| Ok(file.write_all(bytes).map_err(Failure::scratch)?))?;
        file.rewind().map_err(Failure::scratch)?;
        Ok(file)
    }

    /// Passes the content of a gzip file to `each`, and in any case reads the file to its end for the
    /// hash. The inner error says why it cannot be unpacked.
    ///
    /// # Errors
    /// Errors of `fill` or `each`.
    fn read_gzip(
        &mut self,
        caps: Caps<'_>,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), PackedError>, E> {
        let unpacked = self.unpack(caps, &mut each)?;
        self.read_plain(|_| Ok(()))?;
        Ok(unpacked)
    }

    /// SHA-256 of all received bytes, in hexadecimal digits.
    pub(crate) fn sha256(self) -> String {
        hex::encode(self.hash.finalize())
    }

    fn unpack(
        &mut self,
        caps: Caps<'_>,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), PackedError>, E> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut meter = Meter::new(Packing::Gzip, caps);
        let mut decoder = MultiGzDecoder::new(self);
        loop {
            let len = match decoder.read(&mut block) {
                Ok(0) => return Ok(Ok(())),
                Ok(len) => len,
                Err(reason) => {
                    let failed = decoder.get_mut().failed.take();
                    return failed.map_or(Ok(Err(meter.broken(reason))), Err);
                }
            };
            if let Err(error) = meter.add(len, decoder.get_ref().bytes) {
                return Ok(Err(error));
            }
            each(block.get(..len).unwrap_or_default())?;
        }
    }

    /// The next bytes; empty at the end.
    fn next(&mut self) -> Result<&[u8], E> {
        if self.at == self.len {
            self.at = 0;
            self.len = (self.fill)(&mut self.block)?;
            self.bytes += self.len as u64;
            self.hash.update(self.block.get(..self.len).unwrap_or_default());
        }
        Ok(self.block.get(self.at..self.len).unwrap_or_default())
    }
}

impl<F: FnMut(&mut [u8]) -> Result<usize, E>, E> BufRead for Source<F, E> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.len
            && let Err(error) = self.next()
        {
            self.failed = Some(error);
            return Err(io::Error::other("the source failed"));
        }
        Ok(self.block.get(self.at..self.len).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.at = self.len.min(self.at + bytes);
    }
}

impl<F: FnMut(&mut [u8]) -> Result<usize, E>, E> Read for Source<F, E> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::RATIO_FROM_BYTES;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn caps(bytes_max: u64) -> Caps<'static> {
        Caps { bytes_max, packed_max: u64::MAX, scratch: Path::new("/tmp") }
    }

    /// The content, read in pieces of `piece` bytes; the hash is that of the bytes as received.
    fn unpacked(file: &[u8], piece: usize, bytes_max: u64) -> (Vec<u8>, Result<(), PackedError>) {
        let (mut rest, mut found) = (file, Vec::new());
        let mut source = Source::new(|block: &mut [u8]| -> Result<usize, io::Error> {
            let len = piece.min(block.len());
            rest.read(&mut block[..len])
        });
        let mut keep = |bytes: &[u8]| {
            found.extend_from_slice(bytes);
            Ok(())
        };
        let result = match source.packing().unwrap() {
            None => {
                source.read_plain(keep).unwrap();
                Ok(())
            }
            Some(_) => source.read_gzip(caps(bytes_max), &mut keep).unwrap(),
        };
        assert_eq!(source.sha256(), hex::encode(Sha256::digest(file)));
        (found, result)
    }

    fn text() -> Vec<u8> {
        (0..5_000).flat_map(|n| format!("{n},{}\n", n * 7_919).into_bytes()).collect()
    }

    #[test]
    fn plain_and_packed_files_have_the_same_content_in_pieces_of_any_size() {
        let two = [packed(&text()), packed(b"second\n")].concat();
        for piece in [2, 1_000, BLOCK_BYTES] {
            for (file, expected) in [
                (text(), text()),
                (packed(&text()), text()),
                (two.clone(), [&text(), &b"second\n"[..]].concat()),
            ] {
                let (found, result) = unpacked(&file, piece, u64::MAX);
                assert!(result.is_ok(), "{result:?}");
                assert!(found == expected, "{piece}");
            }
        }
        assert_eq!(unpacked(b"", 10, u64::MAX).0, b"");
        assert_eq!(unpacked(&packed(b""), 10, u64::MAX).0, b"");
    }

    #[test]
    fn a_packed_file_that_is_cut_or_changed_is_broken() {
        let whole = packed(&text());
        for end in [2, 10, 11, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
            let (_, result) = unpacked(&whole[..end], 1_000, u64::MAX);
            assert!(matches!(result, Err(PackedError::Broken { .. })), "{end}: {result:?}");
        }
        for at in [whole.len() / 2, whole.len() - 5] {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            let (_, result) = unpacked(&changed, 1_000, u64::MAX);
            assert!(matches!(result, Err(PackedError::Broken { .. })), "{at}: {result:?}");
        }
        let garbage = [&whole[..], b"more"].concat();
        let (_, result) = unpacked(&garbage, 1_000, u64::MAX);
        assert!(matches!(result, Err(PackedError::Broken { .. })), "{result:?}");
    }

    #[test]
    fn a_too_large_file_is_refused_before_it_is_unpacked() {
        let bytes_max = 10_000;
        let (found, result) = unpacked(&packed(&text()), 100, bytes_max);
        let error = result.unwrap_err().to_string();
        assert_eq!(
            error,
            "the gzip file holds more than 10000 bytes, the limit of inbox.max-bytes"
        );
        assert!(found.len() <= 10_000);
        let bomb = packed(&vec![b'0'; 64 << 20]);
        let (found, result) = unpacked(&bomb, BLOCK_BYTES, u64::MAX);
        assert!(matches!(result, Err(PackedError::Ratio { .. })), "{result:?}");
        assert!(found.len() as u64 <= RATIO_FROM_BYTES);
    }

    #[test]
    fn a_source_that_fails_is_not_taken_for_a_broken_file() {
        let file = packed(&text());
        let mut rest = &file[..file.len() / 2];
        let mut source = Source::new(|block: &mut [u8]| match rest.read(&mut block[..100]) {
            Ok(0) => Err("gone"),
            read => Ok(read.unwrap()),
        });
        let error = source.read_gzip(caps(u64::MAX), |_| Ok(())).unwrap_err();
        assert_eq!(error, "gone");
    }
}
