//! mx-lookup
fn main() {}
