//! The notifier with real servers: who is told of what, what mail servers and providers answer, and what becomes of
//! messages when processes and servers end.
#![cfg(test)]

mod kills;
mod people;
mod replies;
mod sms;
mod smtp;
mod support;
mod telling;
mod tls;
