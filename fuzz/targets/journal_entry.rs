//! See [`orderflow_fuzz::journal_entry`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderflow_fuzz::journal_entry(data));
