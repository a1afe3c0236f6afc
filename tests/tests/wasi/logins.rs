//! Logins while requests are served: nothing waits for one that can go on without.

use std::time::{Duration, Instant};

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::fault::{Action, Exchange, FaultProxy, Rule};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{self, Swift};
use wharfinger_tests::wasi::{Component, Options};

use super::{bytes, shared};

/// How long a login takes here.
const SLOW: Duration = Duration::from_secs(3);
/// How long an effect is waited for that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// A pause in which an instance can come to its end: a client that is quicker is served by another one.
const PACE: Duration = Duration::from_millis(100);
/// After a login that failed there is none for so long at least: for two seconds, counted in whole ones.
const REST_MIN: Duration = Duration::from_secs(1);

/// The component on this container, and a proxy between it and Swift.
fn start(swift: &Swift, container: &str, settings: &[(&str, &str)]) -> (FaultProxy, Component) {
    let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
    let url = format!("http://{}/auth/v1.0", proxy.address());
    let berth = Berth::v1(&url, swift.user(), swift.key(), container);
    let options = Options::default().on_swift(&berth);
    let options = settings.iter().fold(options, |options, (name, value)| options.with(name, value));
    (proxy, Component::start(options).expect("the component starts"))
}

fn is_login(exchange: &Exchange) -> bool {
    exchange.target.starts_with("/auth/")
}

/// The first login that was begun after `moment`, as soon as there is one.
fn login_after(proxy: &FaultProxy, moment: Instant) -> Exchange {
    let until = Instant::now() + PATIENCE;
    loop {
        let log = proxy.log();
        if let Some(login) = log.into_iter().find(|one| is_login(one) && one.begun > moment) {
            return login;
        }
        assert!(Instant::now() < until, "nobody logs in");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One of several calls of an exchange is refused its token. The answers to the others count while another one is got.
#[test]
fn the_other_calls_of_an_exchange_go_on_during_a_login() {
    let (proxy, component) = start(shared(), "wasi-logins", &[]);
    let repository = Repository::new(component.address(), "logins/app");
    let (config, layer) = (bytes(1, 2000), bytes(2, 3000));
    repository.push_whole(&layer).and_then(|answer| answer.expect(201)).expect("pushed");
    let described =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let hex = |blob: &[u8]| sha256(blob).trim_start_matches("sha256:").to_owned();
    std::thread::sleep(PACE);
    proxy.take_log();
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target(&hex(&layer)));
    // It is not there, and that is told while the login lasts.
    proxy.rule(Rule::new(Action::Delay(SLOW / 6)).target(&hex(&config)).always());
    proxy.rule(Rule::new(Action::Delay(SLOW)).target("/auth/").always());
    let answer = repository.push_manifest("v1", MANIFEST, manifest.to_string().as_bytes());
    let told = Instant::now();
    let answer = answer.expect("is answered");
    assert!(answer.text().contains("MANIFEST_BLOB_UNKNOWN"), "{}", answer.text());
    let refused = proxy.log().into_iter().find(|one| one.status == Some(401)).expect("a token is refused");
    let login = login_after(&proxy, refused.begun);
    assert!(told - login.begun < SLOW, "told {:?} after the login began", told - login.begun);
    component.stop().expect("it stops well");
}

/// A segment whose token is refused cannot be sent again: the client is told so at once.
#[test]
fn a_reply_does_not_wait_for_a_login_that_is_for_those_to_come() {
    let (proxy, component) = start(shared(), "wasi-logins-reply", &[]);
    let repository = Repository::new(component.address(), "logins/reply");
    let blob = bytes(3, 1_500_000);
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).method("PUT").target("/segments/"));
    proxy.rule(Rule::new(Action::Delay(SLOW)).target("/auth/").always());
    let refused = repository.push_pieces(&blob, blob.len()).expect("is answered");
    let told = Instant::now();
    assert_eq!(refused.status(), 503, "{}", refused.text());
    let log = proxy.log();
    let segment = log.iter().find(|one| one.target.contains("/segments/")).expect("it was begun");
    assert!(told - segment.begun < SLOW, "told after {:?}: {log:?}", told - segment.begun);
    // It is not lost with the request that it was begun for.
    let login = login_after(&proxy, segment.begun);
    let until = Instant::now() + PATIENCE;
    while proxy.log().iter().any(|one| is_login(one) && one.ended.is_none()) {
        assert!(Instant::now() < until, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    let landed = proxy.log().into_iter().find(|one| one.begun == login.begun).expect("it was seen");
    assert_eq!(landed.status, Some(200), "{landed:?}");
    proxy.clear();
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    component.stop().expect("it stops well");
}

#[test]
fn a_login_that_never_answers_costs_a_request_no_more_than_its_time() {
    let limits = [("WHARFINGER_LIMITS_STORE_SECONDS", "1"), ("WHARFINGER_LIMITS_RETRY_SECONDS", "2")];
    let (proxy, component) = start(shared(), "wasi-logins-silent", &limits);
    let repository = Repository::new(component.address(), "logins/silent");
    let blob = bytes(4, 1000);
    repository.push_whole(&blob).and_then(|answer| answer.expect(201)).expect("it is stored");
    std::thread::sleep(PACE);
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target("/links/").always());
    proxy.rule(Rule::new(Action::Delay(PATIENCE)).target("/auth/").always());
    let asked = Instant::now();
    let answer = repository.ask("HEAD", &format!("blobs/{}", sha256(&blob))).expect("is answered");
    assert_eq!(answer.status(), 503);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    component.stop().expect("it stops well");
}

/// Asks for a blob again and again until its token is due: then `asked` is called after each answer, until it says so.
fn use_up(repository: &Repository, digest: &str, asked: &mut dyn FnMut(u16) -> bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = repository.ask("HEAD", &format!("blobs/{digest}")).expect("is answered");
        if asked(answer.status()) {
            return;
        }
        assert!(Instant::now() < until, "nobody logs in");
        std::thread::sleep(PACE);
    }
}

#[test]
fn a_token_in_the_last_fifth_of_its_life_is_renewed_beside_a_request_and_after_a_failure_not_at_once() {
    let options = swift::Options { token_life: Duration::from_secs(30), ..swift::Options::default() };
    let swift = Swift::start(&options).expect("Swift starts");
    let slow = start(&swift, "wasi-logins-slow", &[]);
    let failing = start(&swift, "wasi-logins-failing", &[]);
    let digest = sha256(b"a blob");
    for (proxy, component) in [&slow, &failing] {
        let repository = Repository::new(component.address(), "logins/due");
        repository.push_whole(b"a blob").and_then(|answer| answer.expect(201)).expect("it is stored");
        std::thread::sleep(PACE);
        proxy.take_log();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (proxy, component) = &slow;
            proxy.rule(Rule::new(Action::Delay(SLOW)).target("/auth/"));
            use_up(&Repository::new(component.address(), "logins/due"), &digest, &mut |status| {
                assert_eq!(status, 200);
                let log = proxy.log();
                let login = log.iter().find(|one| is_login(one));
                assert!(login.is_none_or(|login| login.ended.is_none()), "the request waited: {log:?}");
                login.is_some()
            });
        });
        scope.spawn(|| {
            let (proxy, component) = &failing;
            proxy.rule(Rule::new(Action::Status(503, Vec::new())).target("/auth/").always());
            // An instance that had to be started beside the first one says 503 and has asked once.
            let (mut logins, mut starts) = (0, 0);
            let mut first = None;
            use_up(&Repository::new(component.address(), "logins/due"), &digest, &mut |status| {
                logins += proxy.take_log().iter().filter(|one| is_login(one)).count();
                starts += usize::from(status == 503);
                if logins > starts && first.is_none() {
                    first = Some(Instant::now());
                }
                first.is_some_and(|first| first.elapsed() > REST_MIN * 2)
            });
            let first = first.expect("it was due");
            let most = 1 + (first.elapsed() + PACE).as_millis() / REST_MIN.as_millis();
            assert!((logins - starts) as u128 <= most, "{logins} logins, {starts} starts, at most {most}");
        });
    });
    for (_, component) in [slow, failing] {
        component.stop().expect("it stops well");
    }
}

/// The instance that began the login is there for the next request, and no other one has to log in at a silent service.
#[test]
fn requests_are_answered_at_once_while_a_renewal_gets_no_answer() {
    let options = swift::Options { token_life: Duration::from_secs(30), ..swift::Options::default() };
    let swift = Swift::start(&options).expect("Swift starts");
    let (proxy, component) = start(&swift, "wasi-logins-early", &[]);
    let repository = Repository::new(component.address(), "logins/early");
    let digest = sha256(b"a blob");
    repository.push_whole(b"a blob").and_then(|answer| answer.expect(201)).expect("it is stored");
    std::thread::sleep(PACE);
    proxy.take_log();
    proxy.rule(Rule::new(Action::Delay(PATIENCE)).target("/auth/").always());
    let mut asked = 0;
    use_up(&repository, &digest, &mut |status| {
        assert_eq!(status, 200, "{asked} after the login began: {}", component.log());
        asked += usize::from(proxy.log().iter().any(is_login));
        asked > 10
    });
    let logins = proxy.log().iter().filter(|one| is_login(one)).count();
    assert_eq!(logins, 1, "all were answered while the first one lasted");
    proxy.clear();
    component.stop().expect("it stops well");
}

#[test]
fn a_new_token_that_is_refused_is_said_with_what_to_do() {
    let limits = [("WHARFINGER_LIMITS_RETRY_SECONDS", "1")];
    let (proxy, component) = start(shared(), "wasi-logins-refused", &limits);
    let repository = Repository::new(component.address(), "logins/refused");
    repository.push_whole(b"a blob").and_then(|answer| answer.expect(201)).expect("it is stored");
    std::thread::sleep(PACE);
    proxy.rule(Rule::new(Action::Status(401, Vec::new())).target("/wasi-logins-refused").always());
    let answer = repository.ask("HEAD", &format!("blobs/{}", sha256(b"a blob"))).expect("is answered");
    assert_eq!(answer.status(), 503);
    let log = component.stop().expect("it stops well");
    let lines = log.lines().filter(|line| line.contains("storage URL belongs to the project")).count();
    assert!(lines >= 1, "{log}");
}
