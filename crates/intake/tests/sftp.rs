//! The SFTP client against a real OpenSSH server.
#![cfg(test)]

use domain::partner::Sftp;
use intake::complete::Kind;
use intake::sftp::{Disposition, Error, Limits, Login, Session};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;
use testkit::sshd::Server;

fn settings(server: &Server) -> Sftp {
    Sftp {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: server.user(),
        host_key: server.host_key(),
        private_key_secret: Some("us1-key".into()),
        password_secret: None,
        path: ".".into(),
    }
}

fn limits() -> Limits {
    Limits { call: Duration::from_secs(10), ..Limits::default() }
}

fn connect(server: &Server) -> Session {
    let key = server.private_key("US1");
    Session::connect(&settings(server), Login::PrivateKey(&key), limits()).unwrap()
}

#[test]
fn a_listing_tells_files_folders_and_links_apart() {
    let server = Server::start(&["US1"]);
    let inbox = server.root("US1").join("inbox");
    std::fs::write(inbox.join("a b.csv"), "12345").unwrap();
    std::fs::create_dir(inbox.join("folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("link.csv")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9.csv");
    std::fs::write(inbox.join(odd), "").unwrap();
    let session = connect(&server);
    let listing = session.list("inbox").unwrap();
    let seen: Vec<_> = listing.entries.iter().map(|e| (e.name.as_str(), e.kind)).collect();
    assert_eq!(
        seen,
        [("a b.csv", Kind::File), ("folder", Kind::Directory), ("link.csv", Kind::Symlink)]
    );
    assert_eq!(listing.entries[0].size, 5);
    assert_eq!(listing.unreadable.len(), 1);
    assert!(!listing.is_cut);
    assert!(matches!(session.list("nowhere"), Err(Error::NotFound { .. })));
}

#[test]
fn what_is_written_is_read_again_and_appears_only_when_complete() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let depot = server.root("US1").join("depot");
    // More than one buffer and no round number.
    let content: Vec<u8> = (0..3_333_333_u32).flat_map(u32::to_le_bytes).collect();
    let mut upload = session.create("depot/out.csv").unwrap();
    upload.write_all(&content).unwrap();
    upload.flush().unwrap();
    assert!(!depot.join("out.csv").exists());
    upload.commit().unwrap();
    assert_eq!(std::fs::read(depot.join("out.csv")).unwrap(), content);
    let mut reader = session.open_read("depot/out.csv").unwrap();
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert_eq!(read, content);
    assert!(reader.is_unchanged().unwrap());
    std::fs::write(depot.join("out.csv"), "x").unwrap();
    assert!(!reader.is_unchanged().unwrap());
    assert_eq!(std::fs::read_dir(&depot).unwrap().count(), 1);
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let mut upload = session.create("depot/out.csv").unwrap();
    upload.write_all(b"half").unwrap();
    drop(upload);
    assert_eq!(std::fs::read_dir(server.root("US1").join("depot")).unwrap().count(), 0);
}

#[test]
fn writing_again_keeps_the_same_content_and_replaces_other_content() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let path = server.root("US1").join("depot/receipt.json");
    session.put_atomic("depot/receipt.json", b"one").unwrap();
    let first = std::fs::metadata(&path).unwrap();
    session.put_atomic("depot/receipt.json", b"one").unwrap();
    let second = std::fs::metadata(&path).unwrap();
    assert_eq!(first.ino(), second.ino());
    for content in [&b"two"[..], b"longer than before", b""] {
        session.put_atomic("depot/receipt.json", content).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    std::fs::create_dir(server.root("US1").join("depot/folder")).unwrap();
    let error = session.put_atomic("depot/folder", b"x").unwrap_err();
    assert_eq!(error.to_string(), "depot/folder is not a regular file");
}

#[test]
fn files_move_and_never_onto_another() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let root = server.root("US1");
    std::fs::write(root.join("inbox/a.csv"), "a").unwrap();
    std::fs::write(root.join("inbox/b.csv"), "b").unwrap();
    session.make_folder("archive/2024-02-03").unwrap();
    session.make_folder("archive/2024-02-03").unwrap();
    session.rename("inbox/a.csv", "archive/2024-02-03/a.csv").unwrap();
    let error = session.rename("inbox/b.csv", "archive/2024-02-03/a.csv").unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    let error = session.rename("inbox/a.csv", "archive/c.csv").unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let error = session.make_folder("inbox/b.csv/x").unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert!(session.remove("inbox/b.csv").unwrap());
    assert!(!session.remove("inbox/b.csv").unwrap());
    assert_eq!(std::fs::read(root.join("archive/2024-02-03/a.csv")).unwrap(), b"a");
}

#[test]
fn no_path_leads_out_of_the_folder_and_only_files_are_read() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let inbox = server.root("US1").join("inbox");
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("link")).unwrap();
    for path in ["../US2/inbox/a", "/etc/passwd", "inbox/../../x", "", "inbox//a", "a\0b", "a\nb"] {
        assert!(matches!(session.open_read(path), Err(Error::Path { .. })), "{path:?}");
    }
    for path in ["inbox/link", "inbox"] {
        assert!(matches!(session.open_read(path), Err(Error::NotAFile { .. })), "{path:?}");
    }
    assert!(matches!(session.create("depot/.hidden"), Err(Error::Path { .. })));
    assert!(matches!(session.open_read("inbox/no"), Err(Error::NotFound { .. })));
    assert_eq!(session.stat("inbox/no").unwrap(), None);
}

#[test]
fn the_servers_clock_is_asked_without_a_trace() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let now = session.now("depot").unwrap();
    let here = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(now.abs_diff(here.as_secs()) <= 2);
    assert_eq!(std::fs::read_dir(server.root("US1").join("depot")).unwrap().count(), 0);
    session.keep_alive().unwrap();
}

#[test]
fn leftovers_of_killed_writers_are_swept_when_they_are_old() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let depot = server.root("US1").join("depot");
    std::fs::write(depot.join(".a.csv.1-2-3.part"), "x").unwrap();
    std::fs::write(depot.join("keep.part"), "x").unwrap();
    assert_eq!(session.sweep("depot", Duration::from_secs(3600)).unwrap(), 0);
    assert_eq!(session.sweep("depot", Duration::ZERO).unwrap(), 1);
    assert!(depot.join("keep.part").exists());
}

#[test]
fn a_server_with_another_key_is_not_spoken_to() {
    let (server, other) = (Server::start(&["US1"]), Server::start(&["US1"]));
    let settings = Sftp { host_key: other.host_key(), ..settings(&server) };
    let key = server.private_key("US1");
    let error = Session::connect(&settings, Login::PrivateKey(&key), limits()).unwrap_err();
    let Error::HostKey { presented, configured, .. } = &error else { panic!("{error}") };
    assert_ne!(presented, configured);
    let fingerprint = |key: &str| intake::host_key::HostKey::parse(key).unwrap().fingerprint();
    assert_eq!(presented, &fingerprint(&server.host_key()));
    assert_eq!(configured, &fingerprint(&other.host_key()));
    assert_eq!(error.disposition(), Disposition::Fault);
    let log = std::fs::read_to_string(server.dir().join("sshd.log")).unwrap();
    assert!(!log.contains("Accepted"), "{log}");
}

#[test]
fn a_wrong_login_is_refused_and_says_whose() {
    let (server, other) = (Server::start(&["US1"]), Server::start(&["US1"]));
    let wrong = other.private_key("US1");
    for login in [Login::PrivateKey(&wrong), Login::PrivateKey("no key"), Login::Password("guess")]
    {
        let error = Session::connect(&settings(&server), login, limits()).unwrap_err();
        assert!(matches!(error, Error::Login { .. }), "{error:?}");
        assert!(error.to_string().contains(&server.user()), "{error}");
        assert!(!error.to_string().contains("guess"));
        assert_eq!(error.disposition(), Disposition::Fault);
    }
}

#[test]
fn a_server_that_is_down_is_worth_another_try() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let settings = settings(&server);
    let key = server.private_key("US1");
    server.kill();
    let error = session.list("inbox").unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry, "{error:?}");
    let error = Session::connect(&settings, Login::PrivateKey(&key), limits()).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.disposition(), Disposition::Retry);
    server.restart();
    assert!(connect(&server).list("inbox").unwrap().entries.is_empty());
}

#[test]
fn a_server_that_says_nothing_costs_no_more_than_the_time_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(&["US1"]);
    let settings = Sftp { port: silent.local_addr().unwrap().port(), ..settings(&server) };
    let limits = Limits { call: Duration::from_millis(300), ..Limits::default() };
    let start = std::time::Instant::now();
    let error = Session::connect(&settings, Login::Password("x"), limits).unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry, "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_connection_that_is_cut_in_the_middle_is_worth_another_try_and_costs_no_time() {
    let server = Server::start(&["US1"]);
    let session = connect(&server);
    let content = vec![b'x'; 32 << 20];
    std::fs::write(server.root("US1").join("inbox/a.csv"), &content).unwrap();
    let mut reader = session.open_read("inbox/a.csv").unwrap();
    reader.read_exact(&mut vec![0; 1 << 20]).unwrap();
    let mut upload = session.create("depot/out.csv").unwrap();
    upload.write_all(&content[..5 << 20]).unwrap();
    let start = std::time::Instant::now();
    server.kill();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(reader.explain(&error).disposition(), Disposition::Retry, "{error}");
    let error = upload.write_all(&content).unwrap_err();
    let error = upload.explain(&error);
    assert_eq!(error.disposition(), Disposition::Retry, "{error}");
    drop((reader, upload));
    drop(session);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.restart();
    let session = connect(&server);
    assert_eq!(session.stat("depot/out.csv").unwrap(), None);
    assert_eq!(session.sweep("depot", Duration::ZERO).unwrap(), 1);
    session.put_atomic("depot/out.csv", &content).unwrap();
}
