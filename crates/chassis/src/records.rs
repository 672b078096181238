//! Records over HTTP: a function names a type, its checks and its second keys, and has the routes.
//!
//! | call | what |
//! |---|---|
//! | `GET /things` | a page in the order of keys: `limit`, `cursor`, the first parts of the key by their names, and the filters of the type |
//! | `POST /things` | makes one: 201 with `Location`; 409 if it is there. Without the last part of its key it gets one |
//! | `GET /things/{id}` | one, with its revision as a strong `ETag`; 304 for `If-None-Match` |
//! | `PUT /things/{id}` | replaces it at `If-Match`; makes it with `If-None-Match: *` |
//! | `PATCH /things/{id}` | changes the fields that are named (RFC 7396), at `If-Match` if that is given |
//! | `DELETE /things/{id}` | deletes it, at `If-Match` if that is given: 204 |
//!
//! With `Accept: application/hal+json` answers are in HAL: `_embedded`, `_links`, `page`.
//!
//! 412: it has changed since it was read. 428: a `PUT` without `If-Match`, which would undo what its sender has
//! never seen; `If-Match: *` says that this is meant. `PATCH` and `DELETE` may go without: the one touches
//! nothing but what it names, and is merged into the newest value by compare-and-set, the other keeps nothing.
//! An `Idempotency-Key` is bound to its request for a week: the same again is done once, another is 422.

mod asked;
mod condition;
mod hal;
mod kept;
mod linked;
mod listing;
mod merge;
mod problem;
mod resource;
mod routes;
mod shown;
mod write;
mod wrong;

pub use kept::Kept;
pub use resource::{Filter, Resource};
pub use wrong::Wrong;
