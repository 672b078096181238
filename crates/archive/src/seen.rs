//! Which facts were counted: servers of a cluster may store one twice when their leader dies.

use state::fold::Recent;

/// Messages before a part that are looked at for facts that were stored twice.
pub(crate) const BEFORE: u64 = 20_000;

/// Facts that are known again.
pub(crate) type Seen = Recent<20_000>;
