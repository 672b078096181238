//! What people see, whatever is in a document; and how long it takes.

use crate::cases;
use domain::invoice::Document;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn case(name: &str) -> Document {
    cases::all().into_iter().find(|(it, _)| *it == name).unwrap().1
}

#[test]
fn html_shows_texts_as_texts() {
    let mut document = case("long-names");
    document.reason = Some("<script>alert('x')</script>".into());
    let html = documents::html(&document).unwrap();
    assert!(html.contains("mbH &amp; Co. KG &lt;Zentrale&gt;"), "{html}");
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("http"), "something would be loaded: {html}");
}

#[test]
fn html_and_pdf_name_what_the_law_asks_for() {
    let html = documents::html(&case("credit-whole")).unwrap();
    for text in [
        "Avoir AV-2026-000001",
        "A-2026-000001 du 12/10/2026",
        "FR40303265045",
        "303265045",
        "SARL au capital de 10\u{a0}000 €",
        "RCS Paris 303 265 045",
        "FR96552100554",
        "552100554",
        "28/11/2026",
        "livraisons de biens",
        "3 rue du Port",
        "Commande annulée",
        "259,80",
        "51,96",
        "311,76\u{a0}€",
        "40 €",
        "Pas d’escompte",
    ] {
        // The seller writes some blanks, and may have taken others.
        let plain = |text: &str| text.replace('\u{a0}', " ").replace("&#x2f;", "/");
        assert!(plain(&html).contains(&plain(text)), "{text}: {html}");
    }
}

#[test]
fn a_layout_of_a_later_release_is_refused() {
    let mut document = case("one-line");
    document.layout = documents::LAYOUT + 1;
    let expected = "A-2026-000001 has layout 2, and this release knows up to 1; update it";
    assert_eq!(documents::pdf(&document).unwrap_err().to_string(), expected);
    assert_eq!(documents::html(&document).unwrap_err().to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text, any number: something is shown, and nothing panics.
    #[test]
    fn any_text_is_shown(text in any::<String>(), other in "[\\u{0}-\\u{ffff}]{0,40}", quantity in any::<i64>()) {
        let mut document = case("four-rates-gross");
        document.lines[0].description = Some(text.clone());
        document.lines[1].description = Some(other.clone());
        document.lines[1].quantity = quantity;
        document.buyer.person.name = Some(text.clone());
        document.seller.penalties = Some(other.clone());
        document.reason = Some(text);
        document.seller.name = other;
        documents::pdf(&document).unwrap();
        documents::html(&document).unwrap();
        prop_assert!(documents::xml(&document).ends_with("</rsm:CrossIndustryInvoice>"));
        prop_assert!(documents::check(&document).iter().any(|broken| broken.rule == "BR-24"));
    }
}

/// The shortest of some runs: what it takes when nothing else runs.
fn shortest(mut work: impl FnMut()) -> Duration {
    let run = |_| {
        let begin = Instant::now();
        work();
        begin.elapsed()
    };
    (0..5).map(run).min().unwrap()
}

#[test]
fn time_grows_with_lines_and_not_with_their_square() {
    let mut times = Vec::new();
    for name in ["one-line", "forty-lines", "thousand-lines"] {
        let document = case(name);
        let pdf = shortest(|| drop(documents::pdf(&document).unwrap()));
        let xml = shortest(|| drop(documents::xml(&document)));
        let html = shortest(|| drop(documents::html(&document).unwrap()));
        println!("{name}: PDF {pdf:?}, XML {xml:?}, HTML {html:?}");
        times.push(pdf);
    }
    // 25 times as many lines. Their square would be 625 times.
    assert!(times[2] < times[1] * 150, "{times:?}");
}
