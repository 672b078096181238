//! What is wrong with a stack.yml, before a cluster finds it out or does not.
//!
//! Offline: it reads files, and asks the functions in this program how they read their settings.
//! `docs/OPENFAAS.md` has the table of rules.

mod calls;
mod check;
mod community;
mod files;
mod finding;
mod function;
mod lanes;
mod money;
mod nearest;
mod policies;
mod resources;
mod schema;
mod settings;
mod subject;
#[cfg(test)]
mod tests;
mod variables;

pub use calls::unread as unread_annotations;
pub use check::{check, notes};
pub use finding::{Findings, Level};
pub(crate) use schema::json as stack_schema;
pub use subject::Subject;
