//! Lists as CSV.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chassis::{Description, Output};
use schemars::SchemaGenerator;
use serde_json::json;

/// A list as lines of text.
#[derive(Debug)]
pub(crate) struct Csv(String);

impl Csv {
    pub(crate) fn new(head: &[&str]) -> Self {
        let mut csv = Self(String::new());
        csv.line(head);
        csv
    }

    /// Adds a line. What is written by strangers never begins a formula of a spreadsheet.
    pub(crate) fn line<T: AsRef<str>>(&mut self, fields: &[T]) {
        for (index, field) in fields.iter().map(AsRef::as_ref).enumerate() {
            if 0 < index {
                self.0.push(',');
            }
            let is_number = field.parse::<f64>().is_ok();
            let is_formula = !is_number && field.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let quote = is_formula || field.contains(['"', ',', '\n', '\r']);
            if quote {
                self.0.push('"');
                if is_formula {
                    self.0.push('\'');
                }
                self.0.push_str(&field.replace('"', "\"\""));
                self.0.push('"');
            } else {
                self.0.push_str(field);
            }
        }
        self.0.push_str("\r\n");
    }
}

/// Does the caller ask for CSV?
pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with("text/csv"))
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        let nosniff = HeaderValue::from_static("nosniff");
        let headers = [(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, nosniff)];
        (headers, self.0).into_response()
    }
}

impl Output for Csv {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        operation.answers.insert("text/csv".to_owned(), json!({"schema": {"type": "string"}}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_no_formula_and_stays_one_field() {
        let mut csv = Csv::new(&["key", "revenue"]);
        for key in ["FR", "=1+1", "a,b", "say \"x\"", "-5.00", "@x"] {
            csv.line(&[key, "-1.50"]);
        }
        let expected = "key,revenue\r\nFR,-1.50\r\n\"'=1+1\",-1.50\r\n\"a,b\",-1.50\r\n\"say \"\"x\"\"\",-1.50\r\n\
                        -5.00,-1.50\r\n\"'@x\",-1.50\r\n";
        assert_eq!(csv.0, expected);
    }
}
