//! Clients that show a certificate and no password.

use rcgen::{CertificateParams, DnType};

use super::locked::{Locked, PROGRAMS};
use super::pair::Authority;

/// Whose certificate says `CN=robot` may do something in `robots`.
const MAPPED: &str = "  client-certificates:
    - {name: 'CN=robot', user: robot}
  users:
    - {name: robot, pass: password-of-robot}
  rules:
    - {repositories: 'robots/**', users: [robot], actions: [pull, push]}
    - {repositories: 'public/**', users: anonymous, actions: pull}
";

#[test]
fn a_certificate_makes_the_user_that_it_is_mapped_to() {
    let locked = Locked::with_tls("certificates", |port, at| {
        format!(
            "registry:\n  port: {port}\n  public-url: https://localhost:{port}\n  tls-cert: {at}/cert.pem\n  tls-key: {at}/key.pem\n  \
             tls-client-ca: {at}/ca.pem\n  storage: {{root: '${{data}}'}}\n{MAPPED}"
        )
    });
    let authority = locked.authority.as_ref().expect("it speaks TLS");
    let image = locked.layout(90);
    for program in PROGRAMS {
        let name = format!("robots/{program}:t");
        let (robot, other) = (locked.machine(program), locked.machine(&format!("other-{program}")));
        for (machine, user) in [(&robot, "robot"), (&other, "somebody")] {
            let pair = certify(authority, user);
            machine.put_certificate("client.cert", &pair.0);
            machine.put_certificate("client.key", &pair.1);
        }
        robot.push(program, &[], &image, &name).good();
        robot.pull(program, &[], &name).good();
        let stored = locked.stored();
        robot.push(program, &[], &image, "others/app:t").bad("403 (Forbidden)");
        other.push(program, &[], &image, &name).bad("denied");
        other.pull(program, &[], &name).bad("unauthorized");
        locked.machine(&format!("none-{program}")).pull(program, &[], &name).bad("unauthorized");
        assert_eq!(locked.stored(), stored);
    }
}

fn certify(authority: &Authority, name: &str) -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let pair = authority.certify_params(params);
    (pair.certificate, pair.key)
}
