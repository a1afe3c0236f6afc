//! Tokens of uploads, in every way but the one that they were given for.

use super::Harbour;
use std::io;
use std::time::{Duration, Instant};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location, refused};
use wharfinger_tests::server::{Options, Server};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A Location with a token.
struct Place {
    /// All of it up to the token.
    path: String,
    token: String,
}

impl Place {
    fn of(location: &str) -> Self {
        let at = location.rfind('=').expect("the token stands behind a name") + 1;
        Self { path: location[..at].to_owned(), token: location[at..].to_owned() }
    }

    fn with(&self, token: &str) -> String {
        format!("{}{token}", self.path)
    }
}

/// Begins an upload and sends a piece, so that the token holds all that tokens hold.
fn begin(registry: &Server, repository: &str, piece: &[u8]) -> io::Result<String> {
    let repository = Repository::new(registry.address(), repository);
    let mut connection = repository.connect()?;
    let begun = repository.begin(&mut connection)?;
    location(&connection.request("PATCH", &begun, &[OCTETS], piece)?.expect(202)?)
}

#[track_caller]
fn assert_unknown(answer: io::Result<Response>, what: &str) {
    let answer = answer.expect(what);
    assert!(answer.text().contains("BLOB_UPLOAD_UNKNOWN"), "{what}: {}", answer.text());
    refused(answer, 404).expect(what);
}

/// Tries a Location in all ways.
#[track_caller]
fn assert_dead(connection: &mut Connection, target: &str, what: &str) {
    assert_unknown(connection.request("GET", target, &[], b""), what);
    assert_unknown(connection.request("PATCH", target, &[OCTETS], b"more"), what);
    assert_unknown(connection.request("PUT", &finishing(target, &sha256(b"piece")), &[], b""), what);
    assert_unknown(connection.request("DELETE", target, &[], b""), what);
}

#[test]
fn altered_and_truncated_tokens_are_unknown() {
    let harbour = Harbour::start("");
    let place = Place::of(&begin(&harbour.server, "mine", b"piece").expect("an upload begins"));
    let mut connection = harbour.connect();
    let mut tried = 0;
    let began = Instant::now();
    for at in 0..place.token.len() {
        let mut letters = place.token.clone().into_bytes();
        let index = LETTERS.iter().position(|letter| *letter == letters[at]).expect("base64 for URLs");
        // Each bit of each letter, so each bit of the sealed bytes; at the end, of the bits that stand for none.
        for bit in 0..6 {
            letters[at] = LETTERS[index ^ (1 << bit)];
            let altered = String::from_utf8_lossy(&letters).into_owned();
            assert_unknown(connection.request("GET", &place.with(&altered), &[], b""), &altered);
            tried += 1;
        }
        let cut = &place.token[..at];
        assert_unknown(connection.request("GET", &place.with(cut), &[], b""), cut);
        tried += 1;
    }
    for token in ["", "=", &format!("{}=", place.token), &format!("{}A", place.token), &"A".repeat(20_000)] {
        assert_dead(&mut connection, &place.with(token), token);
    }
    let whole =
        connection.request("GET", &place.with(&place.token), &[], b"").and_then(|answer| answer.expect(204));
    assert_eq!(whole.expect("the token itself is good").head.field("range"), Some("0-4"));
    eprintln!(
        "| upload tokens altered in each bit, and cut at each length | all {tried} unknown (404), in {:.2} s |",
        began.elapsed().as_secs_f64()
    );
    harbour.end();
}

#[test]
fn tokens_are_good_in_one_repository_and_registry() {
    let harbour = Harbour::start_with("registry:\n  secret: 0123456789abcdef0123456789abcdef\n");
    let target = begin(&harbour.server, "mine", b"piece").expect("an upload begins");
    let mut connection = harbour.connect();
    assert_dead(&mut connection, &target.replace("/v2/mine/", "/v2/yours/"), "another repository");
    assert_dead(&mut connection, &target.replace("/v2/mine/", "/v2/mine/mine/"), "a repository below");
    let other = Place::of(&begin(&harbour.server, "mine", b"other").expect("an upload begins"));
    assert_dead(&mut connection, &other.with(&Place::of(&target).token), "another upload");

    let beside = |secret: &str| {
        let config = Some(format!("registry:\n  secret: {secret}\n"));
        let data = Some(harbour.server.data().to_owned());
        Server::start(Options { config, data, ..Options::default() }).expect("the registry starts")
    };
    let stranger = beside("another secret of the right length");
    let mut connection = Connection::open(stranger.address()).expect("the registry accepts");
    assert_dead(&mut connection, &target, "another registry");
    let brother = beside("0123456789abcdef0123456789abcdef");
    let mut connection = Connection::open(brother.address()).expect("the registry accepts");
    let finished = connection.request("PUT", &finishing(&target, &sha256(b"piece")), &[], b"");
    finished.and_then(|answer| answer.expect(201)).expect("another process with the secret goes on");
    let mine = Repository::new(harbour.server.address(), "mine");
    assert_eq!(mine.read(&sha256(b"piece")).expect("an answer").as_deref(), Some(&b"piece"[..]));
    harbour.end();
}

#[test]
fn replayed_tokens_harm_nothing() {
    let harbour = Harbour::start("");
    let mine = Repository::new(harbour.server.address(), "mine");
    let mut connection = harbour.connect();
    let (first, second) = (Random::new(1).bytes(300_000), Random::new(2).bytes(2_000_000));
    let whole = [first.clone(), second.clone()].concat();
    let begun = begin(&harbour.server, "mine", &first).expect("an upload begins");
    let mut patch = |piece: &[u8]| {
        let patched = connection.request("PATCH", &begun, &[OCTETS], piece)?.expect(202)?;
        location(&patched)
    };
    let ready = patch(&second).expect("the second piece is taken");
    let again = patch(&second).expect("it is taken again");
    let other = patch(b"something else").expect("another history begins");
    let mut connection = harbour.connect();
    let mut finish = |target: &str, digest: &str| {
        connection.request("PUT", &finishing(target, digest), &[], b"").expect("an answer")
    };
    let digest = sha256(&whole);
    finish(&ready, &digest).expect(201).expect("the blob is there");
    let check = || assert_eq!(mine.read(&digest).expect("it is read").as_ref(), Some(&whole));
    check();
    // The same again: from segments that were published, or from those of the other history.
    for target in [&ready, &again, &ready] {
        let answer = finish(target, &digest);
        assert_eq!(answer.status(), 201, "{}", answer.text());
        check();
    }
    // Another history under a digest that is not its own, and one under a digest that nobody stored.
    refused(finish(&other, &digest), 400).expect("bytes under another's name are refused");
    refused(finish(&ready, &sha256(b"something else")), 400).expect("and a name under which they are not");
    check();
    assert_eq!(mine.stat(&sha256(b"something else")).expect("an answer"), None);
    harbour.end();
}

#[test]
fn old_tokens_are_unknown() {
    const AGE: Duration = Duration::from_secs(2);
    let harbour = Harbour::start("upload-age-seconds: 2");
    let began = Instant::now();
    let target = begin(&harbour.server, "mine", b"piece").expect("an upload begins");
    let mut connection = harbour.connect();
    let mut alive = 0;
    let mut latest = target.clone();
    loop {
        let answer = connection.request("PATCH", &latest, &[OCTETS], b"more").expect("an answer");
        if answer.status() != 202 {
            break assert_unknown(Ok(answer), "an old upload");
        }
        // Going on does not make an upload younger.
        latest = location(&answer).expect("a place to go on");
        alive += 1;
        assert!(began.elapsed() < Duration::from_secs(20), "a token lives on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(alive > 1 && began.elapsed() > AGE - Duration::from_secs(1), "{:?}", began.elapsed());
    assert_dead(&mut connection, &target, "an old token");
    assert_dead(&mut connection, &latest, "a young token of an old upload");
    harbour.end();
}
