//! Answers that break off, and clients that do not take them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::swift::fault::{Action, Rule};

use super::{Stage, bytes, tries, wait_until};

#[test]
fn an_answer_that_is_cut_short_is_read_on_or_visibly_cut() {
    let stage = Stage::new("wasi-cuts", &[("WHARFINGER_LIMITS_RETRY_SECONDS", "1")]);
    let repository = &stage.repository;
    let blob = bytes(1, 3_500_000);
    let digest = sha256(&blob);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    for _ in 0..tries() {
        for at in [0, 1, 700_000, 1 << 20, 2_000_003, 3_499_999] {
            for action in [Action::CutResponse(at), Action::ResetResponse(at)] {
                stage.proxy.rule(Rule::new(action.clone()).method("GET").target("/blobs/"));
                let read = repository.read(&digest).expect("GET");
                assert!(read.as_ref() == Some(&blob), "{action:?}");
                stage.proxy.clear();
            }
        }
    }
    for action in [Action::CutResponse(0), Action::CutResponse(1_000), Action::ResetResponse(100_000)] {
        stage.proxy.rule(Rule::new(action.clone()).method("GET").target("/blobs/").always());
        let read = repository.ask("GET", &format!("blobs/{digest}"));
        assert!(
            read.is_err() || read.is_ok_and(|answer| answer.status() >= 500),
            "{action:?} was not noticed"
        );
        stage.proxy.clear();
        assert!(repository.read(&digest).expect("GET").as_ref() == Some(&blob));
    }
    stage.settle();
}

/// Asks for a blob and reads `count` bytes of the answer.
fn read_part(stage: &Stage, digest: &str, count: usize) -> TcpStream {
    let mut stream = TcpStream::connect(stage.component.address()).expect("connects");
    let name = &stage.container;
    write!(stream, "GET /v2/{name}/app/blobs/{digest} HTTP/1.1\r\nHost: h\r\n\r\n").expect("is sent");
    stream.read_exact(&mut vec![0; count]).expect("is answered");
    stream
}

#[test]
fn a_client_that_stops_reading_keeps_nothing_open() {
    let stage = Stage::new("wasi-stops", &[("WHARFINGER_LIMITS_WRITE_IDLE_SECONDS", "0.5")]);
    let blob = bytes(1, 40_000_000);
    let digest = sha256(&blob);
    stage.repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    for number in 0..tries() {
        stage.proxy.take_log();
        let mut stream = read_part(&stage, &digest, 100_000);
        let leaves = number % 2 == 0;
        if leaves {
            drop(stream);
            stage.settle();
        } else {
            wait_until("Swift is read for a client that does not read", || {
                let log = stage.proxy.log();
                log.len() > 1 && log.iter().all(|exchange| exchange.ended.is_some())
            });
            let mut rest = Vec::new();
            // An end or a reset: both are seen, for the length was told.
            let _ = stream.read_to_end(&mut rest);
            assert!(rest.len() < 40_000_000 - 100_000);
        }
        let log = stage.proxy.log();
        let moved: u64 = log.iter().map(|exchange| exchange.response_bytes).max().unwrap_or_default();
        assert!(moved < 40_000_000, "all was read for a client that is gone");
    }
}
