//! Says in the metadata of a PDF that it is Factur-X: which file, which version, which profile.
//!
//! krilla writes no metadata of others (krilla#209). It does write them without compression, and the places of
//! all objects in one table at the end. So they are put into the finished file, and the places behind are moved.

/// The name that the XML has in the PDF.
pub(super) const FILE: &str = "factur-x.xml";

/// The description of the properties, which PDF/A wants for all that it does not know (ISO 19005-3, 6.6.2.3), and
/// after which Factur-X 1.0, chapter 6.4, asks for these words.
const SCHEMA: &str = concat!(
    r#"<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"#,
    "<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>",
    "<pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>",
);

const PROPERTIES: [(&str, &str, &str); 4] = [
    ("DocumentFileName", "name of the embedded XML invoice file", FILE),
    ("DocumentType", "INVOICE", "INVOICE"),
    ("Version", "version of the Factur-X XML schema", "1.0"),
    ("ConformanceLevel", "conformance level of the embedded Factur-X data", "EN 16931"),
];

/// Adds the properties to a PDF that krilla wrote.
///
/// # Errors
/// The file is not built as expected: krilla writes it in another way than when this was made.
pub(super) fn declare(pdf: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    let begin = find(&pdf, b"<x:xmpmeta", 0).ok_or("it has no metadata")?;
    let end = find(&pdf, b"endstream", begin).ok_or("its metadata have no end")?;
    let old = pdf.get(begin..end).and_then(|xmp| std::str::from_utf8(xmp).ok());
    let old = old.ok_or("its metadata are no text")?;
    let new = with_properties(old).ok_or("its metadata have no place for more")?;
    let length = find_back(&pdf, b"/Length ", begin).ok_or("its metadata have no length")?;
    let (at, number) = number_at(&pdf, length + b"/Length ".len()).ok_or("no number")?;
    let grown = new.len() - old.len();

    let mut made = Vec::with_capacity(pdf.len() + grown + 8);
    made.extend_from_slice(pdf.get(..at.start).unwrap_or_default());
    made.extend_from_slice((number + grown).to_string().as_bytes());
    made.extend_from_slice(pdf.get(at.end..begin).unwrap_or_default());
    made.extend_from_slice(new.as_bytes());
    made.extend_from_slice(pdf.get(end..).unwrap_or_default());
    let moved = made.len() - pdf.len();
    move_places(made, begin, moved).ok_or("it has no table of its objects")
}

fn with_properties(xmp: &str) -> Option<String> {
    let mut schema = SCHEMA.to_owned();
    let mut values = String::new();
    for (name, description, value) in PROPERTIES {
        schema.push_str(r#"<rdf:li rdf:parseType="Resource">"#);
        for (field, text) in [
            ("category", "external"),
            ("description", description),
            ("name", name),
            ("valueType", "Text"),
        ] {
            schema.push_str(&format!("<pdfaProperty:{field}>{text}</pdfaProperty:{field}>"));
        }
        schema.push_str("</rdf:li>");
        values.push_str(&format!("<fx:{name}>{value}</fx:{name}>"));
    }
    schema.push_str("</rdf:Seq></pdfaSchema:property></rdf:li>");
    let description = format!(
        r#"<rdf:Description xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#" rdf:about="">{values}</rdf:Description>"#
    );
    let bag = "</rdf:Bag></pdfaExtension:schemas>";
    let (before, behind) = xmp.split_once(bag)?;
    let (between, rest) = behind.split_once("</rdf:RDF>")?;
    Some(format!("{before}{schema}{bag}{between}{description}</rdf:RDF>{rest}"))
}

/// Moves the places of all objects behind `begin`, and that of their table.
fn move_places(mut pdf: Vec<u8>, begin: usize, moved: usize) -> Option<Vec<u8>> {
    let start = find_back(&pdf, b"startxref\n", pdf.len())? + b"startxref\n".len();
    let (at, table) = number_at(&pdf, start)?;
    let table = table + moved;
    pdf.splice(at, table.to_string().into_bytes());
    let count = find(&pdf, b"xref\n0 ", table).filter(|found| *found == table)? + b"xref\n0 ".len();
    let (count_at, count) = number_at(&pdf, count)?;
    for index in 0..count {
        // Entries of 20 bytes: ten digits first, and `n` for what is in use.
        let entry = count_at.end + 1 + index * 20;
        let is_used = *pdf.get(entry + 17)? == b'n';
        let (digits, place) = number_at(&pdf, entry)?;
        if is_used && begin < place {
            let moved = format!("{:010}", place + moved);
            pdf.get_mut(digits)?.copy_from_slice(moved.as_bytes());
        }
    }
    Some(pdf)
}

fn find(bytes: &[u8], text: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(text.len()).position(|window| window == text)?;
    Some(from + found)
}

fn find_back(bytes: &[u8], text: &[u8], before: usize) -> Option<usize> {
    bytes.get(..before)?.windows(text.len()).rposition(|window| window == text)
}

/// Where the digits are, and their number.
fn number_at(bytes: &[u8], from: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let digits = bytes.get(from..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let range = from..from + digits;
    let text = std::str::from_utf8(bytes.get(range.clone())?).ok()?;
    Some((range, text.parse().ok()?))
}
