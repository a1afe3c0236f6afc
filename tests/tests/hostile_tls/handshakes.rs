use super::client::{Client, Shown};
use super::pair::Authority;
use super::{PATIENCE, Registry};
use rcgen::{CertificateParams, date_time_ymd};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The head of a record that announces a ClientHello of 512 bytes, and the head of that.
const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

fn plain(registry: &Registry) -> TcpStream {
    let stream = TcpStream::connect(registry.server.address()).expect("it accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream
}

/// All up to the end of the connection, which a reset is as well.
fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => {
            panic!("it does not close: {error}")
        }
        Ok(_) | Err(_) => bytes,
    }
}

#[test]
fn a_handshake_that_takes_too_long_is_ended_and_holds_up_nobody() {
    let registry = Registry::start("  threads: 1\n  limits: {head-seconds: 0.5}\n");
    let mut slow: Vec<TcpStream> = [b"".as_slice(), b"\x16", HELLO]
        .into_iter()
        .map(|bytes| {
            let mut stream = plain(&registry);
            stream.write_all(bytes).expect("it reads");
            stream
        })
        .collect();
    let reply = registry.connect().ask("GET", "/v2/", &[], b"").expect("an answer");
    assert_eq!(reply.status, 200);
    for stream in &mut slow {
        assert_eq!(read_to_end(stream), b"");
    }
    registry.await_log("the TLS handshake took too long", 3);
    // One that sends byte after byte in time.
    let mut dripping = plain(&registry);
    let began = Instant::now();
    dripping.write_all(HELLO).expect("it reads");
    while began.elapsed() < PATIENCE && dripping.write_all(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(20));
        if registry.server.log().matches("took too long").count() == 4 {
            break;
        }
    }
    registry.await_log("the TLS handshake took too long", 4);
    registry.end();
}

#[test]
fn what_is_no_handshake_is_refused_and_leaves_no_trace() {
    let registry = Registry::start("  limits: {head-seconds: 2}\n");
    for bytes in [b"\x16\x16\x16\x16\x16\x16\x16\x16".as_slice(), b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"] {
        let mut stream = plain(&registry);
        stream.write_all(bytes).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("a socket");
        // An alert, or nothing.
        let said = read_to_end(&mut stream);
        assert!(said.is_empty() || said[0] == 0x15, "{}", said.escape_ascii());
    }
    // One that leaves at once, as a check of the port does, is not worth a line.
    drop(plain(&registry));
    registry.await_log("no TLS with this client", 2);
    registry.end();
}

#[test]
fn plain_http_is_told_to_use_https() {
    let registry = Registry::start("  limits: {head-seconds: 0.5}\n");
    for request in [
        "GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD /v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "GET /v2/ HTTP/1.1\r\n",
        "\0\0\0\0",
    ] {
        let mut stream = plain(&registry);
        stream.write_all(request.as_bytes()).expect("it reads");
        let reply = String::from_utf8(read_to_end_after_half(&mut stream)).expect("text");
        assert!(reply.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{request}: {reply}");
        assert!(reply.contains("\r\nconnection: close\r\n"), "{reply}");
        assert!(reply.contains("\r\ncontent-type: application/json\r\n"), "{reply}");
        let body = reply.split("\r\n\r\n").nth(1).expect("a body");
        let told =
            body.starts_with("{\"errors\":[{") && body.contains("this port speaks HTTPS; use https://");
        assert_eq!(
            (told, body.is_empty()),
            (!request.starts_with("HEAD"), request.starts_with("HEAD")),
            "{reply}"
        );
    }
    registry.await_log("this port speaks HTTPS", 5);
    registry.end();
}

/// The same, where the server waits for this end to close first.
fn read_to_end_after_half(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).expect("an answer");
    bytes.truncate(count);
    stream.shutdown(std::net::Shutdown::Write).expect("a socket");
    bytes.extend(read_to_end(stream));
    bytes
}

#[test]
fn tls_on_a_plain_port_is_logged_as_that() {
    let server = wharfinger_tests::server::Server::start(Default::default()).expect("the registry starts");
    let authority = Authority::new("Harbour");
    let agreed = Client::connect(server.address(), &authority.pem(), Shown::Nothing, None);
    assert!(agreed.is_err());
    let end = Instant::now() + PATIENCE;
    while !server.log().contains("this port speaks plain HTTP; use http://") {
        assert!(Instant::now() < end, "{}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    server.stop().expect("it ends in good order");
}

#[test]
fn certificates_of_clients_are_verified_refused_or_absent() {
    let registry = Registry::start("");
    let ask = |shown| {
        let mut client = registry.connect_showing(shown)?;
        client.ask("GET", "/v2/", &[], b"").map(|reply| reply.status)
    };
    let known = registry.clients.certify("crane.example");
    assert_eq!(ask(Shown::Certificate(&known)).expect("a verified client is served"), 200);
    assert_eq!(ask(Shown::Nothing).expect("a client without certificate is served"), 200);

    let foreign = Authority::new("Pirates").certify("crane.example");
    // Of the same name, but another key.
    let forged = Authority::new("Crew").certify("crane.example");
    let mut params = CertificateParams::new(vec!["crane.example".to_owned()]).expect("a name");
    params.not_after = date_time_ymd(2020, 1, 1);
    let expired = registry.clients.certify_params(params);
    // The server's own authority is none for clients.
    let of_the_server = registry.authority.certify("crane.example");
    for (number, refused) in [foreign, forged, expired, of_the_server].iter().enumerate() {
        let error = ask(Shown::Certificate(refused)).expect_err("it is refused");
        assert!(error.to_string().contains("received fatal alert"), "{number}: {error}");
        registry.await_log("no TLS with this client: invalid peer certificate", number + 1);
    }
    registry.end();
}
