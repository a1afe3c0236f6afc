//! The real server against clients that are broken, malicious, or gone.

#[path = "hostile/heads.rs"]
mod heads;
#[path = "hostile/leaving.rs"]
mod leaving;
#[path = "hostile/slow.rs"]
mod slow;
#[path = "hostile/streams.rs"]
mod streams;
#[path = "hostile/targets.rs"]
mod targets;

use std::io::{self, ErrorKind};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::repository::{Repository, refused};
use wharfinger_tests::server::{Options, Server};

/// What the repository of others holds from the start, and must hold in the end.
const TREASURE: &[u8] =
    b"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry with something in the repository `harbour/chest` that nobody asks for.
struct Registry {
    server: Server,
    chest: Repository,
}

impl Registry {
    /// Starts it with these limits.
    fn start(limits: &str) -> Self {
        let config = Some(format!("registry:\n  limits: {{{limits}}}\n"));
        let server = Server::start(Options { config, ..Options::default() }).expect("the registry starts");
        let chest = Repository::new(server.address(), "harbour/chest");
        let filled = || {
            chest.push_whole(TREASURE)?.expect(201)?;
            chest.push_manifest("gold", INDEX, TREASURE)?.expect(201)
        };
        filled().expect("what is well-formed is stored");
        Self { server, chest }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.server.address()).expect("the registry accepts")
    }

    /// Fails unless a well-formed request works as ever.
    #[track_caller]
    fn check(&self) {
        let answer = self.connect().request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200));
        if let Err(error) = answer {
            panic!("GET /v2/ is not answered: {error}; log:\n{}", self.server.log());
        }
    }

    /// As [`Registry::end_with_more`], and fails if anything was added.
    #[track_caller]
    fn end(self) {
        let catalog = self.connect().request("GET", "/v2/_catalog", &[], b"").expect("an answer");
        assert_eq!(catalog.text(), "{\"repositories\":[\"harbour/chest\"]}");
        self.end_with_more();
    }

    /// Fails unless what was stored is untouched, and nothing broke on the way.
    #[track_caller]
    fn end_with_more(self) {
        self.check();
        let read = || -> io::Result<_> {
            Ok((self.chest.read(&sha256(TREASURE))?, self.chest.read_manifest("gold")?))
        };
        let treasure = Some(TREASURE.to_vec());
        assert_eq!(read().expect("what was stored is there"), (treasure.clone(), treasure));
        assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
        self.server.stop().expect("it ends in good order");
    }
}

/// Fails unless the server has closed the connection and said no more on it.
#[track_caller]
fn assert_closed(connection: &mut Connection) {
    match connection.read_head() {
        Ok(head) => panic!("another answer came: {head:?}"),
        Err(error) => {
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
        }
    }
}

/// Fails unless this is a refusal of that status as the distribution specification has it.
#[track_caller]
fn assert_refused(response: Response, status: u16, what: &str) {
    let version = response.head.field("docker-distribution-api-version").map(str::to_owned);
    assert_eq!(version.as_deref(), Some("registry/2.0"), "{what}");
    if let Err(error) = refused(response, status) {
        panic!("{what}: {error}");
    }
}
