//! Where a function is called. Pure.

use hyper::Uri;
use std::str::FromStr;

/// The placeholder for the function's name in a [`Template`].
const FUNCTION: &str = "{function}";

/// Where a call is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invoke {
    /// The gateway, which finds the function and counts the call.
    Gateway,
    /// The function itself, at this address: one hop less, but the gateway does not see the call.
    Direct(Template),
}

/// The address of any function: an `http` URL with `{function}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// The text is not an address template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TemplateError {
    /// Without the placeholder, all functions would have one address.
    #[error("{FUNCTION} is not in it")]
    OneForAll,
    /// The text is not an address.
    #[error("not http://HOST:PORT/PATH")]
    NoAddress,
}

impl Template {
    /// The address of the function `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        self.0.replace(FUNCTION, name)
    }
}

impl Default for Template {
    /// The service that OpenFaaS creates for a function on Kubernetes.
    fn default() -> Self {
        Self(format!("http://{FUNCTION}.openfaas-fn:8080/"))
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if !text.contains(FUNCTION) {
            return Err(TemplateError::OneForAll);
        }
        let template = Self(text.to_owned());
        let uri: Uri = template.of("f").parse().map_err(|_| TemplateError::NoAddress)?;
        let whole = uri.scheme_str() == Some("http") && uri.authority().is_some();
        if whole { Ok(template) } else { Err(TemplateError::NoAddress) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_its_own_address() {
        assert_eq!(Template::default().of("billing"), "http://billing.openfaas-fn:8080/");
        let template: Template = "http://10.0.0.1:80/fn/{function}/events".parse().unwrap();
        assert_eq!(template.of("a-b"), "http://10.0.0.1:80/fn/a-b/events");
        for (text, expected) in [
            ("http://functions:8080/", TemplateError::OneForAll),
            ("", TemplateError::OneForAll),
            ("https://{function}:8080/", TemplateError::NoAddress),
            ("{function}:8080", TemplateError::NoAddress),
            ("http://{function} x/", TemplateError::NoAddress),
        ] {
            assert_eq!(text.parse::<Template>(), Err(expected), "{text}");
        }
    }
}
