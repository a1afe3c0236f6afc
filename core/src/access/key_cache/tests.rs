use super::super::fixtures::key_set;
use super::*;

fn keys() -> KeySet {
    KeySet::parse(key_set().as_bytes()).unwrap()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fetch(cache: &mut KeyCache, kid: &str, now: u64) -> KeyTicket {
    match cache.look(Some(kid), at(now)) {
        KeysAt::Fetch(ticket) => ticket,
        other @ (KeysAt::Keys(_) | KeysAt::Wait | KeysAt::Unavailable(_)) => panic!("{other:?} at {now}"),
    }
}

/// A cache whose keys were fetched at that time, and are good for so long.
fn filled(now: u64, max_age: Option<u64>) -> KeyCache {
    let mut cache = KeyCache::new();
    let ticket = fetch(&mut cache, "r", now);
    cache.fetched(ticket, keys(), max_age.map(at), at(now));
    cache
}

#[test]
fn one_fetches_and_the_others_wait() {
    let mut cache = KeyCache::new();
    let ticket = fetch(&mut cache, "r", 0);
    assert_eq!(cache.look(Some("r"), at(1)), KeysAt::Wait);
    assert_eq!(cache.look(None, at(2)), KeysAt::Wait);
    cache.fetched(ticket, keys(), None, at(3));
    assert_eq!(cache.look(Some("r"), at(3)), KeysAt::Keys(keys()));
}

#[test]
fn keys_are_fetched_again_when_they_are_old() {
    for (max_age, due) in
        [(None, 600), (Some(0), 60), (Some(59), 60), (Some(300), 300), (Some(1 << 30), 86400)]
    {
        let mut cache = filled(1000, max_age);
        assert_eq!(cache.look(Some("r"), at(1000 + due - 1)), KeysAt::Keys(keys()), "{max_age:?}");
        let ticket = fetch(&mut cache, "r", 1000 + due);
        let meanwhile = if due < 86400 { KeysAt::Keys(keys()) } else { KeysAt::Wait };
        assert_eq!(cache.look(Some("r"), at(1000 + due)), meanwhile, "the old ones do until then");
        cache.fetched(ticket, keys(), None, at(1001 + due));
        assert_eq!(cache.look(Some("r"), at(1001 + due)), KeysAt::Keys(keys()));
    }
}

#[test]
fn a_missing_key_is_searched_for_now_and_then() {
    let mut cache = filled(1000, None);
    assert_eq!(cache.look(Some("new"), at(1029)), KeysAt::Keys(keys()));
    let ticket = fetch(&mut cache, "new", 1030);
    assert_eq!(cache.look(Some("newer"), at(1031)), KeysAt::Wait);
    assert_eq!(
        cache.look(Some("r"), at(1031)),
        KeysAt::Keys(keys()),
        "who needs no other key waits for none"
    );
    cache.fetched(ticket, keys(), None, at(1032));
    for (now, kid) in (1032..1060).zip(["new", "newer", "newest"].into_iter().cycle()) {
        assert_eq!(cache.look(Some(kid), at(now)), KeysAt::Keys(keys()), "{now}");
    }
    let _ = fetch(&mut cache, "newest", 1060);
    assert_eq!(cache.look(None, at(1060)), KeysAt::Wait, "nameless, though there are two");
}

#[test]
fn failures_are_backed_off() {
    let mut cache = KeyCache::new();
    let mut now = 100;
    for rest in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        let ticket = fetch(&mut cache, "r", now);
        cache.failed(ticket, at(now));
        assert_eq!(cache.look(Some("r"), at(now)), KeysAt::Unavailable(at(rest)));
        assert_eq!(cache.look(Some("r"), at(now + rest - 1)), KeysAt::Unavailable(at(1)));
        now += rest;
    }
    let ticket = fetch(&mut cache, "r", now);
    cache.fetched(ticket, keys(), None, at(now));
    let ticket = fetch(&mut cache, "r", now + 600);
    cache.failed(ticket, at(now + 600));
    let _ = fetch(&mut cache, "r", now + 601);
}

#[test]
fn old_keys_are_good_for_a_day_while_there_are_no_others() {
    let mut cache = filled(0, None);
    let mut fetches = 0;
    for now in (600..86400).step_by(10) {
        match cache.look(Some("r"), at(now)) {
            KeysAt::Fetch(ticket) => {
                cache.failed(ticket, at(now));
                fetches += 1;
                assert_eq!(cache.look(Some("r"), at(now)), KeysAt::Keys(keys()), "{now}");
            }
            KeysAt::Keys(found) => assert_eq!(found, keys()),
            other @ (KeysAt::Wait | KeysAt::Unavailable(_)) => panic!("{other:?} at {now}"),
        }
    }
    assert!((1400..1500).contains(&fetches), "{fetches}");
    let ticket = fetch(&mut cache, "r", 86460);
    cache.failed(ticket, at(86460));
    assert_eq!(cache.look(Some("r"), at(86460)), KeysAt::Unavailable(at(60)));
}

#[test]
fn a_fetch_that_tells_nothing_is_given_up() {
    let mut cache = KeyCache::new();
    let lost = fetch(&mut cache, "r", 0);
    assert_eq!(cache.look(Some("r"), at(19)), KeysAt::Wait);
    let ticket = fetch(&mut cache, "r", 20);
    assert_ne!(lost, ticket);
    cache.failed(lost, at(21));
    assert_eq!(cache.look(Some("r"), at(21)), KeysAt::Wait, "it fails for itself alone");
    cache.fetched(lost, keys(), None, at(22));
    assert_eq!(cache.look(Some("r"), at(22)), KeysAt::Keys(keys()), "but what it brings is good");
    cache.failed(ticket, at(23));
    cache.failed(ticket, at(23));
    assert_eq!(cache.look(Some("r"), at(23)), KeysAt::Keys(keys()));
}
