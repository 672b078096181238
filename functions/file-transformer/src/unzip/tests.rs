use super::*;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write as _;
use std::path::Path;

/// Unusual properties of an archive.
#[derive(Clone, Copy, Default)]
struct Odd {
    flags: u16,
    method: Option<u16>,
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    odd(entries, Odd::default())
}

/// An archive as written by programs that stream: sizes are after the bytes and in the list.
fn odd(entries: &[(&str, &[u8])], odd: Odd) -> Vec<u8> {
    let (mut archive, mut list) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
        packer.write_all(content).unwrap();
        let deflated = packer.finish().unwrap();
        let stored = odd.method == Some(STORED);
        let packed = if stored { content.to_vec() } else { deflated };
        let mut crc = Crc::new();
        crc.update(content);
        let [crc, small, large, at] =
            [crc.sum(), len(&packed), len(content), len(&archive)].map(u32::to_le_bytes);
        let (method, flags) = (odd.method.unwrap_or(DEFLATED), odd.flags | 1 << 3);
        let kind = [flags.to_le_bytes(), method.to_le_bytes()].concat();
        let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
        let local = [&LOCAL[..], &[20, 0], &kind, &[0; 16], &name_len, &[0; 2], name.as_bytes()];
        archive.extend(local.concat());
        archive.extend([&packed[..], b"PK\x07\x08", &crc, &small, &large].concat());
        let entry = [&ENTRY[..], &[20, 0, 20, 0], &kind, &[0; 4], &crc, &small, &large, &name_len];
        list.extend([&entry.concat()[..], &[0; 12], &at, name.as_bytes()].concat());
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let [bytes, at] = [len(&list), len(&archive)].map(u32::to_le_bytes);
    [&archive[..], &list, &END, &[0; 4], &count, &count, &bytes, &at, &[3, 0], b"end"].concat()
}

fn len(bytes: &[u8]) -> u32 {
    bytes.len().try_into().unwrap()
}

fn unpacked(archive: &[u8], bytes_max: u64) -> (Vec<u8>, Result<(), PackedError>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(archive).unwrap();
    let mut found = Vec::new();
    let caps = Caps { bytes_max, packed_max: u64::MAX, scratch: Path::new("/tmp") };
    let result = read_all::<Failure>(file, caps, |bytes| {
        found.extend_from_slice(bytes);
        Ok(())
    });
    (found, result.unwrap())
}

#[track_caller]
fn refused(archive: &[u8], expected: &str) {
    let (_, result) = unpacked(archive, 1 << 30);
    let text = result.unwrap_err().to_string();
    assert!(text.contains(expected), "{text}");
}

fn content() -> Vec<u8> {
    (0..20_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 12).to_le_bytes()).collect()
}

#[test]
fn the_only_file_of_an_archive_is_its_content() {
    let content = content();
    let files = [("day/", &b""[..]), ("day/a.csv", &content), ("__MACOSX/._a.csv", b"x")];
    for method in [None, Some(STORED)] {
        let packed = odd(&files, Odd { method, ..Odd::default() });
        let (found, result) = unpacked(&packed, u64::MAX);
        assert!(result.is_ok() && found == content, "{result:?}");
    }
}

/// Archives of other programs, one with a comment and one written to a pipe.
#[test]
fn archives_of_other_programs_are_read() {
    let python = "import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('orders.csv', 'order\\n' * 5000)
    z.comment = b'PK\\x05\\x06 is no end'
sys.stdout.buffer.write(out.getvalue())
";
    let output = std::process::Command::new("python3").args(["-c", python]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (found, result) = unpacked(&output.stdout, u64::MAX);
    assert!(result.is_ok() && found == b"order\n".repeat(5_000), "{result:?}");
}

#[test]
fn an_archive_with_no_file_or_several_is_refused_with_their_names() {
    refused(&archive(&[]), "it holds no file");
    refused(&archive(&[("a/", b"")]), "it holds no file");
    refused(
        &archive(&[("a.csv", b"1"), ("b\n.csv", b"2")]),
        "it contains 2 files, but only one is allowed: \"a.csv\", \"b\\n.csv\"",
    );
    let names: Vec<String> = (0..1_001).map(|n| format!("{n}.csv")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    refused(
        &archive(&many[..10]),
        "it contains 10 files, but only one is allowed: \"0.csv\", \"1.csv\"",
    );
    refused(&archive(&many[..10]), "\"4.csv\", …");
    refused(&archive(&many), "it has 1001 entries, the limit is 1000");
}

#[test]
fn an_archive_that_is_encrypted_cut_changed_or_of_another_kind_is_refused() {
    let content = content();
    let files = [("a.csv", &content[..])];
    let whole = archive(&files);
    for end in [4, 30, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..end], "its end is missing");
    }
    refused(&odd(&files, Odd { flags: 1, ..Odd::default() }), "\"a.csv\" in it is encrypted");
    refused(&odd(&files, Odd { method: Some(9), ..Odd::default() }), "packed by the method 9");
    let end = whole.len() - END_BYTES - 3;
    let large = [&whole[..end], &END_64, &[0; 16], &whole[end..]].concat();
    refused(&large, "zip64");
    for at in (0..whole.len()).step_by(97).chain(whole.len() - 200..whole.len()) {
        let mut changed = whole.clone();
        changed[at] ^= 0xff;
        let (found, result) = unpacked(&changed, 1 << 20);
        assert!(result.is_err() || found == content, "{at}");
    }
}

#[test]
fn a_too_large_file_is_refused_before_it_is_unpacked() {
    let (found, result) = unpacked(&archive(&[("a", &vec![b'0'; 100_000])]), 10_000);
    let error = result.unwrap_err().to_string();
    assert_eq!(error, "the zip file holds more than 10000 bytes, the limit of inbox.max-bytes");
    assert!(found.len() <= 10_000);
    let (found, result) = unpacked(&archive(&[("a", &vec![b'0'; 64 << 20])]), u64::MAX);
    assert!(matches!(result, Err(PackedError::Ratio { .. })), "{result:?}");
    assert!(found.len() <= 16 << 20);
}

#[test]
fn a_spreadsheet_is_reported_as_one() {
    for name in ["xl/workbook.xml", "content.xml"] {
        let archive = archive(&[("mimetype", b"x"), (name, b"<x/>")]);
        refused(&archive, "it is a spreadsheet; save it as CSV");
    }
}
