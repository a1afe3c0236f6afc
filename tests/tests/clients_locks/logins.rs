//! Logging in and out, right and wrong.

use super::locked::{Locked, PROGRAMS, Way};

/// Everybody pulls, one user pushes.
const ONE_WRITES: &str = "  users: [{name: ci, pass: right-password, access: write}]\n";
/// Nobody pulls who is not known.
const RESTRICTED: &str = "  users:
    - {name: ci, pass: right-password, access: write}
    - {name: dev, pass: other-password, access: read}
";

pub fn who_logs_in_pushes_until_he_logs_out(way: Way) {
    let locked = Locked::open(way, &format!("logins-{way:?}"), ONE_WRITES);
    let image = locked.layout(1);
    let untouched = locked.stored();
    for program in PROGRAMS {
        let machine = locked.machine(program);
        machine.login(program, "ci", "wrong-password").bad("invalid username/password");
        machine.logged_in(program).bad("not logged in");
        machine.push(program, &[], &image, "team/refused:t").bad("unauthorized");
    }
    assert_eq!(locked.stored(), untouched);
    for program in PROGRAMS {
        let machine = locked.machine(program);
        machine.login(program, "ci", "right-password").good();
        assert_eq!(machine.logged_in(program).good().trim(), "ci");
        let name = format!("team/{program}:t");
        machine.push(program, &[], &image, &name).good();
        machine.pull(program, &[], &name).good();
        // Somebody who was logged in is told that he is not any more.
        machine.login(program, "ci", "wrong-password").bad("invalid username/password");
        machine.logout(program);
        let stored = locked.stored();
        machine.push(program, &[], &locked.layout(2), &name).bad("unauthorized");
        assert_eq!(locked.stored(), stored);
        let stranger = locked.machine(&format!("stranger-{program}"));
        stranger.pull(program, &[], &name).good();
    }
    let log = locked.server.log();
    assert!(!log.contains("right-password") && !log.contains("wrong-password"), "{log}");
}

pub fn who_reads_does_not_push_and_strangers_do_not_even_read(way: Way) {
    let locked = Locked::open(way, &format!("restricted-{way:?}"), RESTRICTED);
    let (image, other) = (locked.layout(10), locked.layout(11));
    let ci = locked.machine("ci");
    ci.login("skopeo", "ci", "right-password").good();
    ci.push("skopeo", &[], &image, "team/app:t").good();
    let stored = locked.stored();
    for program in PROGRAMS {
        let machine = locked.machine(program);
        machine.pull(program, &[], "team/app:t").bad("unauthorized");
        machine.pull(program, &[], "team/none:t").bad("unauthorized");
        machine.login(program, "dev", "other-password").good();
        machine.pull(program, &[], "team/app:t").good();
        machine.pull(program, &[], "team/none:t").bad("manifest unknown");
        for name in ["team/app:t", "team/app:u", "dev/own:t"] {
            machine.push(program, &[], &other, name).bad("denied");
        }
    }
    assert_eq!(locked.stored(), stored);
}

pub fn credentials_for_another_registry_do_not_keep_anybody_from_what_is_public(way: Way) {
    let locked = Locked::open(way, &format!("mirror-{way:?}"), ONE_WRITES);
    let image = locked.layout(20);
    let ci = locked.machine("ci");
    ci.push("skopeo", &["--dest-creds", "ci:right-password"], &image, "library/app:t").good();
    let stored = locked.stored();
    for program in PROGRAMS {
        let machine = locked.machine(program);
        let (from, to) =
            if program == "skopeo" { ("--src-creds", "--dest-creds") } else { ("--creds", "--creds") };
        for credentials in ["hub-user:hub-password", "ci:hub-password"] {
            machine.pull(program, &[from, credentials], "library/app:t").good();
            machine.push(program, &[to, credentials], &image, "library/app:u").bad("unauthorized");
        }
    }
    assert_eq!(locked.stored(), stored);
}
