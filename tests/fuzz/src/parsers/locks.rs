use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use wharfinger_core::access::{
    Action, Credentials, Front, Lives, Network, Pattern, Peer, Plan, SCOPES_MAX, Scope, parse_htpasswd,
};
use wharfinger_core::oci::Repository;
use wharfinger_core::upload::Secret;

use crate::Reader;

/// Parses what says who somebody is and what everybody may do, in the way that the first byte says.
pub(super) fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match first % 6 {
        0 => credentials(rest),
        1 => scopes(&text),
        2 => patterns(&text),
        3 => networks(&text),
        4 => fronts(rest),
        _ => plans(&text),
    }
}

/// Whatever stands in an Authorization, and what is read of it does not show.
fn credentials(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(3) {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(header::AUTHORIZATION, value);
    }
    let read = Credentials::read(&headers);
    if headers.len() > 1 {
        assert_eq!(read, Credentials::Unreadable, "of several none counts");
    }
    match &read {
        Credentials::None => panic!("there is one"),
        Credentials::Basic { user, .. } => assert!(!user.contains(':')),
        Credentials::Bearer(_) => assert_eq!(format!("{read:?}"), "Bearer(SecretText(..))"),
        Credentials::Unreadable => {}
    }
}

/// What is read as a scope is written in the one form that it has, and is read again as itself.
fn scopes(text: &str) {
    if let Some(scope) = Scope::parse(text) {
        let written = scope.to_string();
        assert_eq!(Scope::parse(&written), Some(scope));
        let tame = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-,*".contains(&byte);
        assert!(written.bytes().all(tame), "{written}");
    }
    let all = Scope::parse_all(text.split('\n'));
    assert!(all.len() <= SCOPES_MAX);
    for (at, scope) in all.iter().enumerate() {
        if let Scope::Repository(name, _) = scope {
            let again =
                all[..at].iter().any(|known| matches!(known, Scope::Repository(known, _) if known == name));
            assert!(!again && text.contains(name.as_str()), "{name}");
        }
    }
}

/// A pattern matches what it means.
fn patterns(text: &str) {
    let (pattern, name) = text.split_once('\n').unwrap_or((text, "a/b"));
    let Ok(pattern) = Pattern::parse(pattern) else { return };
    assert_eq!(Pattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern));
    let written = pattern.to_string();
    let matches = pattern.matches(name);
    if !written.contains('*') {
        assert_eq!(matches, written == name);
    }
    if !written.contains("**") && matches {
        assert_eq!(written.matches('/').count(), name.matches('/').count(), "{written} {name}");
    }
    if pattern.is_all() {
        assert!(matches);
    }
    let (head, tail) = (written.split('*').next(), written.rsplit('*').next());
    if matches {
        assert!(name.starts_with(head.unwrap_or_default()) && name.ends_with(tail.unwrap_or_default()));
    }
}

fn networks(text: &str) {
    let (network, address) = text.split_once('\n').unwrap_or((text, "10.0.0.1"));
    let (Ok(network), Ok(address)) = (Network::parse(network), address.parse()) else { return };
    let _ = network.has(address);
    if let Ok(alone) = Network::parse(&address.to_string()) {
        assert!(alone.has(address) || address.to_canonical() != address);
    }
}

/// Nobody speaks for others unless it may, and what is told again ends no quoted text.
fn fronts(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let proxies = ["10.0.0.0/8", "::/0"].map(|text| Network::parse(text).expect("it is one"));
    let front = Front { public_url: None, proxies: proxies[..usize::from(reader.byte() % 3)].to_vec() };
    let peers = [None, Some([10, 0, 0, 1].into()), Some([11, 0, 0, 1].into())];
    let peer = Peer { address: reader.pick(&peers), secure: reader.byte() > 127, certificate: &[] };
    let names = ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
    let mut headers = HeaderMap::new();
    while !reader.is_empty() && headers.len() < 8 {
        let name = HeaderName::from_static(reader.pick(&names));
        let Ok(value) = HeaderValue::from_bytes(reader.some()) else { return };
        headers.append(name, value);
    }
    let origin = front.origin(&peer, &headers);
    if front.proxies.is_empty() {
        assert_eq!(origin.address, peer.address);
    }
    let url = origin.to_string();
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-[]".contains(&byte);
    assert!(url.bytes().all(tame) && (url.is_empty() || url.matches('/').count() == 2), "{url}");
}

/// Whatever stands in a configuration is read or refused; what is refused quotes no password, and what is read lets nobody
/// in whom nothing names.
fn plans(text: &str) {
    let mut plan = Plan::default();
    if let Some((_, users)) = text.split_once('\u{1}') {
        let _ = parse_htpasswd(users);
        let _ = plan.read_htpasswd(users);
    }
    let Ok(Value::Object(settings)) = serde_json::from_str::<Value>(text) else { return };
    let mut problems = Vec::new();
    for (key, value) in &settings {
        problems.extend(plan.read(key, value));
    }
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let passwords = settings.get("users").and_then(Value::as_array).into_iter().flatten();
    for password in passwords.filter_map(|user| user["pass"].as_str()).filter(|password| password.len() > 12)
    {
        let is_also_elsewhere = text.matches(password).count() > 1;
        assert!(is_also_elsewhere || !told.iter().any(|told| told.contains(password)), "{told:?}");
    }
    if !problems.is_empty() {
        return;
    }
    let is_silent = plan.is_silent();
    let Ok(access) = plan.finish(&Secret::new(b"a secret of the fuzzer"), None, Lives::default()) else {
        return;
    };
    assert_eq!(access.is_open(), is_silent);
    let repository = Repository::parse("a/b").expect("it is a name");
    if is_silent {
        return;
    }
    for action in Action::ALL {
        // What a stranger may do, everybody may.
        let stranger = access.allows(None, &repository).has(action);
        assert!(!stranger || access.allows(Some("nobody-that-is-known"), &repository).has(action));
        assert!(!stranger || access.allows_somewhere(None, action));
        assert!(!access.allows_everywhere(None, action) || stranger);
    }
    let rules = settings.get("rules").and_then(Value::as_array);
    if rules.is_some_and(Vec::is_empty) {
        assert!(access.allows(Some("ci"), &repository).is_empty());
    }
}
