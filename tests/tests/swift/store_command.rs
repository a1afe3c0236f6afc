//! `wharfinger store` on a real Swift.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::server::Folder;
use wharfinger_tests::store::Ran;
use wharfinger_tests::swift::fault::{Action, Exchange, FaultProxy, Rule};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::tls_relay::{Authority, TlsRelay};

use super::{berth, berth_through, bytes, shared};

const TAG: &str = "tags/some/app!/v1";
/// The name of a segment, where a blob can be set aside.
const ASIDE: &str = "segments/11111111-1111-1111-1111-111111111111/0-2222222222222222";
/// So that a few MB are several segments.
const SMALL_SEGMENTS: &str = "  limits: {segment-bytes: 1048576}\n";

/// Runs `wharfinger store` in this berth.
struct Shop {
    berth: Berth,
    folder: Folder,
}

impl Shop {
    fn new(berth: Berth) -> Self {
        Self { berth, folder: Folder::new("swift-store").expect("a folder") }
    }

    fn feed(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.berth.command(&self.folder, "store").expect("a command");
        command.args(arguments);
        Ran::of(command, input)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, b"")
    }

    /// Stores content that stands in a file.
    fn put_file(&self, key: &str, content: &[u8]) -> Ran {
        let path = self.folder.path().join("content");
        std::fs::write(&path, content).expect("writes");
        self.run(&["put", key, path.to_str().expect("text")])
    }
}

fn blob(content: &[u8]) -> String {
    let digest = sha256(content);
    let hex = &digest["sha256:".len()..];
    format!("blobs/sha256/{}/{hex}", &hex[..2])
}

/// What passed since the last look, without the login.
fn passed(proxy: &FaultProxy) -> Vec<Exchange> {
    proxy.take_log().into_iter().filter(|exchange| !exchange.target.starts_with("/auth/")).collect()
}

fn methods(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges.iter().map(|exchange| exchange.method.as_str()).collect()
}

#[test]
fn every_command_works_as_on_files() {
    let shop = Shop::new(berth(shared(), "shop"));
    let other = "tags/other!/_";
    for arguments in [&["ls"][..], &["stat", TAG], &["cat", TAG], &["rm", TAG], &["mv", TAG, other]] {
        assert!(shop.run(arguments).bad(1).contains("does not find the container \"shop\""), "{arguments:?}");
    }
    let nothing = shop.run(&["put", TAG, "/nonexistent/file"]).bad(1);
    assert!(nothing.contains("/nonexistent/file: "), "{nothing}");
    assert!(shop.run(&["ls"]).bad(1).contains("does not find"), "what cannot be read creates nothing");
    let stored = shop.feed(&["put", TAG], b"0123456789").good();
    assert_eq!(stored, format!("stored {TAG} (10 bytes, {})\n", sha256(b"0123456789")));
    assert_eq!(shop.run(&["ls"]).good(), "tags/\n");
    assert_eq!(shop.run(&["ls", TAG]).good(), format!("{TAG}\n"));
    let long = shop.run(&["ls", "-rl"]).good();
    assert!(long.starts_with("            10    ") && long.ends_with(&format!("s {TAG}\n")), "{long}");
    let json: Value = serde_json::from_str(&shop.run(&["stat", TAG, "--json"]).good()).expect("JSON");
    assert_eq!(
        (json["size"].as_u64(), json["etag"].as_str()),
        (Some(10), Some("781e5e245d69b566979b86e28d23f2c7"))
    );
    assert_eq!(shop.run(&["cat", TAG]).good(), "0123456789");
    for (range, expected) in [("0-0", "0"), ("3-5", "345"), ("8-", "89"), ("8-99", "89")] {
        assert_eq!(shop.run(&["cat", TAG, "--range", range]).good(), expected);
    }
    assert!(shop.run(&["cat", TAG, "--range", "10-"]).bad(1).contains("it has 10 bytes"));
    assert_eq!(shop.run(&["mv", TAG, other]).good(), format!("moved {TAG} to {other} (10 bytes)\n"));
    assert!(shop.run(&["mv", TAG, other]).bad(3).contains("moved before, it seems"));
    shop.feed(&["put", TAG], b"another").good();
    assert!(shop.run(&["mv", "--no-clobber", TAG, other]).bad(3).contains("left as it is"));
    assert!(shop.run(&["mv", TAG, &blob(b"x")]).bad(1).contains("the name says sha256:"));
    assert_eq!(shop.run(&["cat", TAG]).good(), "another");
    assert_eq!(shop.run(&["rm", other, TAG]).good(), format!("removed {other}\nremoved {TAG}\n"));
    assert_eq!(shop.run(&["rm", TAG]).good(), format!("not there: {TAG}\n"));
    for arguments in [&["stat", TAG][..], &["cat", TAG], &["mv", TAG, other]] {
        assert!(shop.run(arguments).bad(3).contains("there is no such object"), "{arguments:?}");
    }
    shop.feed(&["put", TAG], b"").good();
    assert_eq!(shop.run(&["cat", TAG]).good(), "");
    let stored = shop.feed(&["put", TAG], &bytes(9, 1 << 20)).good();
    assert!(stored.contains("(1048576 bytes, 1 segment, sha256:"), "{stored}");
}

#[test]
fn a_missing_container_of_segments_is_told_by_its_name() {
    let shop = Shop::new(berth(shared(), "shop-half"));
    shop.feed(&["put", TAG], b"x").good();
    let client = shared().client().expect("logs in");
    client.delete("/shop-half-segments").and_then(|answer| answer.expect(204)).expect("is removed");
    for arguments in [&["stat", ASIDE][..], &["mv", TAG, ASIDE]] {
        let said = shop.run(arguments).bad(1);
        assert!(said.contains("does not find the container \"shop-half-segments\""), "{said}");
    }
    assert!(shop.run(&["stat", "tags/other!/_"]).bad(3).contains("there is no such object"));
}

/// Its secret may be another one than that of the servers, and it is another process at least.
#[test]
fn keys_of_temporary_urls_are_left_to_the_servers() {
    let keys = |container: &str| {
        let client = shared().client().expect("logs in");
        let head = client.head(&format!("/{container}")).expect("is answered").head;
        let of_keys = |name: &str| name.starts_with("x-container-meta-temp-url-key");
        let mut keys: Vec<_> = head.fields.into_iter().filter(|(name, _)| of_keys(name)).collect();
        keys.sort();
        keys
    };
    let lines = "    segments-container: shop-keys\n    redirect: true\n";
    let mut shop = Shop::new(berth(shared(), "shop-keys").with(lines));
    shop.berth.start().expect("starts").stop().expect("stops");
    let before = keys("shop-keys");
    assert!(!before.is_empty());
    shop.berth.lines.push_str("    redirect-key-seconds: 5000\n");
    shop.feed(&["put", TAG], b"x").good();
    assert_eq!(keys("shop-keys"), before);
}

#[test]
fn what_tls_does_not_protect_is_told_to_whoever_looks() {
    let swift = shared();
    let shop = Shop::new(berth(swift, "shop-clear"));
    shop.feed(&["put", TAG], b"x").good();
    let authority = Authority::new("unknown").expect("an authority");
    let certified = authority.certify(&["elsewhere.example"]).expect("a certificate");
    let relay = TlsRelay::start(swift.proxy(), &certified).expect("the relay starts");
    let of = |base: String, lines: &str| {
        let mut berth = berth(swift, "shop-clear").with(lines);
        berth.cloud["auth"]["auth_url"] = format!("{base}/auth/v1.0").into();
        berth.cloud["verify"] = false.into();
        berth.cloud["object_store_endpoint_override"] =
            format!("http://{}/v1/AUTH_test", swift.proxy()).into();
        berth
    };
    let (unchecked, clear) = (format!("https://{}", relay.address()), swift.proxy().port());
    let clear = format!("http://0.0.0.0:{clear}");
    for (base, expected) in [
        (unchecked, &["certificates are not checked", "content go to Swift in the clear"][..]),
        (clear, &["passwords and tokens pass in the clear"]),
    ] {
        let ran = Shop::new(of(base.clone(), "")).run(&["cat", TAG]);
        assert_eq!((ran.code, ran.bytes.as_slice()), (0, &b"x"[..]), "{}", ran.said);
        assert_eq!(ran.said.lines().count(), expected.len(), "{}", ran.said);
        for part in expected {
            assert!(ran.said.contains(part), "{}", ran.said);
        }
        Shop::new(of(base, "  log: {level: error}\n")).run(&["cat", TAG]).good();
    }
}

#[test]
fn listings_go_on_page_by_page_through_both_containers() {
    let swift = shared();
    let shop = Shop::new(berth(swift, "shop-ls"));
    let mut names: Vec<String> = (10..22).map(|number| format!("tags/a!/v{number}")).collect();
    names.extend(["tags/a-b!/v1", "tags/a/b!/v1", "tags/a0!/v1"].map(str::to_owned));
    let segments = (0..3).map(|number| ASIDE.replace("/0-", &format!("/{number}-")));
    names.extend(segments);
    names.push(blob(b"x"));
    for name in &names {
        shop.feed(&["put", name], b"x").good();
    }
    let client = swift.client().expect("logs in");
    for odd in ["zzz", "a%20b%0A", "rest/of/it"] {
        client.put(&format!("/shop-ls/{odd}"), b"x").and_then(|answer| answer.expect(201)).expect("stored");
    }
    names.extend(["a b\\n", "rest/of/it", "zzz"].map(str::to_owned));
    names.sort();
    let lines = |names: &[String]| names.iter().map(|name| format!("{name}\n")).collect::<String>();
    for page in ["1", "4", "1000"] {
        assert_eq!(shop.run(&["ls", "-r", "--page", page]).good(), lines(&names), "{page}");
        let top = "a b\\n\nblobs/\nrest/\nsegments/\ntags/\nzzz\n";
        assert_eq!(shop.run(&["ls", "--page", page]).good(), top);
        let tags = shop.run(&["ls", "tags/a", "--page", page]).good();
        assert_eq!(tags, "tags/a!/\ntags/a-b!/\ntags/a/\ntags/a0!/\n");
        assert_eq!(shop.run(&["ls", "-r", "segments/", "--page", page]).good().lines().count(), 3);
    }
    let mut seen: Vec<String> = Vec::new();
    loop {
        let mut arguments = vec!["ls", "-r", "--limit", "4"];
        let last = seen.last().cloned();
        if let Some(last) = &last {
            arguments.extend(["--after", last]);
        }
        let ran = shop.run(&arguments);
        seen.extend(String::from_utf8(ran.bytes).expect("text").lines().map(str::to_owned));
        if ran.said.is_empty() {
            break;
        }
        assert!(ran.said.contains("more names follow"), "{}", ran.said);
        assert_eq!(seen.len() % 4, 0);
    }
    assert_eq!(seen, names);
    let after = shop.run(&["ls", "--after", "segments/"]).good();
    assert_eq!(after, "tags/\nzzz\n");
}

#[test]
fn what_is_large_becomes_segments_and_moves_as_its_manifest_alone() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let shop = Shop::new(berth_through(&proxy, swift, "shop-large").with(SMALL_SEGMENTS));
    let client = swift.client().expect("logs in");
    let content = bytes(1, 2_500_000);
    let name = blob(&content);
    for refused in [shop.put_file(&name, &content[1..]), shop.feed(&["put", &name], &content[1..])] {
        assert!(refused.bad(1).contains("nothing is stored"));
        assert!(client.names("shop-large", "").expect("lists").is_empty());
        assert!(client.names("shop-large-segments", "").expect("lists").is_empty(), "its segments are gone");
    }
    assert!(shop.feed(&["put", &name], &content).good().contains("(2500000 bytes, 3 segments, sha256:"));
    assert!(shop.put_file(&name, &content).good().contains("3 segments"));
    let read = shop.run(&["cat", &name]);
    assert_eq!((read.code, read.bytes == content), (0, true), "{}", read.said);
    let range = shop.run(&["cat", &name, "--range", "1048570-1048580"]);
    assert_eq!(range.bytes, content[1_048_570..=1_048_580]);

    let manifest = |path: &str| -> Vec<(String, u64, String)> {
        let answer = client.get(&format!("{path}?multipart-manifest=get"));
        let rows: Vec<Value> =
            serde_json::from_slice(&answer.expect("is answered").body).expect("a manifest");
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        rows.iter()
            .map(|row| (text(row, "name"), row["bytes"].as_u64().unwrap_or(0), text(row, "hash")))
            .collect()
    };
    let (here, there) = (format!("/shop-large/{name}"), format!("/shop-large-segments/{ASIDE}"));
    let before = manifest(&here);
    assert_eq!(before.iter().map(|row| row.1).collect::<Vec<_>>(), [1_048_576, 1_048_576, 402_848]);
    let etag = |path: &str| client.head(path).expect("HEAD").head.field("etag").map(str::to_owned);
    let etag_before = etag(&here);
    passed(&proxy);
    shop.run(&["mv", &name, ASIDE]).good();
    let moving = passed(&proxy);
    assert_eq!(methods(&moving), ["HEAD", "COPY", "HEAD", "DELETE"]);
    assert!(moving.iter().all(|exchange| exchange.request_bytes == 0 && exchange.response_bytes < 1000));
    assert_eq!(manifest(&there), before, "the same segments");
    let head = client.head(&there).expect("HEAD");
    assert_eq!(head.head.field("x-static-large-object"), Some("True"));
    assert_eq!(head.head.length(), Some(2_500_000));
    assert_eq!(etag(&there), etag_before);
    assert_eq!(client.head(&here).expect("HEAD").status(), 404);
    let read = shop.run(&["cat", ASIDE]);
    assert_eq!((read.code, read.bytes == content), (0, true), "{}", read.said);

    // Back to the name of a blob it is read, so that no other content gets it, but nothing is sent.
    passed(&proxy);
    shop.run(&["mv", ASIDE, &name]).good();
    let moving = passed(&proxy);
    assert_eq!(methods(&moving), ["HEAD", "GET", "COPY", "HEAD", "DELETE"]);
    assert!(moving.iter().all(|exchange| exchange.request_bytes == 0));
    assert_eq!(manifest(&here), before);
    // Its segments outlive the name, as those of any large object do.
    shop.run(&["rm", &name]).good();
    assert_eq!(client.names("shop-large-segments", "").expect("lists").len(), 6);
}

#[test]
fn trouble_is_tried_again_and_told_in_the_end() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let shop = Shop::new(berth_through(&proxy, swift, "shop-faults"));
    shop.feed(&["put", TAG], b"x").good();

    let busy = || Action::Status(503, Vec::new());
    for (method, arguments) in [
        ("GET", &["ls"][..]),
        ("GET", &["cat", TAG]),
        ("HEAD", &["stat", TAG]),
        ("PUT", &["put", "tags/a!/v9"]),
        ("COPY", &["mv", TAG, "tags/a!/v8"]),
        ("DELETE", &["rm", TAG]),
    ] {
        proxy.rule(Rule::new(busy()).method(method).target("/shop-faults?").always());
        proxy.rule(Rule::new(busy()).method(method).target("/shop-faults/").always());
        let begun = Instant::now();
        let said = shop.run(arguments).bad(1);
        assert!(said.contains("cannot do it at the moment; try again later (status 503)"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        proxy.clear();
        assert_eq!(shop.run(&["cat", TAG]).good(), "x", "nothing is lost");
    }
    // Once is no trouble; nor is an answer that was lost.
    for action in [busy(), Action::Lie503, Action::LostReply, Action::Status(401, Vec::new())] {
        proxy.rule(Rule::new(action.clone()).method("COPY"));
        let moved = shop.run(&["mv", TAG, "tags/a!/v8"]);
        assert_eq!((moved.code, moved.said.as_str()), (0, ""), "{action:?}");
        proxy.clear();
        shop.run(&["mv", "tags/a!/v8", TAG]).good();
    }
    // A COPY that stored nothing is none, whatever its class.
    proxy.rule(Rule::new(Action::Status(202, Vec::new())).method("COPY").always());
    assert!(shop.run(&["mv", TAG, "tags/a!/v8"]).bad(1).contains("set the clocks"));
    proxy.clear();
    assert_eq!(shop.run(&["cat", TAG]).good(), "x");
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target("/shop-faults/").always());
    assert!(shop.run(&["stat", TAG]).bad(1).contains("takes no token"));
    proxy.clear();
}

#[test]
fn bytes_that_break_off_on_the_way_are_gone_on_with_or_missed() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let shop = Shop::new(berth_through(&proxy, swift, "shop-cuts").with(SMALL_SEGMENTS));
    let content = bytes(4, 2_200_000);
    let name = blob(&content);
    shop.put_file(&name, &content).good();

    proxy.rule(Rule::new(Action::CutResponse(700_000)).method("GET").target("/blobs/"));
    proxy.rule(Rule::new(Action::ResetResponse(100_000)).method("GET").target("/blobs/"));
    let read = shop.run(&["cat", &name]);
    assert_eq!((read.code, read.bytes == content), (0, true), "{}", read.said);
    proxy.clear();
    proxy.rule(Rule::new(Action::CutResponse(0)).method("GET").target("/blobs/").skip(1).always());
    proxy.rule(Rule::new(Action::CutResponse(700_000)).method("GET").target("/blobs/"));
    let cut = shop.run(&["cat", &name]);
    assert_eq!(cut.bytes, content[..700_000]);
    assert!(cut.bad(1).contains("cut after 700000 of 2200000 bytes"));
    proxy.clear();

    // A segment out of a file is sent again; one out of a pipe is gone.
    for action in
        [Action::EarlyStatus(503), Action::Lie503, Action::ResetRequest(500_000), Action::EarlyStatus(401)]
    {
        proxy.rule(Rule::new(action.clone()).method("PUT").target("/segments/"));
        let stored = shop.put_file(&name, &content);
        assert_eq!((stored.code, stored.said.as_str()), (0, ""), "{action:?}");
        proxy.clear();
        proxy.rule(Rule::new(action).method("PUT").target("/segments/"));
        assert_eq!(shop.feed(&["put", &name], &content).code, 1);
        proxy.clear();
        let read = shop.run(&["cat", &name]);
        assert_eq!((read.code, read.bytes == content), (0, true), "{}", read.said);
    }
}

#[test]
fn a_pipe_that_pauses_ends_a_segment_and_goes_on_in_another() {
    let swift = shared();
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let shop = Shop::new(berth_through(&proxy, swift, "shop-pause").with("  limits: {stall-seconds: 0.2}\n"));
    let content = bytes(3, 3_000_000);
    let name = blob(&content);
    let mut command = shop.berth.command(&shop.folder, "store").expect("a command");
    let command = command.args(["put", &name]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("an input");
    stdin.write_all(&content[..1_500_000]).expect("is read");
    let stored = |exchange: &Exchange| exchange.method == "PUT" && exchange.status == Some(201);
    let segment = |exchange: &Exchange| stored(exchange) && exchange.target.contains("/segments/");
    let until = Instant::now() + Duration::from_secs(30);
    while !proxy.log().iter().any(segment) {
        assert!(Instant::now() < until, "no segment was ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    stdin.write_all(&content[1_500_000..]).expect("is read");
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("(3000000 bytes, 2 segments, "), "{said}");
    let sizes: Vec<u64> = proxy
        .log()
        .iter()
        .filter(|exchange| segment(exchange))
        .map(|exchange| exchange.request_bytes)
        .collect();
    assert_eq!(sizes, [1_500_000, 1_500_000]);
    assert!(shop.run(&["cat", &name]).bytes == content);
}
