//! Files for zuul-registry, started as they are, and what its own functional tests have clients do with each: log in, push, log
//! out, and pull.

use super::locked::{Locked, PROGRAMS};

/// A file that says all that zuul-registry needs, with these users.
fn open(purpose: &str, users: &str) -> Locked {
    Locked::with_tls(purpose, |port, at| {
        format!(
            "registry:
  address: '0.0.0.0'
  port: {port}
  public-url: https://localhost:{port}
  tls-cert: {at}/cert.pem
  tls-key: {at}/key.pem
  secret: test_token_secret
  users:
{users}
  storage:
    driver: filesystem
    root: ${{data}}
"
        )
    })
}

#[test]
fn with_one_user_who_writes_everybody_pulls() {
    let users = "
    - name: testuser
      pass: testpassword
      access: write";
    let locked = open("zuul-plain", users);
    let image = locked.layout(80);
    for program in PROGRAMS {
        let machine = locked.machine(program);
        let name = format!("test/{program}:latest");
        machine.pull(program, &[], &name).bad("manifest unknown");
        machine.push(program, &[], &image, &name).bad("unauthorized");
        machine.login(program, "testuser", "testpassword").good();
        machine.push(program, &[], &image, &name).good();
        machine.pull(program, &[], &name).good();
        machine.logout(program);
        machine.pull(program, &[], &name).good();
    }
}

#[test]
fn restricted_with_one_who_writes_and_one_who_reads() {
    let users = "
    - name: writeuser
      pass: writepassword
      access: write
    - name: readuser
      pass: readpassword
      access: read";
    let locked = open("zuul-restricted", users);
    let image = locked.layout(81);
    for program in PROGRAMS {
        let machine = locked.machine(program);
        let name = format!("test/{program}:latest");
        machine.login(program, "writeuser", "writepassword").good();
        machine.push(program, &[], &image, &name).good();
        machine.pull(program, &[], &name).good();
        machine.logout(program);
        machine.pull(program, &[], &name).bad("unauthorized");
        machine.login(program, "readuser", "readpassword").good();
        machine.pull(program, &[], &name).good();
        machine.push(program, &[], &image, &format!("test/{program}:other")).bad("denied");
        machine.logout(program);
        machine.push(program, &[], &image, &name).bad("unauthorized");
    }
}
