//! Everything on one machine: real nats-server and sshd, every function, gateway, connector,
//! schedules.

mod children;
mod daemons;
mod follow;
mod inside;
mod logs;
mod parts;
mod products;
mod ready;
mod room;
mod run;
mod schedules;
mod secrets;
mod settings;
mod signals;
mod sources;
mod stock;
mod users;

pub use run::run;
pub use settings::Settings;
pub use sources::Sources;
