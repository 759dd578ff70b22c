//! policy-lookup: its evaluators against public suites and other implementations, the program against name servers.

mod lab;
mod served;
mod spf;
