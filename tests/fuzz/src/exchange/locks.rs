//! A locked registry, and its rules said once more: what somebody may do is judged here without the core's gate.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use wharfinger_core::Config;
use wharfinger_core::access::{Access, Lives, Peer, Plan, Verdict};
use wharfinger_core::exchange::{
    Ask, BodyLength, Collected, Exchange, Given, Input, Output, RequestHead, Side, Told,
};
use wharfinger_core::oci::Query;
use wharfinger_core::route::{Route, Verb};
use wharfinger_core::store::{Key, Op};
use wharfinger_core::transfer::{End, Moved, Source};

/// The password of all users.
pub(crate) const PASSWORD: &str = "the-password-of-all";

/// What is sent where a form is asked for.
pub(crate) const FORM: &str = "grant_type=password&username=ci&password=the-password-of-all&access_type=offline&scope=repository:a:pull,push";

/// Whom the registry knows, and what they may do.
pub(crate) fn access(config: &Config, lives: Lives) -> Access {
    let settings = json!({
        "users": (["root", "ci", "dev"].map(|name| json!({"name": name, "pass": PASSWORD}))),
        "rules": [
            {"repositories": "**", "users": "root", "actions": ["pull", "push", "delete"]},
            {"repositories": ["a", "team/*"], "users": "ci", "actions": ["pull", "push"]},
            {"repositories": "a", "users": "dev", "actions": ["pull", "delete"]},
            {"repositories": "public", "users": "anonymous", "actions": "pull"},
        ],
        "issuers": [{"name": "forge", "issuer": "https://forge.example.org", "audience": "registry",
            "identities": [{"user": "ci", "claims": {"sub": "**"}}]}],
        "proxies": ["10.0.0.0/8"],
    });
    let mut plan = Plan::default();
    for (key, value) in settings.as_object().expect("it is an object") {
        assert_eq!(plan.read(key, value), [], "{key}");
    }
    plan.finish(&config.secret, None, lives).expect("it fits together")
}

/// The rules of [`access`], in other words.
fn may(user: Option<&str>, repository: &str, verb: Verb) -> bool {
    let (reads, deletes) = (matches!(verb, Verb::Get | Verb::Head), verb == Verb::Delete);
    let team = repository.strip_prefix("team/").is_some_and(|rest| !rest.contains('/'));
    match user {
        Some("root") => true,
        _ if repository == "public" && reads => true,
        Some("ci") => (repository == "a" || team) && !deletes,
        Some("dev") => repository == "a" && (reads || deletes),
        Some(_) | None => false,
    }
}

/// Tokens that the registry gave out.
pub(crate) struct Tokens {
    /// Of ci, for pulling from and pushing to `a`.
    pub(crate) access: String,
    /// The same, which has ended.
    pub(crate) expired: String,
    /// Of a stranger, for pulling from `public`.
    pub(crate) stranger: String,
    /// Of ci, to have others with.
    pub(crate) refresh: String,
}

pub(crate) fn tokens(config: &Config) -> &'static Tokens {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let mut config = config.clone();
        config.access = access(&config, Lives::default());
        let all = "/auth/token?offline_token=true&scope=repository:a:pull,push";
        let body = granted(&config, Some("ci"), all, NOW);
        let of = |body: &Value, key: &str| body[key].as_str().expect("a token").to_owned();
        let stranger = granted(&config, None, "/auth/token?scope=repository:public:pull", NOW);
        config.access.lives.access = Duration::from_secs(1);
        let expired = granted(&config, Some("ci"), all, NOW - 3);
        Tokens {
            access: of(&body, "token"),
            refresh: of(&body, "refresh_token"),
            stranger: of(&stranger, "token"),
            expired: of(&expired, "token"),
        }
    })
}

/// What the registry answers whom it gives a token.
fn granted(config: &Config, user: Option<&str>, target: &str, now: u64) -> Value {
    let mut headers = HeaderMap::new();
    if let Some(user) = user {
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{PASSWORD}")));
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(&basic).expect("it is text"));
    }
    let (method, body) = (Method::GET, BodyLength::Exactly(0));
    let head = RequestHead { method: &method, target, headers: &headers, body, peer: Peer::default() };
    let mut exchange = Exchange::new(&Arc::new(config.clone()), &head, Given { now, entropy: [3; 16] });
    loop {
        match exchange.poll_output() {
            Output::Ask { what: Ask::CheckPassword { check, .. } } => {
                assert!(check.run(), "it is the password");
                exchange.handle_input(Input::Told { answer: Told::Password(Verdict::Right) });
            }
            Output::Feed { body: Source::Bytes(bytes), to, .. } => {
                let moved = Moved { bytes: bytes.len() as u64, end: End::Eof, hashed: None };
                exchange.handle_input(Input::Fed { to, moved });
                return serde_json::from_slice(&bytes).expect("it is JSON");
            }
            Output::Respond { head, .. } => assert_eq!(head.status, StatusCode::OK),
            Output::Wait | Output::Done(_) => panic!("no token"),
            Output::Send { .. }
            | Output::Feed { .. }
            | Output::Collect { .. }
            | Output::Digest { .. }
            | Output::Ask { .. }
            | Output::Abort { .. }
            | Output::Sleep { .. } => {}
        }
    }
}

/// Judges an exchange with a locked registry.
pub(crate) struct Judge {
    tokens: &'static Tokens,
    route: Option<(Route, Verb)>,
    authorization: Vec<String>,
    /// What came first where a form was asked for; nothing that comes later counts.
    form: Option<Vec<u8>>,
    /// A password was found right.
    right: bool,
    status: u16,
}

impl Judge {
    pub(crate) fn new(config: &Config, method: &Method, target: &str, headers: &HeaderMap) -> Self {
        let routed = Route::parse(method, target).ok();
        let values = headers.get_all(header::AUTHORIZATION).iter();
        Self {
            tokens: tokens(config),
            route: routed.map(|routed| (routed.route, routed.method)),
            authorization: values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect(),
            form: None,
            right: false,
            status: 0,
        }
    }

    /// Takes what the host tells.
    pub(crate) fn hear(&mut self, input: &Input, is_asked: bool) {
        if let Input::Told { answer: Told::Password(Verdict::Right) } = input {
            self.right |= is_asked;
        }
        if let Input::Collected { from: Side::Client, outcome } = input
            && self.form.is_none()
        {
            self.form = Some(if let Collected::Whole(bytes) = outcome { bytes.to_vec() } else { Vec::new() });
        }
    }

    /// # Panics
    /// If somebody is let in who must not be, or something secret shows.
    pub(crate) fn see(&mut self, output: &Output) {
        match output {
            Output::Send { op, .. } => self.see_op(op),
            Output::Respond { head, .. } => {
                self.status = head.status.as_u16();
                if (200..300).contains(&self.status) {
                    self.assert_let_in("2xx");
                }
            }
            Output::Feed { body: Source::Bytes(bytes), .. } if self.is_token() && self.status == 200 => {
                self.see_granted(bytes);
                return;
            }
            Output::Feed { .. }
            | Output::Collect { .. }
            | Output::Digest { .. }
            | Output::Ask { .. }
            | Output::Abort { .. }
            | Output::Sleep { .. }
            | Output::Wait
            | Output::Done(_) => {}
        }
        let shown = format!("{output:?}");
        let Tokens { access, expired, stranger, refresh } = self.tokens;
        for secret in [PASSWORD, access, expired, stranger, refresh] {
            assert!(!shown.contains(secret), "{secret} shows in {shown}");
        }
    }

    /// Whether tokens are had here.
    pub(crate) fn is_token(&self) -> bool {
        matches!(self.route, Some((Route::Token, _)))
    }

    fn see_op(&self, op: &Op) {
        self.assert_let_in("the store");
        let own = self.route.as_ref().and_then(|(route, _)| route.repository());
        if let Op::Read { key, .. } | Op::Stat { key } = op
            && let Key::Link(from, _) = key
            && Some(from) != own
        {
            let user = self.user();
            assert!(may(user.as_deref(), from.as_str(), Verb::Get), "{user:?} mounts from {from}");
        }
    }

    /// Who sends this, as far as it is shown to be true.
    fn user(&self) -> Option<String> {
        let [authorization] = self.authorization.as_slice() else { return None };
        let (scheme, rest) = authorization.trim_ascii().split_once(' ')?;
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case("bearer") {
            let of_ci = rest == self.tokens.access || rest == self.tokens.expired;
            return of_ci.then(|| "ci".to_owned());
        }
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, _) = text.split_once(':')?;
        (self.right && scheme.eq_ignore_ascii_case("basic")).then(|| user.to_owned())
    }

    /// The token of the request, if it is one that the registry gave out.
    fn bearer(&self) -> Option<&str> {
        let [authorization] = self.authorization.as_slice() else { return None };
        let (scheme, rest) = authorization.trim_ascii().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(rest.trim_ascii())
    }

    fn assert_let_in(&self, where_to: &str) {
        let Some((route, verb)) = &self.route else { panic!("{where_to} without a route") };
        let (user, bearer) = (self.user(), self.bearer());
        let user = user.as_deref();
        let Tokens { access, expired, stranger, .. } = self.tokens;
        let is_upload = matches!(route, Route::Upload { .. });
        if let Some(bearer) = bearer
            && *route != Route::Token
        {
            let is_ours = bearer == access || bearer == stranger || (bearer == expired && is_upload);
            assert!(is_ours, "{where_to} with another token");
        }
        if self.authorization.len() > 1 && *route != Route::Token {
            panic!("{where_to} with two credentials");
        }
        match route {
            Route::Token => {}
            Route::Base => assert!(user.is_some() || bearer.is_some(), "{where_to} of a stranger"),
            // Strangers see what is public.
            Route::Catalog { .. } => {
                assert!(bearer.is_none(), "{where_to} with a token that is for no catalog")
            }
            Route::Tags { .. }
            | Route::Blob { .. }
            | Route::Manifest { .. }
            | Route::Referrers { .. }
            | Route::Uploads { .. }
            | Route::Upload { .. } => {
                let repository = route.repository().map(ToString::to_string).unwrap_or_default();
                // Everything that has to do with an upload is a push.
                let is_push = matches!(route, Route::Uploads { .. } | Route::Upload { .. });
                let verb = if is_push { Verb::Put } else { *verb };
                assert!(may(user, &repository, verb), "{where_to} of {user:?} in {repository} by {verb:?}");
                let in_scope = match bearer {
                    None => true,
                    Some(bearer) if bearer == stranger => repository == "public",
                    Some(_) => repository == "a" && verb != Verb::Delete,
                };
                assert!(in_scope, "{where_to} in {repository} by {verb:?}, beyond the token");
            }
        }
    }

    /// No token says more than the rules.
    fn see_granted(&self, bytes: &[u8]) {
        let body: Value = serde_json::from_slice(bytes).expect("it is JSON");
        let token = body["token"].as_str().expect("a token");
        let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = serde_json::from_slice(&claims.expect("claims")).expect("they are JSON");
        let form = String::from_utf8_lossy(self.form.as_deref().unwrap_or_default()).into_owned();
        let form = Query::parse(&form);
        let by_form = || {
            let is_refresh = form.first("refresh_token") == Some(&*self.tokens.refresh);
            let is_token = form.first("subject_token") == Some(&*self.tokens.access);
            let named = form.first("username").filter(|_| self.right);
            named.map(str::to_owned).or((is_refresh || is_token).then(|| "ci".to_owned()))
        };
        let shown = match &self.route {
            Some((_, Verb::Post)) => by_form(),
            Some((_, _)) | None => self.user(),
        };
        let user = claims["sub"].as_str();
        assert!(user.is_none() || user == shown.as_deref(), "a token of {user:?} for {shown:?}");
        for scope in claims["access"].as_array().expect("scopes") {
            if scope["type"] == "registry" {
                continue;
            }
            let name = scope["name"].as_str().expect("a name");
            for action in scope["actions"].as_array().expect("actions") {
                let verb = match action.as_str() {
                    Some("pull") => Verb::Get,
                    Some("push") => Verb::Put,
                    Some("delete") => Verb::Delete,
                    other => panic!("{other:?} is granted"),
                };
                assert!(may(user, name, verb), "{action} in {name} is granted to {user:?}");
            }
        }
    }
}

/// When the fuzzer's requests come.
pub(crate) const NOW: u64 = 5;
