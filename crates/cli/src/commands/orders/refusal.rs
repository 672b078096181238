//! A refusal in words.

use serde_json::Value;

/// What a refusal says, behind its code; `code` is that of a header, which a refusal of 0.1.0 needs not repeat.
pub(super) fn refused(refusal: &Value, code: &str) -> String {
    let text = |name: &str| refusal.get(name).and_then(Value::as_str);
    let code = text("code").or_else(|| text("reason")).unwrap_or(code);
    // A refusal with `code` is `unreadable` to types of 0.1.0; its `detail` is a whole sentence.
    if let (Some(_), Some(detail)) = (text("code"), text("detail")) {
        return format!("{code}: {detail}");
    }
    let details = refusal.as_object().into_iter().flatten();
    let details = details.filter(|(_, value)| value.as_str() != Some(code));
    let details: Vec<String> = details
        .map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name} {text}"),
            None => format!("{name} {value}"),
        })
        .collect();
    match details.is_empty() {
        true => code.to_owned(),
        false => format!("{code}: {}", details.join(", ")),
    }
}
