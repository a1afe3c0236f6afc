//! What only TLS has.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::date_time_ymd;
use rustls::ServerConfig;
use smol::block_on;
use wharfinger::client::{
    Body, Client, ClientError, Identity, Late, Settings, Tls, TlsError, TlsFault, Trust,
};

use super::certificates::{Authority, File, params};
use super::server::{Server, script};
use super::settings;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn client(tls: Tls) -> Client {
    Client::new(Settings { tls: Some(tls), ..settings() })
}

/// Whole body of the answer from `https://HOST:PORT/`.
fn ask(client: &Client, host: &str, at: SocketAddr) -> Result<Vec<u8>, ClientError> {
    block_on(async {
        let request = http::Request::get(format!("https://{host}:{}/", at.port())).body(());
        let mut response = client.send(request.expect("a sound request"), Body::Empty).await?;
        response.collect(1 << 20).await
    })
}

/// A server that answers one request, if a client comes so far.
fn answering(config: Arc<ServerConfig>) -> (SocketAddr, JoinHandle<Option<String>>) {
    raw(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(config).expect("a sound configuration");
        let mut stream = rustls::Stream::new(&mut connection, &mut stream);
        let mut bytes = [0; 1000];
        let agreed = stream.read(&mut bytes).is_ok_and(|count| count > 0);
        let name = stream.conn.server_name().unwrap_or("no name").to_owned();
        let _ = stream.write_all(OK);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        agreed.then_some(name)
    })
}

/// A server of one connection.
fn raw<T: Send + 'static>(
    serve: impl FnOnce(std::net::TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("an address");
    (at, std::thread::spawn(move || serve(listener.accept().expect("a client").0)))
}

/// How a client with this trust fails at a server with this certificate.
fn refused(config: Arc<ServerConfig>, tls: Tls) -> String {
    let (at, server) = answering(config);
    let error = ask(&client(tls), "localhost", at).expect_err("no trust");
    assert_eq!(server.join().expect("no panic"), None, "a request was sent: {error}");
    assert!(matches!(&error, ClientError::Tls(fault) if fault.comes_first()), "{error:?}");
    error.to_string()
}

#[test]
fn a_server_with_a_good_certificate_is_asked_by_name_and_by_address() {
    let authority = Authority::new();
    let config = authority.server(&["localhost", "127.0.0.1"]);
    for (host, name) in [("localhost", "localhost"), ("127.0.0.1", "no name")] {
        let server = Server::start_with(
            Some(config.clone()),
            vec![script(move |peer| {
                let head = peer.head();
                assert!(head.contains(&format!("host: {host}:")), "{head}");
                assert_eq!(peer.agreed().server_name().unwrap_or("no name"), name);
                assert_eq!(peer.agreed().alpn_protocol(), Some(&b"http/1.1"[..]));
                assert_eq!(peer.agreed().protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
                peer.say(OK);
            })],
        );
        assert_eq!(ask(&client(authority.client()), host, server.at).expect("an answer"), b"ok");
        server.end();
    }
}

#[test]
fn a_server_is_not_asked_without_a_certificate_for_it_that_is_valid_and_trusted() {
    let authority = Authority::new();
    for (stranger, known) in [
        (Authority::new(), Authority::new()),
        (Authority::named("of one name"), Authority::named("of one name")),
    ] {
        let said = refused(stranger.server(&["localhost"]), known.client());
        assert!(said.contains("authority that is not trusted") && said.contains("cacert"), "{said}");
    }
    let said = refused(authority.server(&["elsewhere.example", "127.0.0.1"]), authority.client());
    assert!(said.contains("not for the host") && said.contains("elsewhere.example"), "{said}");
    let said = refused(authority.server(&[]), authority.client());
    assert!(said.contains("subjectAltName"), "{said}");
    let dated = |from, to| {
        let mut params = params(&["localhost"]);
        (params.not_before, params.not_after) = (from, to);
        authority.certify(params).server(None)
    };
    let said = refused(dated(date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)), authority.client());
    assert!(said.contains("has expired"), "{said}");
    let said = refused(dated(date_time_ymd(3020, 1, 1), date_time_ymd(3021, 1, 1)), authority.client());
    assert!(said.contains("not valid yet"), "{said}");
    let said = refused(authority.own().server(None), authority.client());
    assert!(said.contains("CA:FALSE"), "{said}");
}

#[test]
fn without_checks_every_certificate_will_do() {
    let tls = Tls::new(&Trust::Anybody, None).expect("nothing to read");
    for config in [Authority::new().server(&["elsewhere.example"]), Authority::new().own().server(None)] {
        let (at, server) = answering(config);
        assert_eq!(ask(&client(tls.clone()), "localhost", at).expect("an answer"), b"ok");
        assert_eq!(server.join().expect("no panic").as_deref(), Some("localhost"));
    }
}

#[test]
fn a_client_shows_its_certificate_if_it_has_one() {
    let authority = Authority::new();
    let certified = authority.certify(params(&["localhost"]));
    let (both, roots) = (File::new(&certified.pem()), File::new(&authority.pem()));
    let identity = Identity { certificates: both.path().to_owned(), key: both.path().to_owned() };
    let trust = Trust::File(roots.path().to_owned());
    let known = Tls::new(&trust, Some(&identity)).expect("sound files");
    let (at, server) = answering(certified.server(Some(&authority)));
    assert_eq!(ask(&client(known), "localhost", at).expect("an answer"), b"ok");
    assert!(server.join().expect("no panic").is_some());

    let (at, server) = answering(certified.server(Some(&authority)));
    let error = ask(&client(authority.client()), "localhost", at).expect_err("nobody known");
    assert_eq!(server.join().expect("no panic"), None);
    assert!(error.to_string().contains("wants a certificate from this client"), "{error}");

    let other = File::new(&Authority::new().own().pem());
    let strange = Identity { key: other.path().to_owned(), ..identity };
    let error = Tls::new(&trust, Some(&strange)).expect_err("two that do not fit");
    assert!(matches!(error, TlsError::Identity { .. }), "{error}");
    let keyless = Identity { certificates: both.path().to_owned(), key: roots.path().to_owned() };
    let error = Tls::new(&trust, Some(&keyless)).expect_err("no key");
    assert!(error.to_string().contains("no private key"), "{error}");
}

#[test]
fn files_without_certificates_are_refused_by_name() {
    let folder = std::env::temp_dir();
    let gone = File::new("").path().to_owned();
    let torn = Authority::new().pem().replace("MII", "!!!");
    for path in [gone, folder] {
        let error = Tls::new(&Trust::File(path.clone()), None).expect_err("no file").to_string();
        assert!(error.contains("cannot be read") && error.contains(&path.display().to_string()), "{error}");
    }
    for text in ["", "no certificate\n", &torn] {
        let file = File::new(text);
        let error = Tls::new(&Trust::File(file.path().to_owned()), None).expect_err(text).to_string();
        assert!(error.contains("holds no sound certificate"), "{error}");
    }
    let odd = File::new("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    let error = Tls::new(&Trust::File(odd.path().to_owned()), None).expect_err("no certificate");
    assert!(error.to_string().contains("remove it"), "{error}");
}

#[test]
fn a_body_that_is_cut_off_is_not_whole() {
    let authority = Authority::new();
    let tls = authority.client();
    for (head, whole_if_closed) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n", false),
        ("HTTP/1.1 200 OK\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", true),
    ] {
        for cut in [true, false] {
            let server = Server::start_with(
                Some(authority.server(&["127.0.0.1"])),
                vec![script(move |peer| {
                    peer.head();
                    peer.say(head.as_bytes());
                    peer.say(b"hello");
                    if cut {
                        peer.cut();
                    }
                })],
            );
            let read = ask(&client(tls.clone()), "127.0.0.1", server.at);
            if whole_if_closed && !cut {
                assert_eq!(read.expect(head), b"hello");
            } else {
                let error = read.expect_err(head);
                assert!(matches!(error, ClientError::Short), "{error:?}");
            }
            server.end();
        }
    }
}

#[test]
fn plain_http_and_tls_are_told_apart() {
    let authority = Authority::new();
    let (at, server) = raw(|mut stream| {
        let mut hello = [0; 3];
        stream.read_exact(&mut hello).expect("a hello");
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.read(&mut [0; 10_000]);
        hello
    });
    let error = ask(&client(authority.client()), "localhost", at).expect_err("no TLS");
    assert!(matches!(error, ClientError::Tls(TlsFault::NotTls)), "{error:?}");
    assert!(error.to_string().contains("http://"), "{error}");
    assert_eq!(server.join().expect("no panic")[..2], [0x16, 3]);

    let (at, server) = answering(authority.server(&["localhost"]));
    let request = http::Request::get(format!("http://{at}/")).body(()).expect("a sound request");
    let error = block_on(Client::new(settings()).send(request, Body::Empty)).expect_err("TLS");
    assert!(matches!(error, ClientError::SpeaksTls), "{error:?}");
    assert!(error.to_string().contains("https://"), "{error}");
    assert_eq!(server.join().expect("no panic"), None);
}

#[test]
fn a_server_that_leaves_or_says_nothing_while_hands_are_shaken_is_told() {
    let authority = Authority::new();
    let (at, server) = raw(|mut stream| stream.read(&mut [0; 10_000]).expect("a hello"));
    let error = ask(&client(authority.client()), "localhost", at).expect_err("no TLS");
    assert!(matches!(error, ClientError::Tls(TlsFault::Closed)), "{error:?}");
    assert!(server.join().expect("no panic") > 100);

    let (at, server) = raw(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()));
    let settings =
        Settings { connect_time: Duration::from_millis(50), tls: Some(authority.client()), ..settings() };
    let error = ask(&Client::new(settings), "localhost", at).expect_err("no TLS");
    assert!(matches!(error, ClientError::Late(Late::Handshake)), "{error:?}");
    assert!(server.join().expect("no panic").is_ok_and(|hello| hello > 100));
}

#[test]
fn sessions_are_resumed() {
    let authority = Authority::new();
    let scripts = [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed].map(|kind| {
        script(move |peer| {
            peer.head();
            assert_eq!(peer.agreed().handshake_kind(), Some(kind));
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        })
    });
    let server = Server::start_with(Some(authority.server(&["localhost"])), scripts.into());
    let client = client(authority.client());
    for _ in 0..2 {
        assert_eq!(ask(&client, "localhost", server.at).expect("an answer"), b"ok");
    }
    server.end();
}
