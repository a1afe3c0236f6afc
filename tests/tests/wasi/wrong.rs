//! What the component says when it cannot serve.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use wharfinger_tests::http::{Connection, Response};
use wharfinger_tests::repository::refused;
use wharfinger_tests::swift::fault::FaultProxy;
use wharfinger_tests::wasi::{Component, Options};

use super::berth;

/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// A pause between two requests of a client that is in no hurry.
const PACE: Duration = Duration::from_millis(100);

fn ask(component: &Component, method: &str, target: &str, body: &[u8]) -> Response {
    let mut connection = Connection::open(component.address()).expect("connects");
    connection.request(method, target, &[], body).expect("it answers")
}

/// Each request is answered with this status, and has the log say one line with all of `expected` in it.
fn refuses(options: Options, status: u16, expected: &[&str]) {
    let component = Component::start(options).expect("wasmtime starts");
    for (method, target, body) in [
        ("GET", "/v2/", &b""[..]),
        ("POST", "/v2/a/blobs/uploads/", b""),
        ("PUT", "/v2/a/manifests/t", b"{}"),
        ("GET", "/somewhere/else", b""),
    ] {
        let answer = refused(ask(&component, method, target, body), status);
        answer.unwrap_or_else(|error| panic!("{method} {target}: {error}: {}", component.log()));
    }
    let log = component.stop().expect("it stops well");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(lines.len(), 1 + 4, "one line for the request of the start, and for each other: {log}");
    for part in expected {
        assert!(lines.iter().all(|line| line.contains(part)), "{part}: {log}");
    }
    assert!(!log.contains("trap") && !log.contains("panicked"), "{log}");
}

#[test]
fn a_wrong_or_missing_setting_is_one_clear_line_and_500_for_each_request() {
    let good = Options::default();
    let swift = || Options::default().on_swift(&berth("wasi-wrong"));
    let none = Options { env: Vec::new(), ..Options::default() };
    refuses(none, 500, &["WHARFINGER_SECRET must be a text of 16 to 1024 bytes"]);
    refuses(good.clone().with("WHARFINGER_SECRET", "short"), 500, &["WHARFINGER_SECRET must be"]);
    refuses(
        good.clone().locked(),
        500,
        &["there are no WHARFINGER_USERS", "or WHARFINGER_OPEN_TO_ALL=true if"],
    );
    let proxies = good.clone().locked().with("WHARFINGER_PROXIES", "[]");
    refuses(proxies, 500, &["there are no WHARFINGER_USERS"]);
    let users = good.clone().with("WHARFINGER_USERS", "[]");
    refuses(users, 500, &["WHARFINGER_OPEN_TO_ALL is true, and there are WHARFINGER_USERS"]);
    let users = good.clone().locked().with("WHARFINGER_USERS", r#"[{"name": "ci", "pas": "x"}]"#);
    refuses(users, 500, &["WHARFINGER_USERS: users[0].pass: missing", "users[0].pas: unknown key"]);
    refuses(
        good.clone().locked().with("WHARFINGER_RULES", "{"),
        500,
        &["WHARFINGER_RULES must be a list as JSON"],
    );
    refuses(good.clone().with("WHARFINGER_PORT", "80"), 500, &["WHARFINGER_PORT is no setting of this"]);
    refuses(
        good.clone()
            .with("WHARFINGER_LIMITS_GRACE_SECONDS", "a day")
            .with("WHARFINGER_SPARSE_MANIFESTS", "yes"),
        500,
        &[
            "WHARFINGER_LIMITS_GRACE_SECONDS must be a number, 0.01 to 31622400 seconds",
            "WHARFINGER_SPARSE_MANIFESTS must be true or false",
        ],
    );
    refuses(
        good.clone().with("WHARFINGER_STORAGE_DRIVER", "s3"),
        500,
        &["WHARFINGER_STORAGE_DRIVER must be"],
    );
    refuses(good.clone().with("WHARFINGER_STORAGE_ROOT", "/elsewhere"), 500, &["/elsewhere", "--dir"]);
    refuses(
        good.with("WHARFINGER_LIMITS_COLLECTED_BYTES", "1048576"),
        500,
        &["WHARFINGER_LIMITS_MANIFEST_BYTES is 4194304, expected at most WHARFINGER_LIMITS_COLLECTED_BYTES"],
    );
    refuses(
        swift().with("WHARFINGER_STORAGE_REDIRECT_SECONDS", "60"),
        500,
        &["WHARFINGER_STORAGE_REDIRECT_SECONDS has an effect with WHARFINGER_STORAGE_REDIRECT=true alone"],
    );
    refuses(
        swift().with("WHARFINGER_STORAGE_CONTAINER", ""),
        500,
        &["WHARFINGER_STORAGE_CONTAINER is missing"],
    );
    refuses(swift().with("OS_AUTH_TYPE", "v9"), 500, &["OS_AUTH_TYPE must be"]);
    refuses(swift().with("OS_PASSWORD", ""), 500, &["OS_PASSWORD is missing"]);
    refuses(swift().with("OS_AUTH_URL", "nowhere"), 500, &["URL"]);
    refuses(swift().with("WHARFINGER_STORAGE_CONTAINER", "a/b"), 500, &["cannot be the name of a container"]);
}

#[test]
fn a_cloud_that_cannot_be_reached_or_lets_nobody_in_is_one_line_and_503_for_each_request() {
    let swift = || Options::default().on_swift(&berth("wasi-wrong"));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let url = format!("http://{address}/auth/v1.0");
    refuses(swift().with("OS_AUTH_URL", &url), 503, &["cannot be asked", "check OS_AUTH_URL"]);
    refuses(swift().with("OS_PASSWORD", "wrong"), 503, &["not accepted"]);
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/auth/v1.0", silent.local_addr().expect("an address"));
    let late = swift().with("OS_AUTH_URL", &url).with("WHARFINGER_LIMITS_STORE_SECONDS", "0.5");
    refuses(late, 503, &["cannot be asked"]);
}

/// A client that anybody may be must not have an account locked by asking.
#[test]
fn a_login_that_is_refused_is_not_repeated_for_each_request() {
    let proxy = FaultProxy::start(super::shared().proxy()).expect("the proxy starts");
    let url = format!("http://{}/auth/v1.0", proxy.address());
    let options = Options::default().on_swift(&berth("wasi-refused"));
    let options = options.with("OS_AUTH_URL", &url).with("OS_PASSWORD", "wrong");
    let begun = Instant::now();
    let component = Component::start(options).expect("wasmtime starts");
    for _ in 0..20 {
        // A client that is quicker than the instance comes to its end is served by another one.
        std::thread::sleep(PACE);
        assert_eq!(ask(&component, "GET", "/v2/", b"").status(), 503);
    }
    let most = 1 + begun.elapsed().as_secs() / 10;
    let logins = proxy.log().len() as u64;
    assert!(logins <= most, "{logins} logins, at most {most}");
}

/// It comes back by itself once the cloud does, without a new instance.
#[test]
fn a_cloud_that_comes_later_is_found_after_a_moment() {
    let berth = berth("wasi-later");
    let swift = super::shared();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let url = format!("http://{address}/auth/v1.0");
    let component = Component::start(Options::default().on_swift(&berth).with("OS_AUTH_URL", &url));
    let component = component.expect("wasmtime starts");
    assert_eq!(ask(&component, "GET", "/v2/", b"").status(), 503);
    let _cloud = FaultProxy::start_at(address, swift.proxy()).expect("the port is free still");
    let until = Instant::now() + PATIENCE;
    while ask(&component, "GET", "/v2/", b"").status() != 200 {
        assert!(Instant::now() < until, "it is not found");
        std::thread::sleep(PACE);
    }
}
