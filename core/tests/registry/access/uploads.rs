use serde_json::json;

use super::locked;
use crate::support::sha256;

#[test]
fn an_upload_goes_on_for_who_began_it_alone() {
    let mut registry = locked(json!({
        "users": [{"name": "ci", "pass": "pass"}, {"name": "other", "pass": "pass"}],
        "rules": [{"repositories": "**", "users": ["*", "anonymous"], "actions": ["pull", "push"]}],
    }));
    let begun = |registry: &mut crate::support::Registry, user| {
        let reply = registry.ask_as(user, "POST", "/v2/a/blobs/uploads/");
        assert_eq!(reply.status, 202);
        reply.location()
    };
    let digest = sha256(b"");
    let users = [None, Some("ci"), Some("other")];
    for owner in users {
        let location = begun(&mut registry, owner);
        for user in users {
            let expected = if user == owner { [204, 202, 201] } else { [404; 3] };
            let got = registry.ask_as(user, "GET", &location).status;
            let patched = registry.ask_as(user, "PATCH", &location).status;
            let put = registry.ask_as(user, "PUT", &format!("{location}&digest={digest}")).status;
            assert_eq!([got, patched, put], expected, "{owner:?}'s, asked for by {user:?}");
        }
    }
}
