//! The settings of the connector.

use hyper::Uri;
use runtime::{Env, EnvError, Secret, ServerSettings};
use std::time::Duration;

/// How the connector reaches functions. NATS is reached by whoever calls [`crate::run`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ORDERFLOW_NATS_URL`.
    pub nats_url: String,
    /// `ORDERFLOW_GATEWAY_URL`: where `/function/<name>` and `/system/functions` are.
    pub gateway: Uri,
    /// `ORDERFLOW_POLL_SECONDS` (5): how often the functions are listed.
    pub poll: Duration,
    /// Secret `connector-token`: what functions know the connector by.
    pub token: Secret,
    /// Secrets `basic-auth-user` and `basic-auth-password`: for the gateway's list of functions.
    pub basic_auth: Option<(Secret, Secret)>,
    /// Where `/_/health`, `/_/ready` and `/metrics` are.
    pub server: ServerSettings,
}

impl Settings {
    /// Reads the variables and secrets named at the fields.
    ///
    /// # Errors
    /// All of them that cannot be used.
    pub fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.required("ORDERFLOW_NATS_URL");
        let gateway: Option<Uri> = env.required("ORDERFLOW_GATEWAY_URL");
        if let Some(uri) = &gateway
            && (uri.scheme_str() != Some("http") || uri.authority().is_none())
        {
            env.problem("ORDERFLOW_GATEWAY_URL", format!("{uri}: not http://HOST:PORT"));
        }
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
                gateway: gateway?,
                poll,
                token: token?,
                basic_auth,
                server,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
