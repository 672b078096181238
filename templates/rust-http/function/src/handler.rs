//! What this function does.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};

/// Answers a request: by default with what was sent.
pub async fn handle(request: Request<Bytes>) -> Response<Full<Bytes>> {
    let text = String::from_utf8_lossy(request.body());
    let mut response = Response::new(Full::from(format!("you sent: {text}\n")));
    // Without a type OpenFaaS answers with that of the request.
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("text/plain"),
    );
    response
}
