//! See [`orderflow_fuzz::raw_order`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderflow_fuzz::raw_order(data));
