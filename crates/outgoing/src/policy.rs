//! Which URLs may be called: ports, networks and form.

use crate::address::special;
use crate::failure::Failure;
use hyper::Uri;
use ipnet::IpNet;
use runtime::Env;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

const PORTS: &str = "ORDERFLOW_OUTGOING_PORTS";
const NETWORKS: &str = "ORDERFLOW_OUTGOING_NETWORKS";
const HTTPS_PORT: u16 = 443;
const URL_BYTES_MAX: usize = 2_048;

/// The allow-lists of an operator.
#[derive(Clone, Debug)]
pub struct Policy {
    ports: Vec<u16>,
    networks: Vec<Network>,
}

/// A URL that may be called, unless its name has no allowed address.
pub(crate) struct Target {
    pub(crate) uri: Uri,
    /// The URL without path and query, which may contain secrets.
    pub(crate) shown: String,
}

impl Policy {
    /// Reads `ORDERFLOW_OUTGOING_PORTS` (default `443`) and `ORDERFLOW_OUTGOING_NETWORKS` (default:
    /// public addresses only), both lists separated by commas. A network is `10.1.0.0/16` or a single
    /// address.
    pub fn from_env(env: &mut Env) -> Self {
        let ports = env.or(PORTS, List(vec![HTTPS_PORT])).0;
        Self { ports, networks: env.or(NETWORKS, List(Vec::new())).0 }
    }

    /// Checks the form of a URL, its port, and its address if it contains one.
    pub(crate) fn target(&self, text: &str) -> Result<Target, Failure> {
        let refused = |url: &str, why: String| Failure::Refused { url: url.to_owned(), why };
        let unreadable = |why: String| refused("the URL", why);
        if URL_BYTES_MAX < text.len() {
            return Err(unreadable(format!("{} bytes; at most {URL_BYTES_MAX}", text.len())));
        }
        let mut url = Url::parse(text).map_err(|error| unreadable(error.to_string()))?;
        let Some(host) = url.host() else { return Err(unreadable("it names no host".into())) };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("{}://{host}{port}/…", url.scheme());
        self.form(&url).map_err(|why| refused(&shown, why))?;
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if let Some(address) = literal {
            self.address(address).map_err(|why| refused(&shown, why))?;
        }
        url.set_fragment(None);
        let uri =
            Uri::try_from(url.as_str()).map_err(|error| refused(&shown, error.to_string()))?;
        Ok(Target { uri, shown })
    }

    fn form(&self, url: &Url) -> Result<(), String> {
        let https = url.scheme() == "https";
        if !https && url.scheme() != "http" {
            return Err("only https and http are called".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user name or a password; use a header instead".into());
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.ports.contains(&port) {
            let allowed = listed(&self.ports);
            return Err(format!(
                "port {port} is not among {allowed}; allow it with {PORTS}={allowed},{port}"
            ));
        }
        if !https && port == HTTPS_PORT {
            return Err(format!("port {port} is called with https only"));
        }
        Ok(())
    }

    /// Why this address may not be called.
    pub(crate) fn address(&self, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        let Some(what) = special(address) else { return Ok(()) };
        if self.networks.iter().any(|Network(network)| network.contains(&address)) {
            return Ok(());
        }
        let network = IpNet::from(address);
        let how = if self.networks.is_empty() {
            format!("allow it with {NETWORKS}={network}")
        } else {
            format!("allow it by adding {network} to {NETWORKS}")
        };
        Err(format!("{address} is {what}; {how}"))
    }
}

fn listed(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

/// A list separated by commas.
struct List<T>(Vec<T>);

impl<T: FromStr> FromStr for List<T>
where
    T::Err: std::fmt::Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            let part = part.trim();
            part.parse::<T>().map_err(|error| format!("{part:?}: {error}"))
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Clone, Debug)]
struct Network(IpNet);

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| "not a network such as 10.1.0.0/16, nor an address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: &[(&str, &str)], url: &str, expected: &str) {
        let mut env = Env::from_pairs(settings.iter().copied());
        let policy = Policy::from_env(&mut env);
        let found = match env.finish(|| Some(())) {
            Err(problems) => problems.to_string(),
            Ok(()) => match policy.target(url) {
                Ok(target) => target.uri.to_string(),
                Err(failure) => failure.to_string(),
            },
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_refusal_names_the_setting_and_shows_no_path() {
        let private = "https://10.1.2.3/…: 10.1.2.3 is a private address; ";
        check(
            &[],
            "https://10.1.2.3/hook?token=secret",
            &format!("{private}allow it with ORDERFLOW_OUTGOING_NETWORKS=10.1.2.3/32"),
        );
        check(
            &[(NETWORKS, "10.1.2.4")],
            "https://10.1.2.3/hook",
            &format!("{private}allow it by adding 10.1.2.3/32 to ORDERFLOW_OUTGOING_NETWORKS"),
        );
        check(
            &[],
            "http://shop.example/secret",
            "http://shop.example/…: port 80 is not among 443; \
             allow it with ORDERFLOW_OUTGOING_PORTS=443,80",
        );
        check(
            &[],
            "https://me:secret@shop.example/",
            "https://shop.example/…: it holds a user name or a password; use a header instead",
        );
        check(
            &[],
            "http://shop.example:443/secret",
            "http://shop.example:443/…: port 443 is called with https only",
        );
        check(&[], "ftp://shop.example/x", "ftp://shop.example/…: only https and http are called");
        check(&[], "data:secret", "the URL: it names no host");
        check(&[], "/secret", "the URL: relative URL without a base");
        let long = format!("https://shop.example/{}", "x".repeat(2_028));
        check(&[], &long, "the URL: 2049 bytes; at most 2048");
    }

    #[test]
    fn every_spelling_of_an_address_is_checked() {
        for url in [
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://%31%32%37.0.0.1/",
            "https://127。0。0。1/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[::1]/",
            "https://0/",
        ] {
            let policy = Policy::from_env(&mut Env::from_pairs([("", ""); 0]));
            let Err(failure) = policy.target(url) else { panic!("{url} is allowed") };
            assert!(failure.to_string().contains("ORDERFLOW_OUTGOING_NETWORKS="), "{failure}");
        }
    }

    #[test]
    fn allowed_ports_and_networks_can_be_called() {
        check(&[], "https://shop.example/a?b#c", "https://shop.example/a?b");
        check(&[(PORTS, "443, 80")], "http://shop.example", "http://shop.example/");
        check(&[(NETWORKS, "10.0.0.0/8,::1")], "https://[::1]/", "https://[::1]/");
        check(
            &[(NETWORKS, "10.0.0.0/8")],
            "https://[::ffff:10.1.1.1]/",
            "https://[::ffff:a01:101]/",
        );
    }

    #[test]
    fn a_wrong_setting_is_named() {
        check(
            &[(PORTS, "443,x"), (NETWORKS, "10/8")],
            "",
            "ORDERFLOW_OUTGOING_PORTS: \"443,x\": \"x\": invalid digit found in string\n\
             ORDERFLOW_OUTGOING_NETWORKS: \"10/8\": \"10/8\": not a network such as 10.1.0.0/16, \
             nor an address",
        );
    }
}
