//! The component behind nginx, with the configuration that docs/wasi.md has.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::nginx::{Nginx, lines_of};
use wharfinger_tests::server::Folder;
use wharfinger_tests::tools::Tools;
use wharfinger_tests::wasi::Options;

use super::start;

const PAGE: &str = include_str!("../../../docs/wasi.md");
/// How long nginx may take to leave a client that is silent.
const LEFT_MAX: Duration = Duration::from_secs(30);
/// Everybody pulls, one user pushes.
const USERS: &str = r#"[{"name": "ci", "pass": "right", "access": "write"}]"#;

#[test]
fn behind_the_nginx_of_the_page_images_are_pushed_and_pulled_and_silent_clients_are_left() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let host = format!("localhost:{}", address.port());
    let options = Options::default().locked().with("WHARFINGER_USERS", USERS);
    let component = start(options.with("WHARFINGER_PUBLIC_URL", &format!("https://{host}")), &[]);
    let folder = Folder::new("nginx").expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path
    };
    let certificate = file("registry.crt", made.cert.pem());
    let key = file("registry.key", made.signing_key.serialize_pem());
    let replaced = [
        ("listen 443", format!("listen {address}")),
        ("/etc/nginx/registry.crt", certificate.display().to_string()),
        ("/etc/nginx/registry.key", key.display().to_string()),
        ("client_header_timeout 10s", "client_header_timeout 1s".to_owned()),
        ("127.0.0.1:5000", component.address().to_string()),
    ];
    let _nginx = Nginx::start(folder.path(), &lines_of(PAGE, &replaced), address);

    let tools = Tools::new(&folder.path().join("home"));
    let (pushed, pulled) = (folder.path().join("pushed"), folder.path().join("pulled"));
    Layout::create(&pushed).add("t", &Image::new(1, &[100_000, 0, 9_000_000]));
    let remote = format!("docker://{host}/behind/nginx:t");
    let local = |path: &Path| format!("oci:{}:t", path.display());
    let copy = ["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let login = |password| ["login", "--tls-verify=false", "--username", "ci", "--password", password, &host];
    assert!(!tools.try_skopeo(&login("wrong")).status.success());
    let image = local(&pushed);
    let push = [&copy[..], &[&image, &remote]].concat();
    let refused = tools.try_skopeo(&push);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("unauthorized"), "{said}");
    tools.skopeo(&login("right"));
    tools.skopeo(&push);
    tools.skopeo(&["logout", &host]);
    tools.skopeo(&[&copy[..], &[&remote, &local(&pulled)]].concat());
    assert_eq!(Contents::of_layout(&pulled), Contents::of_layout(&pushed));

    let mut silent = TcpStream::connect(address).expect("connects");
    silent.set_read_timeout(Some(LEFT_MAX)).expect("a socket has a time limit");
    assert_eq!(silent.read(&mut [0; 1]).expect("it is left before the limit"), 0);
    component.stop().expect("it stops well");
}
