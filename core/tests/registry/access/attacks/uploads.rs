use serde_json::json;

use super::registry;
use crate::access::access;
use crate::support::{Registry, sha256};

fn statuses(registry: &mut Registry, authorization: &str, location: &str) -> [u16; 4] {
    let put = format!("{location}&digest={}", sha256(b""));
    [("GET", location), ("PATCH", location), ("PUT", &put), ("DELETE", location)].map(|(method, target)| {
        let reply = registry.show(authorization, method, target);
        assert!(reply.status < 300 || reply.ops.is_empty());
        reply.status
    })
}

#[test]
fn an_expired_token_goes_on_with_the_uploads_of_its_user_alone() {
    let mut registry = registry();
    let scope = "repository:team/a:pull,push";
    let [ci, dev] = ["ci", "dev"].map(|user| format!("Bearer {}", registry.have_token(Some(user), scope)));
    let [of_ci, of_dev] =
        [&ci, &dev].map(|bearer| registry.show(bearer, "POST", "/v2/team/a/blobs/uploads/").location());
    let narrow = format!("Bearer {}", registry.have_token(Some("ci"), "repository:team/a:pull"));
    let elsewhere = format!("Bearer {}", registry.have_token(Some("ci"), "repository:tools:pull,push"));
    registry.now += 5000;
    assert_eq!(statuses(&mut registry, &ci, &of_dev), [404; 4]);
    assert_eq!(statuses(&mut registry, &dev, &of_ci), [404; 4]);
    assert_eq!(statuses(&mut registry, &narrow, &of_ci), [401; 4]);
    assert_eq!(statuses(&mut registry, &elsewhere, &of_ci), [401; 4]);
    for (method, target) in [
        ("POST", "/v2/team/a/blobs/uploads/"),
        ("GET", "/v2/team/a/tags/list"),
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("PUT", "/v2/team/a/manifests/v2"),
        ("GET", "/auth/token?scope=repository:team/a:pull"),
    ] {
        let reply = registry.show(&ci, method, target);
        assert_eq!((reply.status, reply.ops.len()), (401, 0), "{method} {target}");
    }
    assert_eq!(statuses(&mut registry, &ci, &of_ci), [204, 202, 201, 204]);
}

#[test]
fn an_upload_goes_on_in_its_repository_and_while_its_user_may_push_there() {
    let mut registry = registry();
    let location = registry.ask_as(Some("ci"), "POST", "/v2/team/a/blobs/uploads/").location();
    let ci = crate::access::basic("ci", "pass");
    for elsewhere in ["team/b", "tools", "secret", "public/a"] {
        let moved = location.replace("team/a", elsewhere);
        let status = if ["secret", "public/a"].contains(&elsewhere) { 403 } else { 404 };
        assert_eq!(statuses(&mut registry, &ci, &moved), [status; 4], "{elsewhere}");
    }
    let narrowed = json!({
        "users": [{"name": "ci", "pass": "pass"}],
        "rules": [{"repositories": "team/*", "users": "ci", "actions": ["pull", "delete"]}],
    });
    let before = registry.config.access.clone();
    registry.config.access = access(&narrowed, &registry);
    assert_eq!(statuses(&mut registry, &ci, &location), [403; 4]);
    registry.config.access = before;
    assert_eq!(statuses(&mut registry, &ci, &location), [204, 202, 201, 204]);
}

/// Where strangers may push, the name of an upload is nothing that others could guess.
#[test]
fn a_stranger_needs_the_token_of_an_upload() {
    let mut registry = registry();
    let open = json!({"rules": [{"repositories": "**", "users": "anonymous", "actions": ["pull", "push"]}]});
    registry.config.access = access(&open, &registry);
    let location = registry.send("POST", "/v2/a/blobs/uploads/", &[], ()).location();
    let (path, _) = location.split_once('?').unwrap();
    for query in ["", "?state=", "?state=AAAA", "?state=null"] {
        assert_eq!(registry.get(&format!("{path}{query}")).status, 404, "{query}");
    }
    assert_eq!(registry.get(&location).status, 204);
}
