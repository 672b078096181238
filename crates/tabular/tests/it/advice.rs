//! The table of rules in docs/FILES.md is generated from the rules.

use std::fmt::Write as _;
use tabular::Rule;

const PAGE: &str = include_str!("../../../../docs/FILES.md");
const BEGIN: &str = "<!-- rules: begin -->\n";
const END: &str = "<!-- rules: end -->";

fn table() -> String {
    let mut table = String::from("\n| rule | what it says | what to do |\n|---|---|---|\n");
    for rule in Rule::ALL {
        let (code, meaning, advice) = (rule.code(), rule.meaning(), rule.advice());
        writeln!(table, "| `{code}` | {meaning} | {advice} |").unwrap();
    }
    table.push('\n');
    table
}

#[test]
fn the_page_explains_every_rule() {
    let (_, behind) = PAGE.split_once(BEGIN).expect("the page marks where the table begins");
    let (stands, _) = behind.split_once(END).expect("the page marks where the table ends");
    assert_eq!(stands, table(), "put this table into docs/FILES.md:\n{}", table());
}

#[test]
fn advice_mentions_only_existing_settings_and_rules() {
    let (before, behind) = PAGE.split_once(BEGIN).unwrap();
    let page = format!("{before}{}", behind.split_once(END).unwrap().1);
    for rule in Rule::ALL {
        let quoted = rule.advice().split('`').skip(1).step_by(2);
        // A value, an id or an SQL keyword is not a setting.
        for word in quoted.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())) {
            let setting = word.split(':').next().unwrap();
            let is_rule = Rule::ALL.iter().any(|rule| rule.code() == setting);
            let is_setting =
                page.contains(&format!("{setting}:")) || page.contains(&format!("`{setting}`"));
            assert!(is_rule || is_setting, "{rule}: the page knows no {setting}");
        }
    }
}
