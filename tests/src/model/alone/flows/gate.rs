use http::{Method, header};
use serde_json::{Value, json};
use wharfinger_core::access::{Access, Lives, Plan, Verdict};
use wharfinger_core::exchange::{Collected, Input, Output, Told};
use wharfinger_core::oci::{Algorithm, Digest, Repository};
use wharfinger_core::transfer::Source;
use wharfinger_core::upload::Secret;

use super::super::label::Role;
use super::super::scene::{BLOB, NOW, Scene};
use super::uploads::upload;
use super::*;

/// What stands before every endpoint of a registry with users: a blob is read, uploads are begun and gone on with, blobs
/// mounted, and repositories listed.
pub(super) fn all() -> Vec<Flow> {
    vec![Flow {
        name: "gate",
        title: "What stands before every endpoint where there are users: who it is, and whether it may",
        asks: "read link, read blob, touch blob, touch link, remove link, stat blob, write link, read source link, \
               touch source link, list repositories, write segment",
        order: &[("write link", "read source link"), ("write link", "remove link, stat blob")],
        replies: &[
            "200",
            "201",
            "202",
            "204",
            "400 SIZE_INVALID",
            "401 UNAUTHORIZED",
            "403 DENIED",
            "404 BLOB_UNKNOWN",
            "404 BLOB_UPLOAD_UNKNOWN",
            "408 SIZE_INVALID",
            "429 TOOMANYREQUESTS",
            "503 UNAVAILABLE",
            "507 UNAVAILABLE",
        ],
        scenes: [reads(), uploads(), others()].concat(),
        mutants: &[
            (Mutant::Unlocked, ADMITTED),
            (Mutant::Unlocked, HIDDEN),
            (Mutant::Misheard { of: "check password", said: "is wrong", heard: "is right" }, ADMITTED),
            (
                Mutant::Misheard { of: "check password", said: "was tried too often", heard: "is right" },
                ADMITTED,
            ),
            (Mutant::Misheard { of: "check keys", said: "are not to be had", heard: "are there" }, ADMITTED),
            (Mutant::Misheard { of: "check keys", said: "are others", heard: "are there" }, ADMITTED),
            (
                Mutant::Misheard {
                    of: "check password",
                    said: "was tried too often",
                    heard: "cannot be checked",
                },
                REASON,
            ),
            (Mutant::Sneaked("read link"), ADMITTED),
            (Mutant::Status(401, 202), ADMITTED),
            (Mutant::Status(403, 404), REASON),
            (Mutant::FieldLost("www-authenticate"), ADVICE),
            (Mutant::FieldLost("retry-after"), ADVICE),
            (Mutant::GenerationIgnored, LATE),
            (Mutant::GoneUnheard, GONE),
            (Mutant::Elsewhere("read source link"), OWN),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }]
}

fn reads() -> Vec<Scene> {
    let get = |name| {
        locked(Scene::new(name, Method::GET, format!("/v2/a/blobs/{}", digest())))
            .object(Role::Link, LINK)
            .object(Role::Blob, BLOB)
            .promising(200, "read link, read blob")
    };
    let with = |name, token: String| get(name).field(header::AUTHORIZATION, &token);
    let ours = Issued::to("ci", "repository:a:pull");
    let expired = Issued { age: 3600, ..ours };
    let forged = Issued { secret: Some("another secret of the models"), ..ours };
    vec![
        get("GET with a password").field(header::AUTHORIZATION, CI).proved_by("check password").drawn(),
        get("GET with an issuer's token")
            .field(header::AUTHORIZATION, &format!("Bearer {JOB}"))
            .proved_by("check keys")
            .drawn(),
        get("GET with an issuer's token for a password")
            .field(header::AUTHORIZATION, &format!("Basic {JOB_BASIC}"))
            .proved_by("check keys"),
        get("GET with an issuer's token for another service")
            .field(header::AUTHORIZATION, &format!("Bearer {JOB_ELSEWHERE}"))
            .barred(&[401]),
        get("GET with a certificate").certified("CN=robot"),
        get("GET with another certificate").certified("CN=other").barred(&[401]),
        get("GET with nothing").barred(&[401]).drawn(),
        get("GET with something else").field(header::AUTHORIZATION, "Digest a=b").barred(&[401]),
        with("GET with a token", ours.bearer()),
        with("GET with a token for another repository", Issued::to("ci", "repository:c:pull").bearer())
            .barred(&[401]),
        with("GET with a token of who may nothing", Issued::to("idle", "repository:a:pull").bearer())
            .barred(&[403]),
        with("GET with an expired token", expired.bearer()).barred(&[401]),
        with("GET with a forged token", forged.bearer()).barred(&[401]),
        with("GET with a token to have others with", format!("Bearer {}", ours.refresh())).barred(&[401]),
    ]
}

fn uploads() -> Vec<Scene> {
    let post = |name, query: &str| {
        locked(Scene::new(name, Method::POST, format!("/v2/a/blobs/uploads/{query}")))
            .field(header::AUTHORIZATION, CI)
            .proved_by("check password")
    };
    let mount = |from: &str| format!("?mount={}&from={from}", digest());
    let mut readable = post("POST of a mount", &mount("c"))
        .object(Role::SourceLink, LINK)
        .promising(201, "read source link, write link")
        .promising(202, "")
        .relying();
    readable.source = Repository::parse("c").ok();
    let go_on = |name, method| locked(upload(name, method, ""));
    let expired = Issued { age: 3600, ..Issued::to("ci", "repository:a:pull,push") };
    vec![
        post("POST", "").promising(202, ""),
        post("POST of who may read alone", "").field(header::AUTHORIZATION, READER).barred(&[403]),
        readable,
        post("POST of a mount from what may not be read", &mount("hidden")).promising(202, ""),
        post("POST of a mount from anywhere", &format!("?mount={}", digest()))
            .object(Role::Blob, BLOB)
            .promising(202, ""),
        go_on("PATCH", Method::PATCH)
            .uploader("ci")
            .uploaded(&[])
            .body(BLOB)
            .field(header::AUTHORIZATION, CI)
            .proved_by("check password")
            .promising(202, "write segment"),
        go_on("GET of an upload", Method::GET)
            .uploader("ci")
            .uploaded(&[b"bl"])
            .field(header::AUTHORIZATION, CI)
            .proved_by("check password")
            .promising(204, ""),
        go_on("GET of another's upload", Method::GET)
            .uploader("job")
            .uploaded(&[b"bl"])
            .field(header::AUTHORIZATION, CI)
            .proved_by("check password")
            .barred(&[404]),
        go_on("GET of an upload with a token that has expired since", Method::GET)
            .uploader("ci")
            .uploaded(&[b"bl"])
            .field(header::AUTHORIZATION, &expired.bearer())
            .promising(204, ""),
        go_on("GET of an upload with a token that had expired before", Method::GET)
            .uploader("ci")
            .uploaded(&[b"bl"])
            .field(header::AUTHORIZATION, &Issued { age: 3601, ..expired }.bearer())
            .barred(&[401]),
    ]
}

fn others() -> Vec<Scene> {
    let list = |name| {
        locked(Scene::new(name, Method::GET, "/v2/_catalog"))
            .page(Role::Repositories, "all rows", &[("a", 0), ("hidden", 0), ("public", 0)], false)
            .page(Role::Repositories, "first rows", &[("a", 0), ("hidden", 0)], true)
            .promising(200, "list repositories")
            .hiding("hidden")
    };
    let base = |name| locked(Scene::new(name, Method::GET, "/v2/")).promising(200, "");
    vec![
        list("GET of the repositories").field(header::AUTHORIZATION, CI).proved_by("check password"),
        list("GET of the repositories by a stranger"),
        base("GET of the base").field(header::AUTHORIZATION, CI).proved_by("check password"),
        base("GET of the base with nothing").barred(&[401]),
    ]
}

/// A registry with users, rules, an issuer and certificates.
pub(super) fn locked(scene: Scene) -> Scene {
    scene.configured(|config| config.access = access(&settings(), &config.secret))
}

/// The same, where strangers may do nothing.
pub(super) fn shut(scene: Scene) -> Scene {
    let mut settings = settings();
    settings["rules"].as_array_mut().into_iter().for_each(|rules| drop(rules.pop()));
    scene.configured(|config| config.access = access(&settings, &config.secret))
}

fn access(settings: &Value, secret: &Secret) -> Access {
    let mut plan = Plan::default();
    for (key, value) in settings.as_object().into_iter().flatten() {
        let problems = plan.read(key, value);
        assert!(problems.is_empty(), "{problems:?}");
    }
    plan.finish(secret, None, Lives::default()).expect("settings that fit together")
}

fn settings() -> Value {
    json!({
        "users": [
            {"name": "ci", "pass": "pass"}, {"name": "reader", "pass": "pass"}, {"name": "idle", "pass": "pass"},
        ],
        "issuers": [{
            "name": "jobs",
            "issuer": "https://jobs.test",
            "audience": "registry",
            "jwks-url": "https://jobs.test/keys",
            "identities": [{"user": "job", "claims": {"repository": "org/app"}}],
        }],
        "client-certificates": [{"name": "CN=robot", "user": "robot"}],
        "rules": [
            {"repositories": "a", "users": "ci", "actions": ["pull", "push"]},
            {"repositories": ["a", "hidden"], "users": ["reader", "robot", "job"], "actions": "pull"},
            {"repositories": "c", "users": "ci", "actions": "pull"},
            {"repositories": "public", "users": "anonymous", "actions": "pull"},
        ],
    })
}

/// A token of the registry itself, had of it while everybody could do everything.
#[derive(Clone, Copy, Default)]
pub(super) struct Issued {
    pub(super) user: &'static str,
    pub(super) scope: &'static str,
    /// In seconds.
    pub(super) age: u64,
    /// What the registry had for a secret, and the user for a password, if not what they have.
    pub(super) secret: Option<&'static str>,
    pub(super) password: Option<&'static str>,
}

impl Issued {
    pub(super) fn to(user: &'static str, scope: &'static str) -> Self {
        Self { user, scope, ..Self::default() }
    }

    /// As it stands in a request.
    pub(super) fn bearer(self) -> String {
        format!("Bearer {}", self.reply("token"))
    }

    /// One to have others with.
    pub(super) fn refresh(self) -> String {
        self.reply("refresh_token")
    }

    fn reply(self, member: &str) -> String {
        let form = format!("grant_type=password&username={}&password=x&scope={}", self.user, self.scope);
        let scene = Scene::new("", Method::POST, "/auth/token").body(form + "&access_type=offline");
        let scene = scene.configured(|config| {
            config.secret =
                self.secret.map_or(config.secret.clone(), |secret| Secret::new(secret.as_bytes()));
            let mut settings = settings();
            settings["users"][0]["pass"] = json!(self.password.unwrap_or("pass"));
            let everything = json!({"repositories": "**", "users": "anonymous", "actions": ["pull", "push"]});
            settings["rules"] = json!([everything]);
            config.access = access(&settings, &config.secret);
        });
        let mut exchange = scene.start_at(NOW - self.age);
        loop {
            match exchange.poll_output() {
                Output::Collect { from, .. } => {
                    let outcome = Collected::Whole(scene.body.clone());
                    exchange.handle_input(Input::Collected { from, outcome });
                }
                Output::Ask { .. } => {
                    exchange.handle_input(Input::Told { answer: Told::Password(Verdict::Right) });
                }
                Output::Feed { body: Source::Bytes(bytes), .. } => {
                    let body: Value = serde_json::from_slice(&bytes).expect("a reply in JSON");
                    return body[member].as_str().expect("a token").to_owned();
                }
                Output::Respond { .. } => {}
                other @ (Output::Send { .. }
                | Output::Feed { .. }
                | Output::Digest { .. }
                | Output::Abort { .. }
                | Output::Sleep { .. }
                | Output::Wait
                | Output::Done(_)) => panic!("no token is had by {other:?}"),
            }
        }
    }
}

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, BLOB)
}

const LINK: &str = "{\"size\":4}";

/// The user `ci` with its password.
pub(super) const CI: &str = "Basic Y2k6cGFzcw==";

/// The user `reader` with its password.
pub(super) const READER: &str = "Basic cmVhZGVyOnBhc3M=";

/// A token of the issuer, signed by ES256 with the key of RFC 7515, A.3:
/// `{"iss":"https://jobs.test","aud":"registry","sub":"1","exp":1001000,"repository":"org/app"}`.
pub(super) const JOB: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2pvYnMudGVzdCIsImF1ZCI6InJlZ2lzdHJ5Iiwic3ViIjoiMSIsImV4cCI6MTAwMTAwMCwicmVwb3NpdG9yeSI6Im9yZy9hcHAifQ.qwsWUDeb5C6sFccg51GKLmiyWb4SqT_t9-bIZaRUA4mwxzSjvpnWd8EWq_N5WB0XC76aybKS8ryCfZnRoLA2AQ";

/// The same for the audience `another`.
const JOB_ELSEWHERE: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2pvYnMudGVzdCIsImF1ZCI6ImFub3RoZXIiLCJzdWIiOiIxIiwiZXhwIjoxMDAxMDAwLCJyZXBvc2l0b3J5Ijoib3JnL2FwcCJ9.S9h2y0mfEqLBVwGm6S_glhqNESudcGJ7zv-ZFhKwvUMoxw2zL2zcNfm41cgpNjs31DVkd8a75c3kyCWquo2j9w";

/// The first one as the password of `job`.
const JOB_BASIC: &str = "am9iOmV5SmhiR2NpT2lKRlV6STFOaUlzSW10cFpDSTZJbXNpZlEuZXlKcGMzTWlPaUpvZEhSd2N6b3ZMMnB2WW5NdWRHVnpkQ0lzSW1GMVpDSTZJbkpsWjJsemRISjVJaXdpYzNWaUlqb2lNU0lzSW1WNGNDSTZNVEF3TVRBd01Dd2ljbVZ3YjNOcGRHOXllU0k2SW05eVp5OWhjSEFpZlEucXdzV1VEZWI1QzZzRmNjZzUxR0tMbWl5V2I0U3FUX3Q5LWJJWmFSVUE0bXd4elNqdnBuV2Q4RVdxX041V0IwWEM3NmF5YktTOHJ5Q2ZablJvTEEyQVE=";
