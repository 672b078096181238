//! See [`orderflow_fuzz::subject_token`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderflow_fuzz::subject_token(data));
