//! Files on a real SFTP server become orders on a real nats-server.
#![cfg(test)]

mod charges;
mod control;
mod crashes;
mod decisions;
mod encrypted;
mod grown;
mod kills;
mod logins;
mod memory;
mod older;
mod persons;
mod rivals;
mod room;
mod rules;
mod samples;
mod shares;
mod store;
mod support;
mod transform;
mod whole;
