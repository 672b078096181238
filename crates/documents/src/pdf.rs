//! A document as PDF/A-3b (ISO 19005-3), with its XML in it (Factur-X 1.0).
//!
//! Nothing in it comes from a clock or from chance: the same document gives the same bytes.

mod factur_x;
mod font;
mod head;
mod sheet;
mod sums;
mod table;
mod tags;
mod wrap;

#[cfg(test)]
mod tests;

use crate::check::is_electronic;
use crate::cii;
use crate::error::{Error, known_layout};
use crate::view::View;
use chrono::{DateTime, Datelike, Timelike, Utc};
use domain::invoice::Document;
use krilla::color::luma;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::{self, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag};
use krilla::{Document as Pdf, SerializeSettings};
use sheet::{HEIGHT, Mark, Op, Sheet, WIDTH};

/// Writes a document as PDF/A-3b. The XML is in it, and the file says that it is Factur-X, if the document
/// [`is_electronic`]; else it is a PDF without XML.
///
/// # Errors
/// The layout is of a later release.
pub fn pdf(document: &Document) -> Result<Vec<u8>, Error> {
    known_layout(document)?;
    let xml = is_electronic(document).then(|| cii::xml(document));
    let view = View::of(document);
    let mut sheet = Sheet::new();
    head::write(&mut sheet, &view);
    table::write(&mut sheet, &view);
    sums::write(&mut sheet, &view);
    sums::feet(&mut sheet, &view);
    let written = draw(document, &view, sheet, xml.as_deref())
        .map_err(|reason| Error::not_written(document, reason))?;
    match xml {
        Some(_) => {
            factur_x::declare(written).map_err(|reason| Error::not_written(document, reason))
        }
        None => Ok(written),
    }
}

fn draw(
    document: &Document,
    view: &View,
    mut sheet: Sheet,
    xml: Option<&str>,
) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_B)
        .finish()
        .map_err(|error| format!("{error:?}"))?;
    let mut pdf = Pdf::new_with(SerializeSettings { configuration, ..Default::default() });
    for page in std::mem::take(&mut sheet.pages) {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).expect("A4 has a size");
        let mut drawn = pdf.start_page_with(settings);
        let mut surface = drawn.surface();
        page.into_iter().for_each(|op| draw_one(&mut surface, &mut sheet, op));
        surface.finish();
        drawn.finish();
    }
    let issued_at = date(document.issued_at);
    pdf.set_tag_tree(std::mem::take(&mut sheet.tags).tree(view.language));
    pdf.set_metadata(
        Metadata::new()
            .title(view.title.clone())
            .language(view.language.to_owned())
            .authors(vec![document.seller.name.clone()])
            .producer("orderflow".to_owned())
            .creation_date(issued_at)
            .document_id(format!("{} {}", document.seller.id, document.number)),
    );
    if let Some(xml) = xml {
        let file = EmbeddedFile {
            path: factur_x::FILE.to_owned(),
            mime_type: MimeType::new("text/xml"),
            description: Some("Factur-X".to_owned()),
            association_kind: AssociationKind::Alternative,
            data: xml.as_bytes().to_vec().into(),
            modification_date: Some(issued_at),
            compress: Some(true),
            location: None,
        };
        pdf.embed_file(file).ok_or("two files have one name")?;
    }
    pdf.finish().map_err(|error| format!("{error:?}"))
}

fn draw_one(surface: &mut Surface<'_>, sheet: &mut Sheet, op: Op) {
    match op {
        Op::Text { x, y, style, line, mark } => {
            let tag = match mark {
                Mark::Content(_) => ContentTag::Other,
                Mark::Artifact => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)),
            };
            let identifier = surface.start_tagged(tag);
            surface.set_fill(Some(Fill {
                paint: luma::Color::new(style.grey).into(),
                ..Fill::default()
            }));
            let mut x = x;
            for run in &line.runs {
                let (at, font) = (Point::from_xy(x, y), style.weight.font());
                surface.draw_glyphs(at, &run.glyphs, font, &line.text, style.size, false);
                x += run.width * style.size;
            }
            surface.end_tagged();
            if let Mark::Content(group) = mark {
                sheet.tags.drew(group, identifier);
            }
        }
        Op::Rule { from, to, width, grey } => {
            let mut path = PathBuilder::new();
            path.move_to(from.0, from.1);
            path.line_to(to.0, to.1);
            let Some(path) = path.finish() else { return };
            let artifact = Artifact::with_kind(ArtifactType::Layout);
            surface.start_tagged(ContentTag::Artifact(artifact));
            surface.set_fill(None);
            let paint = luma::Color::new(grey).into();
            surface.set_stroke(Some(Stroke { paint, width, ..Stroke::default() }));
            surface.draw_path(&path);
            surface.set_stroke(None);
            surface.end_tagged();
        }
    }
}

fn date(at: DateTime<Utc>) -> metadata::DateTime {
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    metadata::DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
