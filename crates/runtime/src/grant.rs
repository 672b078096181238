//! Tokens that are kept elsewhere than in the function's secrets, such as those that people make and revoke.

use std::fmt;
use std::sync::Arc;

/// Where such tokens are looked up.
pub trait Directory: fmt::Debug + Send + Sync {
    /// What is known of a token. It is asked for every request with a token that is no secret of the function.
    fn find(&self, token: &[u8]) -> Option<Found>;
}

/// A token that the directory knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is valid.
    Grant(Grant),
    /// The directory has not been read yet.
    Unread,
    /// It has expired.
    Expired {
        /// Its name.
        name: Arc<str>,
        /// When it ended, for people.
        at: String,
    },
}

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token's name, to record who changed something.
    pub name: Arc<str>,
    /// Names of its roles, including those that follow from others.
    pub roles: Arc<[&'static str]>,
    /// The partner whose data it is for; `None` for all.
    pub partner: Option<Arc<str>>,
}
