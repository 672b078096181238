//! The partner on the page that explains it.

use super::super::load::load;
use super::super::shape::PARTNER;
use crate::shape::{Field, Shape};

/// The partner that docs/FILES.md explains line by line.
fn explained() -> &'static str {
    let page = include_str!("../../../../../docs/FILES.md");
    let (_, behind) = page.split_once("## A whole partner").unwrap();
    let (_, behind) = behind.split_once("```yaml\n").unwrap();
    behind.split_once("```").unwrap().0
}

#[test]
fn the_page_explains_every_setting_in_a_partner_that_can_be_read() {
    load(explained()).unwrap();
    let mut shapes = vec![&PARTNER];
    while let Some(shape) = shapes.pop() {
        let Shape::Map(fields) = shape else { continue };
        for Field(name, _, inner) in *fields {
            // A transform names a part of an address by its path.
            let name = name.rsplit('.').next().unwrap();
            assert!(explained().contains(&format!("{name}:")), "{name}");
            shapes.push(inner);
        }
    }
}
