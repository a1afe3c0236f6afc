//! A locked registry behind nginx, with the lines that docs/running.md has.

use wharfinger_tests::nginx::{Nginx, lines_of};
use wharfinger_tests::server::{Folder, Options, Server};

use super::locked::{Machine, PROGRAMS, free_port, image_in};
use super::pair::{self, Authority};

const PAGE: &str = include_str!("../../../docs/running.md");

#[test]
fn behind_the_nginx_of_the_page_clients_log_in_push_and_pull() {
    let users = "  users: [{name: ci, pass: right-password, access: write}]\n";
    let config = Some(format!("registry:\n  proxies: [127.0.0.1]\n{users}"));
    let server = Server::start(Options { config, ..Options::default() }).expect("it starts");
    let room = Folder::new("locks-nginx").expect("the temporary directory is writable");
    let authority = Authority::new("Harbour");
    pair::write(room.path(), &authority.certify("localhost"));
    let (port, at) = (free_port(), room.path().display());
    let lines = lines_of(PAGE, &[("127.0.0.1:5000", server.address().to_string())]);
    let http = format!(
        "server {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {at}/cert.pem;\nssl_certificate_key {at}/key.pem;\n{lines}}}\n"
    );
    let _nginx = Nginx::start(room.path(), &http, ([127, 0, 0, 1], port).into());
    let image = image_in(room.path(), 70);
    for program in PROGRAMS {
        let home = room.path().join(program);
        let machine = Machine::new(&home, &format!("localhost:{port}"), Some(&authority.pem()));
        machine.login(program, "ci", "wrong-password").bad("invalid username/password");
        machine.login(program, "ci", "right-password").good();
        let name = format!("behind/{program}:t");
        machine.push(program, &[], &image, &name).good();
        machine.logout(program);
        machine.pull(program, &[], &name).good();
        machine.push(program, &[], &image, &name).bad("unauthorized");
    }
    drop(server.stop());
}
