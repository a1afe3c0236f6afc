use http::{Method, header};

use super::super::scene::Scene;
use super::gate::{CI, Issued, JOB, READER, locked, shut};
use super::*;

pub(super) fn all() -> Vec<Flow> {
    vec![Flow {
        name: "token",
        title: "`GET` and `POST /auth/token`: a token for what its asker may do of what it asks for",
        asks: "",
        order: &[],
        replies: &[
            "200",
            "400 UNSUPPORTED",
            "400 SIZE_INVALID",
            "401 UNAUTHORIZED",
            "408 SIZE_INVALID",
            "429 TOOMANYREQUESTS",
            "503 UNAVAILABLE",
        ],
        scenes: [gets(), strangers(), forms()].concat(),
        mutants: &[
            (Mutant::Unlocked, GRANTED),
            (Mutant::Unlocked, ADMITTED),
            (Mutant::Misheard { of: "check password", said: "is wrong", heard: "is right" }, GRANTED),
            (
                Mutant::Misheard { of: "check password", said: "cannot be checked", heard: "is right" },
                ADMITTED,
            ),
            (Mutant::Misheard { of: "check keys", said: "are not to be had", heard: "are there" }, GRANTED),
            (Mutant::Misheard { of: "check keys", said: "are others", heard: "are not to be had" }, REASON),
            (Mutant::Widened, GRANTED),
            (Mutant::ShortIsWhole, BROKEN),
            (Mutant::Status(429, 401), REASON),
            (Mutant::FieldLost("www-authenticate"), ADVICE),
            (Mutant::GenerationIgnored, LATE),
            (Mutant::GoneUnheard, GONE),
            (Mutant::Sneaked("read link"), OWN),
        ],
        troubles: 1,
        drawn_troubles: 0,
    }]
}

fn gets() -> Vec<Scene> {
    let with = |name, scope: &str, field: &str| get(name, scope).field(header::AUTHORIZATION, field);
    let own = Issued::to("ci", "repository:a:pull");
    vec![
        with("GET with a password", ALL_OF_A, CI)
            .proved_by("check password")
            .granting("check password", "ci: a pull,push")
            .drawn(),
        with("GET of who may read alone", ALL_OF_A, READER)
            .proved_by("check password")
            .granting("check password", "reader: a pull"),
        with("GET of several", "scope=repository:hidden:pull+registry:catalog:*&scope=repository:c:*", CI)
            .proved_by("check password")
            .granting("check password", "ci: catalog *, c pull"),
        with("GET of nothing", "", CI).proved_by("check password").granting("check password", "ci: "),
        with("GET of a token to renew it with", "offline_token=true", CI)
            .proved_by("check password")
            .granting("check password", "ci: ; renewed by ci"),
        with("GET with an issuer's token", ALL_OF_A, &format!("Bearer {JOB}"))
            .proved_by("check keys")
            .granting("check keys", "job: a pull"),
        with("GET with a token", ALL_OF_A, &own.bearer()).granting("", "ci: a pull"),
        with("GET with an expired token", ALL_OF_A, &Issued { age: 3600, ..own }.bearer()).barred(&[401]),
        get("GET with a certificate", ALL_OF_A).certified("CN=robot").granting("", "robot: a pull"),
    ]
}

fn strangers() -> Vec<Scene> {
    let public = "scope=repository:public:pull";
    vec![
        get("GET by a stranger", &format!("{public},push&{ALL_OF_A}")).granting("", "nobody: public pull"),
        shut(get("GET by a stranger who may do nothing", public)).barred(&[401]),
        get("GET with a password, of what everybody may", public)
            .field(header::AUTHORIZATION, CI)
            .granting("check password", "ci: public pull")
            .granting("", "nobody: public pull"),
        shut(get("GET with a password, of what nobody may", public))
            .field(header::AUTHORIZATION, CI)
            .proved_by("check password")
            .granting("check password", "ci: "),
    ]
}

fn forms() -> Vec<Scene> {
    let password = |more| format!("grant_type=password&username=ci&password=pass&{ALL_OF_A}{more}");
    let renewing = |issued: Issued| format!("{RENEW}{}&{ALL_OF_A}", issued.refresh());
    let ours = Issued::to("ci", "");
    let changed = Issued { password: Some("before"), ..ours };
    vec![
        post("POST of a password", &password(""))
            .proved_by("check password")
            .granting("check password", "ci: a pull,push")
            .drawn(),
        post("POST of a password for long", &password("&access_type=offline"))
            .proved_by("check password")
            .granting("check password", "ci: a pull,push; renewed by ci"),
        post("POST of an issuer's token", &format!("{EXCHANGE}&subject_token={JOB}&{ALL_OF_A}"))
            .proved_by("check keys")
            .granting("check keys", "job: a pull"),
        post("POST of a token to renew", &renewing(ours)).granting("", "ci: a pull,push"),
        post("POST of a token to renew, had with another password", &renewing(changed)).barred(&[401]),
        post("POST of another token to renew", &format!("{RENEW}{}", &ours.bearer()["Bearer ".len()..]))
            .barred(&[401]),
        post("POST of no form", "{}").barred(&[400]),
        post("POST of a long form", &"a".repeat((32 << 10) + 1)).barred(&[400]),
    ]
}

fn get(name: &'static str, query: &str) -> Scene {
    locked(Scene::new(name, Method::GET, format!("/auth/token?service=wharfinger&{query}")))
        .promising(200, "")
}

fn post(name: &'static str, form: &str) -> Scene {
    locked(Scene::new(name, Method::POST, "/auth/token")).body(form.to_owned()).promising(200, "")
}

const ALL_OF_A: &str = "scope=repository:a:pull,push,delete";

const EXCHANGE: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";

const RENEW: &str = "grant_type=refresh_token&refresh_token=";
