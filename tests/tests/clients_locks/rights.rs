//! What rules let clients do, repository by repository.

use serde_json::{Value, json};

use super::locked::{Locked, Machine, PROGRAMS, Way};

/// Two teams, each with its own repositories, a base that both read, and one who tidies up.
const TEAMS: &str = "  users:
    - {name: anna, pass: password-of-anna}
    - {name: bert, pass: password-of-bert}
    - {name: tidy, pass: password-of-tidy}
  rules:
    - {repositories: 'a/**', users: [anna], actions: [pull, push]}
    - {repositories: 'b/**', users: [bert], actions: [pull, push]}
    - {repositories: 'base/**', users: [anna], actions: [pull, push]}
    - {repositories: 'base/**', users: '*', actions: pull}
    - {repositories: '**', users: [tidy], actions: [pull, delete]}
    - {repositories: 'public/**', users: anonymous, actions: pull}
    - {repositories: 'public/**', users: [anna], actions: [pull, push]}
";

/// What clients say who leave out what the registry said.
const FORBIDDEN: &str = "403 (Forbidden)";

const USERS: [&str; 3] = ["anna", "bert", "tidy"];

/// Each of the users at a machine with all clients logged in, and a stranger.
fn people(locked: &Locked) -> [Machine; 4] {
    let [anna, bert, tidy] = USERS.map(|user| {
        let machine = locked.machine(user);
        machine.login("skopeo", user, &format!("password-of-{user}")).good();
        machine
    });
    [anna, bert, tidy, locked.machine("stranger")]
}

pub fn nobody_pushes_into_the_repositories_of_another_team(way: Way) {
    let locked = Locked::open(way, &format!("teams-{way:?}"), TEAMS);
    let [anna, bert, _, stranger] = people(&locked);
    let image = locked.layout(30);
    anna.push("skopeo", &[], &image, "a/app:t").good();
    anna.push("skopeo", &[], &image, "public/app:t").good();
    let (stored, other) = (locked.stored(), locked.layout(31));
    for program in PROGRAMS {
        // skopeo has logged in for all three.
        for name in ["base/app:t", "public/app:t"] {
            bert.push(program, &[], &other, name).bad("denied");
        }
        // Who may not even read is told so when his client looks which layers are there.
        for name in ["a/app:t", "a/new:t", "b:t"] {
            bert.push(program, &[], &other, name).bad(FORBIDDEN);
        }
        bert.pull(program, &[], "a/app:t").bad("denied");
        bert.pull(program, &[], "a/none:t").bad("denied");
        bert.pull(program, &[], "public/app:t").good();
        stranger.pull(program, &[], "public/app:t").good();
        stranger.pull(program, &[], "a/app:t").bad("unauthorized");
        stranger.pull(program, &[], "a/none:t").bad("unauthorized");
    }
    assert_eq!(locked.stored(), stored);
    bert.push("podman", &[], &other, "b/app:t").good();
}

pub fn layers_are_mounted_from_where_they_may_be_read_and_sent_otherwise(way: Way) {
    let locked = Locked::open(way, &format!("mounts-{way:?}"), TEAMS);
    let [anna, bert, ..] = people(&locked);
    let (readable, hidden) = (locked.layout(40), locked.layout(41));
    anna.push("skopeo", &[], &readable, "base/app:t").good();
    anna.push("skopeo", &[], &hidden, "a/app:t").good();
    let said = bert.skopeo(&["copy", "--debug", "@base/app:t", "@b/mounted:t"]).good_saying();
    assert!(said.matches("... mount OK").count() >= 2, "{said}");
    bert.pull("podman", &[], "b/mounted:t").good();
    // The clients of a machine remember where layers are.
    let local = format!("oci:{}:t", hidden.display());
    let said = bert.skopeo(&["copy", "--debug", &local, "@b/sent:t"]).good_saying();
    assert!(said.contains("/v2/a/app/blobs/") && !said.contains("... mount OK"), "{said}");
    bert.pull("podman", &[], "b/sent:t").good();
    for (program, layout) in [("podman", &readable), ("buildah", &hidden)] {
        let name = format!("b/{program}:t");
        bert.push(program, &[], layout, &name).good();
        bert.pull(program, &[], &name).good();
    }
}

pub fn tags_and_repositories_are_listed_and_deleted_by_who_may(way: Way) {
    let locked = Locked::open(way, &format!("listings-{way:?}"), TEAMS);
    let [anna, bert, tidy, stranger] = people(&locked);
    for (seed, name) in [(50, "a/app:one"), (51, "a/app:two"), (52, "public/app:t")] {
        anna.push("skopeo", &[], &locked.layout(seed), name).good();
    }
    bert.push("skopeo", &[], &locked.layout(53), "b/app:t").good();
    let tags = |machine: &Machine| {
        let printed = machine.skopeo(&["list-tags", "@a/app"]).good();
        serde_json::from_str::<Value>(&printed).expect("JSON")["Tags"].clone()
    };
    assert_eq!(tags(&anna), json!(["one", "two"]));
    bert.skopeo(&["list-tags", "@a/app"]).bad(FORBIDDEN);
    stranger.skopeo(&["list-tags", "@a/app"]).bad("unauthorized");
    for (user, expected) in [
        (Some("anna"), json!(["a/app", "public/app"])),
        (Some("bert"), json!(["b/app", "public/app"])),
        (Some("tidy"), json!(["a/app", "b/app", "public/app"])),
        (None, json!(["public/app"])),
    ] {
        let login = user.map(|user| format!("{user}:password-of-{user}"));
        let printed = locked.curl(login.as_deref(), "/v2/_catalog").good();
        let found: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(found["repositories"], expected, "{user:?}");
    }
    // podman looks into the same list.
    let registry = format!("{}/", locked.host);
    let search = |machine: &Machine| {
        let printed = machine.run("podman", &["search", "--format", "{{.Name}}", &registry]).good();
        printed.lines().map(|name| name.trim().replace(&registry, "")).collect::<Vec<_>>()
    };
    assert_eq!(search(&bert), ["b/app", "public/app"]);
    assert_eq!(search(&stranger), ["public/app"]);
    let stored = locked.stored();
    anna.skopeo(&["delete", "@a/app:one"]).bad("DENIED");
    bert.skopeo(&["delete", "@a/app:one"]).bad("DENIED");
    stranger.skopeo(&["delete", "@public/app:t"]).bad("UNAUTHORIZED");
    tidy.push("skopeo", &[], &locked.layout(54), "a/app:three").bad("denied");
    assert_eq!(locked.stored(), stored);
    tidy.skopeo(&["delete", "@a/app:one"]).good();
    assert_eq!(tags(&anna), json!(["two"]));
}
