use super::pair::{self, Authority, Pair};
use super::{PATIENCE, Registry};
use rcgen::{CertificateParams, date_time_ymd};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use wharfinger_tests::process::to_its_end;
use wharfinger_tests::server::{Folder, Options, Server, binary};

fn config(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!("registry:\n  tls-cert: {}\n  tls-key: {}\n", path("cert.pem"), path("key.pem"))
}

/// A start that must not succeed.
fn start(folder: &Path) -> Output {
    let file = folder.join("config.yaml");
    std::fs::write(&file, config(folder)).expect("a file");
    let mut command = Command::new(binary().expect("the binary"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
    command.arg("--config").arg(file);
    to_its_end(command, PATIENCE)
}

#[test]
fn files_that_do_not_do_end_the_start_with_one_sentence() {
    let folder = Folder::new("tls-start").expect("a folder");
    let authority = Authority::new("Harbour");
    let (one, other) = (authority.certify("localhost"), authority.certify("localhost"));
    pair::write(folder.path(), &one);
    for (name, text, expected) in [
        ("key.pem", Some(other.key.as_str()), "is not that of the first certificate in"),
        ("key.pem", Some("nonsense"), "holds no private key; name a PEM file"),
        ("key.pem", None, "cannot be read (No such file or directory (os error 2)); name a PEM file"),
        ("cert.pem", Some(&one.key), "holds no sound certificate; name a PEM file"),
        ("cert.pem", None, "cannot be read (No such file or directory (os error 2)); name a PEM file"),
    ] {
        pair::write(folder.path(), &one);
        match text {
            Some(text) => std::fs::write(folder.path().join(name), text).expect("a file"),
            None => std::fs::remove_file(folder.path().join(name)).expect("a file"),
        }
        let output = start(folder.path());
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(expected) && said.contains(name), "{expected}: {said}");
        assert!(!folder.path().join("data").exists(), "nothing is left behind");
    }
}

#[test]
fn what_hardly_is_meant_so_is_warned_of() {
    let folder = Folder::new("tls-warned").expect("a folder");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.not_after = date_time_ymd(2020, 1, 1);
    let Pair { certificate, key } = Authority::new("Harbour").certify_params(params);
    pair::write(folder.path(), &Pair { certificate, key });
    for (mode, warned) in [(0o644, true), (0o640, false)] {
        std::fs::set_permissions(folder.path().join("key.pem"), Permissions::from_mode(mode))
            .expect("a file");
        let options = Options { config: Some(config(folder.path())), ..Options::default() };
        let server = Server::start(options).expect("it starts all the same");
        let log = server.log();
        assert!(log.contains("the TLS certificate is not valid today"), "{log}");
        assert_eq!(log.contains("every user of this machine can read the private key"), warned, "{log}");
        server.stop().expect("it ends in good order");
    }
}

#[test]
fn a_ping_asks_over_tls_and_trusts_whom_it_is_told_to() {
    let registry = Registry::start("");
    std::fs::write(registry.file("ca.pem"), registry.authority.pem()).expect("a file");
    let authorities = registry.file("ca.pem").display().to_string();
    let at = registry.server.address();
    let url = format!("https://localhost:{}", at.port());
    let configured = registry.file("ping.yaml");
    std::fs::write(&configured, config(registry.files.path())).expect("a file");
    let configured = configured.display().to_string();
    let listen = at.to_string();
    for (arguments, expected) in [
        (vec!["--cacert", &authorities, &url], Ok("answers: registry/2.0")),
        (vec!["--insecure", &url], Ok("answers: registry/2.0")),
        (vec!["--config", &configured, "--listen", &listen], Ok("answers: registry/2.0")),
        (vec![&url], Err("certificate")),
        (vec!["--cacert", &configured, &url], Err("holds no sound certificate")),
    ] {
        let mut command = Command::new(binary().expect("the binary"));
        let output = command.arg("ping").args(&arguments).output().expect("it runs");
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match expected {
            Ok(words) => assert!(output.status.success() && out.contains(words), "{arguments:?}: {error}"),
            Err(words) => {
                assert!(!output.status.success() && error.contains(words), "{arguments:?}: {error}");
            }
        }
    }
    registry.end();
}
