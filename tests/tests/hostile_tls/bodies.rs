use super::Registry;
use super::client::{Client, Shown};
use std::io::Write as _;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;

const MIB: usize = 1 << 20;

/// Pushes over `client`: in one request, or in pieces with the chunked coding.
fn push(client: &mut Client, content: &[u8], chunked: bool) {
    let digest = sha256(content);
    let reply = client.ask("POST", "/v2/a/blobs/uploads/", &[], b"").expect("an answer");
    let mut place = reply.field("location").expect("a place").to_owned();
    if chunked {
        client.send_head("PATCH", &place, &[("Transfer-Encoding", "chunked")]).expect("it reads");
        for piece in content.chunks(70_001) {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.extend_from_slice(piece);
            chunk.extend_from_slice(b"\r\n");
            client.send(&chunk).expect("it reads");
        }
        client.send(b"0\r\n\r\n").expect("it reads");
        let reply = client.reply("PATCH").expect("an answer");
        assert_eq!(reply.status, 202, "{}", reply.head);
        place = reply.field("location").expect("a place").to_owned();
    }
    let rest = if chunked { &[] } else { content };
    let reply = client.ask("PUT", &format!("{place}&digest={digest}"), &[], rest).expect("an answer");
    assert_eq!(reply.status, 201, "{}", reply.head);
}

#[test]
fn bodies_of_any_size_pass_byte_for_byte_in_both_versions_of_tls() {
    let registry = Registry::start("");
    for (seed, version) in [(1, &rustls::version::TLS12), (2, &rustls::version::TLS13)] {
        let address = registry.server.address();
        let client = Client::connect(address, &registry.authority.pem(), Shown::Nothing, Some(version));
        let mut client = client.expect("it speaks that version");
        for length in [0, 1, 16 * 1024, 16 * 1024 + 1, 40 * MIB + 7] {
            for chunked in [false, true] {
                let content = Random::new(seed * 2 + u64::from(chunked)).bytes(length);
                push(&mut client, &content, chunked);
                let target = format!("/v2/a/blobs/{}", sha256(&content));
                let reply = client.ask("GET", &target, &[], b"").expect("an answer");
                assert!(reply.status == 200 && reply.body == content, "{length}: {}", reply.head);
                if length > MIB {
                    let range = ("Range", "bytes=1000000-30000000");
                    let reply = client.ask("GET", &target, &[range], b"").expect("an answer");
                    assert!(reply.status == 206 && reply.body == content[1_000_000..=30_000_000]);
                }
            }
        }
        let reply = client.ask("GET", "/v2/", &[("Connection", "close")], b"").expect("an answer");
        assert_eq!(reply.field("connection"), Some("close"));
        client.assert_closed();
    }
    registry.end();
}

#[test]
fn a_client_that_reads_slowly_gets_all() {
    let registry = Registry::start("");
    let content = Random::new(5).bytes(12 * MIB + 1);
    let mut client = registry.connect();
    push(&mut client, &content, false);
    for _ in 0..2 {
        client.send_head("GET", &format!("/v2/a/blobs/{}", sha256(&content)), &[]).expect("it reads");
        // The registry has to wait for room again and again, to the end.
        let reply = client.reply_slowly().expect("an answer");
        assert!(reply.status == 200 && reply.body == content, "{}", reply.head);
    }
    registry.end();
}

#[test]
fn requests_in_one_record_are_answered_in_order() {
    let registry = Registry::start("");
    let target = registry.upload();
    let ping = "GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n";
    let patch = format!("PATCH {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    let mut client = registry.connect();
    client.send(format!("{patch}{ping}{patch}{ping}").as_bytes()).expect("it reads");
    for status in [202, 200, 202, 200] {
        assert_eq!(client.reply("GET").expect("an answer").status, status);
    }
    registry.end();
}

#[test]
fn bytes_may_come_in_records_of_one() {
    let registry = Registry::start("");
    let target = registry.upload();
    let mut client = registry.connect();
    let request = format!("PATCH {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    for byte in request.as_bytes() {
        client.send(&[*byte]).expect("it reads");
    }
    assert_eq!(client.reply("PATCH").expect("an answer").status, 202);
    registry.end();
}

#[test]
fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    let registry = Registry::start("");
    let target = registry.upload();
    let mut client = registry.connect();
    let fields = [("Content-Length", "5"), ("Expect", "100-continue")];
    client.send_head("PATCH", &target, &fields).expect("it reads");
    assert_eq!(client.read_head().expect("an interim answer").status, 100);
    client.send(b"hello").expect("it reads");
    assert_eq!(client.reply("PATCH").expect("an answer").status, 202);
    registry.end();
}

/// Peak memory of a process, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn clients_that_do_not_read_cost_little_and_end() {
    let registry = Registry::start("  limits: {write-idle-seconds: 0.5}\n");
    let content = Random::new(3).bytes(24 * MIB);
    push(&mut registry.connect(), &content, false);
    let target = format!("/v2/a/blobs/{}", sha256(&content));
    let before = peak_kib(registry.server.pid());
    let mut clients: Vec<Client> = (0..32).map(|_| registry.connect()).collect();
    for client in &mut clients {
        client.send_head("GET", &target, &[]).expect("it reads");
    }
    registry.await_log("cut=true", 32);
    let grown = peak_kib(registry.server.pid()) - before;
    // A buffer to read the file into, and one to encrypt it into, for each.
    assert!(grown < 32 * 700, "{grown} KiB more for 32 clients");
    for client in &mut clients {
        // What was broken off must not look whole: there is no announced end.
        let error = client.reply("GET").expect_err("it was broken off").kind();
        assert_ne!(error, std::io::ErrorKind::ConnectionAborted);
    }
    registry.end();
}

#[test]
fn many_clients_are_served_at_once() {
    let registry = Registry::start("");
    let content = Random::new(4).bytes(MIB);
    push(&mut registry.connect(), &content, false);
    let target = format!("/v2/a/blobs/{}", sha256(&content));
    let mut clients: Vec<Client> = (0..200).map(|_| registry.connect()).collect();
    std::thread::scope(|scope| {
        for some in clients.chunks_mut(25) {
            scope.spawn(|| {
                for client in some {
                    let reply = client.ask("GET", &target, &[], b"").expect("an answer");
                    assert!(reply.body == content);
                }
            });
        }
    });
    writeln!(std::io::stdout(), "peak with 200 connections: {} KiB", peak_kib(registry.server.pid()))
        .expect("a line");
    registry.end();
}
