//! A file's bytes as they come, and what they hold if they are packed.
//!
//! gzip (RFC 1952) is known by its first bytes, whatever the name says. Memory holds one block.

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const BLOCK_BYTES: usize = 1 << 20;
/// Most bytes that one packed byte may become. Real order files become 4 to 30 times as large; what is
/// made to fill a disk, up to 1,032 times.
const RATIO_MAX: u64 = 200;
/// Below this many bytes the ratio does not matter.
const RATIO_FROM_BYTES: u64 = 16 << 20;

/// Why a packed file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackedError {
    #[error("the gzip file is broken behind {bytes} unpacked bytes: {reason}")]
    Broken { bytes: u64, reason: io::Error },
    #[error("the gzip file holds more than {bytes_max} bytes, the limit of inbox.max-bytes")]
    TooLarge { bytes_max: u64 },
    #[error("the gzip file holds more than {RATIO_MAX} times its size: {bytes} bytes so far")]
    Ratio { bytes: u64 },
}

/// The bytes of a file, hashed as they come.
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
    /// `fill` puts bytes into a block; none, at the end.
    pub(crate) fn new(fill: F) -> Self {
        let block = vec![0; BLOCK_BYTES];
        Self { fill, hash: Sha256::new(), block, at: 0, len: 0, bytes: 0, failed: None }
    }

    /// Gives what the file holds to `each`, unpacked, and reads it to its end whatever happens to be
    /// in it, for the hash. The inner error: why it cannot be unpacked.
    ///
    /// # Errors
    /// Of `fill` or `each`.
    pub(crate) fn read_all(
        &mut self,
        bytes_max: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), PackedError>, E> {
        let mut unpacked = Ok(());
        let is_packed = self.next()?.starts_with(&GZIP);
        if is_packed {
            unpacked = self.unpack(bytes_max, &mut each)?;
        }
        loop {
            let bytes = self.next()?;
            let len = bytes.len();
            if len == 0 {
                return Ok(unpacked);
            }
            if !is_packed {
                each(bytes)?;
            }
            self.consume(len);
        }
    }

    /// SHA-256 of all bytes that came, in hexadecimal digits.
    pub(crate) fn sha256(self) -> String {
        hex::encode(self.hash.finalize())
    }

    fn unpack(
        &mut self,
        bytes_max: u64,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), PackedError>, E> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut bytes = 0;
        let mut decoder = MultiGzDecoder::new(self);
        loop {
            let len = match decoder.read(&mut block) {
                Ok(0) => return Ok(Ok(())),
                Ok(len) => len,
                Err(reason) => {
                    let failed = decoder.get_mut().failed.take();
                    return failed.map_or(Ok(Err(PackedError::Broken { bytes, reason })), Err);
                }
            };
            bytes += len as u64;
            if bytes_max < bytes {
                return Ok(Err(PackedError::TooLarge { bytes_max }));
            }
            if RATIO_FROM_BYTES < bytes && decoder.get_ref().bytes.saturating_mul(RATIO_MAX) < bytes
            {
                return Ok(Err(PackedError::Ratio { bytes }));
            }
            each(block.get(..len).unwrap_or_default())?;
        }
    }

    /// What comes next; nothing at the end.
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
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// What is in it, in pieces of `piece` bytes; the hash is that of the bytes as they came.
    fn unpacked(file: &[u8], piece: usize, bytes_max: u64) -> (Vec<u8>, Result<(), PackedError>) {
        let (mut rest, mut found) = (file, Vec::new());
        let mut source = Source::new(|block: &mut [u8]| -> Result<usize, io::Error> {
            let len = piece.min(block.len());
            rest.read(&mut block[..len])
        });
        let result = source.read_all(bytes_max, |bytes| {
            found.extend_from_slice(bytes);
            Ok(())
        });
        let result = result.unwrap();
        assert_eq!(source.sha256(), hex::encode(Sha256::digest(file)));
        (found, result)
    }

    fn text() -> Vec<u8> {
        (0..5_000).flat_map(|n| format!("{n},{}\n", n * 7_919).into_bytes()).collect()
    }

    #[test]
    fn plain_and_packed_are_the_same_however_they_come() {
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
    fn what_is_too_large_is_said_before_it_is_unpacked() {
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
        let error = source.read_all(u64::MAX, |_| Ok(())).unwrap_err();
        assert_eq!(error, "gone");
    }
}
