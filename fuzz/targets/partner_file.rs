//! See [`orderflow_fuzz::partner_file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderflow_fuzz::partner_file(data));
