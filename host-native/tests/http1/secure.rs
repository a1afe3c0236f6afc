//! The edge over TLS: what a caller is told of the client, and when.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_lite::future;
use http::{HeaderMap, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, StreamOwned};
use smol::{Async, Timer};
use wharfinger::http1::{
    Agreed, BodyReader, Connection, Limits, Next, ReplyLength, ReplyWriter, Request, conclude,
};

use crate::server::generous;

type Client = StreamOwned<ClientConnection, TcpStream>;
type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// What both sides agree with. The authority has certified both.
struct World {
    server: Arc<ServerConfig>,
    anonymous: Arc<ClientConfig>,
    known: Arc<ClientConfig>,
}

fn certify(issuer: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Pair {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "crane");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap().der().clone();
    (certificate, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

impl World {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).unwrap();
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        let verifier = verifier.allow_unauthenticated().build().unwrap();
        let (certificate, key) = certify(&issuer, "localhost");
        let server = ServerConfig::builder_with_provider(provider.clone());
        let server = server.with_safe_default_protocol_versions().unwrap();
        let server = server.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key);
        let client = || {
            let client = ClientConfig::builder_with_provider(provider.clone());
            client.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots.clone())
        };
        let (certificate, key) = certify(&issuer, "Crane.example");
        let known = client().with_client_auth_cert(vec![certificate], key).unwrap();
        Self {
            server: Arc::new(server.unwrap()),
            anonymous: Arc::new(client().with_no_client_auth()),
            known: Arc::new(known),
        }
    }

    /// One connection: what the client does, in a thread of its own, and this side of it.
    fn connect<T: Send + 'static>(
        &self,
        config: &Arc<ClientConfig>,
        client: impl FnOnce(Client) -> T + Send + 'static,
    ) -> (Connection, JoinHandle<T>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = config.clone();
        let thread = std::thread::spawn(move || {
            let connection = ClientConnection::new(config, ServerName::try_from("localhost").unwrap());
            let socket = TcpStream::connect(address).unwrap();
            rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 16 * 1024).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            client(StreamOwned::new(connection.unwrap(), socket))
        });
        let stream = Async::new(listener.accept().unwrap().0).unwrap();
        // The least that the system gives.
        rustix::net::sockopt::set_socket_send_buffer_size(&stream, 1).unwrap();
        let agreed = Connection::agree(stream, self.server.clone(), Arc::new(generous()));
        match smol::block_on(agreed) {
            Ok(Agreed::Secure(connection)) => (connection, thread),
            other => panic!("{other:?}"),
        }
    }
}

fn request(next: Next) -> (Request, BodyReader, ReplyWriter) {
    match next {
        Next::Request { request, body, reply } => (request, body, reply),
        other @ (Next::Refused { .. } | Next::Closed) => panic!("{other:?}"),
    }
}

async fn answer(body: BodyReader, mut reply: ReplyWriter) -> Option<Connection> {
    reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(2)).unwrap();
    reply.write(b"ok").await.unwrap();
    conclude(body, reply).await
}

fn ask(client: &mut Client) {
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        let mut bytes = [0; 1000];
        let count = client.read(&mut bytes).unwrap();
        assert_ne!(count, 0, "{}", answer.escape_ascii());
        answer.extend_from_slice(&bytes[..count]);
    }
}

#[test]
fn a_request_knows_the_verified_names_of_its_client_in_every_session() {
    let world = World::new();
    for (number, kind) in [HandshakeKind::Full, HandshakeKind::Resumed].into_iter().enumerate() {
        let (connection, client) = world.connect(&world.known, |mut client| {
            ask(&mut client);
            client.conn.handshake_kind()
        });
        let names = connection.peer().certificate_names().to_vec();
        assert!(names[0].starts_with("SHA256:") && names[0].len() == 7 + 64, "{number}: {names:?}");
        assert_eq!(names[1..], ["CN=crane", "DNS:crane.example"]);
        let (request, body, reply) = request(smol::block_on(connection.next()));
        assert!(
            request.peer.secure && request.peer.address.is_some_and(|address| address.ip().is_loopback())
        );
        assert_eq!(request.peer.certificate_names(), names);
        drop(smol::block_on(answer(body, reply)));
        assert_eq!(client.join().unwrap(), Some(kind));
    }
    let (connection, client) = world.connect(&world.anonymous, |mut client| ask(&mut client));
    assert!(connection.peer().secure && connection.peer().certificate.is_none());
    let (request, body, reply) = request(smol::block_on(connection.next()));
    assert_eq!(request.peer.certificate_names(), [""; 0]);
    drop(smol::block_on(answer(body, reply)));
    client.join().unwrap();
}

#[test]
fn a_plain_request_knows_the_address_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let stream = Async::new(listener.accept().unwrap().0).unwrap();
    let connection = Connection::new(stream, Arc::new(generous()));
    let (request, ..) = request(smol::block_on(connection.next()));
    assert_eq!(request.peer.address, Some(client.local_addr().unwrap()));
    assert!(!request.peer.secure && request.peer.certificate.is_none());
}

#[test]
fn a_client_that_goes_while_it_is_served_is_noticed() {
    let world = World::new();
    for announced in [true, false] {
        let (connection, client) = world.connect(&world.anonymous, move |mut client| {
            client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            if announced {
                client.conn.send_close_notify();
                client.flush().unwrap();
            } else {
                client.sock.shutdown(Shutdown::Write).unwrap();
            }
            // The socket stays open until the other side has seen it.
            let _ = client.read(&mut [0; 1000]);
        });
        smol::block_on(async {
            let (_, mut body, reply) = request(connection.next().await);
            assert!(body.fill().await.unwrap().is_empty());
            let gone = async {
                body.client_gone().await;
                true
            };
            let late = async {
                Timer::after(Duration::from_secs(20)).await;
                false
            };
            assert!(future::or(gone, late).await, "announced: {announced}");
            drop(reply);
        });
        client.join().unwrap();
    }
}

#[test]
fn requests_that_come_meanwhile_are_no_end_and_are_not_lost() {
    const MANY: usize = 300;
    let world = World::new();
    let (connection, client) = world.connect(&world.anonymous, |mut client| {
        for _ in 0..MANY {
            client
                .write_all(format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "y".repeat(1000)).as_bytes())
                .unwrap();
        }
        client.conn.send_close_notify();
        let _ = client.flush();
        let mut all = Vec::new();
        client.read_to_end(&mut all).map(|_| all)
    });
    smol::block_on(async {
        let mut connection = Some(connection);
        for _ in 0..MANY {
            let (_, mut body, reply) = request(connection.take().unwrap().next().await);
            assert!(body.fill().await.unwrap().is_empty());
            // Long enough to look at what has come, and to find the end behind it if that could be.
            let gone = async {
                body.client_gone().await;
                true
            };
            let over = async {
                for _ in 0..20 {
                    future::yield_now().await;
                }
                false
            };
            future::or(gone, over).await;
            connection = answer(body, reply).await;
        }
        assert!(matches!(connection.unwrap().next().await, Next::Closed));
    });
    let said = client.join().unwrap().expect("an end that was announced");
    assert_eq!(String::from_utf8(said).unwrap().matches("HTTP/1.1 200 OK").count(), MANY);
}

#[test]
fn a_waiting_connection_is_small_over_tls_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = Async::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap()).unwrap();
    let agreed = Connection::agree(stream, World::new().server, Arc::new(Limits::default()));
    assert!(size_of_val(&agreed) < 4096, "{} bytes", size_of_val(&agreed));
}

#[test]
fn only_what_is_whole_ends_with_an_announced_end() {
    let world = World::new();
    for whole in [true, false] {
        let (connection, client) = world.connect(&world.anonymous, |mut client| {
            client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            client.read_to_end(&mut Vec::new()).map_err(|error| error.kind())
        });
        smol::block_on(async {
            let (_, body, mut reply) = request(connection.next().await);
            if whole {
                drop(answer(body, reply).await);
            } else {
                reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(100)).unwrap();
                reply.write(b"not yet all").await.unwrap();
            }
        });
        assert_eq!(client.join().unwrap().is_ok(), whole);
    }
}

#[test]
fn a_reply_leaves_whole_however_little_the_socket_takes() {
    const BYTES: usize = 200_000;
    let world = World::new();
    let (connection, client) = world.connect(&world.anonymous, |mut client| {
        let mut counts = Vec::new();
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"end") {
                let mut bytes = [0; 4096];
                let count = client.read(&mut bytes).unwrap();
                assert_ne!(count, 0, "after {}", answer.len());
                answer.extend_from_slice(&bytes[..count]);
            }
            counts.push(answer.iter().filter(|&&byte| byte == b'~').count());
        }
        counts
    });
    let content = [vec![b'~'; BYTES], b"end".to_vec()].concat();
    smol::block_on(async {
        let mut connection = connection;
        for _ in 0..2 {
            let (_, body, mut reply) = request(connection.next().await);
            reply
                .head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(content.len() as u64))
                .unwrap();
            reply.write(&content).await.unwrap();
            connection = conclude(body, reply).await.expect("it can be used again");
        }
        assert!(matches!(connection.next().await, Next::Closed));
    });
    assert_eq!(client.join().unwrap(), [BYTES; 2]);
}
