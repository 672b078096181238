//! An answer that is a file.

use crate::describe::{Description, Output};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::SchemaGenerator;
use serde_json::json;
use std::fmt::Debug;
use std::marker::PhantomData;

/// What kind of file it is.
pub trait FileType: Debug + Send + 'static {
    /// As in `Content-Type`.
    const CONTENT_TYPE: &'static str;
    /// What its name ends with.
    const EXTENSION: &'static str;
}

/// A file, or that the caller has it already.
#[derive(Debug)]
pub struct File<T> {
    /// Nothing if the caller has it.
    body: Option<Bytes>,
    name: String,
    etag: String,
    of: PhantomData<fn() -> T>,
}

impl<T: FileType> File<T> {
    /// Makes the file, unless the caller has it as `If-None-Match` says. `name` has no extension; `version` is other
    /// whenever the file is: letters and digits.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn new<B: Into<Bytes>, E>(
        headers: &HeaderMap,
        (name, version): (&str, &str),
        make: impl FnOnce() -> Result<B, E>,
    ) -> Result<Self, E> {
        let etag = format!("\"{version}-{}\"", T::EXTENSION);
        let known = headers.get_all(header::IF_NONE_MATCH).iter();
        let known = known.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(','));
        let mut known = known.map(|tag| tag.trim().trim_start_matches("W/"));
        let has_it = known.any(|tag| tag == etag || tag == "*");
        let body = if has_it { None } else { Some(make()?.into()) };
        Ok(Self { body, name: format!("{name}.{}", T::EXTENSION), etag, of: PhantomData })
    }
}

impl<T: FileType> IntoResponse for File<T> {
    fn into_response(self) -> Response {
        let value = |text: String| {
            HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("inline"))
        };
        let etag = [(header::ETAG, value(self.etag))];
        let Some(body) = self.body else {
            return (StatusCode::NOT_MODIFIED, etag).into_response();
        };
        // Quotes and backslashes would end the name.
        let name = self.name.replace(['"', '\\'], "_");
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(T::CONTENT_TYPE)),
            (header::CONTENT_DISPOSITION, value(format!("inline; filename=\"{name}\""))),
            // What is in it was written by strangers.
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(
                    "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
                ),
            ),
        ];
        (etag, headers, body).into_response()
    }
}

impl<T: FileType> Output for File<T> {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        let schema = json!({"schema": {"type": "string", "format": "binary"}});
        operation.answers.insert(T::CONTENT_TYPE.to_owned(), schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[derive(Debug)]
    struct Text;

    impl FileType for Text {
        const CONTENT_TYPE: &'static str = "text/plain";
        const EXTENSION: &'static str = "txt";
    }

    fn get(known: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(known) = known {
            headers.insert(header::IF_NONE_MATCH, known.parse().unwrap());
        }
        let made = || Ok::<_, Infallible>("text".to_owned());
        let Ok(file) = File::<Text>::new(&headers, ("A-1\"x", "abc"), made);
        file.into_response()
    }

    #[test]
    fn a_file_is_made_only_for_callers_who_lack_it() {
        let response = get(None);
        assert_eq!(response.status(), StatusCode::OK);
        let of = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(of("etag"), "\"abc-txt\"");
        assert_eq!(of("content-disposition"), "inline; filename=\"A-1_x.txt\"");
        for (known, expected) in [
            ("\"abc-txt\"", StatusCode::NOT_MODIFIED),
            ("W/\"x\", \"abc-txt\"", StatusCode::NOT_MODIFIED),
            ("*", StatusCode::NOT_MODIFIED),
            ("\"abc-pdf\"", StatusCode::OK),
        ] {
            assert_eq!(get(Some(known)).status(), expected, "{known}");
        }
    }
}
