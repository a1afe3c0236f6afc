//! Pushes that go wrong at the client's side.

use std::time::Duration;

use wharfinger_tests::digest::sha256;
use wharfinger_tests::repository::{OCTETS, finishing, location, refused};

use super::pushing::{Framing, Leave, push_part};
use super::stored::{assert_stored, segments};
use super::{Stage, bytes, tries, wait_until};

#[test]
fn a_right_digest_is_stored_and_a_wrong_one_is_not() {
    let stage = Stage::new("wasi-digests", &[]);
    let repository = &stage.repository;
    let (mut blobs, mut begun) = (Vec::new(), Vec::new());
    for seed in 0..tries() {
        for (number, length) in [0, 1, 5_000, 1 << 20, 2_500_000].into_iter().enumerate() {
            if length == 0 && seed > 0 {
                continue;
            }
            let right = bytes(10 * seed + number as u64, length);
            let pushed = if seed % 2 == 0 {
                repository.push_whole(&right)
            } else {
                repository.push_pieces(&right, 1_100_000)
            };
            pushed.and_then(|answer| answer.expect(201)).expect("it is stored");
            assert_eq!(repository.read(&sha256(&right)).expect("GET").as_ref(), Some(&right));
            // The parts of one that was sent in pieces are cut at the pieces too.
            begun.extend(right.chunks(1_100_000).map(<[u8]>::to_vec));
            blobs.push(right);
        }
    }
    stage.settle();
    let before = segments(&stage.container);
    for seed in 0..tries() {
        for length in [1, 5_000, 2_500_000] {
            let wrong = bytes(1000 + seed, length);
            let mut connection = repository.connect().expect("connects");
            let target = repository.begin(&mut connection).expect("POST");
            let target = finishing(&target, &sha256(b"something else"));
            let answer = connection.request("PUT", &target, &[OCTETS], &wrong).expect("PUT");
            refused(answer, 400).expect("a wrong digest is refused");
        }
    }
    stage.settle();
    assert_eq!(segments(&stage.container), before, "a wrong digest leaves no segments");
    for seed in 0..tries() {
        let wrong = bytes(2000 + seed, 1_200_000);
        let mut connection = repository.connect().expect("connects");
        let target = repository.begin(&mut connection).expect("POST");
        let patched = connection.request("PATCH", &target, &[OCTETS], &wrong).expect("PATCH");
        let target = location(&patched.expect(202).expect("PATCH")).expect("a Location");
        let target = finishing(&target, &sha256(b"something else"));
        let answer = connection.request("PUT", &target, &[], b"").expect("PUT");
        refused(answer, 400).expect("a wrong digest is refused");
        begun.push(wrong);
    }
    assert_stored(&stage, &blobs, &begun);
}

#[test]
fn a_body_that_is_short_or_too_long_is_not_stored() {
    let stage = Stage::new("wasi-lengths", &[]);
    let (address, name) = (stage.component.address(), "wasi-lengths/app");
    let repository = &stage.repository;
    let mut begun = Vec::new();
    for seed in 0..tries() {
        let body = bytes(seed, 2_500_000);
        for sent in [1, 700_000, 1 << 20, 2_499_999] {
            let told = push_part(address, name, &body, sent, Framing::Length, Leave::Half).expect("is sent");
            assert!(!told.contains("HTTP/1.1 2"), "{sent} bytes: {told}");
            let told = push_part(address, name, &body, sent, Framing::Chunked, Leave::Half).expect("is sent");
            assert!(!told.contains("HTTP/1.1 2"), "{sent} bytes in chunks: {told}");
        }
        // More than Content-Length says is no part of the body.
        let mut connection = repository.connect().expect("connects");
        let target = repository.begin(&mut connection).expect("POST");
        let target = finishing(&target, &sha256(&body));
        connection.send_head("PUT", &target, &[("Content-Length", "2000000")]).expect("is sent");
        connection.send(&body[..2_000_001]).expect("is sent");
        refused(connection.read_response("PUT").expect("an answer"), 400).expect("it is refused");
        // Nor is more than Content-Range says.
        let mut connection = repository.connect().expect("connects");
        let target = repository.begin(&mut connection).expect("POST");
        let fields = [OCTETS, ("Content-Range", "0-999999")];
        let answer = connection.request("PATCH", &target, &fields, &body).expect("an answer");
        assert!((400..500).contains(&answer.status()), "{}", answer.status());
        begun.push(body[..2_000_000].to_vec());
        begun.push(body);
    }
    assert_stored(&stage, &[], &begun);
}

#[test]
fn clients_that_leave_leave_no_blob() {
    let stage = Stage::new("wasi-leaving", &[]);
    let (address, name) = (stage.component.address(), "wasi-leaving/app");
    let mut begun = Vec::new();
    for seed in 0..tries() {
        let body = bytes(seed, 2_500_000);
        for framing in [Framing::Length, Framing::Chunked] {
            for leave in [Leave::Close, Leave::Reset] {
                for sent in [0, 1, 100_000, 1 << 20, 1_500_000, 2_499_999] {
                    push_part(address, name, &body, sent, framing, leave).expect("is sent");
                }
            }
        }
        begun.push(body);
    }
    // Whatever the others left behind, the registry goes on.
    let right = bytes(1_000_000, 2_500_000);
    stage.repository.push_whole(&right).and_then(|answer| answer.expect(201)).expect("it is stored");
    assert_stored(&stage, &[right], &begun);
}

#[test]
fn a_client_that_hears_no_before_it_has_sent_all_hears_it() {
    let stage = Stage::new("wasi-early", &[]);
    let body = bytes(1, 3_000_000);
    for _ in 0..tries() {
        let mut connection = stage.repository.connect().expect("connects");
        let length = body.len().to_string();
        let target = "/v2/wasi-early/app/blobs/uploads/nothing";
        connection.send_head("PATCH", target, &[("Content-Length", &length)]).expect("is sent");
        connection.send(&body).expect("all is taken");
        let answer = connection.read_response("PATCH").expect("the refusal arrives");
        refused(answer, 404).expect("it is unknown");
        connection.request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200)).expect("goes on");
    }
}

#[test]
fn a_client_that_asks_first_sends_nothing_in_vain() {
    let stage = Stage::new("wasi-expects", &[]);
    let body = bytes(1, 1_500_000);
    let length = body.len().to_string();
    let fields = [OCTETS, ("Content-Length", length.as_str()), ("Expect", "100-continue")];
    for _ in 0..tries() {
        let mut connection = stage.repository.connect().expect("connects");
        connection
            .send_head("PATCH", "/v2/wasi-expects/app/blobs/uploads/nothing", &fields)
            .expect("is sent");
        assert_eq!(connection.read_head().expect("is answered").status, 404);
        let mut connection = stage.repository.connect().expect("connects");
        let target = stage.repository.begin(&mut connection).expect("POST");
        connection.send_head("PUT", &finishing(&target, &sha256(&body)), &fields).expect("is sent");
        assert_eq!(connection.read_head().expect("is told to go on").status, 100);
        connection.send(&body).expect("is sent");
        connection.read_response("PUT").and_then(|answer| answer.expect(201)).expect("it is stored");
    }
}

#[test]
fn a_client_that_falls_silent_is_given_up_and_one_that_pauses_is_not() {
    let limits = [("WHARFINGER_LIMITS_STALL_SECONDS", "0.1"), ("WHARFINGER_LIMITS_BODY_IDLE_SECONDS", "3")];
    let stage = Stage::new("wasi-pauses", &limits);
    let repository = &stage.repository;
    let (mut blobs, mut begun) = (Vec::new(), Vec::new());
    for seed in 0..tries() {
        let body = bytes(seed, 1_500_000);
        let length = body.len().to_string();
        let mut connection = repository.connect().expect("connects");
        let target = repository.begin(&mut connection).expect("POST");
        let target = finishing(&target, &sha256(&body));
        stage.proxy.take_log();
        connection.send_head("PUT", &target, &[OCTETS, ("Content-Length", &length)]).expect("is sent");
        let (first, second) = body.split_at(150_000);
        connection.send(first).expect("is sent");
        wait_until("no segment was ended", || stored_segments(&stage) == 1);
        begun.push(first.to_vec());
        begun.push(second.to_vec());
        if seed % 2 == 0 {
            connection.send(second).expect("is sent");
            connection.read_response("PUT").and_then(|answer| answer.expect(201)).expect("it is stored");
            assert_eq!(stored_segments(&stage), 3);
            blobs.push(body);
        } else {
            let before = processor_time(stage.component.pid());
            let answer = connection.read_response("PUT").expect("is answered");
            assert!((400..500).contains(&answer.status()), "{}", answer.status());
            let used = processor_time(stage.component.pid()) - before;
            assert!(used < Duration::from_secs(1), "waiting kept a processor busy for {used:?}");
        }
    }
    assert_stored(&stage, &blobs, &begun);
}

/// The processor time that a process has used (proc(5); a tick is 10 ms wherever Linux runs).
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("wasmtime runs");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// Segments that Swift has stored since the last look at the log.
fn stored_segments(stage: &Stage) -> usize {
    let log = stage.proxy.log();
    let stored = log.iter().filter(|exchange| {
        exchange.method == "PUT" && exchange.target.contains("/segments/") && exchange.status == Some(201)
    });
    stored.count()
}
