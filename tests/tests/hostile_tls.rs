//! The real server where it speaks TLS itself: with clients that do, that do not, and that stop in the midst of it.

#[path = "hostile_tls/bodies.rs"]
mod bodies;
#[path = "hostile_tls/client.rs"]
mod client;
#[path = "hostile_tls/handshakes.rs"]
mod handshakes;
#[path = "hostile_tls/leaving.rs"]
mod leaving;
#[path = "hostile_tls/pair.rs"]
mod pair;
#[path = "hostile_tls/reload.rs"]
mod reload;
#[path = "hostile_tls/start.rs"]
mod start;

use client::{Client, Shown};
use pair::Authority;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wharfinger_tests::server::{Folder, Options, Server};

/// How long anything may take that is to happen soon.
const PATIENCE: Duration = Duration::from_secs(15);

/// A registry that speaks TLS as `localhost`.
struct Registry {
    server: Server,
    authority: Authority,
    /// Whose certificates clients may show.
    clients: Authority,
    files: Folder,
}

impl Registry {
    /// Starts it with these further lines of the section `registry`.
    fn start(lines: &str) -> Self {
        let files = Folder::new("tls").expect("a folder");
        let (authority, clients) = (Authority::new("Harbour"), Authority::new("Crew"));
        let path = |name: &str| files.path().join(name).display().to_string();
        let config = format!(
            "registry:\n  tls-cert: {}\n  tls-key: {}\n  tls-client-ca: {}\n  tls-reload-seconds: 0.05\n{lines}",
            path("cert.pem"),
            path("key.pem"),
            path("clients.pem")
        );
        let pair = authority.certify("localhost");
        pair::write(files.path(), &pair);
        std::fs::write(files.path().join("clients.pem"), clients.pem()).expect("a file");
        let server = Server::start(Options { config: Some(config), ..Options::default() });
        Self { server: server.expect("the registry starts"), authority, clients, files }
    }

    fn connect(&self) -> Client {
        self.connect_showing(Shown::Nothing).expect("the registry agrees")
    }

    fn connect_showing(&self, shown: Shown<'_>) -> std::io::Result<Client> {
        Client::connect(self.server.address(), &self.authority.pem(), shown, None)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Where a new upload goes on.
    fn upload(&self) -> String {
        let mut client = self.connect();
        let reply = client.ask("POST", "/v2/a/blobs/uploads/", &[], b"").expect("an answer");
        assert_eq!(reply.status, 202, "{}", reply.head);
        reply.field("location").expect("a place").to_owned()
    }

    /// Waits until its log has a line with these words so many times.
    #[track_caller]
    fn await_log(&self, words: &str, times: usize) {
        let end = Instant::now() + PATIENCE;
        while self.server.log().matches(words).count() < times {
            assert!(Instant::now() < end, "{words} is not logged:\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Fails unless it answers as ever, and ends in good order.
    #[track_caller]
    fn end(self) {
        let reply = self.connect().ask("GET", "/v2/", &[], b"").expect("an answer");
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"{}".as_slice()));
        assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
        self.server.stop().expect("it ends in good order");
    }
}
