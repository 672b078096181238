//! The settings of the connector.

use crate::invoke::{Invoke, Template};
use crate::ordered::quiet::AFTER as QUIET_AFTER;
use hyper::Uri;
use runtime::{Env, EnvError, Secret, ServerSettings};
use std::path::PathBuf;
use std::time::Duration;

/// How the connector reaches functions. The caller of [`crate::run`] connects to NATS.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ORDERFLOW_NATS_URL`, with the password in the secret `nats-connector` if there is one.
    pub nats_url: String,
    /// `ORDERFLOW_GATEWAY_URL`: where `/function/<name>` and `/system/functions` are. May be missing
    /// only with `functions` and direct calls.
    pub gateway: Option<Uri>,
    /// `ORDERFLOW_FUNCTIONS_FILE`: a file with the list of functions, read instead of the gateway's
    /// list.
    pub functions: Option<PathBuf>,
    /// `ORDERFLOW_INVOKE` (`gateway`, or `direct` at `ORDERFLOW_DIRECT_URL`): where calls are sent.
    pub invoke: Invoke,
    /// `ORDERFLOW_POLL_SECONDS` (5): how often the functions are listed.
    pub poll: Duration,
    /// Secret `connector-token`: how functions recognise the connector.
    pub token: Secret,
    /// Secrets `basic-auth-user` and `basic-auth-password`: for the gateway's list of functions.
    pub basic_auth: Option<(Secret, Secret)>,
    /// How long a lane must be quiet before its position moves to the end of the stream. One minute;
    /// only tests change it.
    pub quiet_after: Duration,
    /// Where `/_/health`, `/_/ready` and `/metrics` are.
    pub server: ServerSettings,
}

impl Settings {
    /// Reads the variables and secrets named at the fields.
    ///
    /// # Errors
    /// All values that cannot be used.
    pub fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.nats_url("connector");
        let functions: Option<PathBuf> = env.optional("ORDERFLOW_FUNCTIONS_FILE");
        let invoke = invoke(env);
        let needs_gateway = functions.is_none() || matches!(invoke, Some(Invoke::Gateway));
        let gateway = gateway(env, needs_gateway);
        let poll = env.seconds("ORDERFLOW_POLL_SECONDS", Duration::from_secs(5));
        if poll < Duration::from_millis(100) {
            env.problem("ORDERFLOW_POLL_SECONDS", format!("{}: below 0.1", poll.as_secs_f64()));
        }
        let token = env.secret("connector-token");
        let user = env.optional_secret("basic-auth-user");
        let password = env.optional_secret("basic-auth-password");
        if user.is_some() != password.is_some() {
            env.problem("secret basic-auth-user", "only together with basic-auth-password");
        }
        let server = ServerSettings::from_env(env);
        env.finish(|| {
            let basic_auth = user.zip(password);
            Some(Self {
                nats_url: nats_url?,
                gateway,
                functions,
                invoke: invoke?,
                poll,
                token: token?,
                basic_auth,
                quiet_after: QUIET_AFTER,
                server,
            })
        })
    }
}

/// The gateway's address. Error messages do not repeat it, because it may contain a password.
fn gateway(env: &mut Env, is_needed: bool) -> Option<Uri> {
    const NAME: &str = "ORDERFLOW_GATEWAY_URL";
    let text: Option<String> = if is_needed { env.required(NAME) } else { env.optional(NAME) };
    let text = text?;
    if text.contains('@') {
        let reason = "has a user in it; user and password are the secrets basic-auth-user and \
                      basic-auth-password";
        env.problem(NAME, reason);
        return None;
    }
    let uri: Option<Uri> = text.parse().ok();
    let uri = uri.filter(|uri| uri.scheme_str() == Some("http") && uri.authority().is_some());
    if uri.is_none() {
        env.problem(NAME, format!("{text:?}: not http://HOST:PORT"));
    }
    uri
}

fn invoke(env: &mut Env) -> Option<Invoke> {
    let template: Option<Template> = env.optional("ORDERFLOW_DIRECT_URL");
    let how: String = env.or("ORDERFLOW_INVOKE", "gateway".to_owned());
    match (how.as_str(), template) {
        ("direct", template) => return Some(Invoke::Direct(template.unwrap_or_default())),
        ("gateway", None) => return Some(Invoke::Gateway),
        ("gateway", Some(_)) => {
            env.problem("ORDERFLOW_DIRECT_URL", "only with ORDERFLOW_INVOKE direct");
        }
        (other, _) => {
            env.problem("ORDERFLOW_INVOKE", format!("{other:?}: not gateway or direct"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_called_through_the_gateway_or_directly() {
        let read = |pairs: &[(&str, &str)]| {
            let mut env = Env::from_pairs(pairs.iter().copied());
            let invoke = invoke(&mut env);
            env.finish(|| invoke).map_err(|mut error| error.problems.remove(0).name)
        };
        assert_eq!(read(&[]), Ok(Invoke::Gateway));
        let direct = Invoke::Direct(Template::default());
        assert_eq!(read(&[("ORDERFLOW_INVOKE", "direct")]), Ok(direct));
        let url = ("ORDERFLOW_DIRECT_URL", "http://{function}:80/");
        let direct = Invoke::Direct(url.1.parse().unwrap());
        assert_eq!(read(&[("ORDERFLOW_INVOKE", "direct"), url]), Ok(direct));
        assert_eq!(read(&[url]), Err("ORDERFLOW_DIRECT_URL".to_owned()));
        assert_eq!(read(&[("ORDERFLOW_INVOKE", "both")]), Err("ORDERFLOW_INVOKE".to_owned()));
        let bad = ("ORDERFLOW_DIRECT_URL", "http://f/");
        let read = read(&[("ORDERFLOW_INVOKE", "direct"), bad]);
        assert_eq!(read, Err("ORDERFLOW_DIRECT_URL".to_owned()));
    }

    #[test]
    fn a_gateway_is_needed_unless_a_file_lists_what_is_called_directly() {
        let read = |pairs: &[(&str, &str)]| {
            let always =
                [("ORDERFLOW_NATS_URL", "nats://nats"), ("ORDERFLOW_SECRETS_DIR", "/none")];
            let mut env = Env::from_pairs(always.iter().chain(pairs).copied())
                .with_secret("connector-token", "token");
            Settings::from_env(&mut env).map_err(|mut error| error.problems.remove(0).name)
        };
        let file = ("ORDERFLOW_FUNCTIONS_FILE", "/etc/functions.json");
        let direct = ("ORDERFLOW_INVOKE", "direct");
        let settings = read(&[file, direct]).unwrap();
        assert_eq!((settings.gateway, settings.functions), (None, Some(file.1.into())));
        for pairs in [&[file][..], &[direct]] {
            assert_eq!(read(pairs).unwrap_err(), "ORDERFLOW_GATEWAY_URL", "{pairs:?}");
        }
    }

    #[test]
    fn a_password_in_the_address_of_the_gateway_is_not_repeated() {
        for url in ["http://me:p4ss@gateway:8080", "https://me:p4ss@gateway", "me:p4 ss@gateway"] {
            let mut env = Env::from_pairs([("ORDERFLOW_GATEWAY_URL", url)]);
            assert_eq!(gateway(&mut env, true), None, "{url}");
            let problems = env.finish(|| None::<()>).unwrap_err().to_string();
            assert!(problems.contains("has a user in it"), "{problems}");
            assert!(!problems.contains("p4"), "{problems}");
        }
    }

    #[test]
    fn all_wrong_settings_are_named_at_once() {
        let mut env = Env::from_pairs([
            ("ORDERFLOW_GATEWAY_URL", "https://gateway"),
            ("ORDERFLOW_POLL_SECONDS", "0"),
            ("ORDERFLOW_SECRETS_DIR", "/nonexistent"),
        ])
        .with_secret("basic-auth-user", "admin");
        let problems = Settings::from_env(&mut env).unwrap_err().problems;
        let names: Vec<_> = problems.iter().map(|problem| problem.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "ORDERFLOW_NATS_URL",
                "ORDERFLOW_GATEWAY_URL",
                "ORDERFLOW_POLL_SECONDS",
                "secret connector-token",
                "secret basic-auth-user",
            ]
        );
    }
}
