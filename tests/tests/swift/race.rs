//! One blob pushed by many at once, while others look at it through another server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::Server;
use wharfinger_tests::swift::fault::{Action, FaultProxy, Rule};

use super::{berth, berth_through, bytes, shared};

/// So many push at once.
const PUSHERS: usize = 8;
/// So many look meanwhile.
const LOOKERS: usize = 2;

/// How a blob is pushed.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// PATCHes, then PUT.
    Pieces,
    /// One PUT, cut into segments.
    Large,
    /// One PUT, held until it is stored.
    Small,
    /// Each of the others.
    Mixed,
}

impl Form {
    fn push(self, number: usize, repository: &Repository, blob: &[u8]) {
        let pushed = match (self, number % 2) {
            (Self::Pieces, _) | (Self::Mixed, 0) => repository.push_pieces(blob, blob.len() / 3 + 1),
            (Self::Large | Self::Small, _) | (Self::Mixed, _) => repository.push_whole(blob),
        };
        pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
    }

    fn blob(self, seed: u64) -> Vec<u8> {
        match self {
            Self::Small => bytes(seed, 30_000),
            Self::Pieces | Self::Large | Self::Mixed => bytes(seed, 2_200_000),
        }
    }
}

/// Pushes one blob from all sides. What looks before the first 201 may find nothing, but nothing that is not whole; what
/// looks after it finds all.
fn race(form: Form, seed: u64, name: &str, pushing: &Server, looking: &Server) {
    let blob = form.blob(seed);
    let digest = sha256(&blob);
    let size = Some(blob.len() as u64);
    let (told, looks, done) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let (blob, digest, told, looks, done) = (&blob, &digest, &told, &looks, &done);
    std::thread::scope(|scope| {
        for number in 0..PUSHERS {
            scope.spawn(move || {
                let looker = Repository::new(looking.address(), name);
                form.push(number, &Repository::new(pushing.address(), name), blob);
                told.store(true, Ordering::SeqCst);
                assert_eq!(looker.stat(digest).expect("HEAD"), size, "{form:?}, after a 201");
                assert_eq!(looker.read(digest).expect("GET").as_ref(), Some(blob), "{form:?}, after a 201");
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        for _ in 0..LOOKERS {
            scope.spawn(move || {
                let repository = Repository::new(looking.address(), name);
                while done.load(Ordering::SeqCst) < PUSHERS {
                    let known = told.load(Ordering::SeqCst);
                    let found = repository.stat(digest).expect("HEAD");
                    assert!(found == size || (found.is_none() && !known), "{form:?}: {found:?} of {size:?}");
                    let known = known || found.is_some();
                    // A GET compares the digest.
                    let read = repository.read(digest).expect("GET");
                    assert!(read.is_some() || !known, "{form:?}: gone after it was there");
                    looks.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(looks.load(Ordering::SeqCst) > 0, "nobody looked");
}

#[test]
fn a_blob_that_many_push_at_once_is_never_seen_in_part() {
    let swift = shared();
    let berth = berth(swift, "race-forms").with("  limits: {segment-bytes: 1048576}\n");
    let servers: Vec<Server> = (0..2).map(|_| berth.start().expect("the registry starts")).collect();
    for (number, form) in [Form::Pieces, Form::Large, Form::Small, Form::Mixed].into_iter().enumerate() {
        let name = format!("race/forms-{number}");
        race(form, 200 + number as u64, &name, &servers[0], &servers[1]);
    }
}

/// The same while Swift loses answers, lies about what it did, and lets some wait.
#[test]
fn nor_is_it_when_swift_loses_some_of_the_answers() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let limits = "  limits: {segment-bytes: 1048576}\n";
    let pushing = berth_through(&proxy, swift, "race-faults").with(limits);
    let pushing = pushing.start().expect("the registry starts");
    let looking = berth(swift, "race-faults").with(limits).start().expect("the registry starts");
    for (number, form) in [Form::Pieces, Form::Small, Form::Mixed].into_iter().enumerate() {
        // Only what can be sent again, and no request more often than that.
        for (skip, action) in [
            (0, Action::LostReply),
            (2, Action::Lie503),
            (4, Action::DelayReply(std::time::Duration::from_millis(300))),
            (5, Action::LostReply),
        ] {
            proxy.rule(Rule::new(action.clone()).method("PUT").target("/blobs/").skip(skip));
            proxy.rule(Rule::new(action).method("PUT").target("/links/").skip(skip));
        }
        race(form, 300 + number as u64, &format!("race/faults-{number}"), &pushing, &looking);
        assert!(proxy.take_log().iter().any(|exchange| exchange.fault.is_some()), "no fault happened");
        proxy.clear();
    }
}
