use wharfinger_core::store::{Listing, Op, Part};
use wharfinger_core::swift::keystone::AuthUrl;
use wharfinger_core::swift::{
    Endpoint, KeyPlan, SecretText, TempUrlKeys, Token, render, render_containers, render_info, v1_auth,
};

use super::{answer, key, segment};
use crate::Reader;

/// Any text as a URL and as names of containers: what is taken for one, requests can be made of.
pub(super) fn urls(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let key = key(&mut reader);
    let text = String::from_utf8_lossy(reader.0);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (url, container, segments, prefix, public) = (next(), next(), next(), next(), next());
    logins(url);
    let endpoint = match Endpoint::new(url, container, segments) {
        Ok(endpoint) => endpoint,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let token = Token::new("token").expect("it is one");
    let parts = [Part { key: segment(0), size: 9, skip: 2, md5: Some([3; 16]) }];
    let listing = |deep| Listing::Names { prefix: prefix.into(), deep };
    for op in [
        Op::Read { key: key.clone(), range: None, if_match: None },
        Op::Write { key: key.clone(), create_only: true },
        Op::Join { key: key.clone(), parts: parts.into() },
        Op::Copy { from: key.clone(), to: Box::new(segment(1)) },
        Op::List { listing: Listing::Repositories, after: Some(public.into()), limit: 9 },
        Op::List { listing: listing(true), after: Some(public.into()), limit: 9 },
        Op::List { listing: listing(false), after: Some(public.into()), limit: 9 },
    ] {
        let rendered = render(&op, Some(4), None, &endpoint, &token).expect("there is a request");
        let authority = rendered.request.uri().authority().expect("it goes somewhere");
        assert!(url.contains(authority.as_str()), "{authority} is not in {url}");
    }
    assert!(!render_containers(&endpoint, &token).is_empty());
    let _ = render_info(&endpoint);
    let keys = TempUrlKeys::new(b"secret", &endpoint, 3600);
    let _ = (keys.render_look(&endpoint, &token), keys.render_set(7200, &endpoint, &token));
    if let Ok(reached) = endpoint.reached_at(public) {
        let _ = render(&Op::Stat { key }, None, None, &reached, &token);
    }
}

fn logins(url: &str) {
    if let Ok(login) = v1_auth::Login::new(url, "a:u", &SecretText::new("k")) {
        let _ = login.render();
    }
    if let Err(error) = AuthUrl::parse(url) {
        assert!(!error.to_string().is_empty());
    }
}

/// What may stand in the slots of the keys of temporary URLs, at any time.
pub(super) fn keys(bytes: &[u8]) {
    let mut reader = Reader(bytes);
    let segments = reader.pick(&["wharf", "segments"]);
    let endpoint = Endpoint::new("https://swift/v1/AUTH_a", "wharf", segments).expect("it is a URL");
    let period = reader.count().min(366 * 24 * 3600);
    // Until the year 10000 or so.
    let (now, life) = (reader.count().min(1 << 38), reader.count().min(1 << 38));
    let keys = TempUrlKeys::new(b"secret", &endpoint, period);
    let key = key(&mut reader);
    let (_, fields, _) = answer(reader.0);
    let next = keys.next_period(now);
    assert!(next > now && next - now <= period.max(1));
    match keys.plan(&keys.read(&fields), now) {
        KeyPlan::Keep(standing) => {
            if let Some(uri) = keys.sign(&endpoint, &key, &standing, now, life) {
                let query = uri.query().expect("it is signed");
                assert!(query.ends_with(&format!("temp_url_expires={}", now + life)), "{query}");
            }
        }
        KeyPlan::Set => {
            let set = keys.render_set(now, &endpoint, &Token::new("token").expect("it is one"));
            // What was set is kept.
            let plan = keys.plan(&keys.read(set.request.headers()), now);
            assert!(matches!(plan, KeyPlan::Keep(_)), "{plan:?}");
        }
        KeyPlan::Foreign { .. } | KeyPlan::Ahead => {}
    }
}
