#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mx_survey_fuzz::tls_modern::run(data));
