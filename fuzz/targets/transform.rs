//! See [`orderflow_fuzz::transform`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderflow_fuzz::transform(data));
