//! See [`orderflow_fuzz::batch_body`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderflow_fuzz::batch_body(data));
