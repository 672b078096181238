//! Connections that end after each of many numbers of bytes, and some that trickle.
#![cfg(test)]

use domain::partner::Sftp;
use intake::sftp::{Disposition, Error, Limits, Login, Session};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::cut::{Plan, Proxy};
use testkit::sshd::Server;

const CUTS: u64 = 256;
/// Sessions at once; the server is one.
const SIDE_BY_SIDE: u64 = 4;
/// A cut is seen at once, whatever the time-outs are.
const CUT_SEEN_MAX: Duration = Duration::from_secs(20);

struct World {
    server: Server,
    key: String,
}

impl World {
    fn start() -> Self {
        let server = Server::start(&["US1"]);
        let key = server.private_key("US1");
        Self { server, key }
    }

    fn proxy(&self, plan: Plan) -> Proxy {
        Proxy::start(SocketAddr::from(([127, 0, 0, 1], self.server.port())), plan).unwrap()
    }

    fn connect(&self, port: u16, call: Duration) -> Result<Session, Error> {
        let sftp = Sftp {
            host: "127.0.0.1".into(),
            port,
            user: self.server.user(),
            host_key: self.server.host_key(),
            private_key_secret: Some("us1-key".into()),
            password_secret: None,
            path: ".".into(),
        };
        let limits = Limits { call, ..Limits::default() };
        Session::connect(&sftp, Login::PrivateKey(&self.key), limits)
    }

    /// Does `work` over connections that are cut after [`CUTS`] different numbers of bytes, spread
    /// over all of what it takes; counts what came of it.
    fn cut<T: PartialEq + std::fmt::Debug + Sync>(
        &self,
        work: impl Fn(&Self, u16, u64) -> Result<T, Error> + Sync,
        whole: &T,
    ) -> BTreeMap<String, u32> {
        let uncut = self.proxy(Plan::default());
        assert_eq!(&work(self, uncut.address().port(), CUTS).unwrap(), whole);
        let bytes = uncut.passed();
        let one = |number: u64| {
            let cut_after = Some(bytes * number / CUTS);
            let proxy = self.proxy(Plan { cut_after, ..Plan::default() });
            let start = Instant::now();
            let result = work(self, proxy.address().port(), number);
            let place = format!("cut after {cut_after:?} of {bytes} bytes");
            assert!(start.elapsed() < CUT_SEEN_MAX, "{place}: {:?}", start.elapsed());
            match result {
                Ok(result) => {
                    assert_eq!(&result, whole, "{place}");
                    "done".to_owned()
                }
                Err(error) => {
                    assert_eq!(error.disposition(), Disposition::Retry, "{place}: {error:?}");
                    let what = format!("{error:?}");
                    what.split([' ', '{']).next().unwrap_or_default().to_owned()
                }
            }
        };
        let mut counts = BTreeMap::new();
        let lane = |lane: u64| (0..CUTS).filter(move |n| n % SIDE_BY_SIDE == lane).map(one);
        let all = std::thread::scope(|scope| {
            let lanes = (0..SIDE_BY_SIDE).map(|n| scope.spawn(move || lane(n).collect::<Vec<_>>()));
            let lanes: Vec<_> = lanes.collect();
            lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect::<Vec<_>>()
        });
        for outcome in all {
            *counts.entry(outcome).or_insert(0) += 1;
        }
        eprintln!("{bytes} bytes: {counts:?}");
        counts
    }
}

fn content() -> Vec<u8> {
    (0..40_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

#[test]
fn a_read_that_is_cut_anywhere_is_never_taken_for_a_whole_file() {
    let world = World::start();
    std::fs::write(world.server.root("US1").join("inbox/a.csv"), content()).unwrap();
    let read = |world: &World, port: u16, _: u64| {
        let session = world.connect(port, Duration::from_secs(10))?;
        let mut reader = session.open_read("inbox/a.csv")?;
        reader.mark();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| reader.explain(&error))?;
        // As whoever reads a file does: what was read must be what stands there.
        assert!(reader.is_unchanged()?);
        Ok(bytes)
    };
    let counts = world.cut(read, &content());
    assert!(counts.get("done").is_none_or(|done| *done < 16), "{counts:?}");
}

#[test]
fn a_write_that_is_cut_anywhere_leaves_a_whole_file_or_none_and_works_again() {
    let world = World::start();
    let depot = world.server.root("US1").join("depot");
    let write = |world: &World, port: u16, number: u64| {
        let name = format!("{number}.csv");
        let result = world
            .connect(port, Duration::from_secs(10))
            .and_then(|session| session.put_atomic(&format!("depot/{name}"), &content()));
        match std::fs::read(depot.join(&name)) {
            Ok(there) => assert_eq!(there, content(), "{name}"),
            Err(_) => assert!(result.is_err(), "{name}"),
        }
        result
    };
    let counts = world.cut(write, &());
    assert!(counts.get("done").is_none_or(|done| *done < 16), "{counts:?}");

    let session = world.connect(world.server.port(), Duration::from_secs(10)).unwrap();
    for number in 0..CUTS {
        session.put_atomic(&format!("depot/{number}.csv"), &content()).unwrap();
    }
    session.sweep("depot", Duration::ZERO).unwrap();
    assert_eq!(std::fs::read_dir(&depot).unwrap().count(), usize::try_from(CUTS).unwrap() + 1);
}

#[test]
fn a_server_that_trickles_is_waited_for_as_long_as_bytes_come() {
    let world = World::start();
    std::fs::write(world.server.root("US1").join("inbox/a.csv"), content().repeat(8)).unwrap();
    let slow = world.proxy(Plan { bytes_a_second: Some(64 << 10), ..Plan::default() });
    let call = Duration::from_secs(2);
    let start = Instant::now();
    let session = world.connect(slow.address().port(), call).unwrap();
    let mut reader = session.open_read("inbox/a.csv").unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(reader.is_unchanged().unwrap() && bytes == content().repeat(8));
    session.put_atomic("depot/a.csv", &bytes).unwrap();
    assert!(call * 2 < start.elapsed(), "slower than a call may be: {:?}", start.elapsed());
}
