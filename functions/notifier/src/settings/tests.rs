use super::*;

fn problems(pairs: &[(&str, &str)], secrets: &[(&str, &str)]) -> Vec<String> {
    let given = [("ORDERFLOW_SMTP_URL", "none"), ("ORDERFLOW_SMS_URL", "none")];
    let given = given.iter().filter(|(name, _)| !pairs.iter().any(|(other, _)| other == name));
    let env = Env::from_pairs(given.chain(pairs).map(|(name, value)| (*name, *value)));
    let mut env = secrets.iter().fold(env, |env, (name, text)| env.with_secret(name, text));
    let settings = Settings::from_env(&mut env);
    match env.finish(|| settings) {
        Ok(_) => Vec::new(),
        Err(error) => {
            error.problems.iter().map(|it| format!("{}: {}", it.name, it.reason)).collect()
        }
    }
}

#[track_caller]
fn check(pairs: &[(&str, &str)], expected: &[&str]) {
    let found = problems(pairs, &[]);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn ways_out_are_told_apart_by_their_urls() {
    let from = ("ORDERFLOW_MAIL_FROM", "Lamps Ltd <orders@example.org>");
    check(&[], &[]);
    check(
        &[
            ("ORDERFLOW_SMTP_URL", "file:///tmp/outbox"),
            ("ORDERFLOW_SMS_URL", "file:///tmp/outbox"),
        ],
        &[],
    );
    check(&[("ORDERFLOW_SMTP_URL", "smtps://mail.example.org"), from], &[]);
    check(&[("ORDERFLOW_SMTP_URL", "smtp://127.0.0.1:1025?tls=none"), from], &[]);
    check(&[("ORDERFLOW_SMTP_URL", "smtp://mail.example.org")], &["ORDERFLOW_MAIL_FROM: not set"]);
    check(&[("ORDERFLOW_SMTP_URL", "smtp://h?tls=off"), from], &["known is tls=none"]);
    check(&[("ORDERFLOW_SMTP_URL", "http://h"), from], &["known are smtp://HOST"]);
    check(&[("ORDERFLOW_SMTP_URL", "mail.example.org"), from], &["smtps://HOST"]);
    check(&[("ORDERFLOW_MAIL_FROM", "Lamps Ltd")], &["is no sender"]);
    check(
        &[("ORDERFLOW_ALERTS_TO", "me"), ("ORDERFLOW_LANGUAGE", "english")],
        &["ORDERFLOW_ALERTS_TO", "ORDERFLOW_LANGUAGE"],
    );
    check(
        &[("ORDERFLOW_TEMPLATES", "/nonexistent/t")],
        &["ORDERFLOW_TEMPLATES: /nonexistent/t: No such file"],
    );
    check(
        &[("ORDERFLOW_SMS_URL", "https://sms.example.org/send")],
        &["ORDERFLOW_SMS_FROM: not set"],
    );
    check(
        &[("ORDERFLOW_SMS_URL", "https://10.0.0.1/"), ("ORDERFLOW_SMS_FROM", "Lamps")],
        &["ORDERFLOW_OUTGOING"],
    );
}

#[test]
fn a_password_is_a_secret_and_never_sent_in_the_open() {
    let from = ("ORDERFLOW_MAIL_FROM", "orders@example.org");
    let url = |url: &'static str| [("ORDERFLOW_SMTP_URL", url), from];
    let secret = [("smtp-password", "hunter2")];
    assert_eq!(problems(&url("smtp://ann%40x.org@h"), &secret), <[&str; 0]>::default());
    assert!(problems(&url("smtp://ann@h"), &[])[0].contains("secret smtp-password: no such file"));
    let held = problems(&url("smtp://ann:hunter2@h"), &secret);
    assert!(
        held[0].contains("belongs into the secret") && !held[0].contains("hunter2"),
        "{held:?}"
    );
    assert!(problems(&url("smtp://ann@h?tls=none"), &secret)[0].contains("open connection"));
    assert_eq!(problems(&url("smtp://ann@localhost?tls=none"), &secret), <[&str; 0]>::default());
}
