use serde_json::{Value, json};

use crate::ci::Ci;
use crate::registry::{Registry, Shown, assert_unsaid, is_request};

#[test]
fn a_token_of_every_system_pushes_in_every_way() {
    let systems = [Ci::github(), Ci::gitlab(), Ci::kubernetes(), Ci::zuul()];
    let settings: Vec<Value> = systems.iter().map(Ci::settings).collect();
    let registry = Registry::start(&settings, &json!({}));
    let mut tokens = Vec::new();
    for ci in &systems {
        let token = ci.token();
        let repository = format!("org/{}", ci.user);
        for (way, shown) in ways(&registry, &token, &repository) {
            registry.push_and_pull(&repository, way, &shown);
            let path = format!("/v2/{repository}/manifests/{way}");
            for line in registry.log_with(2, is_request(&path)) {
                assert_eq!(line["user"], ci.user, "{way}: {line}");
            }
            let denied = registry.get("/v2/other/app/tags/list", &shown);
            assert_eq!(denied.status(), 403, "{way}: {}", denied.text());
            tokens.extend(shown.field().and_then(|field| Some(field.split_once(' ')?.1.to_owned())));
        }
        // As docker logs in: for nothing yet, and with a wish to stay.
        let login = "/auth/token?account=job&client_id=docker&offline_token=true&service=any";
        let logged_in = exchanged(&registry.get(login, &Shown::password(&token)).text());
        assert_eq!(registry.ping(&logged_in), 200, "{}", ci.user);
        let other = ci.issuer.token(&ci.other_claims);
        for shown in [Shown::bearer(&other), Shown::password(&other)] {
            assert_eq!(registry.ping(&shown), 401, "another job of {}", ci.user);
        }
        let asked = ci.issuer.asked();
        assert_eq!((asked.discovery, asked.keys), (usize::from(!ci.names_keys), 1), "{}", ci.user);
        tokens.extend([token, other]);
    }
    let log = registry.into_log();
    tokens.iter().for_each(|token| assert_unsaid(&log, token));
}

/// Every way to use a token for a repository: as it is, and exchanged for one of the registry's.
fn ways(registry: &Registry, token: &str, repository: &str) -> Vec<(&'static str, Shown)> {
    let scope = format!("service=any&scope=repository:{repository}:pull,push");
    let got = |shown: &Shown| exchanged(&registry.get(&format!("/auth/token?{scope}"), shown).text());
    let post = |form: &str| {
        let fields = [("Content-Type", "application/x-www-form-urlencoded")];
        let form = format!("{form}&{scope}");
        let response = registry.connect().request("POST", "/auth/token", &fields, form.as_bytes());
        exchanged(&response.and_then(|response| response.expect(200)).expect("a token is granted").text())
    };
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let kind = "urn:ietf:params:oauth:token-type:jwt";
    vec![
        ("bearer", Shown::bearer(token)),
        ("password", Shown::password(token)),
        ("got-by-bearer", got(&Shown::bearer(token))),
        ("got-by-password", got(&Shown::password(token))),
        ("form-password", post(&format!("grant_type=password&username=job&password={token}"))),
        (
            "form-exchange",
            post(&format!("grant_type={exchange}&subject_token={token}&subject_token_type={kind}")),
        ),
    ]
}

/// The registry's own token out of what it answered.
fn exchanged(answer: &str) -> Shown {
    let answer: Value = serde_json::from_str(answer).expect("an answer in JSON");
    assert_eq!(answer["refresh_token"], Value::Null, "a job needs no token for later");
    Shown::bearer(answer["token"].as_str().unwrap_or_else(|| panic!("a token in {answer}")))
}
