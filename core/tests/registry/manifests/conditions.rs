use crate::support::{Registry, Trouble, sha256};
use wharfinger_core::store::Reply as StoreReply;

#[test]
fn a_push_holds_to_its_conditions() {
    let mut registry = Registry::new();
    let (_, first) = registry.push_image("a", "v1", "first");
    let second = registry.image_of("a", "second");
    let first = format!("\"{first}\"");
    let both = format!("\"x\", {first}");
    let weak = format!("W/{first}");
    for (tag, field, value, good) in [
        ("v1", "if-match", &*first, true),
        ("v1", "if-match", &both, true),
        ("v1", "if-match", "*", true),
        ("v1", "if-match", "\"x\"", false),
        ("v1", "if-match", &weak, false),
        ("v2", "if-match", "*", false),
        ("v2", "if-match", &first, false),
        ("v1", "if-none-match", "*", false),
        ("v1", "if-none-match", &weak, false),
        ("v1", "if-none-match", "\"x\"", true),
        ("v2", "if-none-match", "*", true),
    ] {
        let mut registry = registry.clone();
        let target = format!("/v2/a/manifests/{tag}");
        let reply = registry.send("PUT", &target, &[(field, value)], &second);
        if good {
            assert_eq!(reply.status, 201, "{tag} {field} {value}");
            assert_eq!(registry.get(&target).body, second);
        } else {
            assert_eq!(reply.refusal(), (412, "UNSUPPORTED".to_owned()), "{tag} {field} {value}");
            assert_eq!(reply.ops, [format!("Read tag {tag}")]);
        }
    }
}

#[test]
fn a_digest_can_be_pushed_once_only_too() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    let target = format!("/v2/a/manifests/{}", sha256(&manifest));
    let fields = [("if-none-match", "*")];
    assert_eq!(registry.send("PUT", &target, &fields, &manifest).status, 201);
    assert_eq!(registry.send("PUT", &target, &fields, &manifest).status, 412);
}

#[test]
fn of_two_pushes_of_a_new_tag_one_wins() {
    let mut registry = Registry::new();
    let (first, second) = (registry.image_of("a", "first"), registry.image_of("a", "second"));
    let fields = [("if-none-match", "*")];
    let mut slow = registry.start("PUT", "/v2/a/manifests/v1", &fields, &first);
    while slow.reply().ops.last().is_none_or(|op| op != "Write manifest") {
        assert!(slow.turn(&mut registry.store));
    }
    assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &fields, &second).status, 201);
    while slow.turn(&mut registry.store) {}
    assert_eq!(slow.reply().refusal(), (412, "UNSUPPORTED".to_owned()));
    assert_eq!(registry.get("/v2/a/manifests/v1").body, second);
}

#[test]
fn a_lost_answer_is_not_another_ones_tag() {
    let mut registry = Registry::new();
    let manifest = registry.image_of("a", "image");
    registry.store.trouble("Write new tag v1", [Trouble::Lost]);
    let reply = registry.send("PUT", "/v2/a/manifests/v1", &[("if-none-match", "*")], &manifest);
    assert_eq!(reply.status, 201, "{}", reply.text());
    let tried = ["Write new tag v1", "Write new tag v1", "Read tag v1", "Stat manifest"];
    assert_eq!(reply.ops[reply.ops.len() - 4..], tried);
    for (answer, status) in [(StoreReply::Missing, 412), (StoreReply::Refused, 503)] {
        let mut registry = Registry::new();
        let manifest = registry.image_of("a", "image");
        registry.store.trouble("Write new tag v1", [Trouble::Lost]);
        registry.store.trouble("Read tag v1", [Trouble::Fine, Trouble::Answer(answer)]);
        let reply = registry.send("PUT", "/v2/a/manifests/v1", &[("if-none-match", "*")], &manifest);
        assert_eq!(reply.status, status);
    }
}

#[test]
fn a_name_that_cannot_be_read_is_not_compared() {
    let mut registry = Registry::new();
    let (manifest, _) = registry.push_image("a", "v1", "image");
    registry.store.unavailable("Read tag", 4);
    let reply = registry.send("PUT", "/v2/a/manifests/v1", &[("if-match", "*")], &manifest);
    assert_eq!(reply.refusal(), (503, "UNAVAILABLE".to_owned()));
    // A damaged record is none, and can be pushed over.
    registry.store.objects.get_mut("tags/a!/v1").unwrap().bytes = "junk".into();
    assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &[("if-match", "*")], &manifest).status, 412);
    assert_eq!(registry.send("PUT", "/v2/a/manifests/v1", &[], &manifest).status, 201);
}
