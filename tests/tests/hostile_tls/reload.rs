use super::pair::{self, Authority};
use super::{PATIENCE, Registry, Shown};
use std::time::{Duration, Instant};

const TAKEN: &str = "the TLS certificate was read again";
const LEFT: &str = "the TLS files have changed and do not do";

fn is_served(registry: &Registry, certificate: &[u8]) -> bool {
    registry.connect().certificate() == certificate
}

#[test]
fn a_new_pair_is_taken_and_connections_go_on() {
    let registry = Registry::start("");
    let mut old = registry.connect();
    let before = old.certificate();
    let mut times = 0;
    // In place, and by a link that is set anew, as Kubernetes does.
    for by_link in [false, true] {
        let renewed = registry.authority.certify("localhost");
        if by_link {
            let folder = registry.file("renewed");
            std::fs::create_dir(&folder).expect("a folder");
            pair::write(&folder, &renewed);
            for name in ["cert.pem", "key.pem"] {
                std::os::unix::fs::symlink(folder.join(name), registry.file("link")).expect("a link");
                std::fs::rename(registry.file("link"), registry.file(name)).expect("a rename");
            }
        } else {
            pair::write(registry.files.path(), &renewed);
        }
        times += 1;
        registry.await_log(TAKEN, times);
        assert!(!is_served(&registry, &before), "the new one is shown");
        assert_eq!(old.ask("GET", "/v2/", &[], b"").expect("the old connection stands").status, 200);
    }
    registry.end();
}

#[test]
fn what_does_not_do_leaves_the_pair_that_does_and_is_told_once() {
    let registry = Registry::start("");
    let good = registry.connect().certificate();
    let other = registry.authority.certify("localhost");
    let certificate = std::fs::read_to_string(registry.file("cert.pem")).expect("a file");
    for (told, (wrong, why)) in [
        (Some(other.certificate.as_str()), "is not that of the first certificate"),
        (Some(&certificate[..certificate.len() / 2]), "holds no sound certificate"),
        (Some(""), "holds no sound certificate"),
        (None, "cannot be read"),
    ]
    .into_iter()
    .enumerate()
    {
        match wrong {
            Some(text) => pair::put(&registry.file("cert.pem"), text),
            None => std::fs::remove_file(registry.file("cert.pem")).expect("a file"),
        }
        registry.await_log(LEFT, told + 1);
        assert!(registry.server.log().contains(why), "{why}: {}", registry.server.log());
        assert!(is_served(&registry, &good));
    }
    // Many looks later it is not told again.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(registry.server.log().matches(LEFT).count(), 4, "{}", registry.server.log());
    pair::write(registry.files.path(), &other);
    registry.await_log(TAKEN, 1);
    assert!(!is_served(&registry, &good));
    registry.end();
}

#[test]
fn authorities_of_clients_are_renewed_too() {
    let registry = Registry::start("");
    let crew = Authority::new("New crew");
    let (old, new) = (registry.clients.certify("a.example"), crew.certify("b.example"));
    let is_taken = |pair| {
        let client = registry.connect_showing(Shown::Certificate(pair));
        client.and_then(|mut client| client.ask("GET", "/v2/", &[], b"")).is_ok()
    };
    assert!(is_taken(&old) && !is_taken(&new));
    pair::put(&registry.file("clients.pem"), &crew.pem());
    let end = Instant::now() + PATIENCE;
    while !is_taken(&new) {
        assert!(Instant::now() < end, "{}", registry.server.log());
    }
    assert!(!is_taken(&old));
    registry.end();
}
