//! That the rig for tests is a Swift that behaves as Swift does, can be broken, and heals.

#[path = "swift_rig/faults.rs"]
mod faults;
#[path = "swift_rig/keystone.rs"]
mod keystone;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::swift::client::Client;
use wharfinger_tests::swift::{Options, Swift};

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// The rig of all tests that leave it whole. It ends with the process.
fn shared() -> &'static Swift {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    SWIFT.get_or_init(|| Swift::start(&Options::default()).expect("Swift starts"))
}

/// A client, and a container of its own.
fn container(swift: &Swift, name: &str) -> Client {
    let client = swift.client().expect("logs in");
    status(client.put(&format!("/{name}"), b""), 201);
    client
}

/// The answer, which must have this status.
fn status(answer: std::io::Result<Response>, status: u16) -> Response {
    answer.and_then(|answer| answer.expect(status)).expect("the expected answer")
}

/// Whether `found` comes true in time.
fn becomes(found: impl Fn() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if found() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn objects_are_stored_joined_listed_and_copied() {
    let client = container(shared(), "smoke");
    assert_eq!(shared().auth_url(), format!("http://{}/auth/v1.0", shared().proxy()));
    for (name, content) in [("1", "hello "), ("2", "world")] {
        status(client.put(&format!("/smoke/segments/{name}"), content.as_bytes()), 201);
    }
    let parts = br#"[{"path":"/smoke/segments/1","size_bytes":6},{"path":"/smoke/segments/2"}]"#;
    status(client.put("/smoke/blob?multipart-manifest=put", parts), 201);
    let blob = status(client.get("/smoke/blob"), 200);
    assert_eq!(
        (blob.text().as_str(), blob.head.field("x-static-large-object")),
        ("hello world", Some("True"))
    );
    let range = status(client.request("GET", "/smoke/blob", &[("Range", "bytes=4-7")], b""), 206);
    assert_eq!(range.text(), "o wo");
    status(client.request("COPY", "/smoke/blob", &[("Destination", "smoke/copy")], b""), 201);
    let copy = status(client.get("/smoke/copy"), 200);
    assert_eq!((copy.text().as_str(), copy.head.field("x-static-large-object")), ("hello world", None));
    assert_eq!(client.names("smoke", "").expect("a listing"), ["blob", "copy", "segments/1", "segments/2"]);
    status(client.delete("/smoke/copy"), 204);
    status(client.head("/smoke/copy"), 404);
}

#[test]
fn a_put_older_than_a_tombstone_is_accepted_and_not_stored() {
    let client = container(shared(), "tombstone");
    let name = client.stored_name("/tombstone/object");
    assert_eq!(shared().tombstone(&name, 3600).expect("the rig does it"), [404]);
    status(client.put("/tombstone/object", b"content"), 202);
    assert_eq!(shared().replicas(&name).expect("the rig asks"), [404]);
}

#[test]
fn limits_of_size_and_patience_are_obeyed() {
    let options =
        Options { max_file_size: 1_000_000, client_timeout: Duration::from_secs(1), ..Options::default() };
    let swift = Swift::start(&options).expect("Swift starts");
    let client = container(&swift, "limits");
    status(client.put("/limits/largest", &[0; 1_000_000]), 201);
    status(client.put("/limits/larger", &[0; 1_000_001]), 413);
    let mut connection = Connection::open(swift.proxy()).expect("connects");
    let target = format!("{}/limits/slow", client.account());
    let fields = [("X-Auth-Token", client.token()), ("Content-Length", "100000")];
    connection.send_head("PUT", &target, &fields).expect("sends");
    connection.send(&[0; 1000]).expect("sends");
    let answer = connection.read_response("PUT").expect("an answer");
    assert!(matches!(answer.status(), 408 | 499), "{}", answer.status());
    status(client.head("/limits/slow"), 404);
}

#[test]
fn limits_of_rate_and_token_are_obeyed() {
    let options = Options { writes_per_second: 1, token_life: Duration::from_secs(5), ..Options::default() };
    let swift = Swift::start(&options).expect("Swift starts");
    let client = container(&swift, "limits");
    // Swift limits no container that it believes to be empty; a POST has it look again. The counting begins with the next
    // write, and does not yet touch those that come together with it.
    status(client.put("/limits/first", b""), 201);
    status(client.request("POST", "/limits", &[], b""), 204);
    status(client.put("/limits/second", b""), 201);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let client = &client;
        let writes: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn(move || {
                    client.put(&format!("/limits/{number}"), b"").map(|answer| answer.status())
                })
            })
            .collect();
        writes.into_iter().map(|write| write.join().expect("no panic").expect("an answer")).collect()
    });
    assert!(statuses.contains(&201) && statuses.contains(&498), "{statuses:?}");
    assert!(becomes(|| client.head("/limits").expect("an answer").status() == 401), "the token lives on");
    let again = swift.client().expect("logs in");
    status(again.head("/limits"), 204);
}

#[test]
fn three_replicas_survive_one_and_heal() {
    let options = Options { replicas: 3, node_timeout: Duration::from_secs(3), ..Options::default() };
    let swift = Swift::start(&options).expect("Swift starts");
    let client = container(&swift, "heal");
    let replicas = |path: &str| swift.replicas(&client.stored_name(path)).expect("the rig asks");
    let each = |what: &dyn Fn(&str) -> Result<(), String>, server: &str, numbers: &[u8]| {
        for number in numbers {
            what(&format!("{server}{number}")).expect("the rig does it");
        }
    };

    swift.kill9("object3").expect("killed");
    status(client.put("/heal/one-away", b"content"), 201);
    assert_eq!(replicas("/heal/one-away"), [200, 200, 0]);
    swift.kill9("object2").expect("killed");
    status(client.put("/heal/two-away", b"content"), 503);
    each(&|name| swift.restart(name), "object", &[2, 3]);
    assert_eq!(replicas("/heal/one-away"), [200, 200, 404]);
    each(&|name| swift.once(name), "object-replicator", &[1, 2]);
    assert_eq!(replicas("/heal/one-away"), [200, 200, 200]);

    each(&|name| swift.pause(name), "object", &[1, 2]);
    status(client.put("/heal/two-paused", b"content"), 503);
    each(&|name| swift.cont(name), "object", &[1, 2]);
    status(client.put("/heal/two-paused", b"content"), 201);

    swift.stop("container2").expect("stopped");
    status(client.put("/heal/listed-late", b"content"), 201);
    swift.restart("container2").expect("restarted");
    each(&|name| swift.once(name), "object-updater", &[1, 2, 3]);
    for _ in 0..20 {
        assert_eq!(client.names("heal", "listed").expect("a listing"), ["listed-late"]);
    }
    assert!(swift.restart("object4").is_err_and(|error| error.contains("object1")));
    assert!(swift.once("object-dreamer1").is_err_and(|error| error.contains("object-updater1")));
}

#[test]
fn servers_end_with_the_rig_even_if_it_is_killed() {
    let gone = |address| {
        TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    let ended = Swift::start(&Options::default()).expect("Swift starts");
    let killed = Swift::start(&Options::default()).expect("Swift starts beside it");
    let servers = |swift: &Swift| ["proxy", "object1"].map(|name| swift.server(name).expect("known"));
    let (of_ended, of_killed) = (servers(&ended), servers(&killed));
    drop(ended);
    assert!(of_ended.into_iter().all(gone));
    assert!(!of_killed.into_iter().any(gone));
    killed.pause("object1").expect("paused");
    let pid = rustix::process::Pid::from_raw(killed.pid().cast_signed()).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    assert!(becomes(|| of_killed.into_iter().all(gone)), "servers outlive the rig");
}
