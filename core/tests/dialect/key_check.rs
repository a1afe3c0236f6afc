//! Checks of the keys of signed URLs, request by request.

use http::{HeaderMap, HeaderName, Method, StatusCode};
use wharfinger_core::swift::{Endpoint, KeyCheck, KeyError, KeyStep, TempUrlKeys, Token};

const NOW: u64 = 100 * 24 * 3600;

struct Scene {
    endpoint: Endpoint,
    keys: TempUrlKeys,
    check: KeyCheck,
}

impl Scene {
    fn new(segments: &str) -> Self {
        let endpoint = Endpoint::new("https://swift:8080/v1/AUTH_a", "w", segments).unwrap();
        let keys = TempUrlKeys::new(b"a secret of tests", &endpoint, 24 * 3600);
        Self { endpoint, keys, check: KeyCheck::new() }
    }

    /// The method of the request to send, and the fields that speak of keys.
    fn asked(&self) -> (Method, HeaderMap) {
        let rendered = self.check.render(&self.keys, &self.endpoint, &Token::new("tok").unwrap());
        let fields = rendered.request.headers().iter().filter(|(name, _)| name.as_str().contains("-key"));
        let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        (rendered.request.method().clone(), fields)
    }

    fn answer(&mut self, status: u16, fields: &HeaderMap) -> KeyStep {
        self.answer_at(NOW, status, fields)
    }

    fn answer_at(&mut self, now: u64, status: u16, fields: &HeaderMap) -> KeyStep {
        self.check.answered(&self.keys, StatusCode::from_u16(status).unwrap(), fields, now)
    }

    /// Has it look at empty slots; returns the fields of the key that it sets.
    fn set(&mut self) -> HeaderMap {
        assert_eq!(self.asked().0, Method::HEAD);
        assert_eq!(self.answer(204, &HeaderMap::new()), KeyStep::Ask);
        assert!(self.check.sets());
        let (method, fields) = self.asked();
        assert_eq!((method, fields.len()), (Method::POST, 1));
        fields
    }
}

#[test]
fn a_key_that_is_missing_is_set_and_looked_at_once_more() {
    for segments in ["w", "segments"] {
        let mut scene = Scene::new(segments);
        let fields = scene.set();
        assert_eq!(scene.answer(204, &HeaderMap::new()), KeyStep::Ask);
        assert_eq!(scene.asked().0, Method::HEAD);
        let mut hidden = Scene { check: scene.check.clone(), ..Scene::new(segments) };
        assert!(matches!(scene.answer(204, &fields), KeyStep::Over(Ok(_))));
        // Where it stands already, one look is enough.
        let mut again = Scene::new(segments);
        assert!(matches!(again.answer(200, &fields), KeyStep::Over(Ok(_))));

        let KeyStep::Over(Err(error)) = hidden.answer(204, &HeaderMap::new()) else { panic!("no error") };
        assert!(matches!(error, KeyError::Hidden { .. }) && error.ends_keys() && !error.is_transient());
    }
}

#[test]
fn a_token_is_renewed_once_for_each_request() {
    let mut scene = Scene::new("w");
    assert_eq!(scene.answer(401, &HeaderMap::new()), KeyStep::Renew);
    scene.set();
    assert_eq!(scene.answer(401, &HeaderMap::new()), KeyStep::Renew);
    assert_eq!(scene.asked().0, Method::POST);
    let KeyStep::Over(Err(error)) = scene.answer(401, &HeaderMap::new()) else { panic!("no error") };
    assert_eq!(error, KeyError::TokenRefused);
    assert!(error.is_transient() && !error.ends_keys());
    assert!(error.to_string().contains("check that the storage URL belongs to the project"), "{error}");
}

#[test]
fn a_period_that_begins_meanwhile_has_its_own_key_set() {
    const PERIOD: u64 = 24 * 3600;
    let mut scene = Scene::new("segments");
    let old = scene.set();
    assert_eq!(scene.answer_at(NOW + PERIOD, 204, &HeaderMap::new()), KeyStep::Ask);
    assert_eq!(scene.answer_at(NOW + PERIOD, 204, &old), KeyStep::Ask);
    let (method, new) = scene.asked();
    assert_eq!(method, Method::POST);
    assert_eq!(scene.answer_at(NOW + PERIOD, 204, &HeaderMap::new()), KeyStep::Ask);
    let mut hidden = Scene { check: scene.check.clone(), ..Scene::new("segments") };
    assert!(matches!(hidden.answer_at(NOW + PERIOD, 204, &old), KeyStep::Over(Err(KeyError::Hidden { .. }))));
    let both = old.into_iter().chain(new).filter_map(|(name, value)| Some((name?, value))).collect();
    assert!(matches!(scene.answer_at(NOW + PERIOD, 204, &both), KeyStep::Over(Ok(_))));
}

#[test]
fn trouble_and_refusal_leave_the_keys_that_stand() {
    for (status, transient) in [(503, true), (500, true), (403, false), (404, false)] {
        for sets in [false, true] {
            let mut scene = Scene::new("w");
            if sets {
                scene.set();
            }
            let KeyStep::Over(Err(error)) = scene.answer(status, &HeaderMap::new()) else {
                panic!("no error");
            };
            assert_eq!((error.is_transient(), error.ends_keys()), (transient, false), "{error}");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }
}

#[test]
fn a_key_of_somebody_else_in_the_account_ends_it() {
    let mut scene = Scene::new("segments");
    let name = HeaderName::from_static("x-account-meta-temp-url-key");
    let fields = HeaderMap::from_iter([(name, "somebody's".parse().unwrap())]);
    let KeyStep::Over(Err(error)) = scene.answer(204, &fields) else { panic!("no error") };
    assert_eq!(error, KeyError::Foreign { field: "x-account-meta-temp-url-key" });
    assert!(error.ends_keys() && !error.is_transient() && !error.to_string().contains("somebody's"));
}
