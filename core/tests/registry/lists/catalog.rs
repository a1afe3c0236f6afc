use crate::support::Registry;
use serde_json::json;

#[test]
fn repositories_with_manifests_are_listed_in_order_and_in_pages() {
    let mut registry = Registry::new();
    assert_eq!(registry.get("/v2/_catalog").json(), json!({"repositories": []}));
    for repository in ["b", "a/b", "a", "a-b", "a/b/c"] {
        registry.push_image(repository, "v1", "image");
        registry.push_image(repository, "v2", "other");
    }
    registry.push("blobs-only", b"bytes");
    let all = ["a", "a-b", "a/b", "a/b/c", "b"];
    let reply = registry.get("/v2/_catalog");
    assert_eq!(reply.json(), json!({"repositories": all}));
    assert_eq!((reply.field("link"), &*reply.ops), (None, &["List repositories".to_owned()][..]));
    for (query, listed, link) in [
        ("n=2", &all[..2], Some("n=2&last=a-b")),
        ("n=2&last=a-b", &all[2..4], Some("n=2&last=a%2Fb%2Fc")),
        ("n=2&last=a%2Fb%2Fc", &all[4..], None),
        ("n=0", &[], None),
    ] {
        let reply = registry.get(&format!("/v2/_catalog?{query}"));
        assert_eq!(reply.json(), json!({"repositories": listed}), "{query}");
        let link = link.map(|query| format!("</v2/_catalog?{query}>; rel=\"next\""));
        assert_eq!(reply.field("link"), link.as_deref(), "{query}");
    }
    registry.store.unavailable("List repositories", 4);
    assert_eq!(registry.get("/v2/_catalog").refusal(), (503, "UNAVAILABLE".to_owned()));
}
