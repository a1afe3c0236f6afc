//! What the tokens of CI systems say, and configurations that make users of them.

use super::*;

/// The user that a token with these claims stands for.
fn user<'i>(issuer: &'i Issuer, claims: &str) -> Result<&'i str, IdentityError> {
    verify(issuer, &keys(), &token(RSA_HEAD, claims, rs256), NOW)
}

#[test]
fn zuul() {
    // A job has a token of every secret of kind `oidc`; the audience is a claim that the secret's definition gives.
    const CLAIMS: &str = r#"{"iss":"https://zuul.example.com","sub":"secret:acme/git.example.com/acme/app/registry","build-uuid":"0f6a2f2c9d3f4f6c8f1f0a3c9b3c1d2e","job-name":"acme-build-image","playbook":"git.example.com/acme/app/playbooks/image.yaml","pipeline":"gate","tenant":"acme","iat":1800000000,"exp":1800010800,"aud":"https://registry.example.com"}"#;
    let issuer = issuer(
        "https://zuul.example.com",
        &[
            (
                "release",
                &[
                    ("sub", r#""secret:acme/git.example.com/acme/app/registry""#),
                    ("pipeline", r#"["release","tag"]"#),
                ],
            ),
            (
                "gate",
                &[
                    ("sub", r#""secret:acme/git.example.com/acme/*/registry""#),
                    ("pipeline", r#"["gate","promote"]"#),
                ],
            ),
        ],
    );
    assert_eq!(user(&issuer, CLAIMS), Ok("gate"));
    assert_eq!(user(&issuer, &CLAIMS.replace("\"gate\"", "\"tag\"")), Ok("release"));
    assert_eq!(user(&issuer, &CLAIMS.replace("\"gate\"", "\"check\"")), Err(IdentityError::NoIdentity));
    assert_eq!(
        user(&issuer, &CLAIMS.replace("secret:acme/", "secret:evil/")),
        Err(IdentityError::NoIdentity)
    );
    assert_eq!(
        user(&issuer, &CLAIMS.replace("acme/app/reg", "acme/a/b/reg")),
        Err(IdentityError::NoIdentity)
    );
    let bare = CLAIMS.replace(",\"aud\":\"https://registry.example.com\"", "");
    assert_eq!(user(&issuer, &bare), Err(IdentityError::Claims));
}

#[test]
fn github() {
    const CLAIMS: &str = r#"{"jti":"example-id","sub":"repo:octo-org/octo-repo:ref:refs/heads/main","aud":"https://registry.example.com","ref":"refs/heads/main","sha":"0123456789abcdef0123456789abcdef01234567","repository":"octo-org/octo-repo","repository_owner":"octo-org","repository_owner_id":"65","run_id":"42","run_number":"10","run_attempt":"2","runner_environment":"github-hosted","repository_visibility":"private","repository_id":"74","actor_id":"12","actor":"octocat","workflow":"image","head_ref":"","base_ref":"","event_name":"push","ref_protected":"true","ref_type":"branch","job_workflow_ref":"octo-org/octo-repo/.github/workflows/image.yml@refs/heads/main","iss":"https://token.actions.githubusercontent.com","nbf":1800000000,"exp":1800000300,"iat":1800000000}"#;
    let issuer = issuer(
        "https://token.actions.githubusercontent.com",
        &[
            ("main", &[("repository_id", "74"), ("ref", r#""refs/heads/main""#), ("ref_protected", "true")]),
            ("tags", &[("sub", r#""repo:octo-org/octo-repo:ref:refs/tags/v*""#)]),
            ("any", &[("repository", r#""octo-org/*""#)]),
        ],
    );
    assert_eq!(user(&issuer, CLAIMS), Ok("main"));
    assert_eq!(user(&issuer, &CLAIMS.replace("refs/heads/main", "refs/tags/v1.2")), Ok("tags"));
    assert_eq!(user(&issuer, &CLAIMS.replace("\"true\"", "\"false\"")), Ok("any"));
    let other = CLAIMS.replace("octo-org/octo-repo", "octo-org2/octo-repo").replace("\"74\"", "\"75\"");
    assert_eq!(user(&issuer, &other), Err(IdentityError::NoIdentity));
    assert_eq!(
        user(&issuer, &CLAIMS.replace("\"aud\":\"https://registry", "\"aud\":\"https://github")),
        Err(IdentityError::Audience)
    );
}

#[test]
fn gitlab() {
    const CLAIMS: &str = r#"{"namespace_id":"72","namespace_path":"my-group/sub","project_id":"20","project_path":"my-group/sub/my-project","user_id":"1","user_login":"sample-user","user_email":"sample-user@example.com","user_identities":[{"provider":"github","extern_uid":"2435223452345"}],"pipeline_id":"574","pipeline_source":"push","job_id":"302","ref":"feature-branch-1","ref_type":"branch","ref_path":"refs/heads/feature-branch-1","ref_protected":"false","groups_direct":["my-group/sub","other"],"environment":"test-environment2","runner_id":1,"runner_environment":"self-hosted","sha":"714a629c0b401fdce83e847fc9589983fc6f46bc","project_visibility":"public","jti":"235b3a54-b797-45c7-ae9a-f72d7bc6ef5b","iat":1800000000,"nbf":1799999995,"exp":1800003600,"iss":"https://gitlab.example.com","aud":"https://registry.example.com","sub":"project_path:my-group/sub/my-project:ref_type:branch:ref:feature-branch-1"}"#;
    let issuer = issuer(
        "https://gitlab.example.com",
        &[
            ("protected", &[("project_path", r#""my-group/**""#), ("ref_protected", "true")]),
            ("runner", &[("runner_id", "[2,3]")]),
            (
                "branch",
                &[
                    ("sub", r#""project_path:my-group/**:ref_type:branch:ref:**""#),
                    ("groups_direct", r#""other""#),
                ],
            ),
        ],
    );
    assert_eq!(user(&issuer, CLAIMS), Ok("branch"));
    assert_eq!(
        user(&issuer, &CLAIMS.replace("\"ref_protected\":\"false\"", "\"ref_protected\":\"true\"")),
        Ok("protected")
    );
    assert_eq!(user(&issuer, &CLAIMS.replace("\"runner_id\":1", "\"runner_id\":3")), Ok("runner"));
    assert_eq!(user(&issuer, &CLAIMS.replace(",\"other\"]", "]")), Err(IdentityError::NoIdentity));
}

#[test]
fn kubernetes() {
    const CLAIMS: &str = r#"{"aud":["https://kubernetes.default.svc.cluster.local","registry"],"exp":1800003600,"iat":1800000000,"iss":"https://kubernetes.default.svc.cluster.local","jti":"e51f1fbc-4733-4b85-a59f-ba80c0523874","kubernetes.io":{"namespace":"ci","node":{"name":"worker","uid":"517eb86e-b863-451b-bf70-86cb61439a3a"},"pod":{"name":"build-1","uid":"0d8b260e-ef0e-45fb-be8e-ff44f97722e8"},"serviceaccount":{"name":"builder","uid":"e6a8680e-d103-4cce-80ea-03acbbeacf7d"},"warnafter":1800003607},"nbf":1800000000,"sub":"system:serviceaccount:ci:builder"}"#;
    let issuer = issuer(
        "https://kubernetes.default.svc.cluster.local",
        &[
            ("dots", &[("kubernetes.io.namespace", r#""ci""#)]),
            (
                "builder",
                &[
                    ("/kubernetes.io/namespace", r#""ci""#),
                    ("/kubernetes.io/serviceaccount/name", r#""builder""#),
                ],
            ),
            ("ci", &[("sub", r#""system:serviceaccount:ci:*""#)]),
            ("nobody", &[]),
        ],
    );
    assert_eq!(user(&issuer, CLAIMS), Ok("builder"));
    assert_eq!(user(&issuer, &CLAIMS.replace("builder", "other")), Ok("ci"));
    assert_eq!(
        user(&issuer, &CLAIMS.replace("\"ci\"", "\"x\"").replace(":ci:", ":x:")),
        Err(IdentityError::NoIdentity)
    );
}
