//! Examines an unknown file and proposes how to read it. Every guess has a reason and a degree of
//! certainty; a person decides.

#[cfg(test)]
mod agree;
mod aliases;
mod assigned;
mod columns;
mod dates;
mod guess;
mod money;
mod numbers;
mod persons;
mod proposal;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod totals;
mod twins;
mod yaml;

pub use aliases::Role;
pub use guess::{Guess, NoProposal, Trust};
pub use proposal::{Proposal, propose, propose_in};
pub use table::Seen;
