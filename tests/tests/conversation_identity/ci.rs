use serde_json::{Value, json};
use wharfinger_tests::issuer::{Algorithm, Issuer, SigningKey};

use crate::registry::AUDIENCE;

/// A system whose jobs have tokens: what they say, and what is configured for them.
pub struct Ci {
    pub issuer: Issuer,
    /// The user that its tokens stand for.
    pub user: &'static str,
    /// What a token of the job says that is meant.
    pub claims: Value,
    /// What a token of another job says.
    pub other_claims: Value,
    /// The claims that the registry is configured to look at.
    pub expected: Value,
    /// Whether the registry is told where the keys are.
    pub names_keys: bool,
}

impl Ci {
    pub fn github() -> Self {
        let job = |repository: &str, branch: &str| {
            json!({
                "aud": AUDIENCE,
                "sub": format!("repo:{repository}:ref:refs/heads/{branch}"),
                "repository": repository,
                "repository_id": "76543210",
                "repository_owner": "org",
                "ref": format!("refs/heads/{branch}"),
                "workflow_ref": format!("{repository}/.github/workflows/push.yml@refs/heads/{branch}"),
                "event_name": "push",
                "runner_environment": "github-hosted",
            })
        };
        Self {
            issuer: issuer(Algorithm::Rs256),
            user: "github-app",
            claims: job("org/app", "main"),
            other_claims: job("org/app", "fork"),
            expected: json!({"repository": "org/app", "repository_id": 76543210, "ref": "refs/heads/main"}),
            names_keys: false,
        }
    }

    pub fn gitlab() -> Self {
        let job = |protected: &str| {
            json!({
                "aud": [AUDIENCE],
                "sub": "project_path:group/app:ref_type:branch:ref:main",
                "project_path": "group/app",
                "namespace_path": "group",
                "ref": "main",
                "ref_protected": protected,
                "job_id": "4711",
            })
        };
        Self {
            issuer: issuer(Algorithm::Rs256),
            user: "gitlab-app",
            claims: job("true"),
            other_claims: job("false"),
            expected: json!({"project_path": "group/app", "ref_protected": true}),
            names_keys: false,
        }
    }

    pub fn kubernetes() -> Self {
        let pod = |namespace: &str| {
            json!({
                "aud": ["https://other.example.org", AUDIENCE],
                "sub": format!("system:serviceaccount:{namespace}:builder"),
                "nbf": wharfinger_tests::issuer::now(),
                "kubernetes.io": {
                    "namespace": namespace,
                    "pod": {"name": "build-7f9c", "uid": "9a2f"},
                    "serviceaccount": {"name": "builder", "uid": "1c0e"},
                },
            })
        };
        Self {
            issuer: issuer(Algorithm::Es256),
            user: "cluster-builder",
            claims: pod("ci"),
            other_claims: pod("web"),
            expected: json!({
                "/kubernetes.io/namespace": "ci",
                "/kubernetes.io/serviceaccount/name": ["builder", "releaser"],
            }),
            names_keys: true,
        }
    }

    pub fn zuul() -> Self {
        let job = |secret: &str| {
            json!({
                "aud": AUDIENCE,
                "sub": format!("secret:example/git.example.org/org/app/{secret}"),
                "build-uuid": "0a7d",
                "job-name": "app-image",
                "pipeline": "gate",
                "playbook": "playbooks/image.yaml",
                "tenant": "example",
            })
        };
        Self {
            issuer: issuer(Algorithm::Es256),
            user: "zuul-app",
            claims: job("registry"),
            other_claims: job("docs"),
            expected: json!({"sub": "secret:example/*/org/*/registry"}),
            names_keys: false,
        }
    }

    /// A token of the job that is meant.
    pub fn token(&self) -> String {
        self.issuer.token(&self.claims)
    }

    /// What the registry is configured to know of it.
    pub fn settings(&self) -> Value {
        let mut settings = self.settings_at(&self.issuer.url());
        if self.names_keys {
            settings["jwks-url"] = self.issuer.keys_url().into();
        }
        settings
    }

    /// The same, for an issuer at this URL.
    pub fn settings_at(&self, url: &str) -> Value {
        json!({
            "name": self.user,
            "issuer": url,
            "audience": AUDIENCE,
            "identities": [{"user": self.user, "claims": self.expected}],
        })
    }
}

/// An issuer with a key of its own, and one that it does not sign with.
fn issuer(algorithm: Algorithm) -> Issuer {
    let spare = match algorithm {
        Algorithm::Rs256 => Algorithm::Es256,
        Algorithm::Es256 => Algorithm::Rs256,
    };
    Issuer::start(vec![SigningKey::new(algorithm, "first"), SigningKey::new(spare, "spare")])
        .expect("an issuer starts")
}
