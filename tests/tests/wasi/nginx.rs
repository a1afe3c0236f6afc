//! The component behind nginx, with the configuration that docs/wasi.md has.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::server::Folder;
use wharfinger_tests::tools::Tools;
use wharfinger_tests::wasi::Options;

use super::start;

const PAGE: &str = include_str!("../../../docs/wasi.md");
/// How long nginx may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// A running nginx. Dropping it kills the process.
struct Nginx(Child);

impl Nginx {
    fn start(config: &Path, address: SocketAddr) -> Self {
        let folder = config.parent().expect("it lies in a folder");
        let mut command = Command::new("nginx");
        // Debian keeps it from the PATH of those who are not root.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).arg("-p").arg(folder).arg("-c").arg(config).args(["-e", "stderr"]);
        let child = command.stdin(Stdio::null()).spawn();
        let mut nginx = Self(child.expect("nginx must be installed: apt-get install nginx"));
        let end = Instant::now() + START_MAX;
        while TcpStream::connect(address).is_err() {
            let ended = nginx.0.try_wait().expect("a child can be asked for");
            assert!(ended.is_none() && Instant::now() < end, "nginx does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The configuration of the page, each of its texts `from` once replaced.
fn config(folder: &Path, replaced: &[(&str, String)]) -> String {
    let (_, rest) = PAGE.split_once("<!-- nginx: begin -->\n```nginx\n").expect("it begins");
    let (text, _) = rest.split_once("```\n<!-- nginx: end -->").expect("it ends");
    let server = replaced.iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    });
    let folder = folder.display();
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let places = places.map(|place| format!("{place}_temp_path {folder}/{place};\n")).concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n"
    )
}

#[test]
fn behind_the_nginx_of_the_page_images_are_pushed_and_pulled_and_silent_clients_are_left() {
    let component = start(Options::default(), &[]);
    let folder = Folder::new("nginx").expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path
    };
    let certificate = file("registry.crt", made.cert.pem());
    let key = file("registry.key", made.signing_key.serialize_pem());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    drop(taken);
    let replaced = [
        ("listen 443", format!("listen {address}")),
        ("/etc/nginx/registry.crt", certificate.display().to_string()),
        ("/etc/nginx/registry.key", key.display().to_string()),
        ("client_header_timeout 10s", "client_header_timeout 1s".to_owned()),
        ("127.0.0.1:5000", component.address().to_string()),
    ];
    let config = file("nginx.conf", config(folder.path(), &replaced));
    let _nginx = Nginx::start(&config, address);

    let tools = Tools::new(&folder.path().join("home"));
    let (pushed, pulled) = (folder.path().join("pushed"), folder.path().join("pulled"));
    Layout::create(&pushed).add("t", &Image::new(1, &[100_000, 0, 9_000_000]));
    let remote = format!("docker://{address}/behind/nginx:t");
    let local = |path: &Path| format!("oci:{}:t", path.display());
    let copy = ["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    tools.skopeo(&[&copy[..], &[&local(&pushed), &remote]].concat());
    tools.skopeo(&[&copy[..], &[&remote, &local(&pulled)]].concat());
    assert_eq!(Contents::of_layout(&pulled), Contents::of_layout(&pushed));

    let mut silent = TcpStream::connect(address).expect("connects");
    silent.set_read_timeout(Some(START_MAX)).expect("a socket has a time limit");
    assert_eq!(silent.read(&mut [0; 1]).expect("it is left before the limit"), 0);
    component.stop().expect("it stops well");
}
