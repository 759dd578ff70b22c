//! What the fuzz targets do with their input. Each module is replayed over its corpus by the tests, too.

pub mod dns_list;
pub mod dns_message;
pub mod leak_count;
pub mod mail_lab;
pub mod policy_dns;
pub mod policy_mail;
pub mod received;
pub mod smtp_dialogue;
pub mod smtp_reply;
pub mod store;
pub mod tls_flight;
pub mod tls_modern;
pub mod x509_certificate;
