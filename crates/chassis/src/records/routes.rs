//! The routes of records.

use super::asked::{Change, Look, Make, Patch, Put, Sent};
use super::condition::is_known;
use super::kept::Kept;
use super::listing::Listing;
use super::problem::{missing, old, unread};
use super::resource::{Resource, assert_has_its_key, collection, plural, scope};
use super::shown::{Listed, Shown};
use super::write;
use crate::api::{Api, Operation};
use axum::extract::State;
use axum::http::StatusCode;
use runtime::{Problem, heavy};
use state::wire::Wire;
use std::time::Duration;

/// How long a list waits until all changes that were made before are in it.
const FRESH_MAX: Duration = Duration::from_secs(5);

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Adds the routes of records, which the handlers' state holds at `of`.
    ///
    /// # Panics
    /// The path of `T` names something that is no field of it.
    #[must_use]
    pub fn records<T: Resource, W: Wire>(self, of: fn(&S) -> &Kept<T, W>) -> Self {
        assert_has_its_key::<T>();
        let (one, all, scope) = (T::PATH, collection::<T>(), scope::<T>());
        let (name, names) = (T::NAME, plural::<T>());
        let list = Operation::get(all, format!("Lists {names}"), T::READ, scope);
        let look = Operation::get(one, format!("Shows a {name}"), T::READ, scope);
        let make = Operation::post(all, format!("Makes a {name}"), T::WRITE, scope);
        let put = Operation::put(one, format!("Replaces a {name}, or makes it"), T::WRITE, scope);
        let change = Operation::patch(one, format!("Changes fields of a {name}"), T::WRITE, scope);
        let delete = Operation::delete(one, format!("Deletes a {name}"), T::WRITE, scope);
        self.at(list, async move |State(state): State<S>, listing: Listing<T>| {
            page(of(&state), listing).await
        })
        .at(look, async move |State(state): State<S>, Look(asked): Look<T>| {
            let parts = &asked.parts;
            let found = of(&state).records().get(&asked.key()?).await;
            let found = found.map_err(|error| unread(&error))?;
            let found = found.ok_or_else(|| missing::<T>(parts))?;
            Ok::<_, Problem>(match is_known(&asked.headers, found.revision) {
                true => Shown::known(found.revision),
                false => Shown::new(StatusCode::OK, &found.value, found.revision).to(&asked),
            })
        })
        .at(make, async move |State(state): State<S>, Make(asked): Make<T>, sent: Sent<T>| {
            write::create(of(&state), asked, sent).await
        })
        .at(put, async move |State(state): State<S>, Put(asked): Put<T>, sent: Sent<T>| {
            write::put(of(&state), asked, sent).await
        })
        .at(
            change,
            async move |State(state): State<S>, Change(asked): Change<T>, Patch(sent): Patch<T>| {
                write::change(of(&state), asked, sent).await
            },
        )
        .at(delete, async move |State(state): State<S>, Change(asked): Change<T>| {
            write::delete(of(&state), asked).await
        })
    }
}

async fn page<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    listing: Listing<T>,
) -> Result<Listed<T>, Problem> {
    let Some(cache) = &kept.cache else {
        let Listing { prefix, after, limit, .. } = &listing;
        let page = kept.records().list(prefix.as_ref(), after.as_ref(), *limit).await;
        return Ok(Listed::new(&page.map_err(|error| unread(&error))?, &listing, None));
    };
    cache.fresh(FRESH_MAX).await.map_err(|error| old(&error))?;
    let (page, counts) = heavy(usize::MAX, || listing.of_cache(cache));
    Ok(Listed::new(&page, &listing, counts))
}
