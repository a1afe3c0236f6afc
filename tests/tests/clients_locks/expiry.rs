//! Tokens that end while a client still sends.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use wharfinger_tests::contents::Contents;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::repository::{finishing, location};
use wharfinger_tests::server::{Folder, Options, Server};

use super::flows::{Script, bearer, text_of};
use super::locked::Machine;

/// How long the end of a token may take that is good for a second.
const PATIENCE: Duration = Duration::from_secs(30);

fn start(token_seconds: u32) -> Server {
    let users = "  users: [{name: ci, pass: right-password, access: write}]\n";
    let config = Some(format!("registry:\n  token-seconds: {token_seconds}\n{users}"));
    Server::start(Options { config, ..Options::default() }).expect("it starts")
}

#[test]
fn an_upload_that_was_begun_in_time_goes_on_when_its_token_has_ended() {
    let server = start(1);
    let client = Script(&server);
    let (begin, content) = ("/v2/team/app/blobs/uploads/", b"half and the other half");
    let scope = [("scope", "repository:team/app:pull,push")];
    // Both in the second of one token, however slow the machine is.
    let (token, place) = until("no upload begins within a second", || {
        let token = bearer(&text_of(client.by_get(&scope, Some("ci:right-password")), "token"));
        let begun = client.ask("POST", begin, Some(&token), b"");
        (begun.status() == 202).then(|| (token, location(&begun).expect("a place")))
    });
    until("the token does not end", || {
        let answer = client.ask("GET", "/v2/", Some(&token), b"");
        (answer.status() == 401).then_some(())
    });
    assert_eq!(client.ask("PATCH", &place, None, &content[..4]).status(), 401);
    let patched = client.ask("PATCH", &place, Some(&token), &content[..4]).expect(202).expect("it goes on");
    let place = location(&patched).expect("a place");
    let asked = client.ask("GET", &place, Some(&token), b"").expect(204).expect("it is there");
    assert_eq!(asked.head.field("range"), Some("0-3"));
    let place = location(&asked).expect("a place");
    let put = client.ask("PUT", &finishing(&place, &sha256(content)), Some(&token), &content[4..]);
    assert_eq!(put.status(), 201, "{}", put.text());
    // For all else it has ended.
    for (method, target) in [
        ("POST", begin.to_owned()),
        ("PUT", "/v2/team/app/manifests/t".to_owned()),
        ("HEAD", format!("/v2/team/app/blobs/{}", sha256(content))),
    ] {
        assert_eq!(client.ask(method, &target, Some(&token), b"").status(), 401, "{method} {target}");
    }
    server.stop().expect("it ends in good order");
}

/// Clients take a token to be good for a minute at least. So the short form has one whose end they do not expect: what they
/// have begun ends well, and then they fail. The long form has one that ends when they expect it, and they go on with another.
#[test]
fn skopeo_sends_a_layer_for_longer_than_its_token_is_good_for() {
    let is_long = std::env::var_os("WHARFINGER_LONG").is_some();
    let (token_seconds, layer_bytes, bytes_per_second) =
        if is_long { (60, 4_500_000, 60_000) } else { (1, 200_000, 80_000) };
    let server = start(token_seconds);
    let line = SlowLine::open(server.address(), bytes_per_second);
    let room = Folder::new("locks-slow").expect("a folder");
    let layout = room.path().join("image");
    Layout::create(&layout).add("t", &Image::new(60, &[layer_bytes]));
    let machine = Machine::new(&room.path().join("home"), &line.address.to_string(), None);
    let begun = Instant::now();
    let outcome = machine.push("skopeo", &["--dest-creds", "ci:right-password"], &layout, "team/app:t");
    assert!(begun.elapsed() > Duration::from_secs(token_seconds.into()), "it was too quick");
    let layer = Contents::of_layout(&layout).blobs.into_iter().max_by_key(|(_, bytes)| *bytes);
    let (digest, _) = layer.expect("a layer");
    let found = Script(&server).ask("HEAD", &format!("/v2/team/app/blobs/{digest}"), None, b"");
    assert_eq!(found.status(), 200, "{}", server.log());
    if is_long {
        outcome.good();
        machine.pull("skopeo", &[], "team/app:t").good();
    } else {
        outcome.bad("unauthorized");
    }
}

/// A relay that is slow from the client to the registry.
struct SlowLine {
    address: SocketAddr,
}

impl SlowLine {
    /// It ends with the process.
    fn open(to: SocketAddr, bytes_per_second: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    // Who leaves ends it.
                    let _ = relay(&client, to, bytes_per_second);
                });
            }
        });
        Self { address }
    }
}

fn relay(client: &TcpStream, to: SocketAddr, bytes_per_second: u32) -> io::Result<()> {
    let registry = TcpStream::connect(to)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &registry, &mut &*client);
            let _ = client.shutdown(Shutdown::Write);
        });
        let mut piece = [0; 4096];
        loop {
            let count = (&*client).read(&mut piece)?;
            if count == 0 {
                return registry.shutdown(Shutdown::Write);
            }
            (&registry).write_all(&piece[..count])?;
            thread::sleep(Duration::from_secs(count as u64) / bytes_per_second);
        }
    })
}

/// What is found in time.
#[track_caller]
fn until<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}
