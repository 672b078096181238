//! Requests.

use crate::failure::Failure;
use crate::policy::Target;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Method;
use hyper::header::{self, HeaderName, HeaderValue};

const HEADER_BYTES_MAX: usize = 16 * 1024;
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("orderflow/", env!("CARGO_PKG_VERSION")));

/// Headers that the client sets itself, or that concern the connection.
const OWN: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// A request. It has no `Debug`, because URL, headers and body may contain secrets.
#[derive(Clone)]
pub struct Request {
    method: Method,
    pub(crate) url: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Request {
    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// A POST request with `body`; set its type with a header.
    pub fn post(url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::get(url) }
    }

    /// Adds a header. Headers are checked when the request is sent; all together may have 16 KiB.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_http(self, target: &Target) -> Result<hyper::Request<Full<Bytes>>, Failure> {
        let refused = |why: String| Failure::Refused { url: target.shown.clone(), why };
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if HEADER_BYTES_MAX < bytes {
            return Err(refused(format!("{bytes} bytes of headers; at most {HEADER_BYTES_MAX}")));
        }
        let mut request = hyper::Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = target.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT);
        for (name, value) in &self.headers {
            let Ok(known) = HeaderName::try_from(name) else {
                return Err(refused(format!("{name:?} is not a valid header name")));
            };
            let Ok(mut value) = HeaderValue::try_from(value) else {
                return Err(refused(format!("header {name}: its value has a control character")));
            };
            if OWN.contains(&known) {
                return Err(refused(format!("header {name} is set by the client alone")));
            }
            value.set_sensitive(true);
            if known == header::USER_AGENT {
                headers.insert(known, value);
            } else {
                headers.append(known, value);
            }
        }
        Ok(request)
    }
}
