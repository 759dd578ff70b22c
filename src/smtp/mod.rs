//! SMTP as a client that delivers nothing (RFC 5321, RFC 3207): replies read, a conversation as far as STARTTLS, the
//! facts it shows.

pub mod reply;

pub mod capabilities;

pub mod software;

pub mod dialogue;

pub mod session;

pub mod helo;

pub mod targets;

pub mod probe;

pub mod vantage;
